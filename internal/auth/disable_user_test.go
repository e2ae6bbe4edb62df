package auth_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/admin"
)

// TestDisableUser shuts an account and opens it again, as an administrator and as the operator.
func TestDisableUser(t *testing.T) {
	t.Parallel()
	const shutAccount = "UNAUTHENTICATED ACCOUNT_DISABLED"
	each(t, func(t *testing.T, w *world) {
		root := w.admin(t, "root")
		id := w.signup(t, "ada").User.ID
		eve := w.signup(t, "eve")
		stored := func() *auth.User {
			t.Helper()
			user, err := w.store.User(t.Context(), id)
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
					p, err := w.DisableUser(w.as(t, root.AccessToken), admin.DisableUserInput{UserID: id})
					if err != nil {
						return nil, err
					}
					return p.User, nil
				},
				func() (*auth.User, error) {
					p, err := w.EnableUser(w.as(t, root.AccessToken), admin.EnableUserInput{UserID: id})
					if err != nil {
						return nil, err
					}
					return p.User, nil
				},
			},
			" by the operator of ada": {
				func() (*auth.User, error) { return stored(), w.SetDisabled(t.Context(), id, true) },
				func() (*auth.User, error) { return stored(), w.SetDisabled(t.Context(), id, false) },
			},
		}
		for who, way := range ways {
			t.Run(who, func(t *testing.T) {
				sessions := []*signin.AuthPayload{w.login(t, "ada"), w.login(t, "ada")}
				w.newEvents(t)
				check := func(at *time.Time, user *auth.User) {
					t.Helper()
					if diff := cmp.Diff(at, stored().DisabledAt); diff != "" {
						t.Errorf("disabled at (-want +got):\n%s", diff)
					}
					if who == " by root of ada in a session" { // the operator gets no answer
						if diff := cmp.Diff(stored(), user); diff != "" {
							t.Errorf("the user of the answer (-stored +got):\n%s", diff)
						}
					}
				}
				expect := func(next, login string) {
					t.Helper()
					for _, p := range sessions {
						if got := kind(w.Authorize(w.as(t, p.AccessToken), forUser, nil)); got != next {
							t.Errorf("the next request: %q, want %q", got, next)
						}
						if _, got := w.refresh(t.Context(), *p.RefreshToken); got != next {
							t.Errorf("refresh: %q, want %q", got, next)
						}
					}
					w.newEvents(t)
					if got := w.tryLogin(t.Context(), "ada", goodPassword); got != login {
						t.Errorf("log-in: %q, want %q", got, login)
					}
					if login != "" {
						w.wantEvents(t, "LOGIN_FAILED of ada")
					}
				}

				w.clock.Advance(time.Second)
				at := w.clock.Now()
				user, err := way.disable()
				if err != nil {
					t.Fatal(err)
				}
				check(&at, user)
				w.wantEvents(t, "USER_DISABLED"+who)
				expect(shutAccount, shutAccount)

				w.clock.Advance(time.Second)
				if user, err = way.disable(); err != nil { // again
					t.Fatal(err)
				}
				check(&at, user)
				w.wantEvents(t)

				w.clock.Advance(time.Second)
				if user, err = way.enable(); err != nil {
					t.Fatal(err)
				}
				check(nil, user)
				w.wantEvents(t, "USER_ENABLED"+who)
				expect(ended, "")
				w.newEvents(t)

				if user, err = way.enable(); err != nil { // again
					t.Fatal(err)
				}
				check(nil, user)
				w.wantEvents(t)
			})
		}
		if err := w.Authorize(w.as(t, eve.AccessToken), forUser, nil); err != nil {
			t.Errorf("the session of somebody else: %v", err)
		}
	})
}

// TestDisableRace signs in while the account is being shut: no session is left over.
func TestDisableRace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		root := w.admin(t, "root")
		id := w.signup(t, "ada").User.ID
		for range 5 {
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if got := w.tryLogin(t.Context(), "ada", goodPassword); got != "" && got != "UNAUTHENTICATED ACCOUNT_DISABLED" {
						t.Errorf("log-in: %q", got)
					}
				})
			}
			wg.Go(func() {
				if err := shut(w.as(t, root.AccessToken), w, id); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			left, err := w.store.Sessions(t.Context(), id, w.clock.Now(), time.Time{}, nil, 100)
			if err != nil || len(left) != 0 {
				t.Fatalf("%d sessions live on, %v", len(left), err)
			}
			if err := open(w.as(t, root.AccessToken), w, id); err != nil {
				t.Fatal(err)
			}
		}
	})
}
