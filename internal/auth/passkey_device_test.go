package auth_test

import (
	"context"
	"testing"

	"github.com/descope/virtualwebauthn"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/factors"
	"usher/internal/jsonobject"
)

// authenticator is a virtual authenticator with one credential, and the browser that uses it.
type authenticator struct {
	virtualwebauthn.Authenticator
	credential virtualwebauthn.Credential
}

var site = virtualwebauthn.RelyingParty{ID: "example.com", Name: "Example", Origin: authtest.Issuer}

func newAuthenticator() *authenticator {
	return &authenticator{virtualwebauthn.NewAuthenticator(), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)}
}

// object makes the response of the browser an object, as clients send it.
func object(text string) (jsonobject.Object, error) {
	members, err := jsonobject.Read([]byte(text))
	if err != nil {
		return "", err
	}
	return jsonobject.New(members)
}

// create answers a request to create a passkey.
func (a *authenticator) create(t *testing.T, r *auth.PasskeyRequest) auth.PasskeyResponse {
	t.Helper()
	response, err := a.respond(r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func (a *authenticator) respond(r *auth.PasskeyRequest) (auth.PasskeyResponse, error) {
	options, err := virtualwebauthn.ParseAttestationOptions(r.Options.JSON())
	if err != nil {
		return auth.PasskeyResponse{}, err
	}
	a.Options.UserHandle = []byte(options.UserID)
	response, err := object(virtualwebauthn.CreateAttestationResponse(site, a.Authenticator, a.credential, *options))
	return auth.PasskeyResponse{Challenge: r.Challenge, Response: response}, err
}

// sign answers a request for a passkey.
func (a *authenticator) sign(t *testing.T, r *auth.PasskeyRequest) auth.PasskeyResponse {
	t.Helper()
	options, err := virtualwebauthn.ParseAssertionOptions(r.Options.JSON())
	if err != nil {
		t.Fatal(err)
	}
	response, err := object(virtualwebauthn.CreateAssertionResponse(site, a.Authenticator, a.credential, *options))
	if err != nil {
		t.Fatal(err)
	}
	return auth.PasskeyResponse{Challenge: r.Challenge, Response: response}
}

// answer asks for a passkey and answers.
func (f *fixture) answer(t *testing.T, a *authenticator) auth.PasskeyResponse {
	t.Helper()
	r, err := f.BeginPasskeyLogin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a.sign(t, r)
}

// setUp sets up a passkey for the user of a session.
func (f *fixture) setUp(t *testing.T, ctx context.Context, a *authenticator) *factors.ConfirmPasskeySetupPayload { //nolint:revive // ctx is the caller
	t.Helper()
	r, err := f.Domain.Factors.BeginPasskeySetup(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Domain.Factors.ConfirmPasskeySetup(ctx, factors.ConfirmPasskeySetupInput{Passkey: a.create(t, r)})
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
