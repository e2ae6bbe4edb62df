package auth_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/recovery"
)

// TestRequestLoginCode requests sign-ins for every kind of address. Until the mail is prepared, nothing differs. Afterwards
// there is a secret in each case, so that codes cost the same.
func TestRequestLoginCode(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		email     string
		to, event string // empty for no mail
	}{
		"an unverified address": {"ADA@example.com", adaAddress, "LOGIN_CODE_REQUESTED of ada"},
		"a verified address":    {"eve@example.com", "eve@example.com", "LOGIN_CODE_REQUESTED of eve"},
		"an unknown address":    {"nobody@example.com", "", ""},
		"a disabled account":    {"disabled@example.com", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabaseWithSQL(t, func(t *testing.T, f *fixture, db *sql.DB) {
				f.signupEmail(t, "ada", adaAddress)
				f.markVerified(t, f.signupEmail(t, "eve", "eve@example.com").User.ID)
				disabled := f.signupEmail(t, "disabled", "disabled@example.com")
				if err := f.Store.SetDisabled(t.Context(), disabled.User.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
					t.Fatal(err)
				}
				f.NewEvents(t)
				f.requestLoginCode(t, tt.email)
				f.WantEvents(t)
				mails := f.mails(t)
				if len(mails) != 1 {
					t.Fatalf("%d mails", len(mails))
				}
				waiting := mails[0]
				want := auth.MailMessage{
					ID: waiting.ID, Kind: auth.MailLoginCode, State: auth.MailQueued, Content: waiting.Content,
					NextAttemptAt: waiting.CreatedAt, CreatedAt: waiting.CreatedAt, ExpiresAt: waiting.CreatedAt.Add(time.Hour),
				}
				if diff := cmp.Diff(want, waiting); diff != "" {
					t.Errorf("the mail, before it is prepared (-want +got):\n%s", diff)
				}

				sent := f.NewMails(t)
				state, code, events := auth.MailDropped, "123456", []string(nil)
				if tt.to != "" {
					state, events = auth.MailSent, []string{tt.event}
					if len(sent) != 1 || sent[0].To != tt.to || sent[0].Template != "login-code" {
						t.Fatalf("sent %v, want one to %q", sent, tt.to)
					}
					code = otherCode(sent[0].Code, 0)
					for what, expires := range map[string]time.Time{"link": sent[0].LinkExpires, "code": sent[0].CodeExpires} {
						if got := expires.Sub(f.Clock.Now()); got != 10*time.Minute {
							t.Errorf("the %s is valid for %v", what, got)
						}
					}
				} else if len(sent) != 0 {
					t.Errorf("sent %v", sent)
				}
				f.WantEvents(t, events...)
				if got := f.mails(t)[0]; got.State != state || got.Content != nil {
					t.Errorf("afterwards: %+v, want it %s", got, state)
				}
				tries := func() (secrets, tries int) {
					err := db.QueryRowContext(t.Context(), `SELECT count(*), coalesce(sum(code_tries), 0) FROM mailed_secrets`).Scan(&secrets, &tries)
					if err != nil {
						t.Fatal(err)
					}
					return secrets, tries
				}
				for i := range 7 {
					if got := f.tryLoginWithCode(t.Context(), loginByCode(tt.email, code)); got != wrongCode {
						t.Errorf("a code: %q", got)
					}
					if n, counted := tries(); n != 1 || counted != min(i+1, 5) {
						t.Errorf("%d secrets with %d tries, want one with %d", n, counted, min(i+1, 5))
					}
				}
				f.requestLoginCode(t, tt.email)
				f.NewMails(t)
				if n, counted := tries(); n != 1 || counted != 0 {
					t.Errorf("after the next request: %d secrets with %d tries", n, counted)
				}
			})
		})
	}
}

// TestRequestLoginCodeInvalid requests a sign-in for a text that is no address.
func TestRequestLoginCodeInvalid(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		for _, email := range []string{"ada", "two words@example.com"} {
			_, err := f.RequestLoginCode(t.Context(), recovery.RequestLoginCodeInput{Email: email})
			if got := authtest.Code(err); got != "BAD_USER_INPUT email=INVALID_FORMAT" {
				t.Errorf("%q: %q", email, got)
			}
		}
		if mails := f.mails(t); mails != nil {
			t.Errorf("mails %+v", mails)
		}
	})
}
