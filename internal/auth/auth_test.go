package auth_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/clients"
	"usher/internal/auth/domain"
	"usher/internal/auth/operator"
	"usher/internal/auth/recovery"
	"usher/internal/auth/sessions"
	"usher/internal/password"
	"usher/internal/request"
	"usher/internal/store"
	"usher/internal/storetest"
	"usher/internal/token"
)

const (
	issuer   = authtest.Issuer
	api      = authtest.API
	otherAPI = authtest.OtherAPI
)

// The services under names of their own, so that parts can embed them all.
type (
	accessService   = access.Service
	accountService  = accounts.Service
	adminService    = admin.Service
	clientService   = clients.Service
	operatorService = operator.Service
	recoveryService = recovery.Service
	signinService   = signin.Service
)

// parts are the whole domain, with the sign-ins of the edge.
type parts struct {
	*accessService
	*accountService
	*adminService
	*clientService
	*operatorService
	*recoveryService
	*signinService
	sessions *sessions.Service
}

// Signup is that of the edge: accountService has one too.
func (p parts) Signup(ctx context.Context, in signin.SignupInput) (*signin.AuthPayload, error) {
	return p.signinService.Signup(ctx, in)
}

// ResetPassword is that of the edge: recoveryService has one too.
func (p parts) ResetPassword(ctx context.Context, in signin.ResetPasswordInput) (*signin.ResetPasswordPayload, error) {
	return p.signinService.ResetPassword(ctx, in)
}

// LoginWithCode is that of the edge: recoveryService has one too.
func (p parts) LoginWithCode(ctx context.Context, in signin.LoginWithCodeInput) (*signin.AuthPayload, error) {
	return p.signinService.LoginWithCode(ctx, in)
}

// CompleteSignup is that of the edge: recoveryService has one too.
func (p parts) CompleteSignup(ctx context.Context, in signin.CompleteSignupInput) (*signin.AuthPayload, error) {
	return p.signinService.CompleteSignup(ctx, in)
}

// VerifyEmail is that of the user: operatorService has one too.
func (p parts) VerifyEmail(ctx context.Context, in recovery.VerifyEmailInput) (*recovery.VerifyEmailPayload, error) {
	return p.recoveryService.VerifyEmail(ctx, in)
}

// CreateUser is that of the operator: adminService has one too.
func (p parts) CreateUser(ctx context.Context, in accounts.Input, roles []auth.Role) (*auth.User, error) {
	return p.operatorService.CreateUser(ctx, in, roles)
}

// ResetFactors is that of administrators: operatorService has one too.
func (p parts) ResetFactors(ctx context.Context, in admin.ResetFactorsInput) (*admin.ResetFactorsPayload, error) {
	return p.adminService.ResetFactors(ctx, in)
}

// DeleteUser is that of administrators: operatorService has one too.
func (p parts) DeleteUser(ctx context.Context, in admin.DeleteUserInput) (*admin.DeleteUserPayload, error) {
	return p.adminService.DeleteUser(ctx, in)
}

// fixture is the domain on a real database, with the sign-ins of the edge.
type fixture struct {
	parts
	*authtest.Fixture
}

// eachDatabase runs a test on every kind of database.
func eachDatabase(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) { test(t, newFixture(t, s)) })
}

func newFixture(t testing.TB, s *store.Store) *fixture {
	t.Helper()
	f := &fixture{Fixture: authtest.New(t, s)}
	f.parts = partsOf(f.Domain)
	return f
}

// newParts returns the parts of a domain with other options.
func (f *fixture) newParts(t testing.TB, o domain.Options) parts {
	t.Helper()
	return partsOf(f.NewDomain(t, o))
}

func partsOf(d *domain.Domain) parts {
	return parts{
		d.Access, d.Accounts, d.Admin, d.Clients, d.Operator, d.Recovery,
		signin.New(d.Accounts, d.Sessions, d.Recovery, d.Identities), d.Sessions,
	}
}

func (f *fixture) signup(t *testing.T, username string) *signin.AuthPayload {
	t.Helper()
	payload, err := f.Signup(device(t.Context()), signin.SignupInput{Username: &username, Password: authtest.Password})
	if err != nil {
		t.Fatalf("Signup: %v", err)
	}
	return payload
}

func (f *fixture) login(t *testing.T, username string) *signin.AuthPayload {
	t.Helper()
	return f.loginWith(t, username, authtest.Password)
}

func (f *fixture) loginWith(t *testing.T, username string, p password.Plaintext) *signin.AuthPayload {
	t.Helper()
	payload, err := f.Login(t.Context(), signin.LoginInput{Identifier: username, Password: p})
	if err != nil {
		t.Fatalf("Login: %v", err)
	}
	return payload
}

// admin creates an administrator and signs them in.
func (f *fixture) admin(t *testing.T, username string) *signin.AuthPayload {
	t.Helper()
	if _, err := f.CreateUser(t.Context(), accounts.Input{Username: &username, Password: authtest.Password}, auth.Roles); err != nil {
		t.Fatalf("CreateUser: %v", err)
	}
	return f.login(t, username)
}

// sign makes a valid token for any user and session.
func (f *fixture) sign(t *testing.T, user, session uuid.UUID) string {
	t.Helper()
	bearer, err := f.signFor(user, session)
	if err != nil {
		t.Fatal(err)
	}
	return bearer
}

func (f *fixture) signFor(user, session uuid.UUID) (string, error) {
	return f.signTo(issuer, user, session)
}

// signTo makes a valid token for an audience.
func (f *fixture) signTo(audience string, user, session uuid.UUID) (string, error) {
	return f.Tokens.Sign(token.Claims{
		Audience: audience, Subject: user.String(), SessionID: session.String(), ClientID: "usher", AuthTime: f.Clock.Now(),
		Roles: []string{"USER"},
	})
}

// device is a request's context, as a browser sends it.
func device(ctx context.Context) context.Context {
	return request.With(ctx, &request.Exchange{Info: request.Info{ID: "r1", Client: netip.MustParseAddr("192.0.2.7"), UserAgent: "Test/1.0"}})
}
