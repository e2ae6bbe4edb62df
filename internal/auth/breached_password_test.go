package auth_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/auth/recovery"
	"usher/internal/auth/sessions"
	"usher/internal/password"
)

const (
	breached  = "seven grey stone bridges"
	harmless  = "nine silent copper foxes"
	refused   = "BAD_USER_INPUT password=COMPROMISED"
	uncertain = "SERVICE_UNAVAILABLE after 10s"
)

// breaches is a list of breached passwords that fails the test if it is asked in a transaction.
type breaches struct {
	t testing.TB
	f *fixture

	mu     sync.Mutex
	listed []string
	err    error
	asked  []string
}

func (b *breaches) Compromised(ctx context.Context, texts ...string) (bool, error) {
	// SQLite has one connection that writes, so this waits for an open transaction, which would wait for this.
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := b.f.Store.Store.InTx(ctx, func(context.Context, auth.Store) error { return nil }); err != nil {
		b.t.Errorf("the list is asked in a transaction: %v", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, texts...)
	return b.err == nil && slices.ContainsFunc(texts, func(s string) bool { return slices.Contains(b.listed, s) }), b.err
}

func (b *breaches) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// take returns what the list was asked since the last call.
func (b *breaches) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() { b.asked = nil }()
	return b.asked
}

// withBreaches gives the fixture a policy with a list.
func (f *fixture) withBreaches(t testing.TB, required bool) *breaches {
	t.Helper()
	list := &breaches{t: t, f: f, listed: []string{breached}}
	f.parts = f.newParts(t, domain.Options{Policy: password.Policy{Breaches: list, RequireBreaches: required}})
	return list
}

// newPasswords are the verbs that set a password. Each returns a function that tries one, and can be called until it succeeds.
var newPasswords = map[string]func(t *testing.T, f *fixture) func(p password.Plaintext) error{
	"signup": func(t *testing.T, f *fixture) func(password.Plaintext) error {
		return func(p password.Plaintext) error {
			_, err := f.Signup(t.Context(), signin.SignupInput{Username: new("grace"), Password: p})
			return err
		}
	},
	"completeSignup, token": func(t *testing.T, f *fixture) func(password.Plaintext) error {
		f.requestSignup(t, recovery.RequestSignupInput{Email: "grace@example.com"})
		m := f.NewMail(t, "sign-up", "grace@example.com")
		return func(p password.Plaintext) error {
			_, err := f.CompleteSignup(t.Context(), signin.CompleteSignupInput{Token: &m.Token, Password: p})
			return err
		}
	},
	"completeSignup, code": func(t *testing.T, f *fixture) func(password.Plaintext) error {
		f.requestSignup(t, recovery.RequestSignupInput{Email: "grace@example.com"})
		m := f.NewMail(t, "sign-up", "grace@example.com")
		return func(p password.Plaintext) error {
			_, err := f.CompleteSignup(t.Context(), signin.CompleteSignupInput{Code: &m.Code, Email: &m.To, Password: p})
			return err
		}
	},
	"resetPassword": func(t *testing.T, f *fixture) func(password.Plaintext) error {
		f.signupEmail(t, "ada", adaAddress)
		m, _ := f.resetMail(t)
		return func(p password.Plaintext) error {
			_, err := f.ResetPassword(t.Context(), withToken(m, p))
			return err
		}
	},
	"changePassword": func(t *testing.T, f *fixture) func(password.Plaintext) error {
		ada := f.signup(t, "ada")
		return func(p password.Plaintext) error {
			_, err := f.ChangePassword(f.As(t, ada.AccessToken), accounts.ChangePasswordInput{CurrentPassword: authtest.Password, NewPassword: p})
			return err
		}
	},
	"createUser": func(t *testing.T, f *fixture) func(password.Plaintext) error {
		root := f.admin(t, "root")
		return func(p password.Plaintext) error {
			_, err := f.adminService.CreateUser(f.As(t, root.AccessToken), admin.CreateUserInput{Username: new("grace"), Password: &p})
			return err
		}
	},
	"usher user create": func(t *testing.T, f *fixture) func(password.Plaintext) error {
		return func(p password.Plaintext) error {
			_, err := f.CreateUser(t.Context(), accounts.Input{Username: new("grace"), Password: p}, nil)
			return err
		}
	},
	"usher user set-password": func(t *testing.T, f *fixture) func(password.Plaintext) error {
		ada := f.signup(t, "ada")
		return func(p password.Plaintext) error { return f.SetPassword(t.Context(), f.user(t, ada.User.ID), p) }
	},
}

// TestBreachedPassword sets a breached password by each verb. It is refused before a transaction begins, so it uses no
// secret and no attempt up. Then the verb accepts another password.
func TestBreachedPassword(t *testing.T) {
	t.Parallel()
	for name, prepare := range newPasswords {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				list := f.withBreaches(t, false)
				try := prepare(t, f)
				want := refused
				if name == "changePassword" {
					want = "BAD_USER_INPUT newPassword=COMPROMISED"
				}
				f.NewEvents(t)
				list.take()
				before := f.Store.Calls("InTx") + f.Store.Calls("ReserveAttempt")
				for range 3 {
					if got := authtest.Code(try(breached)); got != want {
						t.Errorf("got %q, want %q", got, want)
					}
				}
				begun := 0
				if name == "completeSignup, token" { // reads the address of the token
					begun = 3
				}
				if n := f.Store.Calls("InTx") + f.Store.Calls("ReserveAttempt") - before; n != begun {
					t.Errorf("%d transactions and attempts began, want %d", n, begun)
				}
				f.WantEvents(t)
				if diff := cmp.Diff([]string{breached, breached, breached}, list.take()); diff != "" {
					t.Errorf("the list was asked (-want +got):\n%s", diff)
				}
				// A password with another problem is not looked up.
				if got := authtest.Code(try("password1234567")); !strings.Contains(got, "TOO_COMMON") {
					t.Errorf("a common password: %q", got)
				}
				if asked := list.take(); asked != nil {
					t.Errorf("the list was asked about %q", asked)
				}
				if err := try(harmless); err != nil {
					t.Errorf("another password: %v", err)
				}
			})
		})
	}
}

// TestBreachesUncertain has a list that cannot tell. Then the password is accepted, or the setting requires the list and nothing is
// written.
func TestBreachesUncertain(t *testing.T) {
	t.Parallel()
	for name, prepare := range newPasswords {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				list := f.withBreaches(t, true)
				try := prepare(t, f)
				f.NewEvents(t)
				list.fail(errors.New("no answer"))
				if got := authtest.Code(try(breached)); got != uncertain {
					t.Errorf("with the list required: %q, want %q", got, uncertain)
				}
				f.WantEvents(t)
				f.parts = f.newParts(t, domain.Options{Policy: password.Policy{Breaches: list}})
				if err := try(breached); err != nil {
					t.Errorf("otherwise: %v", err)
				}
			})
		})
	}
}

// TestBreachedPasswordTellsNothing shows that the list is asked before anything is known about an account or a secret: the answers for
// a taken name and for a wrong token are those for a free name and for the right one.
func TestBreachedPasswordTellsNothing(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.signupEmail(t, "ada", adaAddress)
		m, flow := f.resetMail(t)
		f.withBreaches(t, false)
		wrongToken, wrongCode := uuid.NewString(), otherCode(m.Code, 1)
		for name, in := range map[string]signin.ResetPasswordInput{
			"right token": withToken(m, breached), "wrong token": {Token: &wrongToken, Password: breached},
			"right code": withCode(flow, m.Code, breached), "wrong code": withCode(flow, wrongCode, breached),
		} {
			if got := f.reset(t.Context(), in); got != refused {
				t.Errorf("%s: %q, want %q", name, got, refused)
			}
		}
		for _, username := range []string{"ada", "grace"} {
			if _, err := f.Signup(t.Context(), signin.SignupInput{Username: &username, Password: breached}); authtest.Code(err) != refused {
				t.Errorf("signup as %s: %v, want %s", username, err, refused)
			}
		}
	})
}

// TestLoginWithBreachedPassword signs in with a password that was published since it was set. The answer says so only for the right
// password. The sign-in goes on, also while the list cannot tell and is required.
func TestLoginWithBreachedPassword(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		list := f.withBreaches(t, true)
		ctx := f.As(t, ada.AccessToken)
		login := func() *signin.AuthPayload { return f.login(t, "ada") }
		reauthenticate := func() *signin.AuthPayload {
			p, err := f.Reauthenticate(ctx, signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		for name, verb := range map[string]func() *signin.AuthPayload{"login": login, "reauthenticate": reauthenticate} {
			list.listed, list.err = nil, nil
			if verb().PasswordCompromised {
				t.Errorf("%s: a password that is not listed is reported", name)
			}
			list.listed = []string{authtest.Password}
			if !verb().PasswordCompromised {
				t.Errorf("%s: a listed password is not reported", name)
			}
			list.fail(errors.New("no answer"))
			if verb().PasswordCompromised {
				t.Errorf("%s: a password is reported although the list cannot tell", name)
			}
		}
		list.fail(nil)
		list.take()
		if got := f.tryLogin(t.Context(), "ada", breached); got != wrong {
			t.Errorf("a wrong password: %q", got)
		}
		if got := f.tryLogin(t.Context(), "nobody", breached); got != wrong {
			t.Errorf("an unknown name: %q", got)
		}
		if asked := list.take(); asked != nil {
			t.Errorf("the list was asked about %q, which are not the right password", asked)
		}
		// The token endpoint of OAuth cannot report the result, so it does not ask.
		if _, err := f.sessions.Login(t.Context(), sessions.LoginInput{Identifier: "ada", Password: authtest.Password}); err != nil {
			t.Error(err)
		}
		if asked := list.take(); asked != nil {
			t.Errorf("the list was asked about %q for an edge that does not report the result", asked)
		}
		// A refresh uses no password.
		p, _ := f.refresh(t.Context(), *login().RefreshToken)
		if p.PasswordCompromised {
			t.Error("a refresh reports a password")
		}
	})
}

// TestBreachedForms looks a password up as it was typed and in its normal form. Lists have the bytes that people typed elsewhere.
func TestBreachedForms(t *testing.T) {
	t.Parallel()
	const typed, normal = "sieben gru\u0308ne\u00a0Brücken", "sieben grüne Brücken"
	eachDatabase(t, func(t *testing.T, f *fixture) {
		list := f.withBreaches(t, false)
		for _, listed := range []string{typed, normal} {
			list.listed = []string{listed}
			_, err := f.Signup(t.Context(), signin.SignupInput{Username: new("ada"), Password: typed})
			if got := authtest.Code(err); got != refused {
				t.Errorf("%q is listed: %q", listed, got)
			}
		}
		if diff := cmp.Diff([]string{typed, normal, typed, normal}, list.take()); diff != "" {
			t.Errorf("the list was asked (-want +got):\n%s", diff)
		}
	})
}
