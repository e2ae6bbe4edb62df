package auth_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
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
	"usher/internal/auth/authtest"
	"usher/internal/auth/recovery"
	"usher/internal/password"
)

// operation is a mutation of a signed-in user. It may change another user, or end another session of the caller.
type operation func(ctx context.Context, f *fixture, user, session uuid.UUID) (answer any, err error)

// callerOperations are the mutations with `@auth`. All of them write.
var callerOperations = map[string]operation{
	"logout": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		_, err := f.Logout(ctx)
		return nil, err
	},
	"revokeSession": func(ctx context.Context, f *fixture, _, session uuid.UUID) (any, error) {
		_, err := f.RevokeSession(ctx, signin.RevokeSessionInput{SessionID: session})
		return nil, err
	},
	"revokeOtherSessions": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.RevokeOtherSessions(ctx)
	},
	"reauthenticate": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		p, err := f.Reauthenticate(ctx, signin.ReauthenticateInput{Password: authtest.Password})
		if p != nil {
			p.AccessToken = "" // It differs each time.
		}
		return p, err
	},
	"changePassword": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.ChangePassword(ctx, accounts.ChangePasswordInput{
			CurrentPassword: authtest.Password, NewPassword: "five large purple whales", EndOtherSessions: true,
		})
	},
	"requestEmailVerification": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.RequestEmailVerification(ctx)
	},
	"sendPasswordReset": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		return f.SendPasswordReset(ctx, recovery.SendPasswordResetInput{UserID: user})
	},
	"requestEmailChange": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.RequestEmailChange(ctx, recovery.RequestEmailChangeInput{Email: "changed@example.com"})
	},
	"deleteMe": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		if err := f.Store.SetRoles(ctx, user, auth.Roles, f.Clock.Now()); err != nil { // the caller is not the last administrator
			return nil, err
		}
		return f.DeleteMe(ctx)
	},
	"cancelDeletion": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		me, err := f.Me(ctx)
		if err != nil {
			return nil, err
		}
		if err := f.Store.SetDeletion(ctx, me.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
			return nil, err
		}
		return f.CancelDeletion(ctx)
	},
	"requestDataExport": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.RequestDataExport(ctx)
	},
	"updateMe": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.UpdateMe(ctx, accounts.UpdateMeInput{FullName: new("Changed")})
	},
	"createUser": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.adminService.CreateUser(ctx, admin.CreateUserInput{Username: new("created"), Password: new(password.Plaintext(authtest.Password))})
	},
	"inviteUser": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.adminService.InviteUser(ctx, admin.InviteUserInput{Email: "invited@example.com"})
	},
	"retryMail": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		id, err := f.ensureFailedMail(ctx)
		if err != nil {
			return nil, err
		}
		return f.RetryMail(ctx, admin.RetryMailInput{ID: id})
	},
	"updateUser": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		return f.UpdateUser(ctx, admin.UpdateUserInput{UserID: user, FullName: new("Changed"), Roles: auth.Roles})
	},
	"disableUser": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		return f.DisableUser(ctx, admin.DisableUserInput{UserID: user})
	},
	"enableUser": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		if err := f.Store.SetDisabled(ctx, user, new(f.Clock.Now()), f.Clock.Now()); err != nil {
			return nil, err
		}
		return f.EnableUser(ctx, admin.EnableUserInput{UserID: user})
	},
	"revokeUserSessions": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		return f.RevokeUserSessions(ctx, admin.RevokeUserSessionsInput{UserID: user})
	},
	"deleteUser": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		return f.DeleteUser(ctx, admin.DeleteUserInput{UserID: user})
	},
	"createRole": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.adminService.CreateRole(ctx, admin.CreateRoleInput{Name: "MADE", Permissions: []auth.Permission{"orders:read"}})
	},
	"updateRole": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		if err := f.ensureSpareRole(ctx); err != nil {
			return nil, err
		}
		return f.UpdateRole(ctx, admin.UpdateRoleInput{Name: "SPARE", Description: new("Changed"), Permissions: []auth.Permission{"orders:read"}})
	},
	"deleteRole": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		if err := f.ensureSpareRole(ctx); err != nil {
			return nil, err
		}
		return f.adminService.DeleteRole(ctx, admin.DeleteRoleInput{Name: "SPARE"})
	},
}

// setEmails gives all users without an address one, past the domain.
func (f *fixture) setEmails(t *testing.T) {
	t.Helper()
	for _, u := range f.AllUsers(t) {
		if u.Email != nil {
			continue
		}
		address := *u.Username + "@example.com"
		if err := f.Store.SetEmail(t.Context(), u.ID, auth.Email{Address: &address, Key: &address}, u.UpdatedAt); err != nil {
			t.Fatal(err)
		}
	}
}

// ensureSpareRole creates the role SPARE past the domain, unless it exists.
func (f *fixture) ensureSpareRole(ctx context.Context) error {
	const name auth.Role = "SPARE"
	roles, err := f.Store.Roles(ctx)
	if err != nil || slices.ContainsFunc(roles, func(r auth.RoleDefinition) bool { return r.Name == name }) {
		return err
	}
	return f.Store.CreateRole(ctx, &auth.RoleDefinition{Name: name, CreatedAt: f.Clock.Now(), UpdatedAt: f.Clock.Now()})
}

// failedMail is the id of the mail that ensureFailedMail makes.
var failedMail = uuid.MustParse("01940000-0000-7000-8000-00000000fa11")

// ensureFailedMail makes a mail that could not be sent past the domain, and returns its id.
func (f *fixture) ensureFailedMail(ctx context.Context) (uuid.UUID, error) {
	id := failedMail
	found, err := f.Store.Mails(ctx, auth.MailQuery{ID: &id, Page: auth.Page[uuid.UUID]{Limit: 1}})
	if err != nil || len(found) == 1 && found[0].State == auth.MailFailed {
		return id, err
	}
	if len(found) == 1 {
		before := found[0].State
		found[0].State = auth.MailFailed
		_, err := f.Store.UpdateMail(ctx, &found[0], before, found[0].Attempts)
		return id, err
	}
	now := f.Clock.Now()
	return id, f.Store.AddMail(ctx, &auth.MailMessage{
		ID: id, Kind: auth.MailSignUp, State: auth.MailFailed, Content: []byte("sealed"), NextAttemptAt: now, CreatedAt: now,
		ExpiresAt: now.AddDate(1, 0, 0),
	})
}

// callerMutations returns the mutations with `@auth` in the schema, and whether they require an administrator.
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
			if callerOperations[field.Name] == nil {
				t.Fatalf("%s writes for a caller: add it to callerOperations", field.Name)
			}
			requires := guard.Arguments.ForName("requires")
			found[field.Name] = requires != nil && strings.Contains(requires.Value.String(), "ADMIN")
		}
	}
	if len(found) == 0 {
		t.Fatal("no mutation has a guard")
	}
	return found
}

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
