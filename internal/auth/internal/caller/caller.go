// Package caller owns what one request knows of its caller: the claims of its access token, the session and user
// once they are looked up, and the decisions of the guards.
//
// Only the domain can import it. The edges can only read the claims of a Caller, so no resolver can act as
// another user.
package caller

import (
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/token"
)

// Caller is the sender of a request, as its access token describes them: by the claims, or by the reason why the
// request is anonymous. A Caller belongs to one request and is safe for concurrent use by its resolvers.
type Caller struct {
	mu    sync.Mutex
	state State
	ended []uuid.UUID // sessions that this request has ended
}

// State is what a request knows of its caller.
type State struct {
	Claims *token.Claims
	Reason auth.Reason
	// Viewer and Err are the result of looking up session and user, once LookedUp is set. A request asks the
	// store once.
	LookedUp bool
	Viewer   *auth.Viewer
	Err      error
	// Granted are the permissions of the viewer's roles. A request asks the store for them once, when it meets a guard
	// that requires a permission.
	Granted Granted
	// Decisions are those of the guards. They hold until the viewer changes.
	Decisions []Decision
}

// Granted is the result of looking up permissions, once LookedUp is set.
type Granted struct {
	LookedUp    bool
	Permissions []auth.Permission
	Err         error
}

// Decision is the part of a guard's decision that holds for the whole request, whatever the object.
type Decision struct {
	Rule     *auth.Rule
	Admitted bool // by roles and permissions
	// Unverified says that the rule requires a verified e-mail address, and Stale that the caller authenticated too
	// long ago.
	Unverified, Stale bool
	// Weak says that the caller authenticated at a lower level than the rule requires, and NoFactor that they have no
	// factor with which they could reach it.
	Weak, NoFactor bool
	// Overdue says that the server requires a second factor of the caller, who has none and no time left to set one up.
	Overdue bool
	// StepUp are the level and the methods at which the caller can confirm their identity. They are set if the caller must.
	StepUp  auth.Assurance
	Methods []auth.AuthMethod
	Subject uuid.UUID
}

// Anonymous returns a Caller without a valid access token, for the given reason.
func Anonymous(r auth.Reason) *Caller { return &Caller{state: State{Reason: r}} }

// Of returns the Caller with the claims of a valid access token.
func Of(claims *token.Claims) *Caller { return &Caller{state: State{Claims: claims}} }

// Claims returns a copy of the claims of the request's access token, nil when the request is anonymous. It is a
// copy because `@auth(check: TOKEN)` decides by the original.
func (c *Caller) Claims() *token.Claims {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Claims == nil {
		return nil
	}
	claims := *c.state.Claims
	claims.Roles, claims.Methods = slices.Clone(claims.Roles), slices.Clone(claims.Methods)
	return &claims
}

type key struct{}

// With returns a context that carries the request's Caller.
func With(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, key{}, c)
}

// none stands in contexts without a Caller. It is anonymous, so a missing middleware refuses requests.
var none = Anonymous(auth.ReasonNoToken)

// From returns the Caller of ctx, an anonymous one when there is none.
func From(ctx context.Context) *Caller {
	if c, ok := ctx.Value(key{}).(*Caller); ok {
		return c
	}
	return none
}

// Lock returns what the request of ctx knows of its caller. Others wait until unlock is called. Lock is not a
// method: the edges could call that.
func Lock(ctx context.Context) (s *State, unlock func()) {
	c := From(ctx)
	c.mu.Lock()
	return &c.state, c.mu.Unlock
}

// Become makes a user the caller of a request that has just signed them in. The response may then contain what
// that user is allowed to see.
func Become(ctx context.Context, v *auth.Viewer, claims *token.Claims) {
	change(ctx, func(c *Caller) { c.state = State{Claims: claims, LookedUp: true, Viewer: v} })
}

// Renew replaces what the request knows of its user and session, after it has changed them.
func Renew(ctx context.Context, v *auth.Viewer) {
	change(ctx, func(c *Caller) { c.state = State{Claims: c.state.Claims, LookedUp: true, Viewer: v} })
}

// End notes that the request has ended a session. If that is its own, the request is anonymous from now on.
func End(ctx context.Context, session uuid.UUID) {
	change(ctx, func(c *Caller) {
		c.ended = append(c.ended, session)
		if c.state.Claims != nil && c.state.Claims.SessionID == session.String() {
			c.state = State{Reason: auth.ReasonSessionEnded}
		}
	})
}

// Ended returns the sessions that the request has ended.
func Ended(ctx context.Context) []uuid.UUID {
	c := From(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.ended)
}

func change(ctx context.Context, change func(c *Caller)) {
	c := From(ctx)
	if c == none {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}
