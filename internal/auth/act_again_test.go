package auth_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
)

// TestActsRunAgain rolls every transaction back once, after it has done everything: the second run does the
// same, and nothing of the first is left.
func TestActsRunAgain(t *testing.T) {
	t.Parallel()
	acts := map[string]act{
		"signup": func(_ context.Context, w *world, _, _ uuid.UUID) (any, error) {
			p, err := w.Signup(t.Context(), signin.SignupInput{Username: new("eve"), Password: goodPassword})
			return p.User.Roles, err
		},
		"login": func(_ context.Context, w *world, _, _ uuid.UUID) (any, error) {
			p, err := w.Login(t.Context(), signin.LoginInput{Identifier: "root", Password: goodPassword})
			return p.User.Roles, err
		},
		"a failed login": func(_ context.Context, w *world, _, _ uuid.UUID) (any, error) {
			_, err := w.Login(t.Context(), signin.LoginInput{Identifier: "root", Password: "wrong"})
			return nil, err
		},
	}
	maps.Copy(acts, callerActs)
	names := slices.Sorted(maps.Keys(acts))
	run := func(t *testing.T, w *world, name string, again bool) (lines []string) {
		t.Helper()
		root := w.admin(t, "root")
		w.clock.Advance(time.Minute)
		ada, other := w.signup(t, "ada"), w.login(t, "root")
		w.clock.Advance(time.Minute)
		ago := func(at time.Time) string { return w.clock.Now().Sub(at).String() + " ago" }
		w.newEvents(t)
		w.store.RollBack(again)
		answer, err := acts[name](w.as(t, root.AccessToken), w, ada.User.ID, other.Session.ID)
		w.store.RollBack(false)
		switch p := answer.(type) {
		case *accounts.UpdateMePayload:
			answer = *p.User.FullName + ago(p.User.UpdatedAt)
		case *admin.UpdateUserPayload:
			answer = fmt.Sprint(*p.User.FullName, p.User.Roles, ago(p.User.UpdatedAt))
		case *admin.DisableUserPayload:
			answer = ago(*p.User.DisabledAt)
		case *admin.EnableUserPayload:
			answer = fmt.Sprint(p.User.DisabledAt, ago(p.User.UpdatedAt))
		case *admin.RevokeUserSessionsPayload:
			answer = p.RevokedCount
		case *admin.DeleteUserPayload:
			answer = p.UserID == ada.User.ID
		case *signin.AuthPayload:
			answer = ago(p.Session.AuthTime) + *p.User.Username
		case *signin.RevokeOtherSessionsPayload:
			answer = p.RevokedCount
		}
		lines = append(lines, fmt.Sprint("answer: ", answer, " ", kind(err)))
		for _, line := range w.newEvents(t) {
			lines = append(lines, "event: "+line)
		}
		state := w.state(t)
		for i, u := range state.Users {
			name := "none"
			if u.FullName != nil {
				name = *u.FullName
			}
			lines = append(lines, fmt.Sprint("user: ", *u.Username, name, u.Roles, u.DisabledAt != nil, ago(u.UpdatedAt), len(state.Sessions[i])))
		}
		return append(lines, fmt.Sprint("logged: ", strings.Count(w.log.take(), "msg=audit")))
	}
	each(t, func(t *testing.T, w *world) {
		for _, name := range names {
			var got [2][]string
			for i, again := range []bool{false, true} {
				w.empty(t)
				got[i] = run(t, w, name, again)
			}
			if diff := cmp.Diff(got[0], got[1]); diff != "" {
				t.Errorf("%s, with its transaction run once and twice (-once +twice):\n%s", name, diff)
			}
			if len(got[0]) < 3 {
				t.Errorf("%s did nothing: %v", name, got[0])
			}
		}
	})
}

// empty deletes all users, and takes note of the events so far.
func (w *world) empty(t *testing.T) {
	t.Helper()
	for _, u := range w.users(t) {
		if err := w.store.DeleteUser(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.Unlock(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.newEvents(t)
	w.log.take()
}
