package app_test

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/auth/factors"
	"usher/internal/auth/recovery"
	"usher/internal/auth/sessions"
	"usher/internal/config"
	"usher/internal/mail"
	"usher/internal/totp"
)

// TestStatementsOfSignIn counts the SQL statements of sign-ins with each factor, without rate limits.
// docs/performance.md has the numbers.
func TestStatementsOfSignIn(t *testing.T) {
	const (
		login        = `mutation ($i: LoginInput!) { login(input: $i) { accessToken } }`
		complete     = `mutation ($i: CompleteLoginInput!) { completeLogin(input: $i) { accessToken } }`
		withPasskey  = `mutation ($i: LoginWithPasskeyInput!) { loginWithPasskey(input: $i) { accessToken } }`
		withCode     = `mutation ($i: LoginWithCodeInput!) { loginWithCode(input: $i) { accessToken } }`
		confirm      = `mutation ($i: ReauthenticateInput!) { reauthenticate(input: $i) { accessToken } }`
		beginPasskey = `mutation { beginPasskeyLogin { challenge } }`
		requestCode  = `mutation ($i: RequestLoginCodeInput!) { requestLoginCode(input: $i) { flow } }`
	)
	each(t, func(t *testing.T, s app.Settings) {
		s.RateLimits, s.AccessTokenTTL = config.RateLimits{config.AllRateLimits: {}}, time.Hour
		a := newCounted(t, s)
		ada, tess := a.member(t, "ada"), a.member(t, "tess")
		tess.setUp(t)
		count := func(what string, by *member, query string, input map[string]any) {
			t.Helper()
			bearer := ""
			if by != nil {
				bearer = by.bearer
			}
			wantRow(t, what, a.statements(func() { a.ask(t, bearer, query, map[string]any{"i": input}) }))
		}
		count("`login` with a password", nil, login, map[string]any{"identifier": "ada", "password": authtest.Password})
		wantRow(t, "`login` that asks for a second factor", a.statements(func() {
			a.send(t, "", login, map[string]any{"i": map[string]any{"identifier": "tess", "password": authtest.Password}})
		}))
		count("`completeLogin` with a code of an app", nil, complete, map[string]any{"challenge": tess.begin(t), "totp": tess.code()})
		count("`completeLogin` with a recovery code", nil, complete, map[string]any{"challenge": tess.begin(t), "recoveryCode": tess.recoveryCodes[0]})
		count("`completeLogin` with a passkey", nil, complete, map[string]any{"challenge": tess.begin(t), "passkey": tess.sign(t)})
		count("`beginPasskeyLogin`", nil, beginPasskey, nil)
		count("`loginWithPasskey`", nil, withPasskey, map[string]any{"passkey": tess.sign(t)})
		a.deliver(t) // the notices until here
		a.box.Take()
		count("`requestLoginCode`", nil, requestCode, map[string]any{"email": "ada@example.com"})
		wantRow(t, "the worker that sends its mail", a.statements(func() { a.deliver(t) }))
		a.box.Take()
		m, _ := ada.mail(t)
		count("`loginWithCode` with a code", nil, withCode, map[string]any{"email": "ada@example.com", "code": m.Code})
		m, flow := ada.mail(t)
		count("`loginWithCode` with a link", nil, withCode, map[string]any{"flow": flow, "token": m.Token})

		count("`reauthenticate` with a password", ada, confirm, map[string]any{"password": authtest.Password})
		m, _ = ada.mail(t)
		count("`reauthenticate` with a mailed code", ada, confirm, map[string]any{"emailCode": m.Code})
		count("`reauthenticate` with a code of an app", tess, confirm, map[string]any{"totp": tess.code()})
		count("`reauthenticate` with a recovery code", tess, confirm, map[string]any{"recoveryCode": tess.recoveryCodes[1]})
		count("`reauthenticate` with a passkey", tess, confirm, map[string]any{"passkey": tess.sign(t)})
	})
}

// member is a user with a verified address and what the user signs in with.
type member struct {
	*counted
	name, bearer  string
	seed          totp.Seed
	recoveryCodes []string
	passkey       *authtest.Authenticator
}

func (c *counted) member(t *testing.T, name string) *member {
	t.Helper()
	_, err := c.Domain.Operator.CreateUser(t.Context(), accounts.Input{
		Username: new(name), Email: new(name + "@example.com"), Password: authtest.Password,
	}, []auth.Role{auth.RoleUser})
	must(t, err)
	m := &member{counted: c, name: name, bearer: c.login(t, name)}
	_, err = c.Domain.Recovery.RequestEmailVerification(m.as(t))
	must(t, err)
	c.deliver(t)
	_, err = c.Domain.Recovery.VerifyEmail(m.as(t), recovery.VerifyEmailInput{Token: new(c.box.Take()[0].Token)})
	must(t, err)
	return m
}

// as returns the context of a request of the member.
func (m *member) as(t *testing.T) context.Context {
	t.Helper()
	return access.WithCaller(t.Context(), m.Domain.Access.Identify(m.bearer))
}

// setUp sets up an app and a passkey.
func (m *member) setUp(t *testing.T) {
	t.Helper()
	as := m.as(t)
	m.passkey = authtest.NewAuthenticator("auth.example.com") // the host of the issuer
	request, err := m.Domain.Factors.BeginPasskeySetup(as)
	must(t, err)
	begun, err := m.Domain.Factors.BeginTotpSetup(as)
	must(t, err)
	m.seed, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(begun.Key)
	must(t, err)
	set, err := m.Domain.Factors.ConfirmTotpSetup(as, factors.ConfirmTotpSetupInput{Code: m.code()})
	must(t, err)
	m.recoveryCodes = set.RecoveryCodes
	_, err = m.Domain.Sessions.Reauthenticate(as, sessions.ReauthenticateInput{Answer: sessions.Answer{TOTP: new(m.code())}})
	must(t, err)
	_, err = m.Domain.Factors.ConfirmPasskeySetup(as, factors.ConfirmPasskeySetupInput{Passkey: m.passkey.Create(t, request)})
	must(t, err)
}

// code returns a code that the app has not shown before, and makes it the current one.
func (m *member) code() string {
	m.now = m.now.Add(totp.Period)
	return m.seed.Code(m.now.Unix() / int64(totp.Period/time.Second))
}

// begin signs in with the password and returns the challenge.
func (m *member) begin(t *testing.T) string {
	t.Helper()
	_, err := m.Domain.Sessions.Login(t.Context(), sessions.LoginInput{Identifier: m.name, Password: authtest.Password, CanContinue: true})
	var second *auth.Error
	if !errors.As(err, &second) || second.Code != auth.CodeSecondFactorRequired {
		t.Fatalf("Login with a second factor: %v", err)
	}
	return second.Continue.Token
}

// sign answers a request for a passkey, as a PasskeyResponseInput.
func (m *member) sign(t *testing.T) map[string]any {
	t.Helper()
	request, err := m.Domain.Sessions.BeginPasskeyLogin(t.Context())
	must(t, err)
	answer := m.passkey.Sign(t, request)
	return map[string]any{"challenge": answer.Challenge, "response": json.RawMessage(answer.Response.JSON())}
}

// mail requests a sign-in by mail, and returns the mail and the flow.
func (m *member) mail(t *testing.T) (message mail.Message, flow string) {
	t.Helper()
	requested, err := m.Domain.Recovery.RequestLoginCode(t.Context(), recovery.RequestLoginCodeInput{Email: m.name + "@example.com"})
	must(t, err)
	m.deliver(t)
	return m.box.Take()[0], requested.Flow
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
