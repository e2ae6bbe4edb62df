// Package caller owns what one request knows of its caller: the claims of its access token, the live session
// and user once they were looked up, and the decisions of the guards.
//
// Only the domain can import it, so nothing at the edges can make a request somebody else's.
package caller

import (
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/token"
)

// Caller is the sender of a request, as far as its access token tells: its claims, or the reason why
// it is anonymous. A Caller belongs to one request and is safe for its resolvers' concurrent use.
type Caller struct {
	mu    sync.Mutex
	state State
	ended []uuid.UUID // sessions that this request has ended
}

// State is what a request knows of its caller.
type State struct {
	Claims *token.Claims
	Reason auth.Reason
	// Viewer and Err are the result of the look-up of session and user, when LookedUp is set. The store is
	// asked once per request.
	LookedUp bool
	Viewer   *auth.Viewer
	Err      error
	// Decisions are those of the guards. They hold until the viewer changes.
	Decisions []Decision
}

// Decision is what holds of a caller and a rule for the whole of a request, whatever the object.
type Decision struct {
	Rule     *auth.Rule
	Admitted bool // by roles and permissions
	Stale    bool // the caller authenticated too long ago
	Subject  uuid.UUID
}

// Anonymous returns a Caller without a valid access token, for the given reason.
func Anonymous(r auth.Reason) *Caller { return &Caller{state: State{Reason: r}} }

// Of returns the Caller with the claims of a valid access token.
func Of(claims *token.Claims) *Caller { return &Caller{state: State{Claims: claims}} }

// Claims returns the claims of the request's access token, nil when the request is anonymous.
func (c *Caller) Claims() *token.Claims {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Claims
}

// HasEnded reports whether this request has ended a session.
func (c *Caller) HasEnded(session uuid.UUID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.ended, session)
}

// HasEndedAny reports whether this request has ended any session.
func (c *Caller) HasEndedAny() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ended) > 0
}

type key struct{}

// With returns a context that carries the request's Caller.
func With(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, key{}, c)
}

// none serves contexts without a Caller: they are anonymous, so a forgotten middleware refuses instead of
// admitting.
var none = Anonymous(auth.ReasonNoToken)

// From returns the Caller of ctx, an anonymous one when there is none.
func From(ctx context.Context) *Caller {
	if c, ok := ctx.Value(key{}).(*Caller); ok {
		return c
	}
	return none
}

// Lock returns what the request knows of its caller, for the use of the caller alone until unlock is called.
func (c *Caller) Lock() (s *State, unlock func()) {
	c.mu.Lock()
	return &c.state, c.mu.Unlock
}

// Become makes a request that has just signed somebody in that user's, so that its answer may show
// what they may see.
func Become(ctx context.Context, v *auth.Viewer, claims *token.Claims) {
	set(ctx, State{Claims: claims, LookedUp: true, Viewer: v})
}

// Renew replaces what the request knows of its user and session, after it has changed them.
func Renew(ctx context.Context, v *auth.Viewer) {
	set(ctx, State{Claims: From(ctx).Claims(), LookedUp: true, Viewer: v})
}

func set(ctx context.Context, s State) {
	c := From(ctx)
	if c == none {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = s
}

// End notes that the request has ended a session. If that is its own, the request is anonymous from now on.
func End(ctx context.Context, session uuid.UUID) {
	c := From(ctx)
	if c == none {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = append(c.ended, session)
	if c.state.Claims != nil && c.state.Claims.SessionID == session.String() {
		c.state = State{Reason: auth.ReasonSessionEnded}
	}
}
