// Package sessions owns sessions: how one starts from a proof, the tokens that a client gets for it, how it goes
// on with a refresh token, and how it ends. It knows nothing of where a client keeps its tokens.
package sessions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/request"
	"usher/internal/seal"
	"usher/internal/token"
)

// Store is what a Service reads and writes outside of transactions.
type Store interface {
	auth.SessionStore
	auth.RefreshStore
}

// Options are what a Service stands on. Without Tokens it signs nobody in.
type Options struct {
	Store  Store
	Access *access.Service
	Proofs *proof.Checker
	Tx     *transaction.Runner
	Tokens *token.Authority
	// RefreshTokens is the key of refresh tokens.
	RefreshTokens seal.Key
	Limits        auth.SessionLimits
	Log           *slog.Logger
}

// Service starts, continues and ends sessions. It is safe for concurrent use.
type Service struct {
	store   Store
	access  *access.Service
	proofs  *proof.Checker
	tx      *transaction.Runner
	tokens  *token.Authority
	refresh refreshTokens
	limits  auth.SessionLimits
	log     *slog.Logger
}

// New returns a Service.
func New(o Options) *Service {
	return &Service{
		store: o.Store, access: o.Access, proofs: o.Proofs, tx: o.Tx, tokens: o.Tokens,
		refresh: refreshTokens{o.RefreshTokens}, limits: o.Limits, log: o.Log,
	}
}

// Tokens are what a client gets by a sign-in, a refresh or a re-authentication.
type Tokens struct {
	AccessToken string
	// ExpiresIn is how long the access token is valid.
	ExpiresIn time.Duration
	// RefreshToken is empty after a re-authentication: the client keeps the one it has.
	RefreshToken string
	// RefreshExpiresIn is how long the client may keep the refresh token at most.
	RefreshExpiresIn time.Duration
	Session          *auth.Session
	User             *auth.User
}

// TokenType is how access tokens are used (RFC 6750).
const TokenType = "Bearer"

var errNoProof = errors.New("nobody has authenticated")

// Started is a new session with its first refresh token.
type Started struct {
	viewer  auth.Viewer
	refresh refreshToken
}

// Viewer is the session and its user.
func (s *Started) Viewer() *auth.Viewer { return &s.viewer }

// Start writes a new session for the user of a proof. The session of the refresh token that the client loses by
// this ends first, so that it does not count. Then the oldest sessions of a user with too many end.
func (s *Service) Start(ctx context.Context, tx *transaction.Tx, p proof.Proof, replaces string) (*Started, error) {
	fail := func(err error) (*Started, error) { return nil, fmt.Errorf("start session: %w", err) }
	user := p.User()
	if user == nil {
		return fail(errNoProof)
	}
	now := tx.Now
	id, err := s.tx.NewID()
	if err != nil {
		return fail(err)
	}
	first, err := newRefreshToken(id, s.tx.Rand())
	if err != nil {
		return fail(err)
	}
	v := auth.Viewer{User: *user, Session: auth.Session{
		ID:         id,
		UserID:     user.ID,
		AuthTime:   p.At(),
		Methods:    p.Methods(),
		CreatedAt:  now,
		LastUsedAt: now,
		ExpiresAt:  now.Add(s.limits.MaxAge),
	}}
	info := request.From(ctx)
	if info.Client.IsValid() {
		v.Session.IPAddress = new(info.Client.String())
	}
	if info.UserAgent != "" {
		v.Session.UserAgent = new(info.UserAgent)
	}
	// Sign-ins of one user take turns here, so that together they keep to the limit, and none
	// comes in after the user was disabled.
	enabled, err := tx.LockUser(ctx, user.ID)
	if err != nil {
		return fail(err)
	}
	if !enabled {
		return nil, auth.Unauthenticated(auth.ReasonAccountDisabled)
	}
	if err := s.endReplaced(ctx, tx, replaces, id); err != nil {
		return fail(err)
	}
	if err := tx.CreateSession(ctx, &v.Session, first.digest()); err != nil {
		return fail(err)
	}
	if err := tx.EndOldestSessions(ctx, user.ID, s.limits.PerUser, now, s.tx.IdleSince(now)); err != nil {
		return fail(err)
	}
	return &Started{v, first}, nil
}

// TokensOf returns the tokens of a session that has just started, for Usher's own API.
func (s *Service) TokensOf(ctx context.Context, started *Started) (*Tokens, error) {
	return s.tokensOf(ctx, &started.viewer, started.refresh, ownAPI)
}

// tokensOf returns an access token for an audience, and a refresh token.
func (s *Service) tokensOf(ctx context.Context, v *auth.Viewer, refresh refreshToken, audience string) (*Tokens, error) {
	t, err := s.sign(ctx, v, v.Session.Methods, v.Session.AuthenticatedAt(), audience)
	if err != nil {
		return nil, err
	}
	t.RefreshToken = s.refresh.seal(refresh)
	t.RefreshExpiresIn = v.Session.ExpiresAt.Sub(s.tx.Now())
	return t, nil
}

// sign signs an access token for the session and an audience, and makes the request that of the session's
// user. The token says how and when the user authenticated.
func (s *Service) sign(ctx context.Context, v *auth.Viewer, methods []auth.Method, at time.Time, audience string) (*Tokens, error) {
	if s.tokens == nil {
		return nil, auth.ErrNoTokens
	}
	id, err := s.tx.NewID()
	if err != nil {
		return nil, err
	}
	claims := &token.Claims{
		ID:        id.String(),
		Audience:  audience,
		Subject:   v.User.ID.String(),
		SessionID: v.Session.ID.String(),
		ClientID:  auth.FirstPartyClientID,
		AuthTime:  at,
		Methods:   names(methods),
		ExpiresAt: v.Session.ExpiresAt,
		Roles:     names(v.User.Roles),
	}
	access, err := s.tokens.Sign(*claims)
	if err != nil {
		return nil, fmt.Errorf("sign access token: %w", err)
	}
	caller.Become(ctx, v, claims)
	return &Tokens{
		AccessToken: access,
		ExpiresIn:   min(s.tokens.TTL(), v.Session.ExpiresAt.Sub(s.tx.Now())),
		Session:     &v.Session,
		User:        &v.User,
	}, nil
}

func names[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return texts
}

// List lists up to limit living sessions of a user, the newest first, after a position when that is not nil. It
// is for that user and for administrators.
func (s *Service) List(ctx context.Context, user uuid.UUID, after *auth.SessionPosition, limit int) ([]auth.Session, error) {
	viewer, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	if viewer.User.ID != user && !viewer.User.IsAdmin() {
		return nil, auth.ErrForbidden
	}
	now := s.tx.Now()
	return s.store.Sessions(ctx, user, now, s.tx.IdleSince(now), after, limit)
}
