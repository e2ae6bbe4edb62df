package auth_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/password"
	"usher/internal/storetest"
)

// stored is everything that a refused check of a password leaves as it was.
type stored struct {
	state
	secrets  map[uuid.UUID]string
	attempts int
}

func (f *fixture) stored(t *testing.T, user uuid.UUID) stored {
	t.Helper()
	s := stored{state: f.state(t), secrets: map[uuid.UUID]string{}}
	for _, u := range s.Users {
		_, c, err := f.Store.PasswordOf(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		if c != nil {
			s.secrets[u.ID] = c.Secret
		}
	}
	for _, kind := range []string{"login:", "reauthenticate:"} {
		a, err := f.Store.Attempts(t.Context(), auth.AttemptCounter{Key: kind + user.String(), UserID: &user})
		if err != nil {
			t.Fatal(err)
		}
		s.attempts += a.Count
	}
	return s
}

// rehash stores another hash of the user's password.
func (f *fixture) rehash(t *testing.T, user uuid.UUID, hash string) {
	t.Helper()
	_, c, err := f.Store.PasswordOf(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := f.Store.RehashPassword(t.Context(), user, c.Secret, hash, f.Clock.Now()); err != nil || !ok {
		t.Fatal(ok, err)
	}
}

// TestCredentialsChangedDuringCheck changes an account while its right password is being checked: after the password was
// read, and after it was verified. The check has the result that it would have after the change, and a refused one
// changes nothing. Its attempt stays counted.
func TestCredentialsChangedDuringCheck(t *testing.T) {
	t.Parallel()
	const shutAccount, nextPassword = "UNAUTHENTICATED ACCOUNT_DISABLED", "six tiny yellow ostriches"
	var hashes [2]string // of the password, as another system stores it. The next sign-in replaces it.
	for i := range hashes {
		hash, err := bcrypt.GenerateFromPassword([]byte(authtest.Password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		hashes[i] = string(hash)
	}
	type change func(t *testing.T, f *fixture, u *auth.User)
	type check func(f *fixture, u *auth.User, session context.Context) string
	setDisabled := func(t *testing.T, f *fixture, u *auth.User) {
		t.Helper()
		if err := f.Store.SetDisabled(t.Context(), u.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	deletePassword := func(t *testing.T, f *fixture, u *auth.User) {
		t.Helper()
		if err := f.Store.DeletePassword(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
	}
	changes := map[string]struct {
		happens          change
		login, inSession string
	}{
		"nothing": {func(*testing.T, *fixture, *auth.User) {}, "", ""},
		"changed": {func(t *testing.T, f *fixture, u *auth.User) {
			other := f.login(t, *u.Username)
			if _, err := f.ChangePassword(f.As(t, other.AccessToken), accounts.ChangePasswordInput{
				CurrentPassword: authtest.Password, NewPassword: otherPassword,
			}); err != nil {
				t.Fatal(err)
			}
		}, wrong, wrong},
		"changed and changed back": {func(t *testing.T, f *fixture, u *auth.User) {
			_, c, err := f.Store.PasswordOf(t.Context(), u.ID)
			if err != nil {
				t.Fatal(err)
			}
			deletePassword(t, f, u)
			if err := f.Store.SetPassword(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}, wrong, wrong},
		"set by the operator": {func(t *testing.T, f *fixture, u *auth.User) {
			if err := f.SetPassword(t.Context(), u, otherPassword); err != nil {
				t.Fatal(err)
			}
		}, wrong, ended},
		"deleted":  {deletePassword, wrong, wrong},
		"rehashed": {func(t *testing.T, f *fixture, u *auth.User) { f.rehash(t, u.ID, hashes[1]) }, "", ""},
		"disabled": {setDisabled, shutAccount, shutAccount},
		"disabled and deleted": {func(t *testing.T, f *fixture, u *auth.User) {
			setDisabled(t, f, u)
			deletePassword(t, f, u)
		}, wrong, shutAccount},
		"account deleted": {func(t *testing.T, f *fixture, u *auth.User) {
			if err := f.Store.DeleteUser(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}, wrong, ended},
	}
	checks := map[string]check{
		"login": func(f *fixture, u *auth.User, _ context.Context) string {
			return f.tryLogin(t.Context(), *u.Username, authtest.Password)
		},
		"reauthenticate": func(f *fixture, _ *auth.User, session context.Context) string {
			return f.tryReauthenticate(session, authtest.Password)
		},
		"changePassword": func(f *fixture, _ *auth.User, session context.Context) string {
			return f.changePassword(session, authtest.Password, nextPassword)
		},
	}
	moments := map[string]func(f *fixture, hook storetest.Hook){
		"read":     func(f *fixture, hook storetest.Hook) { f.Store.After("ReserveAttempt", hook) },
		"verified": func(f *fixture, hook storetest.Hook) { f.Store.Before("InTx", hook) },
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		// The change may need a hashing slot while the check has one.
		f.parts = f.newParts(t, domain.Options{Passwords: password.New(password.Options{CheapForTests: true, Parallel: 20})})
		run := func(t *testing.T, username, hash string, happens change, at func(*fixture, storetest.Hook), check check, want string) {
			p := f.signup(t, username)
			if hash != "" {
				f.rehash(t, p.User.ID, hash)
			}
			session := f.As(t, p.AccessToken)
			if _, err := f.Me(session); err != nil {
				t.Fatal(err)
			}
			var changed stored
			at(f, func(context.Context) error {
				at(f, nil)
				happens(t, f, p.User)
				changed = f.stored(t, p.User.ID)
				f.NewEvents(t)
				return nil
			})
			if got := check(f, p.User, session); got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if changed.Users == nil {
				t.Fatal("the check was over before the change")
			}
			if want == "" {
				return
			}
			f.WantEvents(t)
			got := f.stored(t, p.User.ID)
			if hash != "" && changed.secrets[p.User.ID] == hash { // A new hash of the same password is no change.
				changed.secrets[p.User.ID] = got.secrets[p.User.ID]
			}
			if diff := cmp.Diff(changed, got, cmp.AllowUnexported(stored{}, state{})); diff != "" {
				t.Errorf("a refused check has changed something (-before +after):\n%s", diff)
			}
		}
		users := 0
		for what, c := range changes {
			for moment, at := range moments {
				for operation, check := range checks {
					for kind, hash := range map[string]string{"own": "", "foreign": hashes[0]} {
						want := c.inSession
						if operation == "login" {
							want = c.login
						}
						t.Run(fmt.Sprintf("%s, %s hash, %s, %s", operation, kind, moment, what), func(t *testing.T) {
							users++
							run(t, fmt.Sprint("ada", users), hash, c.happens, at, check, want)
						})
					}
				}
			}
		}
	})
}
