package auth

import (
	"context"
	"errors"
	"sync"

	"github.com/google/uuid"

	"usher/internal/token"
)

// Viewer is the signed-in user of a request and the session that signed them in, as the database
// has them now.
type Viewer struct {
	User    User
	Session Session
}

// Caller is who sends a request, as far as its access token tells: its claims, or the reason why
// it is anonymous. A Caller belongs to one request and is safe for its resolvers' concurrent use.
type Caller struct {
	mu     sync.Mutex
	claims *token.Claims
	reason Reason

	// The store is asked once per request; whoever comes later gets the same answer.
	asked  bool
	viewer *Viewer
	err    error

	// decisions are those of the guards. They hold until the viewer changes.
	decisions []decision
}

// Anonymous returns a Caller that is nobody, for the given reason.
func Anonymous(r Reason) *Caller { return &Caller{reason: r} }

// Claims returns the claims of the request's access token, nil when the request is anonymous.
func (c *Caller) Claims() *token.Claims {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.claims
}

// become makes a request that has just signed somebody in that user's, so that its answer may show
// what they may see.
func (c *Caller) become(v *Viewer, claims *token.Claims) {
	if c == noCaller {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.claims, c.asked, c.viewer, c.err, c.decisions = claims, true, v, nil, nil
}

// renew replaces what the request knows of its user and session, after it has changed them.
func (c *Caller) renew(v *Viewer) {
	if c == noCaller {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked, c.viewer, c.err, c.decisions = true, v, nil, nil
}

// end makes a request that has just ended its session anonymous.
func (c *Caller) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.claims, c.reason, c.asked, c.viewer, c.err, c.decisions = nil, ReasonSessionEnded, false, nil, nil, nil
}

// Identify verifies a bearer token. It never fails: a token that is not good makes an anonymous
// Caller, so that it blocks only what needs one.
func (s *Service) Identify(bearer string) *Caller {
	if s.tokens == nil {
		return Anonymous(ReasonTokenInvalid)
	}
	claims, err := s.tokens.Verify(bearer)
	switch {
	case err == nil:
		return &Caller{claims: claims}
	case errors.Is(err, token.ErrExpired):
		return Anonymous(ReasonTokenExpired)
	default:
		return Anonymous(ReasonTokenInvalid)
	}
}

type callerKey struct{}

// WithCaller returns a context that carries the request's Caller.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// noCaller serves contexts nobody put a Caller into: they are anonymous, so a forgotten
// middleware refuses instead of admitting.
var noCaller = Anonymous(ReasonNoToken)

// CallerFrom returns the Caller of ctx, an anonymous one when there is none.
func CallerFrom(ctx context.Context) *Caller {
	if c, ok := ctx.Value(callerKey{}).(*Caller); ok {
		return c
	}
	return noCaller
}

// errUndecided stays when a look-up panics, so that whoever asks after it is refused as well.
var errUndecided = errors.New("viewer look-up did not finish")

// Viewer returns the request's signed-in user and session, live: both were in the database, and
// in order, when the first guarded field of this request asked.
func (s *Service) Viewer(ctx context.Context) (*Viewer, error) {
	c := CallerFrom(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.viewer(ctx, c)
}

// viewer is Viewer with the caller locked.
func (s *Service) viewer(ctx context.Context, c *Caller) (*Viewer, error) {
	if c.claims == nil {
		return nil, unauthenticated(c.reason)
	}
	if !c.asked {
		c.asked, c.err = true, errUndecided
		c.viewer, c.err = s.lookUpViewer(ctx, c.claims)
	}
	return c.viewer, c.err
}

func (s *Service) lookUpViewer(ctx context.Context, claims *token.Claims) (*Viewer, error) {
	id, err := uuid.Parse(claims.SessionID)
	if err != nil {
		return nil, unauthenticated(ReasonTokenInvalid)
	}
	v, err := s.store.Viewer(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, unauthenticated(ReasonSessionEnded)
	}
	if err != nil {
		return nil, err
	}
	if v.User.ID.String() != claims.Subject {
		return nil, unauthenticated(ReasonTokenInvalid)
	}
	if err := s.checkLive(v); err != nil {
		return nil, err
	}
	return v, nil
}

// checkLive returns why a session is of no use any more, nil while it is.
func (s *Service) checkLive(v *Viewer) error {
	now := s.now()
	switch {
	case v.User.DisabledAt != nil:
		return unauthenticated(ReasonAccountDisabled)
	case v.Session.EndedAt != nil,
		!now.Before(v.Session.ExpiresAt),
		!now.Before(v.Session.LastUsedAt.Add(s.sessions.IdleLimit)):
		return unauthenticated(ReasonSessionEnded)
	}
	return nil
}
