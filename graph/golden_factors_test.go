package graph_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"usher/internal/auth/access"
	"usher/internal/auth/authtest"
	"usher/internal/auth/factors"
	"usher/internal/auth/recovery"
	"usher/internal/auth/sessions"
)

// prepare makes the secrets that a golden case names, if they are of sign-ins. Other cases do not pay for them, and nothing of
// them is in other answers. These are of tess:
//
//	<challenge of tess>  is that of a sign-in that has begun with her password
//	<totp code>          is the next code of her authenticator app
//	<recovery code>      is one that she has not used
//	<passkey>            is what a passkey of hers answers to a request, as a PasskeyResponseInput
//	<unknown passkey>    is what one of nobody answers
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
