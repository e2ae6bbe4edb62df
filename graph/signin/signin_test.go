package signin_test

import (
	"context"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/cookie"
	"usher/internal/request"
)

const ended = "UNAUTHENTICATED SESSION_ENDED"

// fixture is the domain on a real database, with the Service of this package.
type fixture struct {
	*signin.Service
	*authtest.Fixture
}

// eachDatabase runs a test on every kind of database.
func eachDatabase(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	authtest.Each(t, func(t *testing.T, f *authtest.Fixture) { test(t, &fixture{newService(f.Domain), f}) })
}

func newService(d *domain.Domain) *signin.Service {
	return signin.New(d.Accounts, d.Sessions, d.Recovery, d.Identities)
}

// signup creates an account and signs it in, without a cookie.
func (f *fixture) signup(t *testing.T, username string) *signin.AuthPayload {
	t.Helper()
	p, err := f.Signup(t.Context(), signin.SignupInput{Username: &username, Password: authtest.Password})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// loginAda signs ada in, without a cookie.
func (f *fixture) loginAda(t *testing.T) *signin.AuthPayload {
	t.Helper()
	p, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: authtest.Password})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// admin creates an administrator.
func (f *fixture) admin(t *testing.T, username string) {
	t.Helper()
	in := accounts.Input{Username: &username, Password: authtest.Password}
	if _, err := f.Domain.Operator.CreateUser(t.Context(), in, auth.Roles); err != nil {
		t.Fatal(err)
	}
}

// logout signs the caller out and settles the cookie, as the edge does after each mutation.
func (f *fixture) logout(ctx context.Context) error {
	_, err := f.Logout(ctx)
	f.Settle(ctx)
	return err
}

// state returns why the session of an access token is not valid; "" if it is.
func (f *fixture) state(t *testing.T, p *signin.AuthPayload) string {
	t.Helper()
	_, err := f.Domain.Access.Viewer(f.As(t, p.AccessToken))
	return authtest.Code(err)
}

// browser is a browser with the cookies: one for the refresh token, and one for the device token.
type browser struct {
	token        string
	maxAge       time.Duration
	device       string
	deviceMaxAge time.Duration
	sets         int
}

func (b *browser) set(kind cookie.Kind, value string, maxAge time.Duration) {
	b.sets++
	if kind == cookie.Device {
		b.device, b.deviceMaxAge = value, maxAge
		return
	}
	b.token, b.maxAge = value, maxAge
}

// context returns the context of a new request from the browser, with a bearer token if there is one.
func (b *browser) context(t *testing.T, f *fixture, bearer string) context.Context {
	t.Helper()
	ctx := t.Context()
	if bearer != "" {
		ctx = f.As(t, bearer)
	}
	jar := &cookie.Jar{Set: b.set}
	if b.token != "" {
		jar.Receive(cookie.Refresh, b.token)
	}
	if b.device != "" {
		jar.Receive(cookie.Device, b.device)
	}
	return cookie.With(request.With(ctx, &request.Exchange{Info: request.Info{ID: "r1"}}), jar)
}

// login signs a user in whose refresh token the browser keeps.
func (b *browser) login(t *testing.T, f *fixture, username string) *signin.AuthPayload {
	t.Helper()
	p, err := f.Login(b.context(t, f, ""), signin.LoginInput{Identifier: username, Password: authtest.Password, Session: signin.TransportCookie})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// signupAda creates an account whose refresh token the browser keeps.
func (b *browser) signupAda(t *testing.T, f *fixture) *signin.AuthPayload {
	t.Helper()
	p, err := f.Signup(b.context(t, f, ""), signin.SignupInput{Username: new("ada"), Password: authtest.Password, Session: signin.TransportCookie})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
