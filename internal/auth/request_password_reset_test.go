package auth_test

import (
	"bytes"
	"context"
	"database/sql"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/auth/recovery"
	"usher/internal/mail"
	"usher/internal/request"
)

// mails lists the rows of mails, the newest first.
func (f *fixture) mails(t testing.TB) []auth.MailMessage {
	t.Helper()
	mails, err := f.Store.Mails(t.Context(), auth.MailQuery{Page: auth.Page[uuid.UUID]{Limit: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	return mails
}

// TestRequestPasswordReset requests resets for every kind of identifier. Until the mail is prepared, nothing differs.
// Afterwards there is a secret in each case, so that codes cost the same.
func TestRequestPasswordReset(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		identifier string
		to         string // empty for no mail
	}{
		"a user name":         {"Ada", adaAddress},
		"an address":          {"ADA@example.com", adaAddress},
		"nobody":              {"nobody", ""},
		"an unknown address":  {"nobody@example.com", ""},
		"a disabled account":  {"disabled", ""},
		"without an address":  {"bare", ""},
		"not an identifier":   {"two words", ""},
		"empty":               {"", ""},
		"as long as possible": {strings.Repeat("x", 100_000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabaseWithSQL(t, func(t *testing.T, f *fixture, db *sql.DB) {
				f.signupEmail(t, "ada", adaAddress)
				disabled := f.signupEmail(t, "disabled", "disabled@example.com")
				f.signup(t, "bare")
				if err := f.Store.SetDisabled(t.Context(), disabled.User.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
					t.Fatal(err)
				}
				f.NewEvents(t)
				flow := f.requestReset(t, tt.identifier)
				f.WantEvents(t)
				mails := f.mails(t)
				if len(mails) != 1 {
					t.Fatalf("%d mails", len(mails))
				}
				waiting := mails[0]
				want := auth.MailMessage{
					ID: waiting.ID, Kind: auth.MailResetPassword, State: auth.MailQueued, Content: waiting.Content,
					NextAttemptAt: waiting.CreatedAt, CreatedAt: waiting.CreatedAt, ExpiresAt: waiting.CreatedAt.Add(time.Hour),
				}
				if diff := cmp.Diff(want, waiting); diff != "" {
					t.Errorf("the mail, before it is prepared (-want +got):\n%s", diff)
				}

				sent := f.NewMails(t)
				state, events := auth.MailDropped, []string(nil)
				if tt.to != "" {
					state, events = auth.MailSent, []string{"PASSWORD_RESET_REQUESTED of ada"}
				}
				f.WantEvents(t, events...)
				if got := f.mails(t)[0]; got.State != state || got.Content != nil || (got.Recipient != nil) != (tt.to != "") {
					t.Errorf("afterwards: %+v, want it %s", got, state)
				}
				if tt.to != "" && (len(sent) != 1 || sent[0].To != tt.to) || tt.to == "" && len(sent) != 0 {
					t.Errorf("sent %v, want one to %q", sent, tt.to)
				}
				tries := func() (secrets, tries int) {
					err := db.QueryRowContext(t.Context(), `SELECT count(*), coalesce(sum(code_tries), 0) FROM mailed_secrets`).Scan(&secrets, &tries)
					if err != nil {
						t.Fatal(err)
					}
					return secrets, tries
				}
				code := "123456"
				if len(sent) > 0 {
					code = otherCode(sent[0].Code, 0)
				}
				for i := range 7 {
					if got := f.reset(t.Context(), withCode(flow, code, otherPassword)); got != wrongCode {
						t.Errorf("a code: %q", got)
					}
					if n, counted := tries(); n != 1 || counted != min(i+1, 5) {
						t.Errorf("%d secrets with %d tries, want one with %d", n, counted, min(i+1, 5))
					}
				}
				// The next request has a secret of its own, in place of the older one if it names an account that could exist.
				f.requestReset(t, tt.identifier)
				f.NewMails(t)
				if n, counted := tries(); name != "not an identifier" && name != "empty" && name != "as long as possible" && (n != 1 || counted != 0) {
					t.Errorf("after the next request: %d secrets with %d tries", n, counted)
				}
			})
		})
	}
}

// TestDecoyHasNoCode makes each kind of decoy. No code is right: otherwise a lucky guess would redeem what was mailed to
// nobody.
func TestDecoyHasNoCode(t *testing.T) {
	t.Parallel()
	eachDatabaseWithSQL(t, func(t *testing.T, f *fixture, db *sql.DB) {
		f.markVerified(t, f.signupAt(t, "", "verified@example.com").User.ID)
		f.signupAt(t, "", "unverified@example.com")
		ada := f.signup(t, "ada")
		flow := f.requestReset(t, "nobody")
		f.requestLoginCode(t, "nobody@example.com")
		for _, email := range []string{"verified@example.com", "unverified@example.com"} {
			f.requestSignup(t, recovery.RequestSignupInput{Email: email})
		}
		if got := f.requestEmailChange(f.As(t, ada.AccessToken), "verified@example.com"); got != "" {
			t.Fatal(got)
		}
		decoys := func(want int) {
			t.Helper()
			rows, err := db.QueryContext(t.Context(), `SELECT purpose, code_digest, token_digest FROM mailed_secrets`)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			n := 0
			for ; rows.Next(); n++ {
				var purpose string
				var codeDigest, tokenDigest []byte
				if err := rows.Scan(&purpose, &codeDigest, &tokenDigest); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(codeDigest, tokenDigest) { // the HMAC of no code is the SHA-256 of a random token
					t.Errorf("%s: %x, %x", purpose, codeDigest, tokenDigest)
				}
			}
			if err := rows.Err(); err != nil || n != want {
				t.Errorf("%d secrets, %v, want %d", n, err, want)
			}
		}
		decoys(1) // that of the change, until its mail is made
		f.NewMails(t)
		decoys(5)
		if got := f.tryLoginWithCode(t.Context(), loginByCode("nobody@example.com", "")); got != wrongCode {
			t.Errorf("an empty code for a sign-in: %q", got)
		}
		if got := f.reset(t.Context(), withCode(flow, "", otherPassword)); got != wrongCode {
			t.Errorf("an empty code: %q", got)
		}
	})
}

// from returns the context of a request from an address.
func from(ctx context.Context, address string) context.Context {
	return request.With(ctx, &request.Exchange{Info: request.Info{Client: netip.MustParseAddr(address)}})
}

// TestMailsToRecipient requests more mails than one recipient gets. The last link that was sent stays valid, and the
// answers do not differ.
func TestMailsToRecipient(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.signupEmail(t, "ada", adaAddress)
		var last mail.Message
		sent := func() (n int) {
			for range 7 {
				f.requestReset(t, "ada")
				if mails := f.NewMails(t); len(mails) > 0 {
					n, last = n+1, mails[0]
				}
			}
			return n
		}
		for i, want := range []int{5, 5, 1, 1} { // 10 a day, and then one an hour
			f.Clock.Advance(time.Hour + time.Microsecond)
			if got := sent(); got != want {
				t.Errorf("hour %d: %d mails, want %d", i, got, want)
			}
			// However many mails a stranger has requested, the owner has a valid link.
			f.Clock.Advance(time.Hour - time.Microsecond)
			if got := sent(); got != 0 {
				t.Errorf("hour %d, at its end: %d mails", i, got)
			}
			if got := f.reset(t.Context(), withToken(last, "short")); got != "BAD_USER_INPUT password=TOO_SHORT" {
				t.Errorf("hour %d: the last link: %q", i, got)
			}
		}
		if got := f.reset(t.Context(), withToken(last, otherPassword)); got != "" {
			t.Errorf("the last link: %q", got)
		}
		f.NewMails(t)
		f.Clock.Advance(24 * time.Hour)
		if got := sent(); got != 5 {
			t.Errorf("a day later: %d mails, want 5", got)
		}
	})
}

// TestSendPasswordReset mails a link for an administrator.
func TestSendPasswordReset(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada, bare := f.admin(t, "root"), f.signupEmail(t, "ada", adaAddress), f.signup(t, "bare")
		send := func(bearer string, id uuid.UUID) string {
			_, err := f.SendPasswordReset(f.As(t, bearer), recovery.SendPasswordResetInput{UserID: id})
			return authtest.Code(err)
		}
		f.NewEvents(t)
		for name, tt := range map[string]struct {
			bearer string
			id     uuid.UUID
			want   string
		}{
			"nobody":             {"", ada.User.ID, "UNAUTHENTICATED TOKEN_INVALID"},
			"a user":             {ada.AccessToken, ada.User.ID, "FORBIDDEN"},
			"unknown":            {root.AccessToken, root.Session.ID, "BAD_USER_INPUT userId=NOT_FOUND"},
			"without an address": {root.AccessToken, bare.User.ID, "BAD_USER_INPUT userId=REQUIRED"},
		} {
			if got := send(tt.bearer, tt.id); got != tt.want {
				t.Errorf("%s: %q, want %q", name, got, tt.want)
			}
		}
		f.WantEvents(t)
		if got := send(root.AccessToken, ada.User.ID); got != "" {
			t.Fatal(got)
		}
		f.WantEvents(t, "PASSWORD_RESET_REQUESTED by root of ada in a session")
		m := f.NewMail(t, "reset-password", adaAddress)
		f.WantEvents(t)
		if m.Code != "" {
			t.Error("the mail has a code, and nobody has its flow")
		}
		if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != "" {
			t.Errorf("login before the reset: %q", got)
		}
		if got := f.reset(t.Context(), withToken(m, otherPassword)); got != "" {
			t.Errorf("reset: %q", got)
		}
		f.NewMails(t)
		if err := f.Store.SetDisabled(t.Context(), ada.User.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		if got := send(root.AccessToken, ada.User.ID); got != "" {
			t.Errorf("for a disabled account: %q", got)
		}
		if mails := f.NewMails(t); mails != nil {
			t.Errorf("mails %v to a disabled account", mails)
		}
	})
}

// TestRecoveryWithoutMail uses a server that sends no mail. What needs mail writes nothing, and the rest works.
func TestRecoveryWithoutMail(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.parts = f.newParts(t, domain.Options{Mail: authtest.NoMail})
		root, ada := f.admin(t, "root"), f.signupEmail(t, "ada", adaAddress)
		f.NewEvents(t)
		for name, do := range map[string]func() error{
			"requestPasswordReset": func() error {
				_, err := f.RequestPasswordReset(t.Context(), recovery.RequestPasswordResetInput{Identifier: "ada"})
				return err
			},
			"requestLoginCode": func() error {
				_, err := f.RequestLoginCode(t.Context(), recovery.RequestLoginCodeInput{Email: adaAddress})
				return err
			},
			"requestEmailVerification": func() error {
				_, err := f.RequestEmailVerification(f.As(t, ada.AccessToken))
				return err
			},
			"sendPasswordReset": func() error {
				_, err := f.SendPasswordReset(f.As(t, root.AccessToken), recovery.SendPasswordResetInput{UserID: ada.User.ID})
				return err
			},
		} {
			if got := authtest.Code(do()); got != "MAIL_DISABLED" {
				t.Errorf("%s: %q", name, got)
			}
		}
		f.WantEvents(t)
		if got := f.changePassword(f.As(t, ada.AccessToken), authtest.Password, otherPassword); got != "" {
			t.Errorf("changePassword: %q", got)
		}
		if mails := f.mails(t); mails != nil {
			t.Errorf("mails %+v", mails)
		}
	})
}
