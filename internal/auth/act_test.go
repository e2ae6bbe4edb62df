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
)

// state is what the database has of everything but the audit log.
type state struct {
	Clients  []auth.Client
	Users    []auth.User
	Sessions [][]auth.Session
}

func (w *world) state(t *testing.T) (s state) {
	t.Helper()
	var err error
	if s.Clients, err = w.store.Clients(t.Context(), uuid.Nil, 10); err != nil {
		t.Fatal(err)
	}
	s.Users = w.users(t)
	for _, u := range s.Users {
		sessions, err := w.store.Sessions(t.Context(), u.ID, w.clock.Now(), time.Time{}, nil, 100)
		if err != nil {
			t.Fatal(err)
		}
		s.Sessions = append(s.Sessions, sessions)
	}
	return s
}

// TestNothingWithoutEvent loses the database at the moment when an event is written: nothing of the
// act is kept, and nothing tells of it.
func TestNothingWithoutEvent(t *testing.T) {
	t.Parallel()
	errLost := errors.New("connection lost")
	each(t, func(t *testing.T, w *world) {
		root := w.admin(t, "root")
		ada := w.signup(t, "ada")
		if got := w.tryLogin(t.Context(), "ada", "wrong"); got != "INVALID_CREDENTIALS" {
			t.Fatal(got)
		}
		if err := shut(w.as(t, root.AccessToken), w, w.signup(t, "disabled").User.ID); err != nil {
			t.Fatal(err)
		}
		client, _ := w.register(t, "Books")
		disabled, err := w.FindUser(t.Context(), "disabled")
		if err != nil {
			t.Fatal(err)
		}
		acts := map[string]func() error{
			"Signup": func() error {
				_, err := w.Signup(t.Context(), signin.SignupInput{Username: new("eve"), Password: goodPassword})
				return err
			},
			"Login": func() error {
				_, err := w.Login(t.Context(), signin.LoginInput{Identifier: "root", Password: goodPassword})
				return err
			},
			"Logout": func() error { _, err := w.Logout(w.as(t, ada.AccessToken)); return err },
			"Reauthenticate": func() error {
				w.clock.Advance(time.Second)
				_, err := w.Reauthenticate(w.as(t, root.AccessToken), signin.ReauthenticateInput{Password: goodPassword})
				return err
			},
			"UpdateMe": func() error {
				_, err := w.UpdateMe(w.as(t, ada.AccessToken), accounts.UpdateMeInput{FullName: new("Ada")})
				return err
			},
			"UpdateUser": func() error {
				_, err := w.UpdateUser(w.as(t, root.AccessToken), admin.UpdateUserInput{UserID: ada.User.ID, FullName: new("Ada"), Roles: auth.Roles})
				return err
			},
			"DisableUser":        func() error { return shut(w.as(t, root.AccessToken), w, ada.User.ID) },
			"EnableUser":         func() error { return open(w.as(t, root.AccessToken), w, disabled.ID) },
			"RevokeUserSessions": func() error { return revoke(w.as(t, root.AccessToken), w, ada.User.ID) },
			"DeleteUser":         func() error { return remove(w.as(t, root.AccessToken), w, ada.User.ID) },
			"CreateUser": func() error {
				_, err := w.CreateUser(t.Context(), accounts.Input{Username: new("eve"), Password: goodPassword}, auth.Roles)
				return err
			},
			"SetDisabled":  func() error { return w.SetDisabled(t.Context(), ada.User.ID, true) },
			"Unlock":       func() error { return w.Unlock(t.Context(), ada.User.ID) },
			"CreateClient": func() error { _, _, err := w.CreateClient(t.Context(), "Shop", nil); return err },
			"DeleteClient": func() error { return w.DeleteClient(t.Context(), client.ID) },
		}
		w.newEvents(t)
		w.log.take()
		w.store.After("AddEvent", func(context.Context) error { return errLost })
		for name, do := range acts {
			before := w.state(t)
			if err := do(); !errors.Is(err, errLost) {
				t.Errorf("%s: %v, want %v", name, err, errLost)
			}
			if diff := cmp.Diff(before, w.state(t)); diff != "" {
				t.Errorf("%s left something behind (-before +after):\n%s", name, diff)
			}
		}
		w.wantEvents(t)
		if logged := w.log.take(); logged != "" {
			t.Errorf("the log tells of what did not happen:\n%s", logged)
		}
		w.store.After("AddEvent", nil)
		if err := w.Unlock(t.Context(), ada.User.ID); err != nil {
			t.Fatal(err)
		}
		w.wantEvents(t, "USER_UNLOCKED by the operator of ada")
	})
}
