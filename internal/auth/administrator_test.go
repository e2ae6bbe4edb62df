package auth_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
)

// verb is a change to a user.
type verb func(ctx context.Context, f *fixture, id uuid.UUID) error

func demote(ctx context.Context, f *fixture, id uuid.UUID) error {
	_, err := f.UpdateUser(ctx, admin.UpdateUserInput{UserID: id, Roles: []auth.Role{}})
	return err
}

func disableUser(ctx context.Context, f *fixture, id uuid.UUID) error {
	_, err := f.DisableUser(ctx, admin.DisableUserInput{UserID: id})
	return err
}

func enableUser(ctx context.Context, f *fixture, id uuid.UUID) error {
	_, err := f.EnableUser(ctx, admin.EnableUserInput{UserID: id})
	return err
}

func revokeUserSessions(ctx context.Context, f *fixture, id uuid.UUID) error {
	_, err := f.RevokeUserSessions(ctx, admin.RevokeUserSessionsInput{UserID: id})
	return err
}

func deleteUser(ctx context.Context, f *fixture, id uuid.UUID) error {
	_, err := f.DeleteUser(ctx, admin.DeleteUserInput{UserID: id})
	return err
}

var changes = map[string]verb{"UpdateUser": demote, "DisableUser": disableUser, "EnableUser": enableUser, "RevokeUserSessions": revokeUserSessions, "DeleteUser": deleteUser}

// TestNotAdministrator calls the methods of administrators as every other kind of caller, past the guards.
func TestNotAdministrator(t *testing.T) {
	t.Parallel()
	verbs := map[string]verb{
		"Users": func(ctx context.Context, f *fixture, _ uuid.UUID) error {
			_, err := f.adminService.Users(ctx, nil, nil)
			return err
		},
		"User": func(ctx context.Context, f *fixture, id uuid.UUID) error {
			_, err := f.User(ctx, id)
			return err
		},
		"Roles": func(ctx context.Context, f *fixture, _ uuid.UUID) error {
			_, err := f.adminService.Roles(ctx)
			return err
		},
		"CreateRole": func(ctx context.Context, f *fixture, _ uuid.UUID) error {
			_, err := f.adminService.CreateRole(ctx, admin.CreateRoleInput{Name: "MADE"})
			return err
		},
		"UpdateRole": func(ctx context.Context, f *fixture, _ uuid.UUID) error {
			_, err := f.UpdateRole(ctx, admin.UpdateRoleInput{Name: auth.RoleUser, Permissions: readAudit})
			return err
		},
		"DeleteRole": func(ctx context.Context, f *fixture, _ uuid.UUID) error {
			_, err := f.adminService.DeleteRole(ctx, admin.DeleteRoleInput{Name: "NONE"})
			return err
		},
		"AuditEvents": func(ctx context.Context, f *fixture, _ uuid.UUID) error {
			_, err := f.AuditEvents(ctx, nil, auth.Page[uuid.UUID]{Limit: 10})
			return err
		},
		"AuditEvent": func(ctx context.Context, f *fixture, id uuid.UUID) error {
			_, err := f.AuditEvent(ctx, id)
			return err
		},
		"DailyActivity": func(ctx context.Context, f *fixture, _ uuid.UUID) error {
			_, err := f.DailyActivity(ctx, 0)
			return err
		},
		"UserCount": func(ctx context.Context, f *fixture, _ uuid.UUID) error {
			_, err := f.UserCount(ctx)
			return err
		},
		"OAuthClients": func(ctx context.Context, f *fixture, _ uuid.UUID) error {
			_, err := f.OAuthClients(ctx, auth.Page[uuid.UUID]{Limit: 10})
			return err
		},
		"OAuthClient": func(ctx context.Context, f *fixture, id uuid.UUID) error {
			_, err := f.OAuthClient(ctx, id)
			return err
		},
		"SigningKeys": func(ctx context.Context, f *fixture, _ uuid.UUID) error {
			_, err := f.SigningKeys(ctx)
			return err
		},
		"CreateUser": func(ctx context.Context, f *fixture, _ uuid.UUID) error {
			_, err := f.adminService.CreateUser(ctx, admin.CreateUserInput{})
			return err
		},
		"InviteUser": func(ctx context.Context, f *fixture, _ uuid.UUID) error {
			_, err := f.adminService.InviteUser(ctx, admin.InviteUserInput{})
			return err
		},
		"MailMessages": func(ctx context.Context, f *fixture, _ uuid.UUID) error {
			_, err := f.MailMessages(ctx, nil, auth.Page[uuid.UUID]{Limit: 10})
			return err
		},
		"MailMessage": func(ctx context.Context, f *fixture, id uuid.UUID) error {
			_, err := f.MailMessage(ctx, id)
			return err
		},
		"RetryMail": func(ctx context.Context, f *fixture, id uuid.UUID) error {
			_, err := f.RetryMail(ctx, admin.RetryMailInput{ID: id})
			return err
		},
	}
	maps.Copy(verbs, changes)
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.admin(t, "root")
		user := f.signup(t, "user").AccessToken
		disabled := disable(t, f, f.admin(t, "disabled"))
		ended := endSession(t, f, f.admin(t, "ended"))
		demoted := f.admin(t, "demoted")
		if err := f.Store.SetRoles(t.Context(), demoted.User.ID, []auth.Role{auth.RoleUser}, f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		client, _ := f.register(t, "Books")
		callers := map[string]struct {
			ctx  context.Context
			want string
		}{
			"no token":               {t.Context(), "UNAUTHENTICATED NO_TOKEN"},
			"garbage":                {f.As(t, "garbage"), "UNAUTHENTICATED TOKEN_INVALID"},
			"client":                 {f.As(t, f.clientToken(t, client)), "UNAUTHENTICATED TOKEN_INVALID"},
			"user":                   {f.As(t, user), "FORBIDDEN"},
			"disabled administrator": {f.As(t, disabled), "UNAUTHENTICATED ACCOUNT_DISABLED"},
			"ended session":          {f.As(t, ended), "UNAUTHENTICATED SESSION_ENDED"},
			"demoted administrator":  {f.As(t, demoted.AccessToken), "FORBIDDEN"},
		}
		ada := f.signup(t, "ada")
		before := f.AllUsers(t)
		f.NewEvents(t)
		for caller, c := range callers {
			for name, verb := range verbs {
				if got := authtest.Code(verb(c.ctx, f, ada.User.ID)); got != c.want {
					t.Errorf("%s by %s: %q, want %q", name, caller, got, c.want)
				}
			}
		}
		if diff := cmp.Diff(before, f.AllUsers(t)); diff != "" {
			t.Errorf("users (-before +after):\n%s", diff)
		}
		if err := f.Authorize(f.As(t, ada.AccessToken), forUser, nil); err != nil {
			t.Errorf("the session: %v", err)
		}
		f.WantEvents(t)
	})
}

// TestNoSuchUser uses ids that no user has.
func TestNoSuchUser(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		f.NewEvents(t)
		for name, verb := range changes {
			for _, id := range []uuid.UUID{{}, uuid.New(), root.Session.ID} {
				wantProblem(t, name, verb(f.As(t, root.AccessToken), f, id), "userId NOT_FOUND")
			}
		}
		if err := f.SetDisabled(t.Context(), uuid.New(), true); authtest.Code(err) != "BAD_USER_INPUT userId=NOT_FOUND" {
			t.Errorf("SetDisabled: %v", err)
		}
		user, err := f.User(f.As(t, root.AccessToken), uuid.New())
		if user != nil || err != nil {
			t.Errorf("User: %v, %v, want neither", user, err)
		}
		f.WantEvents(t)
	})
}

// wantProblem fails the test unless err is about one input value.
func wantProblem(t *testing.T, what string, err error, want string) {
	t.Helper()
	var e *auth.Error
	if !errors.As(err, &e) || e.Code != auth.CodeBadUserInput || len(e.Fields) != 1 {
		t.Errorf("%s: %v, want %s", what, err, want)
		return
	}
	if got := e.Fields[0].Field + " " + string(e.Fields[0].Code); got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// TestLastAdmin tries to demote, disable and delete the last administrator with an enabled account.
func TestLastAdmin(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		id := root.User.ID
		f.signup(t, "ada")
		disable(t, f, f.admin(t, "disabled"))
		before := f.AllUsers(t)
		f.NewEvents(t)
		as := func() context.Context { return f.As(t, root.AccessToken) }

		wantProblem(t, "demote", demote(as(), f, id), "roles LAST_ADMIN")
		_, err := f.UpdateUser(as(), admin.UpdateUserInput{UserID: id, FullName: new("Root"), Roles: []auth.Role{auth.RoleUser}})
		wantProblem(t, "demote and rename", err, "roles LAST_ADMIN")
		wantProblem(t, "disable", disableUser(as(), f, id), "userId LAST_ADMIN")
		wantProblem(t, "delete", deleteUser(as(), f, id), "userId LAST_ADMIN")
		wantProblem(t, "disable by the operator", f.SetDisabled(t.Context(), id, true), "userId LAST_ADMIN")

		if diff := cmp.Diff(before, f.AllUsers(t)); diff != "" {
			t.Errorf("users (-before +after):\n%s", diff)
		}
		f.WantEvents(t)
		if logged := f.Log.Take(); strings.Contains(logged, "LAST_ADMIN") || strings.Contains(logged, string(auth.EventUserUpdated)) {
			t.Errorf("the log tells of what did not happen:\n%s", logged)
		}

		// Other changes are allowed.
		if _, err := f.UpdateUser(as(), admin.UpdateUserInput{UserID: id, FullName: new("Root"), Roles: auth.Roles}); err != nil {
			t.Errorf("rename: %v", err)
		}
		if err := revokeUserSessions(as(), f, id); err != nil {
			t.Errorf("revoke: %v", err)
		}
		// With another administrator, all changes are allowed.
		other := f.admin(t, "other")
		for name, verb := range map[string]verb{"demote": demote, "disable": disableUser, "delete": deleteUser} {
			if err := verb(f.As(t, other.AccessToken), f, f.admin(t, "victim-"+name).User.ID); err != nil {
				t.Errorf("%s with another administrator: %v", name, err)
			}
		}
		if err := deleteUser(f.As(t, other.AccessToken), f, id); err != nil {
			t.Errorf("delete the first: %v", err)
		}
		wantProblem(t, "delete the second", deleteUser(f.As(t, other.AccessToken), f, other.User.ID), "userId LAST_ADMIN")
	})
}

// TestLastAdminRace has administrators demote, disable or delete each other in a ring, all at once. An administrator that
// has lost the role before their turn is refused, and at least one remains. The operator is never refused, and so leaves
// exactly one.
func TestLastAdminRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		for name, verbs := range map[string][]verb{
			"demote": {demote}, "disable": {disableUser}, "delete": {deleteUser}, "mixed": {demote, disableUser, deleteUser},
			"operator": {func(ctx context.Context, f *fixture, id uuid.UUID) error { return f.SetDisabled(ctx, id, true) }},
		} {
			t.Run(name, func(t *testing.T) {
				const n = 9
				var admins []*signin.AuthPayload
				var requests []context.Context
				for i := range n {
					p := f.admin(t, fmt.Sprintf("%s-%d", name, i))
					ctx := f.As(t, p.AccessToken)
					if _, err := f.Me(ctx); err != nil { // Each request has looked up its administrator.
						t.Fatal(err)
					}
					admins, requests = append(admins, p), append(requests, ctx)
				}
				deleteOtherAdmins(t, f, admins)
				var mu sync.Mutex
				refused := map[string]int{}
				var wg sync.WaitGroup
				for i, ctx := range requests {
					do := verbs[i%len(verbs)]
					wg.Go(func() {
						err := do(ctx, f, admins[(i+1)%n].User.ID)
						if err == nil {
							return
						}
						mu.Lock()
						defer mu.Unlock()
						refused[authtest.Code(err)]++
					})
				}
				wg.Wait()
				left, last := len(enabledAdmins(t, f)), refused["BAD_USER_INPUT userId=LAST_ADMIN"]+refused["BAD_USER_INPUT roles=LAST_ADMIN"]
				gone := refused["FORBIDDEN"] + refused["UNAUTHENTICATED ACCOUNT_DISABLED"] + refused[ended]
				if left == 0 || left != last+gone {
					t.Errorf("%d administrators remain, and these were refused: %v", left, refused)
				}
				if name == "operator" && (left != 1 || last != 1) {
					t.Errorf("operators left %d administrators, and these were refused: %v", left, refused)
				}
			})
		}
	})
}

func enabledAdmins(t *testing.T, f *fixture) []auth.PlacedUser {
	t.Helper()
	admins, err := f.Store.Users(t.Context(), auth.UserQuery{
		Role: auth.RoleAdmin, Disabled: new(false), Order: auth.UsersByCreatedAt, Page: auth.Page[auth.UserPosition]{Limit: 100},
	})
	if err != nil {
		t.Fatal(err)
	}
	return admins
}

// deleteOtherAdmins deletes all other administrators.
func deleteOtherAdmins(t *testing.T, f *fixture, keep []*signin.AuthPayload) {
	t.Helper()
	kept := map[uuid.UUID]bool{}
	for _, p := range keep {
		kept[p.User.ID] = true
	}
	for _, a := range enabledAdmins(t, f) {
		if !kept[a.User.ID] {
			if err := f.Store.DeleteUser(t.Context(), a.User.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestOneself has administrators change their own account. The rest of the request sees the change.
func TestOneself(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		do   verb
		want string // for the rest of the request; next is for the next one
		next string
	}{
		"disable": {disableUser, ended, "UNAUTHENTICATED ACCOUNT_DISABLED"},
		"delete":  {deleteUser, ended, ended},
		"revoke":  {revokeUserSessions, ended, ended},
		"demote":  {demote, "FORBIDDEN", "FORBIDDEN"},
		"enable":  {enableUser, "", ""},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.admin(t, "root")
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				p := f.admin(t, "self-"+name)
				ctx := f.As(t, p.AccessToken)
				if err := f.Authorize(ctx, forAdmin, nil); err != nil {
					t.Fatal(err)
				}
				if err := tt.do(ctx, f, p.User.ID); err != nil {
					t.Fatal(err)
				}
				if got := authtest.Code(f.Authorize(ctx, forAdmin, nil)); got != tt.want {
					t.Errorf("the rest of the request: %q, want %q", got, tt.want)
				}
				if got := authtest.Code(f.Authorize(f.As(t, p.AccessToken), forAdmin, nil)); got != tt.next {
					t.Errorf("the next request: %q, want %q", got, tt.next)
				}
			})
		}
	})
}
