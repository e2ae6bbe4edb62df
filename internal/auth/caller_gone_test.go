package auth_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
)

// act is what a signed-in user does: to a user, who may be somebody else, and a session of their own.
type act func(ctx context.Context, w *world, user, session uuid.UUID) (answer any, err error)

// callerActs are the mutations that need somebody to be signed in. All of them write.
var callerActs = map[string]act{
	"logout": func(ctx context.Context, w *world, _, _ uuid.UUID) (any, error) {
		_, err := w.Logout(ctx)
		return nil, err
	},
	"revokeSession": func(ctx context.Context, w *world, _, session uuid.UUID) (any, error) {
		_, err := w.RevokeSession(ctx, signin.RevokeSessionInput{SessionID: session})
		return nil, err
	},
	"revokeOtherSessions": func(ctx context.Context, w *world, _, _ uuid.UUID) (any, error) {
		return w.RevokeOtherSessions(ctx)
	},
	"reauthenticate": func(ctx context.Context, w *world, _, _ uuid.UUID) (any, error) {
		p, err := w.Reauthenticate(ctx, signin.ReauthenticateInput{Password: goodPassword})
		if p != nil {
			p.AccessToken = "" // It differs each time.
		}
		return p, err
	},
	"updateMe": func(ctx context.Context, w *world, _, _ uuid.UUID) (any, error) {
		return w.UpdateMe(ctx, accounts.UpdateMeInput{FullName: new("Changed")})
	},
	"updateUser": func(ctx context.Context, w *world, user, _ uuid.UUID) (any, error) {
		return w.UpdateUser(ctx, admin.UpdateUserInput{UserID: user, FullName: new("Changed"), Roles: auth.Roles})
	},
	"disableUser": func(ctx context.Context, w *world, user, _ uuid.UUID) (any, error) {
		return w.DisableUser(ctx, admin.DisableUserInput{UserID: user})
	},
	"enableUser": func(ctx context.Context, w *world, user, _ uuid.UUID) (any, error) {
		if err := w.store.SetDisabled(ctx, user, new(w.clock.Now()), w.clock.Now()); err != nil {
			return nil, err
		}
		return w.EnableUser(ctx, admin.EnableUserInput{UserID: user})
	},
	"revokeUserSessions": func(ctx context.Context, w *world, user, _ uuid.UUID) (any, error) {
		return w.RevokeUserSessions(ctx, admin.RevokeUserSessionsInput{UserID: user})
	},
	"deleteUser": func(ctx context.Context, w *world, user, _ uuid.UUID) (any, error) {
		return w.DeleteUser(ctx, admin.DeleteUserInput{UserID: user})
	},
}

// callerMutations are the mutations of the schema that need somebody to be signed in, and whether it has to be
// an administrator.
func callerMutations(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, field := range schema.Mutation.Fields {
		if guard := field.Directives.ForName("auth"); guard != nil {
			requires := guard.Arguments.ForName("requires")
			found[field.Name] = requires != nil && strings.Contains(requires.Value.String(), "ADMIN")
		}
	}
	if len(found) == 0 {
		t.Fatal("no mutation has a guard")
	}
	return found
}

// TestCallerGone takes callers away between the guard, which has let them pass, and the transaction that writes
// for them, for every mutation that does: it is refused as the guard would have refused it, and nothing is
// written.
func TestCallerGone(t *testing.T) {
	t.Parallel()
	type fate struct {
		name, want string
		end        func(ctx context.Context, w *world, p *signin.AuthPayload) error
		admins     bool // only those who need the role ADMIN are refused
	}
	fates := []fate{
		{"signed out", ended, func(ctx context.Context, w *world, p *signin.AuthPayload) error {
			_, err := w.store.EndSession(ctx, p.Session.ID, w.clock.Now())
			return err
		}, false},
		{"disabled", "UNAUTHENTICATED ACCOUNT_DISABLED", func(ctx context.Context, w *world, p *signin.AuthPayload) error {
			return w.store.SetDisabled(ctx, p.User.ID, new(w.clock.Now()), w.clock.Now())
		}, false},
		{"deleted", ended, func(ctx context.Context, w *world, p *signin.AuthPayload) error {
			return w.store.DeleteUser(ctx, p.User.ID)
		}, false},
		{"idle", ended, func(_ context.Context, w *world, _ *signin.AuthPayload) error {
			w.clock.Advance(7 * 24 * time.Hour)
			return nil
		}, false},
		{"too old", ended, func(_ context.Context, w *world, _ *signin.AuthPayload) error {
			w.clock.Advance(30 * 24 * time.Hour)
			return nil
		}, false},
		{"demoted", "FORBIDDEN", func(ctx context.Context, w *world, p *signin.AuthPayload) error {
			return w.store.SetRoles(ctx, p.User.ID, []auth.Role{auth.RoleUser}, w.clock.Now())
		}, true},
	}
	mutations := callerMutations(t)
	each(t, func(t *testing.T, w *world) {
		n := 0
		for name, forAdmins := range mutations {
			do, ok := callerActs[name]
			if !ok {
				t.Errorf("%s writes for a caller and is not tested here", name)
				continue
			}
			for _, f := range fates {
				if f.admins && !forAdmins {
					continue
				}
				n++
				caller := w.admin(t, fmt.Sprint("caller", n))
				other := w.login(t, *caller.User.Username)
				victim := w.signup(t, fmt.Sprint("victim", n))
				var before state
				w.store.Before("InTx", func(ctx context.Context) error {
					w.store.Before("InTx", nil)
					if err := f.end(ctx, w, caller); err != nil {
						t.Fatal(err)
					}
					before = w.state(t)
					w.newEvents(t)
					return nil
				})
				answer, err := do(w.as(t, caller.AccessToken), w, victim.User.ID, other.Session.ID)
				if got := kind(err); got != f.want {
					t.Errorf("%s by somebody %s: %q, want %q", name, f.name, got, f.want)
				}
				if err == nil {
					t.Errorf("%s by somebody %s: %+v", name, f.name, answer)
				}
				if diff := cmp.Diff(before, w.state(t)); diff != "" {
					t.Errorf("%s by somebody %s has written (-before +after):\n%s", name, f.name, diff)
				}
				w.wantEvents(t)
			}
		}
	})
}

// TestCallerGoneInQueue has mutations pass the guard and wait, for the lock on administration or on the
// session, while what they wait for ends the session of their caller.
func TestCallerGoneInQueue(t *testing.T) {
	t.Parallel()
	mutations := callerMutations(t)
	eachWithDB(t, func(t *testing.T, w *world, db *sql.DB) {
		for name, forAdmins := range mutations {
			caller := w.admin(t, "caller-"+strings.ToLower(name))
			other := w.login(t, *caller.User.Username)
			victim := w.signup(t, "victim-"+strings.ToLower(name))
			ctx := w.as(t, caller.AccessToken)
			if _, err := w.Me(ctx); err != nil { // The guard lets the request pass.
				t.Fatal(err)
			}
			before := w.users(t)
			answer := make(chan error, 1)
			begins := make(chan struct{})
			err := w.store.Store.InTx(t.Context(), func(tctx context.Context, tx auth.Store) error {
				if forAdmins {
					if err := tx.LockAdministration(tctx); err != nil {
						return err
					}
				}
				if ok, err := tx.EndSession(tctx, caller.Session.ID, w.clock.Now()); !ok || err != nil {
					return fmt.Errorf("EndSession: %v, %w", ok, err)
				}
				// SQLite lets nobody write meanwhile, and so reauthenticate waits where it reserves its attempt.
				once := sync.OnceFunc(func() { close(begins) })
				begin := func(context.Context) error { once(); return nil }
				w.store.Before("InTx", begin)
				w.store.Before("ReserveAttempt", begin)
				go func() {
					do := callerActs[name]
					if name == "enableUser" {
						do = func(ctx context.Context, w *world, user, _ uuid.UUID) (any, error) {
							return w.EnableUser(ctx, admin.EnableUserInput{UserID: user})
						}
					}
					_, err := do(ctx, w, victim.User.ID, other.Session.ID)
					answer <- err
				}()
				<-begins
				return untilWaiting(tctx, db)
			})
			if err != nil {
				t.Fatal(err)
			}
			got := kind(<-answer)
			w.store.Before("InTx", nil)
			w.store.Before("ReserveAttempt", nil)
			if got != ended {
				t.Errorf("%s: %q, want %q", name, got, ended)
			}
			if diff := cmp.Diff(before, w.users(t)); diff != "" {
				t.Errorf("%s changed users (-before +after):\n%s", name, diff)
			}
			if err := w.Authorize(w.as(t, victim.AccessToken), forUser, nil); err != nil {
				t.Errorf("%s: the session of the victim: %v", name, err)
			}
			if err := w.Authorize(w.as(t, other.AccessToken), forUser, nil); err != nil {
				t.Errorf("%s: another session of the caller: %v", name, err)
			}
		}
	})
}

// untilWaiting returns when a statement waits for a lock of PostgreSQL. SQLite has one writer: there a
// transaction waits before it begins.
func untilWaiting(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if _, err := db.ExecContext(ctx, `SELECT pg_backend_pid()`); err != nil {
		return nil // It is SQLite.
	}
	for waiting := 0; waiting == 0; {
		const query = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
		if err := db.QueryRowContext(ctx, query).Scan(&waiting); err != nil {
			return err
		}
	}
	return nil
}

// TestRevokeOtherSessionsTogether has all sessions of a user end all others at once, which are transactions
// that wait for one another in a ring.
func TestRevokeOtherSessionsTogether(t *testing.T) {
	t.Parallel()
	eachWithDB(t, func(t *testing.T, w *world, _ *sql.DB) {
		for round, n := range []int{2, 2, 2, 2, 8, 50} {
			name := fmt.Sprint("ada", round)
			w.signup(t, name)
			requests := make([]context.Context, n)
			for i := range requests {
				w.clock.Advance(time.Microsecond) // or the order of the sessions would be that of their random bits
				requests[i] = w.as(t, w.login(t, name).AccessToken)
				if _, err := w.Me(requests[i]); err != nil {
					t.Fatal(err)
				}
			}
			answers := make([]string, n)
			var wg sync.WaitGroup
			for i, ctx := range requests {
				wg.Go(func() {
					_, err := w.RevokeOtherSessions(ctx)
					answers[i] = kind(err)
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
