package authtest

import (
	"testing"

	"github.com/descope/virtualwebauthn"

	"usher/internal/auth"
	"usher/internal/jsonobject"
)

// Authenticator is a virtual authenticator with one credential, and the browser that uses it on a page of the Issuer.
type Authenticator struct {
	virtualwebauthn.Authenticator
	Credential virtualwebauthn.Credential

	site virtualwebauthn.RelyingParty
}

// NewAuthenticator returns an authenticator with a new key pair for passkeys of a domain.
func NewAuthenticator(domain string) *Authenticator {
	return &Authenticator{
		Authenticator: virtualwebauthn.NewAuthenticator(), Credential: virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2),
		site: virtualwebauthn.RelyingParty{ID: domain, Name: "Example", Origin: Issuer},
	}
}

// Create answers a request to create a passkey.
func (a *Authenticator) Create(t testing.TB, r *auth.PasskeyRequest) auth.PasskeyResponse {
	t.Helper()
	response, err := a.Respond(r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// Respond is Create for callers without a test.
func (a *Authenticator) Respond(r *auth.PasskeyRequest) (auth.PasskeyResponse, error) {
	options, err := virtualwebauthn.ParseAttestationOptions(r.Options.JSON())
	if err != nil {
		return auth.PasskeyResponse{}, err
	}
	a.Options.UserHandle = []byte(options.UserID)
	response, err := object(virtualwebauthn.CreateAttestationResponse(a.site, a.Authenticator, a.Credential, *options))
	return auth.PasskeyResponse{Challenge: r.Challenge, Response: response}, err
}

// Sign answers a request for a passkey.
func (a *Authenticator) Sign(t testing.TB, r *auth.PasskeyRequest) auth.PasskeyResponse {
	t.Helper()
	options, err := virtualwebauthn.ParseAssertionOptions(r.Options.JSON())
	if err != nil {
		t.Fatal(err)
	}
	response, err := object(virtualwebauthn.CreateAssertionResponse(a.site, a.Authenticator, a.Credential, *options))
	if err != nil {
		t.Fatal(err)
	}
	return auth.PasskeyResponse{Challenge: r.Challenge, Response: response}
}

// object makes the response of the browser an object, as clients send it.
func object(text string) (jsonobject.Object, error) {
	members, err := jsonobject.Read([]byte(text))
	if err != nil {
		return "", err
	}
	return jsonobject.New(members)
}
