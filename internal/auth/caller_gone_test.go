package auth_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/factors"
	"usher/internal/auth/identities"
)

// TestCallerGone revokes the caller of every mutation between the guard and the transaction. The mutation gets the error
// of the guard, and nothing is written.
func TestCallerGone(t *testing.T) {
	t.Parallel()
	type testCase struct {
		name, want string
		end        func(ctx context.Context, f *fixture, p *signin.AuthPayload) error
		admins     bool // refused only where the role ADMIN is required
	}
	cases := []testCase{
		{"signed out", ended, func(ctx context.Context, f *fixture, p *signin.AuthPayload) error {
			_, err := f.Store.EndSession(ctx, p.Session.ID, f.Clock.Now())
			return err
		}, false},
		{"disabled", "UNAUTHENTICATED ACCOUNT_DISABLED", func(ctx context.Context, f *fixture, p *signin.AuthPayload) error {
			return f.Store.SetDisabled(ctx, p.User.ID, new(f.Clock.Now()), f.Clock.Now())
		}, false},
		{"deleted", ended, func(ctx context.Context, f *fixture, p *signin.AuthPayload) error {
			return f.Store.DeleteUser(ctx, p.User.ID)
		}, false},
		{"idle", ended, func(_ context.Context, f *fixture, _ *signin.AuthPayload) error {
			f.Clock.Advance(7 * 24 * time.Hour)
			return nil
		}, false},
		{"too old", ended, func(_ context.Context, f *fixture, _ *signin.AuthPayload) error {
			f.Clock.Advance(30 * 24 * time.Hour)
			return nil
		}, false},
		{"demoted", "FORBIDDEN", func(ctx context.Context, f *fixture, p *signin.AuthPayload) error {
			return f.Store.SetRoles(ctx, p.User.ID, []auth.Role{auth.RoleUser}, f.Clock.Now())
		}, true},
	}
	mutations := callerMutations(t)
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.admin(t, "root")
		f.signup(t, "bystander")
		n := 0
		for name, forAdmins := range mutations {
			do := callerOperations[name]
			for _, c := range cases {
				if c.admins && !forAdmins {
					continue
				}
				n++
				caller := f.admin(t, fmt.Sprint("caller", n))
				other := f.login(t, *caller.User.Username)
				victim := f.signup(t, fmt.Sprint("victim", n))
				f.setEmails(t)
				var before state
				f.Store.Before("InTx", func(ctx context.Context) error {
					f.Store.Before("InTx", nil)
					if err := c.end(ctx, f, caller); err != nil {
						t.Fatal(err)
					}
					before = f.state(t)
					f.NewEvents(t)
					return nil
				})
				answer, err := do(f.As(t, caller.AccessToken), f, victim.User.ID, other.Session.ID)
				if got := authtest.Code(err); got != c.want {
					t.Errorf("%s by a caller %s: %q, want %q", name, c.name, got, c.want)
				}
				if err == nil {
					t.Errorf("%s by a caller %s: %+v", name, c.name, answer)
				}
				if diff := cmp.Diff(before, f.state(t)); diff != "" {
					t.Errorf("%s by a caller %s has written (-before +after):\n%s", name, c.name, diff)
				}
				f.WantEvents(t)
				// Otherwise each case would read the users and sessions of all cases before it.
				for _, u := range []uuid.UUID{caller.User.ID, victim.User.ID} {
					if err := f.Store.DeleteUser(t.Context(), u); err != nil && !errors.Is(err, auth.ErrNotFound) {
						t.Fatal(err)
					}
				}
			}
		}
	})
}

// TestCallerGoneInQueue has mutations pass the guard and wait for a lock, on administration or on the session. The holder
// of the lock ends the session of the caller.
func TestCallerGoneInQueue(t *testing.T) {
	t.Parallel()
	mutations := callerMutations(t)
	eachDatabaseWithSQL(t, func(t *testing.T, f *fixture, db *sql.DB) {
		if err := f.ensureSpareRole(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := f.ensureFailedMail(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, forAdmins := range mutations {
			caller := f.admin(t, "caller-"+strings.ToLower(name))
			other := f.login(t, *caller.User.Username)
			victim := f.signup(t, "victim-"+strings.ToLower(name))
			f.setEmails(t)
			if err := f.ensureFactor(f.As(t, caller.AccessToken)); err != nil {
				t.Fatal(err)
			}
			if _, err := f.ensurePasskey(f.As(t, caller.AccessToken)); err != nil {
				t.Fatal(err)
			}
			if _, err := f.ensureIdentityCode(f.As(t, caller.AccessToken)); err != nil {
				t.Fatal(err)
			}
			ctx := f.As(t, caller.AccessToken)
			if _, err := f.Me(ctx); err != nil { // passes the guard
				t.Fatal(err)
			}
			before := f.AllUsers(t)
			answer := make(chan error, 1)
			begins := make(chan struct{})
			err := f.Store.Store.InTx(t.Context(), func(tctx context.Context, tx auth.Store) error {
				if forAdmins {
					if err := tx.LockAdministration(tctx); err != nil {
						return err
					}
				}
				if ok, err := tx.EndSession(tctx, caller.Session.ID, f.Clock.Now()); !ok || err != nil {
					return fmt.Errorf("EndSession: %v, %w", ok, err)
				}
				// SQLite has one writer, so mutations that check a password wait when they reserve their attempt.
				once := sync.OnceFunc(func() { close(begins) })
				begin := func(context.Context) error { once(); return nil }
				f.Store.Before("InTx", begin)
				f.Store.Before("ReserveAttempt", begin)
				go func() {
					do := callerOperations[name]
					switch name { // without the writes that come first
					case "enableUser":
						do = func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
							return f.EnableUser(ctx, admin.EnableUserInput{UserID: user})
						}
					case "renamePasskey":
						do = func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
							return f.Domain.Factors.RenamePasskey(ctx, factors.RenamePasskeyInput{ID: user, Name: "Changed"})
						}
					case "removePasskey":
						do = func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
							return f.Domain.Factors.RemovePasskey(ctx, factors.RemovePasskeyInput{ID: user})
						}
					case "linkIdentity":
						do = func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
							return f.linkIdentity(ctx, identityCode(caller.User.ID))
						}
					case "unlinkIdentity":
						do = func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
							_, err := f.Domain.Identities.UnlinkIdentity(ctx, identities.UnlinkIdentityInput{ID: user})
							return nil, err
						}
					case "deleteMe":
						do = func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) { return f.DeleteMe(ctx) }
					case "cancelDeletion":
						do = func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) { return f.CancelDeletion(ctx) }
					}
					_, err := do(ctx, f, victim.User.ID, other.Session.ID)
					answer <- err
				}()
				<-begins
				return untilWaiting(tctx, db)
			})
			if err != nil {
				t.Fatal(err)
			}
			got := authtest.Code(<-answer)
			f.Store.Before("InTx", nil)
			f.Store.Before("ReserveAttempt", nil)
			if got != ended {
				t.Errorf("%s: %q, want %q", name, got, ended)
			}
			if diff := cmp.Diff(before, f.AllUsers(t)); diff != "" {
				t.Errorf("%s changed users (-before +after):\n%s", name, diff)
			}
			if err := f.Authorize(f.As(t, victim.AccessToken), forUser, nil); err != nil {
				t.Errorf("%s: the session of the victim: %v", name, err)
			}
			if err := f.Authorize(f.As(t, other.AccessToken), forUser, nil); err != nil {
				t.Errorf("%s: another session of the caller: %v", name, err)
			}
		}
	})
}

// untilWaiting returns when a statement waits for a lock of PostgreSQL. In SQLite, which has one writer, a transaction
// waits before it begins.
func untilWaiting(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if _, err := db.ExecContext(ctx, `SELECT pg_backend_pid()`); err != nil {
		return nil // SQLite
	}
	for waiting := 0; waiting == 0; {
		const query = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
		if err := db.QueryRowContext(ctx, query).Scan(&waiting); err != nil {
			return err
		}
	}
	return nil
}

// TestRevokeOtherSessionsTogether has all sessions of a user end all others at once. Their transactions could deadlock.
func TestRevokeOtherSessionsTogether(t *testing.T) {
	t.Parallel()
	eachDatabaseWithSQL(t, func(t *testing.T, f *fixture, _ *sql.DB) {
		for round, n := range []int{2, 2, 2, 2, 8, 50} {
			name := fmt.Sprint("ada", round)
			f.signup(t, name)
			requests := make([]context.Context, n)
			for i := range requests {
				f.Clock.Advance(time.Microsecond) // so that the order of the sessions is certain
				requests[i] = f.As(t, f.login(t, name).AccessToken)
				if _, err := f.Me(requests[i]); err != nil {
					t.Fatal(err)
				}
			}
			answers := make([]string, n)
			var wg sync.WaitGroup
			for i, ctx := range requests {
				wg.Go(func() {
					_, err := f.RevokeOtherSessions(ctx)
					answers[i] = authtest.Code(err)
				})
			}
			wg.Wait()
			counts := map[string]int{}
			for _, a := range answers {
				counts[a]++
			}
			if diff := cmp.Diff(map[string]int{"": 1, ended: n - 1}, counts); diff != "" {
				t.Errorf("round %d (-want +got):\n%s", round, diff)
			}
		}
	})
}
