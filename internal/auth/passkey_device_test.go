package auth_test

import (
	"context"
	"testing"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/factors"
)

func newAuthenticator() *authtest.Authenticator { return authtest.NewAuthenticator("example.com") }

// answer asks for a passkey and answers.
func (f *fixture) answer(t *testing.T, a *authtest.Authenticator) auth.PasskeyResponse {
	t.Helper()
	r, err := f.BeginPasskeyLogin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a.Sign(t, r)
}

// setUp sets up a passkey for the user of a session.
func (f *fixture) setUp(t *testing.T, ctx context.Context, a *authtest.Authenticator) *factors.ConfirmPasskeySetupPayload { //nolint:revive // ctx is the caller
	t.Helper()
	r, err := f.Domain.Factors.BeginPasskeySetup(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Domain.Factors.ConfirmPasskeySetup(ctx, factors.ConfirmPasskeySetupInput{Passkey: a.Create(t, r)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// loginWithPasskey signs in with an answer.
func (f *fixture) loginWithPasskey(t *testing.T, r auth.PasskeyResponse) (*signin.AuthPayload, string) {
	t.Helper()
	p, err := f.LoginWithPasskey(t.Context(), signin.LoginWithPasskeyInput{Passkey: r})
	return p, authtest.Code(err)
}
