// Package sessions owns sessions: starting one from a proof, issuing its tokens, refreshing them, and ending it. It
// does not know where a client keeps its tokens.
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
	"usher/internal/auth/internal/device"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/claims"
	"usher/internal/request"
	"usher/internal/seal"
	"usher/internal/token"
)

// Store is what a Service reads outside of transactions. What it writes there is for the holder of a refresh token,
// and each write depends on the state of the token's session.
type Store interface {
	Viewer(ctx context.Context, sessionID uuid.UUID) (*auth.Viewer, error)
	Sessions(ctx context.Context, userID uuid.UUID, now, idleSince time.Time, page auth.Page[auth.SessionPosition]) ([]auth.Session, error)
	PermissionsOf(ctx context.Context, roles []auth.Role) ([]auth.Permission, error)
	RefreshState(ctx context.Context, sessionID uuid.UUID) (*auth.RefreshState, error)
	RotateRefreshToken(ctx context.Context, sessionID uuid.UUID, generation uint32, by string, now time.Time) (bool, error)
	AdvanceRefreshToken(ctx context.Context, sessionID uuid.UUID, from, to uint32, by string, now time.Time) (bool, error)
}

// Options are what a Service needs. Without Tokens nobody can sign in.
type Options struct {
	Store  Store
	Access *access.Service
	Proofs *proof.Checker
	// Factors and Outbox are nil where nobody signs in.
	Factors *proof.Factors
	Outbox  *mailing.Outbox
	Tx      *transaction.Runner
	Tokens  *token.Authority
	// RefreshTokens is the key of refresh tokens.
	RefreshTokens seal.Key
	// Devices issues device tokens.
	Devices device.Tokens
	// Claims says which custom claims access tokens have.
	Claims claims.Mapping
	// VerifiedEmail says what depends on a verified e-mail address.
	VerifiedEmail auth.VerifiedEmail
	// SecondFactor says who must set up a second factor.
	SecondFactor auth.FactorPolicy
	Limits       auth.SessionLimits
	Log          *slog.Logger
}

// Service starts, refreshes and ends sessions. It is safe for concurrent use.
type Service struct {
	store    Store
	access   *access.Service
	proofs   *proof.Checker
	factors  *proof.Factors
	outbox   *mailing.Outbox
	tx       *transaction.Runner
	tokens   *token.Authority
	refresh  refreshTokens
	devices  device.Tokens
	claims   claims.Mapping
	verified auth.VerifiedEmail
	second   auth.FactorPolicy
	limits   auth.SessionLimits
	log      *slog.Logger
}

// New returns a Service.
func New(o Options) *Service {
	return &Service{
		store: o.Store, access: o.Access, proofs: o.Proofs, factors: o.Factors, outbox: o.Outbox, tx: o.Tx, tokens: o.Tokens,
		refresh: refreshTokens{o.RefreshTokens}, devices: o.Devices, claims: o.Claims, verified: o.VerifiedEmail, second: o.SecondFactor,
		limits: o.Limits, log: o.Log,
	}
}

// Tokens are what a client gets from a sign-in, a refresh or a re-authentication.
type Tokens struct {
	AccessToken string
	// ExpiresIn is how long the access token is valid.
	ExpiresIn time.Duration
	// RefreshToken is empty after a re-authentication: the client keeps its current one.
	RefreshToken string
	// RefreshExpiresIn is how long until the session expires.
	RefreshExpiresIn time.Duration
	// DeviceToken marks the device as known for DeviceLifetime. It is empty without a sign-in.
	DeviceToken string
	Session     *auth.Session
	User        *auth.User
	// PasswordCompromised says that the password that was used is in the list of breached ones.
	PasswordCompromised bool
}

// DeviceLifetime is how long after a sign-in its device is known.
const DeviceLifetime = device.Lifetime

// TokenType is how access tokens are used (RFC 6750).
const TokenType = "Bearer"

var (
	errNoProof        = errors.New("the user has not authenticated")
	errNoSecondFactor = errors.New("the user has not used their second factor")
)

// Started is a new session with its first refresh token.
type Started struct {
	viewer  auth.Viewer
	refresh refreshToken
}

// Viewer is the session and its user.
func (s *Started) Viewer() *auth.Viewer { return &s.viewer }

// Start writes a new session for the user of a proof. The session of the refresh token that it replaces ends first, so
// that it does not count. If the user then has too many sessions, the oldest end.
func (s *Service) Start(ctx context.Context, tx *transaction.Tx, p proof.Proof, replaces string) (*Started, error) {
	fail := func(err error) (*Started, error) { return nil, fmt.Errorf("start session: %w", err) }
	user := p.User()
	if user == nil {
		return fail(errNoProof)
	}
	if p.NeedsSecondFactor() {
		return fail(errNoSecondFactor)
	}
	id, err := s.tx.NewID()
	if err != nil {
		return fail(err)
	}
	first, err := newRefreshToken(id, s.tx.Rand())
	if err != nil {
		return fail(err)
	}
	v := auth.Viewer{User: *user, Session: newSession(ctx, id, user.ID, tx.Now, s.limits.MaxAge)}
	// Sign-ins of one user take turns here. Otherwise they could exceed the limit together.
	if v.Session.Methods, v.Session.AuthTime, err = p.SignIn(ctx, tx); err != nil {
		return fail(err)
	}
	v.Session.PasskeyID = p.Passkey()
	v.User.LastSignInAt = new(tx.Now)
	if err := s.endReplaced(ctx, tx, replaces, id); err != nil {
		return fail(err)
	}
	if err := tx.CreateSession(ctx, &v.Session, first.digest()); err != nil {
		return fail(err)
	}
	if err := s.startFactorTime(ctx, tx, &v.User); err != nil {
		return fail(err)
	}
	if _, err := tx.EndOldestSessions(ctx, user.ID, s.limits.PerUser, tx.Now, s.tx.IdleSince(tx.Now)); err != nil {
		return fail(err)
	}
	tx.AfterCommit(s.tx.Meter().CountSessionStarted)
	return &Started{v, first}, nil
}

// newSession returns a session that begins now on the device of the request.
func newSession(ctx context.Context, id, user uuid.UUID, now time.Time, maxAge time.Duration) auth.Session {
	session := auth.Session{ID: id, UserID: user, CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(maxAge)}
	info := request.From(ctx)
	if info.Client.IsValid() {
		session.IPAddress = new(info.Client.String())
	}
	if info.UserAgent != "" {
		session.UserAgent = new(info.UserAgent)
	}
	return session
}

// TokensOf returns the tokens of a session that has just started, for Usher's own API.
func (s *Service) TokensOf(ctx context.Context, started *Started) (*Tokens, error) {
	return s.tokensOfStarted(ctx, started, ownAPI)
}

// tokensOfStarted returns the tokens of a sign-in, for an audience.
func (s *Service) tokensOfStarted(ctx context.Context, started *Started, audience string) (*Tokens, error) {
	t, err := s.tokensOf(ctx, &started.viewer, started.refresh, audience)
	if err == nil {
		t.DeviceToken, err = s.devices.Issue(&started.viewer.User)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// tokensOf returns an access token for an audience and a refresh token.
func (s *Service) tokensOf(ctx context.Context, v *auth.Viewer, refresh refreshToken, audience string) (*Tokens, error) {
	t, err := s.sign(ctx, v, v.Session.Methods, v.Session.AuthenticatedAt(), audience)
	if err != nil {
		return nil, err
	}
	t.RefreshToken = s.refresh.seal(refresh)
	t.RefreshExpiresIn = v.Session.ExpiresAt.Sub(s.tx.Now())
	return t, nil
}

// sign signs an access token for the session and an audience, with how and when the user authenticated. The session's
// user is the caller of the request from now on.
func (s *Service) sign(ctx context.Context, v *auth.Viewer, methods []auth.Method, at time.Time, audience string) (*Tokens, error) {
	if s.tokens == nil {
		return nil, auth.ErrNoTokens
	}
	id, err := s.tx.NewID()
	if err != nil {
		return nil, err
	}
	own := &token.Claims{
		ID:        id.String(),
		Audience:  audience,
		Subject:   v.User.ID.String(),
		SessionID: v.Session.ID.String(),
		ClientID:  auth.FirstPartyClientID,
		AuthTime:  at,
		Assurance: string(auth.AssuranceOf(methods)),
		Methods:   auth.AMR(methods),
		ExpiresAt: v.Session.ExpiresAt,
		Roles:     names(s.Allowed(&v.User).Roles),

		EmailVerified: v.User.HasVerifiedEmail(),
	}
	signed := *own
	if signed.Custom, err = s.Claims(ctx, &v.User); err != nil {
		return nil, err
	}
	access, err := s.tokens.Sign(signed)
	if err != nil {
		return nil, fmt.Errorf("sign access token: %w", err)
	}
	caller.Become(ctx, v, own)
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

// List lists a page of the valid sessions of a user, the newest first. Only the user and administrators may call it.
func (s *Service) List(ctx context.Context, user uuid.UUID, page auth.Page[auth.SessionPosition]) ([]auth.Session, error) {
	viewer, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	if viewer.User.ID != user && !viewer.User.IsAdmin() {
		return nil, auth.ErrForbidden
	}
	now := s.tx.Now()
	return s.store.Sessions(ctx, user, now, s.tx.IdleSince(now), page)
}

// Session returns the valid session with an id, or nil if there is none. Only administrators get sessions of other users.
func (s *Service) Session(ctx context.Context, id uuid.UUID) (*auth.Session, error) {
	viewer, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.store.Viewer(ctx, id)
	if errors.Is(err, auth.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find session: %w", err)
	}
	visible := found.User.ID == viewer.User.ID || viewer.User.IsAdmin()
	if live := s.tx.CheckLive(found) == nil; !live || !visible {
		return nil, nil
	}
	return &found.Session, nil
}
