package graph_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/authtest"
	"usher/internal/auth/factors"
	"usher/internal/auth/recovery"
	"usher/internal/auth/sessions"
	"usher/internal/provider"
)

// prepare makes the secrets that a golden case names, if they are of sign-ins. Other cases do not pay for them, and nothing of
// them is in other answers. These are of tess:
//
//	<challenge of tess>  is that of a sign-in that has begun with her password
//	<totp code>          is the next code of her authenticator app
//	<recovery code>      is one that she has not used
//	<passkey>            is what a passkey of hers answers to a request, as a PasskeyResponseInput
//	<unknown passkey>    is what one of nobody answers
//	<identity code>      is of an identity that a provider has confirmed; of ada's address: that has her address
//
// <login flow>, <login code> and <login token> are of a sign-in by mail that ada has requested. With "tess, confirmed", tess
// has used her app to reauthenticate in her first session.
func (s *server) prepare(t *testing.T, text string) {
	t.Helper()
	s.random.set(rand.NewChaCha8([32]byte{3})) // no id of these is that of an answer
	defer s.repeat()
	next := s.seed.Code(s.step + 1)
	s.secrets["<totp code>"], s.secrets["<recovery code>"] = next, s.recoveryCodes[1]
	if strings.Contains(text, "<passkey>") {
		s.secrets["<passkey>"] = s.passkey(t)
	}
	if strings.Contains(text, "<challenge of tess>") { // after the passkey, which changes her credentials
		s.secrets["<challenge of tess>"] = s.beginLogin(t)
	}
	if strings.Contains(text, "<unknown passkey>") {
		s.secrets["<unknown passkey>"] = s.answer(t, authtest.NewAuthenticator(relyingParty))
	}
	if strings.Contains(text, "<identity code>") {
		s.secrets["<identity code>"] = s.identity(t, "stranger@example.com")
	}
	if strings.Contains(text, "<identity code of ada's address>") {
		s.secrets["<identity code of ada's address>"] = s.identity(t, "ada@example.com")
	}
	if strings.Contains(text, "<login ") {
		s.mailLogin(t)
	}
	if strings.Contains(text, "tess, confirmed") {
		p, err := s.domain.Sessions.Reauthenticate(s.as(t, "tess"), sessions.ReauthenticateInput{Answer: sessions.Answer{TOTP: &next}})
		check(t, err)
		s.people["tess, confirmed"] = p.AccessToken
	}
}

// as returns the context of a request by one of the people.
func (s *server) as(t testing.TB, who string) context.Context {
	t.Helper()
	return access.WithCaller(t.Context(), s.domain.Access.Identify(s.people[who]))
}

// relyingParty is what passkeys belong to: the host of the issuer.
const relyingParty = "auth.example.com"

// passkey sets a passkey up for tess, and returns its answer to a request.
func (s *server) passkey(t *testing.T) string {
	t.Helper()
	a := authtest.NewAuthenticator(relyingParty)
	tess := s.as(t, "tess, twice")
	setup, err := s.domain.Factors.BeginPasskeySetup(tess)
	check(t, err)
	_, err = s.domain.Factors.ConfirmPasskeySetup(tess, factors.ConfirmPasskeySetupInput{Passkey: a.Create(t, setup)})
	check(t, err)
	return s.answer(t, a)
}

// answer returns the answer of an authenticator to a request for a passkey.
func (s *server) answer(t *testing.T, a *authtest.Authenticator) string {
	t.Helper()
	login, err := s.domain.Sessions.BeginPasskeyLogin(t.Context())
	check(t, err)
	answer := a.Sign(t, login)
	text, err := json.Marshal(map[string]any{"challenge": answer.Challenge, "response": json.RawMessage(answer.Response.JSON())})
	check(t, err)
	return string(text)
}

// mailLogin has ada request a sign-in by mail, and reads the mail.
func (s *server) mailLogin(t *testing.T) {
	t.Helper()
	requested, err := s.domain.Recovery.RequestLoginCode(t.Context(), recovery.RequestLoginCodeInput{Email: "ada@example.com"})
	check(t, err)
	check(t, s.domain.Outbox.Deliver(t.Context()))
	mails := s.mailbox.Take()
	if len(mails) != 1 {
		t.Fatalf("mails %v", mails)
	}
	s.secrets["<login flow>"], s.secrets["<login code>"], s.secrets["<login token>"] = requested.Flow, mails[0].Code, mails[0].Token
}

// codeVerifier is what the program knows that has signed in at a provider.
const codeVerifier = "a-verifier-that-the-program-has-made-0123456789"

// identity keeps an identity that a provider has confirmed, and returns its code.
func (s *server) identity(t *testing.T, email string) string {
	t.Helper()
	code := "identity code of " + email
	challenge, digest := sha256.Sum256([]byte(codeVerifier)), sha256.Sum256([]byte(code))
	details, err := json.Marshal(map[string]any{
		"challenge": challenge[:], "provider": "example",
		"identity": provider.Identity{
			Issuer: "https://id.example.com", Subject: "248289761001", Email: email, EmailVerified: true, Name: "Grace Hopper",
		},
	})
	check(t, err)
	check(t, s.store.CreateCeremony(t.Context(), &auth.Ceremony{
		ID: uuid.MustParse("01940000-0000-7000-8000-00000000c0de"), Purpose: auth.CeremonyProviderIdentity, TokenDigest: digest[:],
		Details: string(details), CreatedAt: s.clock(), ExpiresAt: s.clock().Add(10 * time.Minute),
	}))
	return code
}
