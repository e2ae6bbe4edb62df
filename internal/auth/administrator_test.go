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
)

// verb does one thing to a user.
type verb func(ctx context.Context, w *world, id uuid.UUID) error

func demote(ctx context.Context, w *world, id uuid.UUID) error {
	_, err := w.UpdateUser(ctx, admin.UpdateUserInput{UserID: id, Roles: []auth.Role{}})
	return err
}

func shut(ctx context.Context, w *world, id uuid.UUID) error {
	_, err := w.DisableUser(ctx, admin.DisableUserInput{UserID: id})
	return err
}

func open(ctx context.Context, w *world, id uuid.UUID) error {
	_, err := w.EnableUser(ctx, admin.EnableUserInput{UserID: id})
	return err
}

func revoke(ctx context.Context, w *world, id uuid.UUID) error {
	_, err := w.RevokeUserSessions(ctx, admin.RevokeUserSessionsInput{UserID: id})
	return err
}

func remove(ctx context.Context, w *world, id uuid.UUID) error {
	_, err := w.DeleteUser(ctx, admin.DeleteUserInput{UserID: id})
	return err
}

var changes = map[string]verb{"UpdateUser": demote, "DisableUser": shut, "EnableUser": open, "RevokeUserSessions": revoke, "DeleteUser": remove}

// TestNotAdministrator has everybody who may not administrate try, in ways that only the service
// itself can refuse.
func TestNotAdministrator(t *testing.T) {
	t.Parallel()
	verbs := map[string]verb{
		"Users": func(ctx context.Context, w *world, _ uuid.UUID) error {
			_, err := w.Users(ctx, 10, nil, nil, nil)
			return err
		},
		"User": func(ctx context.Context, w *world, id uuid.UUID) error {
			_, err := w.User(ctx, id)
			return err
		},
		"AuditEvents": func(ctx context.Context, w *world, _ uuid.UUID) error {
			_, err := w.AuditEvents(ctx, 10, nil, nil)
			return err
		},
	}
	maps.Copy(verbs, changes)
	each(t, func(t *testing.T, w *world) {
		w.admin(t, "root")
		user := w.signup(t, "user").AccessToken
		disabled := disable(t, w, w.admin(t, "disabled"))
		ended := endSession(t, w, w.admin(t, "ended"))
		demoted := w.admin(t, "demoted")
		if err := w.store.SetRoles(t.Context(), demoted.User.ID, []auth.Role{auth.RoleUser}, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		client, _ := w.register(t, "Books")
		callers := map[string]struct {
			ctx  context.Context
			want string
		}{
			"nobody":                 {t.Context(), "UNAUTHENTICATED NO_TOKEN"},
			"garbage":                {w.as(t, "garbage"), "UNAUTHENTICATED TOKEN_INVALID"},
			"client":                 {w.as(t, w.clientToken(t, client)), "UNAUTHENTICATED TOKEN_INVALID"},
			"user":                   {w.as(t, user), "FORBIDDEN"},
			"disabled administrator": {w.as(t, disabled), "UNAUTHENTICATED ACCOUNT_DISABLED"},
			"ended session":          {w.as(t, ended), "UNAUTHENTICATED SESSION_ENDED"},
			"demoted administrator":  {w.as(t, demoted.AccessToken), "FORBIDDEN"},
		}
		ada := w.signup(t, "ada")
		before := w.users(t)
		w.newEvents(t)
		for caller, c := range callers {
			for name, verb := range verbs {
				if got := kind(verb(c.ctx, w, ada.User.ID)); got != c.want {
					t.Errorf("%s by %s: %q, want %q", name, caller, got, c.want)
				}
			}
		}
		if diff := cmp.Diff(before, w.users(t)); diff != "" {
			t.Errorf("users (-before +after):\n%s", diff)
		}
		if err := w.Authorize(w.as(t, ada.AccessToken), forUser, nil); err != nil {
			t.Errorf("the session: %v", err)
		}
		w.wantEvents(t)
	})
}

// TestNoSuchUser names users that nobody is.
func TestNoSuchUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		root := w.admin(t, "root")
		w.newEvents(t)
		for name, verb := range changes {
			for _, id := range []uuid.UUID{{}, uuid.New(), root.Session.ID} {
				wantProblem(t, name, verb(w.as(t, root.AccessToken), w, id), "userId NOT_FOUND")
			}
		}
		if err := w.SetDisabled(t.Context(), uuid.New(), true); kind(err) != "BAD_USER_INPUT userId=NOT_FOUND" {
			t.Errorf("SetDisabled: %v", err)
		}
		user, err := w.User(w.as(t, root.AccessToken), uuid.New())
		if user != nil || err != nil {
			t.Errorf("User: %v, %v, want neither", user, err)
		}
		w.wantEvents(t)
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

// TestLastAdmin tries to take away the last administrator whose account is open.
func TestLastAdmin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		root := w.admin(t, "root")
		id := root.User.ID
		w.signup(t, "ada")
		disable(t, w, w.admin(t, "disabled"))
		before := w.users(t)
		w.newEvents(t)
		as := func() context.Context { return w.as(t, root.AccessToken) }

		wantProblem(t, "demote", demote(as(), w, id), "roles LAST_ADMIN")
		_, err := w.UpdateUser(as(), admin.UpdateUserInput{UserID: id, FullName: new("Root"), Roles: []auth.Role{auth.RoleUser}})
		wantProblem(t, "demote and rename", err, "roles LAST_ADMIN")
		wantProblem(t, "disable", shut(as(), w, id), "userId LAST_ADMIN")
		wantProblem(t, "delete", remove(as(), w, id), "userId LAST_ADMIN")
		wantProblem(t, "disable by the operator", w.SetDisabled(t.Context(), id, true), "userId LAST_ADMIN")

		if diff := cmp.Diff(before, w.users(t)); diff != "" {
			t.Errorf("users (-before +after):\n%s", diff)
		}
		w.wantEvents(t)
		if logged := w.log.take(); strings.Contains(logged, "LAST_ADMIN") || strings.Contains(logged, string(auth.EventUserUpdated)) {
			t.Errorf("the log tells of what did not happen:\n%s", logged)
		}

		// Other things may happen to them.
		if _, err := w.UpdateUser(as(), admin.UpdateUserInput{UserID: id, FullName: new("Root"), Roles: auth.Roles}); err != nil {
			t.Errorf("rename: %v", err)
		}
		if err := revoke(as(), w, id); err != nil {
			t.Errorf("revoke: %v", err)
		}
		// They may go when there is somebody else.
		other := w.admin(t, "other")
		for name, verb := range map[string]verb{"demote": demote, "disable": shut, "delete": remove} {
			if err := verb(w.as(t, other.AccessToken), w, w.admin(t, "victim-"+name).User.ID); err != nil {
				t.Errorf("%s with another administrator: %v", name, err)
			}
		}
		if err := remove(w.as(t, other.AccessToken), w, id); err != nil {
			t.Errorf("delete the first: %v", err)
		}
		wantProblem(t, "delete the second", remove(w.as(t, other.AccessToken), w, other.User.ID), "userId LAST_ADMIN")
	})
}

// TestLastAdminRace has administrators take each other away all at once, in a ring: whoever is taken
// away before their own turn is refused, and somebody remains. Operators are never taken away, so
// they leave just one.
func TestLastAdminRace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for name, verbs := range map[string][]verb{
			"demote": {demote}, "disable": {shut}, "delete": {remove}, "mixed": {demote, shut, remove},
			"operator": {func(ctx context.Context, w *world, id uuid.UUID) error { return w.SetDisabled(ctx, id, true) }},
		} {
			t.Run(name, func(t *testing.T) {
				const n = 9
				var admins []*signin.AuthPayload
				var requests []context.Context
				for i := range n {
					p := w.admin(t, fmt.Sprintf("%s-%d", name, i))
					ctx := w.as(t, p.AccessToken)
					if _, err := w.Me(ctx); err != nil { // All are known to be administrators when it begins.
						t.Fatal(err)
					}
					admins, requests = append(admins, p), append(requests, ctx)
				}
				removeOtherAdmins(t, w, admins)
				var mu sync.Mutex
				refused := map[string]int{}
				var wg sync.WaitGroup
				for i, ctx := range requests {
					do := verbs[i%len(verbs)]
					wg.Go(func() {
						err := do(ctx, w, admins[(i+1)%n].User.ID)
						if err == nil {
							return
						}
						mu.Lock()
						defer mu.Unlock()
						refused[kind(err)]++
					})
				}
				wg.Wait()
				left, last := len(openAdmins(t, w)), refused["BAD_USER_INPUT userId=LAST_ADMIN"]+refused["BAD_USER_INPUT roles=LAST_ADMIN"]
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

func openAdmins(t *testing.T, w *world) []auth.PlacedUser {
	t.Helper()
	admins, err := w.store.Users(t.Context(), auth.UserQuery{
		Role: auth.RoleAdmin, Disabled: new(false), Order: auth.UsersByCreatedAt, Limit: 100,
	})
	if err != nil {
		t.Fatal(err)
	}
	return admins
}

// removeOtherAdmins leaves no administrators but these.
func removeOtherAdmins(t *testing.T, w *world, keep []*signin.AuthPayload) {
	t.Helper()
	kept := map[uuid.UUID]bool{}
	for _, p := range keep {
		kept[p.User.ID] = true
	}
	for _, a := range openAdmins(t, w) {
		if !kept[a.User.ID] {
			if err := w.store.DeleteUser(t.Context(), a.User.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestOneself has administrators act on themselves: what is left of the request knows.
func TestOneself(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		do   verb
		want string // how the rest of the request is answered, and the next one
		next string
	}{
		"disable": {shut, ended, "UNAUTHENTICATED ACCOUNT_DISABLED"},
		"delete":  {remove, ended, ended},
		"revoke":  {revoke, ended, ended},
		"demote":  {demote, "FORBIDDEN", "FORBIDDEN"},
		"enable":  {open, "", ""},
	}
	each(t, func(t *testing.T, w *world) {
		w.admin(t, "root")
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				p := w.admin(t, "self-"+name)
				ctx := w.as(t, p.AccessToken)
				if err := w.Authorize(ctx, forAdmin, nil); err != nil {
					t.Fatal(err)
				}
				if err := tt.do(ctx, w, p.User.ID); err != nil {
					t.Fatal(err)
				}
				if got := kind(w.Authorize(ctx, forAdmin, nil)); got != tt.want {
					t.Errorf("the rest of the request: %q, want %q", got, tt.want)
				}
				if got := kind(w.Authorize(w.as(t, p.AccessToken), forAdmin, nil)); got != tt.next {
					t.Errorf("the next request: %q, want %q", got, tt.next)
				}
			})
		}
	})
}
