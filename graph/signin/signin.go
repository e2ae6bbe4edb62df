// Package signin owns what the schema adds to a sign-in: where the client keeps the refresh token and the device token. A
// browser can keep them in cookies. Then no response contains them.
package signin

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/identities"
	"usher/internal/auth/recovery"
	"usher/internal/auth/sessions"
	"usher/internal/cookie"
	"usher/internal/jsonobject"
	"usher/internal/password"
)

// SessionTransport says where a client keeps the refresh token of a session: the schema's
// SessionTransport. The empty one is TransportToken.
type SessionTransport string

// The transports. The schema describes them.
const (
	TransportToken  SessionTransport = "TOKEN"
	TransportCookie SessionTransport = "COOKIE"
)

// check rejects a cookie where none can be set. It is called before anything is done.
func (t SessionTransport) check(jar *cookie.Jar) error {
	if t == TransportCookie && jar.Set == nil {
		return auth.BadInput(auth.FieldError{
			Field: "session", Code: auth.InputInvalidFormat,
			Message: "A page of this origin cannot have the cookie. The operator can allow it.",
		})
	}
	return nil
}

// replaces returns the refresh token that a browser drops when it keeps another one in the cookie.
func (t SessionTransport) replaces(jar *cookie.Jar) string {
	if t != TransportCookie {
		return ""
	}
	token, _ := jar.RefreshToken()
	return token
}

// AuthPayload answers a sign-in, a refresh and a re-authentication. ExpiresIn is in seconds.
type AuthPayload struct {
	AccessToken string
	// RefreshToken is nil when the cookie has it, and after a re-authentication.
	RefreshToken *string
	TokenType    string
	ExpiresIn    int
	Session      *auth.Session
	User         *auth.User
	// DeviceToken marks the device as known. It is nil when a cookie has it, and without a sign-in.
	DeviceToken *string
	// PasswordCompromised says that the password that was used is in a list of breached ones.
	PasswordCompromised bool
}

// deliver turns tokens into an answer, and puts the refresh token and the device token where the transport says.
func (t SessionTransport) deliver(jar *cookie.Jar, tokens *sessions.Tokens, err error) (*AuthPayload, error) {
	if err != nil {
		return nil, err
	}
	p := &AuthPayload{
		AccessToken: tokens.AccessToken,
		TokenType:   sessions.TokenType,
		ExpiresIn:   int(tokens.ExpiresIn / time.Second),
		Session:     tokens.Session,
		User:        tokens.User,

		PasswordCompromised: tokens.PasswordCompromised,
	}
	p.RefreshToken = t.put(jar, cookie.Refresh, tokens.RefreshToken, tokens.RefreshExpiresIn)
	p.DeviceToken = t.put(jar, cookie.Device, tokens.DeviceToken, sessions.DeviceLifetime)
	return p, nil
}

// put puts a token into its cookie, or returns it for the answer. An empty one goes nowhere.
func (t SessionTransport) put(jar *cookie.Jar, kind cookie.Kind, token string, maxAge time.Duration) *string {
	switch {
	case token == "":
		return nil
	case t == TransportCookie:
		jar.Keep(kind, token, maxAge)
		return nil
	}
	return &token
}

// Service signs users in and out. It is safe for concurrent use.
type Service struct {
	accounts   *accounts.Service
	sessions   *sessions.Service
	recovery   *recovery.Service
	identities *identities.Service
}

// New returns a Service.
func New(accounts *accounts.Service, sessions *sessions.Service, recovery *recovery.Service, identities *identities.Service) *Service {
	return &Service{accounts: accounts, sessions: sessions, recovery: recovery, identities: identities}
}

// SignupInput is the input of Signup.
type SignupInput struct {
	Username *string
	Email    *string
	Password password.Plaintext
	FullName *string
	Locale   *string
	Metadata *jsonobject.Object
	// ChallengeSolution is for the edge, which has checked it.
	ChallengeSolution *string
	// Session says where the refresh token goes.
	Session SessionTransport
}

// Signup creates an account with the role USER and signs it in.
func (s *Service) Signup(ctx context.Context, in SignupInput) (*AuthPayload, error) {
	jar := cookie.From(ctx)
	if err := in.Session.check(jar); err != nil {
		return nil, err
	}
	tokens, err := s.accounts.Signup(ctx, accounts.SignupInput{
		Input: accounts.Input{
			Username: in.Username, Email: in.Email, Password: in.Password,
			FullName: in.FullName, Locale: in.Locale, Metadata: in.Metadata,
		},
		Replaces: in.Session.replaces(jar),
	})
	return in.Session.deliver(jar, tokens, err)
}

// CompleteSignupInput is the input of CompleteSignup.
type CompleteSignupInput struct {
	Token    *string
	Email    *string
	Code     *string
	Username *string
	Password password.Plaintext
	FullName *string
	// Session says where the refresh token goes.
	Session SessionTransport
}

// CompleteSignup creates an account with a confirmed address and signs it in.
func (s *Service) CompleteSignup(ctx context.Context, in CompleteSignupInput) (*AuthPayload, error) {
	jar := cookie.From(ctx)
	if err := in.Session.check(jar); err != nil {
		return nil, err
	}
	tokens, err := s.recovery.CompleteSignup(ctx, recovery.CompleteSignupInput{
		Token: in.Token, Email: in.Email, Code: in.Code, Username: in.Username, Password: in.Password, FullName: in.FullName,
		Replaces: in.Session.replaces(jar),
	})
	return in.Session.deliver(jar, tokens, err)
}

// LoginInput is the input of Login.
type LoginInput struct {
	// Identifier is a user name or an e-mail address.
	Identifier string
	Password   password.Plaintext
	// DeviceToken is from an earlier sign-in; nil means the one in the request's cookie.
	DeviceToken *string
	// ChallengeSolution is for the edge, which has checked it.
	ChallengeSolution *string
	// Session says where the refresh token goes.
	Session SessionTransport
}

// Login signs a user in with a password. A sign-in over the cookie that needs a second factor leaves a cookie, without which
// nobody can complete it.
func (s *Service) Login(ctx context.Context, in LoginInput) (*AuthPayload, error) {
	jar := cookie.From(ctx)
	if err := in.Session.check(jar); err != nil {
		return nil, err
	}
	device := jar.DeviceToken()
	if in.DeviceToken != nil {
		device = *in.DeviceToken
	}
	tokens, err := s.sessions.Login(ctx, sessions.LoginInput{
		Identifier: in.Identifier, Password: in.Password, DeviceToken: device, Replaces: in.Session.replaces(jar),
		CheckBreaches: true, CanContinue: true, BindBrowser: in.Session == TransportCookie,
	})
	keepLogin(jar, err)
	return in.Session.deliver(jar, tokens, err)
}

// keepLogin keeps in a cookie what the browser completes a sign-in with, if err asks for a second factor.
func keepLogin(jar *cookie.Jar, err error) {
	if e := new(auth.Error); errors.As(err, &e) && e.Continue != nil && e.Continue.Browser != "" {
		jar.Keep(cookie.Login, e.Continue.Browser, e.Continue.ExpiresIn)
	}
}

// RefreshInput is the input of Refresh.
type RefreshInput struct {
	// RefreshToken is the token; nil means the one in the request's cookie.
	RefreshToken *string
	// Session says where the new one goes. A token from a cookie always goes into the cookie again: otherwise a
	// script could ask for it.
	Session SessionTransport
	// Resource is the API that the access token is for; nil means Usher's own.
	Resource *string
}

// Refresh exchanges a refresh token for new tokens.
func (s *Service) Refresh(ctx context.Context, in RefreshInput) (*AuthPayload, error) {
	jar := cookie.From(ctx)
	kept, isKept := jar.RefreshToken()
	if in.RefreshToken == nil && isKept {
		tokens, err := s.sessions.Refresh(ctx, sessions.RefreshInput{RefreshToken: kept, Resource: in.Resource})
		if e := new(auth.Error); errors.As(err, &e) && e.Code == auth.CodeUnauthenticated {
			jar.ForgetRefreshToken()
		}
		return TransportCookie.deliver(jar, tokens, err)
	}
	if err := s.sessions.CheckResource(in.Resource); err != nil {
		return nil, err
	}
	if err := in.Session.check(jar); err != nil {
		return nil, err
	}
	if in.RefreshToken == nil && in.Session == TransportCookie { // a page asks whether a user is signed in
		return nil, auth.Unauthenticated(auth.ReasonNoToken)
	}
	if in.RefreshToken == nil || *in.RefreshToken == "" {
		return nil, auth.BadInput(auth.FieldError{Field: "refreshToken", Code: auth.InputRequired, Message: "Give the refresh token."})
	}
	tokens, err := s.sessions.Refresh(ctx, sessions.RefreshInput{
		RefreshToken: *in.RefreshToken, Resource: in.Resource, Replaces: in.Session.replaces(jar),
	})
	return in.Session.deliver(jar, tokens, err)
}

// ReauthenticateInput is the input of Reauthenticate.
type ReauthenticateInput struct {
	Password     *password.Plaintext
	Totp         *string
	RecoveryCode *string
	EmailCode    *string
	Passkey      *auth.PasskeyResponse
}

// Reauthenticate lets the signed-in user confirm their identity. The client keeps its refresh token.
func (s *Service) Reauthenticate(ctx context.Context, in ReauthenticateInput) (*AuthPayload, error) {
	tokens, err := s.sessions.Reauthenticate(ctx, sessions.ReauthenticateInput{
		Password: in.Password,
		Answer:   sessions.Answer{TOTP: in.Totp, RecoveryCode: in.RecoveryCode, Passkey: in.Passkey, EmailCode: in.EmailCode},
	})
	return TransportToken.deliver(cookie.From(ctx), tokens, err)
}

// Settle deletes the cookie if the request has ended its session. Call it once, after all fields of a mutation.
func (s *Service) Settle(ctx context.Context) {
	jar := cookie.From(ctx)
	if token, ok := jar.RefreshToken(); ok && s.sessions.HasEnded(ctx, token) {
		jar.ForgetRefreshToken()
	}
}

// LogoutPayload answers Logout.
type LogoutPayload struct {
	SessionID uuid.UUID
}

// Logout ends the session of the request.
func (s *Service) Logout(ctx context.Context) (*LogoutPayload, error) {
	session, err := s.sessions.Logout(ctx)
	if err != nil {
		return nil, err
	}
	return &LogoutPayload{SessionID: session}, nil
}

// RevokeSessionInput is the input of RevokeSession.
type RevokeSessionInput struct {
	SessionID uuid.UUID
}

// RevokeSessionPayload answers RevokeSession.
type RevokeSessionPayload struct {
	SessionID uuid.UUID
}

// RevokeSession ends a session of the signed-in user.
func (s *Service) RevokeSession(ctx context.Context, in RevokeSessionInput) (*RevokeSessionPayload, error) {
	if err := s.sessions.Revoke(ctx, in.SessionID); err != nil {
		return nil, err
	}
	return &RevokeSessionPayload{SessionID: in.SessionID}, nil
}

// RevokeOtherSessionsPayload answers RevokeOtherSessions.
type RevokeOtherSessionsPayload struct {
	RevokedCount int
}

// RevokeOtherSessions ends every session of the signed-in user but the one of the request.
func (s *Service) RevokeOtherSessions(ctx context.Context) (*RevokeOtherSessionsPayload, error) {
	n, err := s.sessions.RevokeOthers(ctx)
	if err != nil {
		return nil, err
	}
	return &RevokeOtherSessionsPayload{RevokedCount: n}, nil
}
