package signin_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/recovery"
	"usher/internal/cookie"
	"usher/internal/mail"
)

// loginMail requests a sign-in by mail for ada.
func (f *fixture) loginMail(t *testing.T) (m mail.Message, flow string) {
	t.Helper()
	p, err := f.Domain.Recovery.RequestLoginCode(t.Context(), recovery.RequestLoginCodeInput{Email: "ada@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return f.NewMail(t, "login-code", "ada@example.com"), p.Flow
}

// TestLoginWithCodeInBrowser signs in by mail in a browser that has the cookie of a session, and keeps the new session in
// the cookie.
func TestLoginWithCodeInBrowser(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		b := &browser{}
		old := b.signupAda(t, f)
		key := "ada@example.com"
		err := f.Store.SetEmail(t.Context(), old.User.ID, auth.Email{Address: &key, Key: &key, VerifiedAt: new(f.Clock.Now())}, f.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		m, flow := f.loginMail(t)
		in := signin.LoginWithCodeInput{Token: &m.Token, Flow: &flow, Session: signin.TransportCookie}
		if _, err := f.LoginWithCode(t.Context(), in); authtest.Code(err) != "BAD_USER_INPUT session=INVALID_FORMAT" {
			t.Errorf("where no cookie can be set: %v", err)
		}
		before := b.token
		p, err := f.LoginWithCode(b.context(t, f, ""), in)
		if err != nil || p.RefreshToken != nil || p.DeviceToken != nil || b.token == before || b.device == "" {
			t.Fatalf("%+v, %v, want the tokens in cookies alone", p, err)
		}
		if got := f.state(t, old); got != ended {
			t.Errorf("the session that the cookie had: %q", got)
		}
		if got := f.state(t, p); got != "" {
			t.Errorf("the new session: %q", got)
		}

		now := f.Clock.Now().Truncate(time.Microsecond)
		err = f.Store.AddFactors(t.Context(), old.User.ID, []auth.Factor{
			{ID: uuid.New(), UserID: old.User.ID, Kind: auth.CredentialTOTP, Secret: "x", CreatedAt: now, UpdatedAt: now},
		})
		if err != nil {
			t.Fatal(err)
		}
		m, _ = f.loginMail(t)
		var kept time.Duration
		jar := &cookie.Jar{Set: func(kind cookie.Kind, value string, maxAge time.Duration) {
			if kind == cookie.Login && value != "" {
				kept = maxAge
			}
		}}
		_, err = f.LoginWithCode(cookie.With(b.context(t, f, ""), jar), signin.LoginWithCodeInput{
			Email: &key, Code: &m.Code, Session: signin.TransportCookie,
		})
		e := new(auth.Error)
		if !errors.As(err, &e) || e.Code != auth.CodeSecondFactorRequired || e.Continue == nil || kept != e.Continue.ExpiresIn {
			t.Errorf("with a second factor: %v, and a cookie for %v", err, kept)
		}
	})
}
