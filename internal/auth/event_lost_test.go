package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/password"
)

// state is everything in the database except the audit log.
type state struct {
	Clients  []auth.Client
	Users    []auth.User
	Sessions [][]auth.Session
	Roles    []auth.RoleDefinition
	Mails    []auth.MailMessage
}

func (f *fixture) state(t *testing.T) (s state) {
	t.Helper()
	var err error
	if s.Clients, err = f.Store.Clients(t.Context(), auth.Page[uuid.UUID]{Limit: 10}); err != nil {
		t.Fatal(err)
	}
	if s.Roles, err = f.Store.Roles(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Mails, err = f.Store.Mails(t.Context(), auth.MailQuery{Page: auth.Page[uuid.UUID]{Limit: 1000}}); err != nil {
		t.Fatal(err)
	}
	s.Users = f.AllUsers(t)
	for _, u := range s.Users {
		sessions, err := f.Store.Sessions(t.Context(), u.ID, f.Clock.Now(), time.Time{}, auth.Page[auth.SessionPosition]{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		s.Sessions = append(s.Sessions, sessions)
	}
	return s
}

// TestNothingWithoutEvent loses the database while an event is written. Nothing of the operation is kept or logged.
func TestNothingWithoutEvent(t *testing.T) {
	t.Parallel()
	errLost := errors.New("connection lost")
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		ada := f.signup(t, "ada")
		if got := f.tryLogin(t.Context(), "ada", "wrong"); got != "INVALID_CREDENTIALS" {
			t.Fatal(got)
		}
		if err := disableUser(f.As(t, root.AccessToken), f, f.signup(t, "disabled").User.ID); err != nil {
			t.Fatal(err)
		}
		client, _ := f.register(t, "Books")
		if err := f.ensureSpareRole(t.Context()); err != nil {
			t.Fatal(err)
		}
		disabled, err := f.FindUser(t.Context(), "disabled")
		if err != nil {
			t.Fatal(err)
		}
		failed, err := f.ensureFailedMail(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		token := f.signupMail(t, "new@example.com").Token
		operations := map[string]func() error{
			"Signup": func() error {
				_, err := f.Signup(t.Context(), signin.SignupInput{Username: new("eve"), Password: authtest.Password})
				return err
			},
			"Login": func() error {
				_, err := f.Login(t.Context(), signin.LoginInput{Identifier: "root", Password: authtest.Password})
				return err
			},
			"Logout": func() error { _, err := f.Logout(f.As(t, ada.AccessToken)); return err },
			"Reauthenticate": func() error {
				f.Clock.Advance(time.Second)
				_, err := f.Reauthenticate(f.As(t, root.AccessToken), signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))})
				return err
			},
			"UpdateMe": func() error {
				_, err := f.UpdateMe(f.As(t, ada.AccessToken), accounts.UpdateMeInput{FullName: new("Ada")})
				return err
			},
			"CreateUser by an administrator": func() error {
				_, err := f.adminService.CreateUser(f.As(t, root.AccessToken), admin.CreateUserInput{Username: new("eve"), Password: new(password.Plaintext(authtest.Password))})
				return err
			},
			"InviteUser": func() error {
				_, err := f.adminService.InviteUser(f.As(t, root.AccessToken), admin.InviteUserInput{Email: "eve@example.com"})
				return err
			},
			"InviteUser by the operator": func() error {
				_, err := f.operatorService.InviteUser(t.Context(), admin.InviteUserInput{Email: "eve@example.com"})
				return err
			},
			"RetryMail": func() error {
				_, err := f.RetryMail(f.As(t, root.AccessToken), admin.RetryMailInput{ID: failed})
				return err
			},
			"CompleteSignup": func() error {
				_, err := f.CompleteSignup(t.Context(), signin.CompleteSignupInput{Token: &token, Password: authtest.Password})
				return err
			},
			"UpdateUser": func() error {
				_, err := f.UpdateUser(f.As(t, root.AccessToken), admin.UpdateUserInput{UserID: ada.User.ID, FullName: new("Ada"), Roles: auth.Roles})
				return err
			},
			"DisableUser":        func() error { return disableUser(f.As(t, root.AccessToken), f, ada.User.ID) },
			"EnableUser":         func() error { return enableUser(f.As(t, root.AccessToken), f, disabled.ID) },
			"RevokeUserSessions": func() error { return revokeUserSessions(f.As(t, root.AccessToken), f, ada.User.ID) },
			"DeleteUser":         func() error { return deleteUser(f.As(t, root.AccessToken), f, ada.User.ID) },
			"CreateUser": func() error {
				_, err := f.CreateUser(t.Context(), accounts.Input{Username: new("eve"), Password: authtest.Password}, auth.Roles)
				return err
			},
			"SetDisabled":  func() error { return f.SetDisabled(t.Context(), ada.User.ID, true) },
			"Unlock":       func() error { return f.Unlock(t.Context(), ada.User.ID) },
			"CreateClient": func() error { _, _, err := f.CreateClient(t.Context(), "Shop", nil); return err },
			"DeleteClient": func() error { return f.DeleteClient(t.Context(), client.ID) },
			"CreateRole": func() error {
				_, err := f.adminService.CreateRole(f.As(t, root.AccessToken), admin.CreateRoleInput{Name: "MADE"})
				return err
			},
			"UpdateRole": func() error {
				_, err := f.UpdateRole(f.As(t, root.AccessToken), admin.UpdateRoleInput{Name: "SPARE", Permissions: []auth.Permission{"a"}})
				return err
			},
			"DeleteRole": func() error {
				_, err := f.adminService.DeleteRole(f.As(t, root.AccessToken), admin.DeleteRoleInput{Name: "SPARE"})
				return err
			},
			"GrantRole": func() error {
				return f.GrantRole(t.Context(), "SPARE", []auth.Permission{"a"}, []uuid.UUID{ada.User.ID})
			},
			"RevokeRole": func() error { return f.RevokeRole(t.Context(), auth.RoleAdmin, readAudit, nil) },
		}
		f.NewEvents(t)
		f.Log.Take()
		f.Store.After("AddEvent", func(context.Context) error { return errLost })
		for name, do := range operations {
			before := f.state(t)
			if err := do(); !errors.Is(err, errLost) {
				t.Errorf("%s: %v, want %v", name, err, errLost)
			}
			if diff := cmp.Diff(before, f.state(t)); diff != "" {
				t.Errorf("%s left something behind (-before +after):\n%s", name, diff)
			}
		}
		f.WantEvents(t)
		if logged := f.Log.Take(); logged != "" {
			t.Errorf("the log has events that did not happen:\n%s", logged)
		}
		f.Store.After("AddEvent", nil)
		if err := f.Unlock(t.Context(), ada.User.ID); err != nil {
			t.Fatal(err)
		}
		f.WantEvents(t, "USER_UNLOCKED by the operator of ada")
	})
}
