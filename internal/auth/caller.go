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
	claims *token.Claims
	reason Reason

	// look asks the store once per request; whoever comes later waits for that answer.
	look   sync.Once
	viewer *Viewer
	err    error
}

// Claims returns the claims of the request's access token, nil when the request is anonymous.
func (c *Caller) Claims() *token.Claims { return c.claims }

// Anonymous returns a Caller that is nobody, for the given reason.
func Anonymous(r Reason) *Caller { return &Caller{reason: r} }

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

// errUndecided stays when a look-up panics, so that whoever asks after it is refused as well.
var errUndecided = errors.New("viewer look-up did not finish")

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

// Viewer returns the request's signed-in user and session, live: both were in the database, and
// in order, when the first guarded field of this request asked.
func (s *Service) Viewer(ctx context.Context) (*Viewer, error) {
	c := CallerFrom(ctx)
	if c.claims == nil {
		return nil, unauthenticated(c.reason)
	}
	c.look.Do(func() {
		c.err = errUndecided
		c.viewer, c.err = s.lookUpViewer(ctx, c.claims)
	})
	return c.viewer, c.err
}

func (s *Service) lookUpViewer(ctx context.Context, claims *token.Claims) (*Viewer, error) {
	id, err := uuid.Parse(claims.SessionID)
	if err != nil {
		return nil, unauthenticated(ReasonTokenInvalid)
	}
	v, err := s.store.Viewer(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, unauthenticated(ReasonSessionEnded)
	case err != nil:
		return nil, err
	case v.User.ID.String() != claims.Subject:
		return nil, unauthenticated(ReasonTokenInvalid)
	case v.User.DisabledAt != nil:
		return nil, unauthenticated(ReasonAccountDisabled)
	case v.Session.EndedAt != nil, !s.now().Before(v.Session.ExpiresAt):
		return nil, unauthenticated(ReasonSessionEnded)
	}
	return v, nil
}
