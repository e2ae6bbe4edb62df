// Package access owns who calls and what they may do: it verifies access tokens, looks session and user up once per
// request, and decides the rules of the guards. Every guarded field leads through Service.Authorize.
package access

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/transaction"
	"usher/internal/observe"
	"usher/internal/token"
)

// Caller is the sender of a request.
type Caller = caller.Caller

// Anonymous returns a Caller without a valid access token, for the given reason.
func Anonymous(r auth.Reason) *Caller { return caller.Anonymous(r) }

// WithCaller returns a context that carries the request's Caller.
func WithCaller(ctx context.Context, c *Caller) context.Context { return caller.With(ctx, c) }

// CallerFrom returns the Caller of ctx, an anonymous one when there is none.
func CallerFrom(ctx context.Context) *Caller { return caller.From(ctx) }

// Store is what a Service reads.
type Store interface {
	Viewers
	Roles(ctx context.Context) ([]auth.RoleDefinition, error)
	PermissionsOf(ctx context.Context, roles []auth.Role) ([]auth.Permission, error)
}

// Viewers finds viewers.
type Viewers interface {
	// Viewer finds a session and its user together, in one query, whatever their state.
	Viewer(ctx context.Context, sessionID uuid.UUID) (*auth.Viewer, error)
}

// Service says who calls and what they may do. It is safe for concurrent use.
type Service struct {
	store  Store
	tokens *token.Authority
	tx     *transaction.Runner

	second      auth.FactorPolicy
	sendsMail   bool
	observer    *observe.Observer
	permissions atomic.Pointer[map[auth.Role][]auth.Permission] // see RefreshPermissions
}

// Options are what a Service needs. Without Tokens every request is anonymous. Observer may be nil.
type Options struct {
	Store  Store
	Tokens *token.Authority
	// SecondFactor says who must set up a second factor.
	SecondFactor auth.FactorPolicy
	// SendsMail says that users can get codes by mail.
	SendsMail bool
	Tx        *transaction.Runner
	Observer  *observe.Observer
}

// New returns a Service.
func New(o Options) *Service {
	return &Service{store: o.Store, tokens: o.Tokens, second: o.SecondFactor, sendsMail: o.SendsMail, tx: o.Tx, observer: o.Observer}
}

// Identify verifies a bearer token. It never fails: an invalid token makes the request anonymous, and so blocks only
// what needs a caller.
func (s *Service) Identify(bearer string) *Caller {
	if s.tokens == nil {
		return Anonymous(auth.ReasonTokenInvalid)
	}
	claims, err := s.tokens.Verify(bearer)
	switch {
	case err == nil:
		return caller.Of(claims)
	case errors.Is(err, token.ErrExpired):
		return Anonymous(auth.ReasonTokenExpired)
	default:
		return Anonymous(auth.ReasonTokenInvalid)
	}
}

// errUndecided remains when a look-up panics, so that later guards of the request refuse as well.
var errUndecided = errors.New("viewer look-up did not finish")

// Viewer returns the request's signed-in user and session. Both were valid in the database when the first guarded
// field of this request asked.
func (s *Service) Viewer(ctx context.Context) (*auth.Viewer, error) {
	state, unlock := caller.Lock(ctx)
	defer unlock()
	return s.viewer(ctx, state)
}

// viewer is Viewer with the caller locked.
func (s *Service) viewer(ctx context.Context, c *caller.State) (*auth.Viewer, error) {
	if c.Claims == nil {
		return nil, auth.Unauthenticated(c.Reason)
	}
	if !c.LookedUp {
		c.LookedUp, c.Err = true, errUndecided
		c.Viewer, c.Err = ViewerOf(ctx, s.store, s.tx, c.Claims)
	}
	return c.Viewer, c.Err
}

// ViewerOf returns the user and the session of an access token, if they are valid now. It asks for a Runner, so only
// the domain can call it: whether the claims come from a valid token is for its caller to know.
func ViewerOf(ctx context.Context, store Viewers, tx *transaction.Runner, claims *token.Claims) (*auth.Viewer, error) {
	id, err := uuid.Parse(claims.SessionID)
	if err != nil {
		return nil, auth.Unauthenticated(auth.ReasonTokenInvalid)
	}
	v, err := store.Viewer(ctx, id)
	if errors.Is(err, auth.ErrNotFound) {
		return nil, auth.Unauthenticated(auth.ReasonSessionEnded)
	}
	if err != nil {
		return nil, err
	}
	if v.User.ID.String() != claims.Subject {
		return nil, auth.Unauthenticated(auth.ReasonTokenInvalid)
	}
	if err := tx.CheckLive(v); err != nil {
		return nil, err
	}
	return v, nil
}

// Administrator returns the signed-in user, if they have the role ADMIN, and are not out of time to set up a required second
// factor. Everything that reads or changes other people's accounts calls it, although the guard at the edge has checked the role
// before.
func (s *Service) Administrator(ctx context.Context) (*auth.Viewer, error) {
	v, err := s.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	if !v.User.IsAdmin() {
		return nil, auth.ErrForbidden
	}
	if s.second.Overdue(&v.User, s.tx.Now()) {
		return nil, auth.ErrSecondFactorSetup
	}
	return v, nil
}

// Me returns the signed-in user.
func (s *Service) Me(ctx context.Context) (*auth.User, error) {
	v, err := s.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	return &v.User, nil
}
