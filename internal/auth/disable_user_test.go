package auth_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
)

// TestDisableUser disables an account and enables it again, as an administrator and as the operator.
func TestDisableUser(t *testing.T) {
	t.Parallel()
	const shutAccount = "UNAUTHENTICATED ACCOUNT_DISABLED"
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		id := f.signup(t, "ada").User.ID
		eve := f.signup(t, "eve")
		stored := func() *auth.User {
			t.Helper()
			user, err := f.Store.User(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return user
		}
		ways := map[string]struct {
			disable, enable func() (*auth.User, error)
		}{
			" by root of ada in a session": {
				func() (*auth.User, error) {
					p, err := f.DisableUser(f.As(t, root.AccessToken), admin.DisableUserInput{UserID: id})
					if err != nil {
						return nil, err
					}
					return p.User, nil
				},
				func() (*auth.User, error) {
					p, err := f.EnableUser(f.As(t, root.AccessToken), admin.EnableUserInput{UserID: id})
					if err != nil {
						return nil, err
					}
					return p.User, nil
				},
			},
			" by the operator of ada": {
				func() (*auth.User, error) { return stored(), f.SetDisabled(t.Context(), id, true) },
				func() (*auth.User, error) { return stored(), f.SetDisabled(t.Context(), id, false) },
			},
		}
		for who, way := range ways {
			t.Run(who, func(t *testing.T) {
				sessions := []*signin.AuthPayload{f.login(t, "ada"), f.login(t, "ada")}
				f.NewEvents(t)
				check := func(at *time.Time, user *auth.User) {
					t.Helper()
					if diff := cmp.Diff(at, stored().DisabledAt); diff != "" {
						t.Errorf("disabled at (-want +got):\n%s", diff)
					}
					if who == " by root of ada in a session" { // the operator gets no user back
						if diff := cmp.Diff(stored(), user); diff != "" {
							t.Errorf("the user of the answer (-stored +got):\n%s", diff)
						}
					}
				}
				expect := func(next, login string) {
					t.Helper()
					for _, p := range sessions {
						if got := authtest.Code(f.Authorize(f.As(t, p.AccessToken), forUser, nil)); got != next {
							t.Errorf("the next request: %q, want %q", got, next)
						}
						if _, got := f.refresh(t.Context(), *p.RefreshToken); got != next {
							t.Errorf("refresh: %q, want %q", got, next)
						}
					}
					f.NewEvents(t)
					if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != login {
						t.Errorf("log-in: %q, want %q", got, login)
					}
					if login != "" {
						f.WantEvents(t, "LOGIN_FAILED of ada")
					}
				}

				f.Clock.Advance(time.Second)
				at := f.Clock.Now()
				user, err := way.disable()
				if err != nil {
					t.Fatal(err)
				}
				check(&at, user)
				f.WantEvents(t, "USER_DISABLED"+who)
				expect(shutAccount, shutAccount)

				f.Clock.Advance(time.Second)
				if user, err = way.disable(); err != nil { // again
					t.Fatal(err)
				}
				check(&at, user)
				f.WantEvents(t)

				f.Clock.Advance(time.Second)
				if user, err = way.enable(); err != nil {
					t.Fatal(err)
				}
				check(nil, user)
				f.WantEvents(t, "USER_ENABLED"+who)
				expect(ended, "")
				f.NewEvents(t)

				if user, err = way.enable(); err != nil { // again
					t.Fatal(err)
				}
				check(nil, user)
				f.WantEvents(t)
			})
		}
		if err := f.Authorize(f.As(t, eve.AccessToken), forUser, nil); err != nil {
			t.Errorf("the session of another user: %v", err)
		}
	})
}

// TestDisableRace signs in while the account is disabled. No session remains.
func TestDisableRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		id := f.signup(t, "ada").User.ID
		for range 5 {
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != "" && got != "UNAUTHENTICATED ACCOUNT_DISABLED" {
						t.Errorf("log-in: %q", got)
					}
				})
			}
			wg.Go(func() {
				if err := disableUser(f.As(t, root.AccessToken), f, id); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			left, err := f.Store.Sessions(t.Context(), id, f.Clock.Now(), time.Time{}, auth.Page[auth.SessionPosition]{Limit: 100})
			if err != nil || len(left) != 0 {
				t.Fatalf("%d sessions live on, %v", len(left), err)
			}
			if err := enableUser(f.As(t, root.AccessToken), f, id); err != nil {
				t.Fatal(err)
			}
		}
	})
}
