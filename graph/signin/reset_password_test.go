package signin_test

import (
	"testing"

	"usher/graph/signin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/recovery"
)

// TestResetPasswordInBrowser resets a password in a browser that has the cookie of a session, and keeps the new session
// in the cookie.
func TestResetPasswordInBrowser(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		b := &browser{}
		_, err := f.Signup(b.context(t, f, ""), signin.SignupInput{
			Username: new("ada"), Email: new("ada@example.com"), Password: authtest.Password, Session: signin.TransportCookie,
		})
		if err != nil {
			t.Fatal(err)
		}
		old := b.token
		reset := func(session *signin.SessionTransport, bearer string) *signin.ResetPasswordPayload {
			t.Helper()
			if _, err := f.Domain.Recovery.RequestPasswordReset(t.Context(), recovery.RequestPasswordResetInput{Identifier: "ada"}); err != nil {
				t.Fatal(err)
			}
			m := f.NewMail(t, "reset-password", "ada@example.com")
			ctx := b.context(t, f, bearer)
			got, err := f.ResetPassword(ctx, signin.ResetPasswordInput{Token: &m.Token, Password: "five large purple whales", Session: session})
			if err != nil {
				t.Fatal(err)
			}
			f.Settle(ctx)
			f.NewMails(t)
			return got
		}
		got := reset(new(signin.TransportCookie), "")
		if got.Auth == nil || got.Auth.RefreshToken != nil || b.token == "" || b.token == old {
			t.Errorf("%+v with the cookie %q, want a new session in the cookie alone", got.Auth, b.token)
		}
		if _, err := f.Refresh(t.Context(), signin.RefreshInput{RefreshToken: &old}); authtest.Code(err) != ended {
			t.Errorf("the session before: %v", err)
		}
		p, err := f.Refresh(b.context(t, f, ""), signin.RefreshInput{Session: signin.TransportCookie})
		if err != nil {
			t.Fatalf("the session of the cookie: %v", err)
		}
		if got := reset(nil, p.AccessToken); got.Auth != nil || b.token != "" {
			t.Errorf("%+v with the cookie %q, want neither after a reset that ends the session of the request", got.Auth, b.token)
		}
	})
}
