package auth_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
)

// exists reports whether a user name has an account.
func (f *fixture) exists(t *testing.T, username string) bool {
	t.Helper()
	for _, u := range f.AllUsers(t) {
		if u.Username != nil && *u.Username == username {
			return true
		}
	}
	return false
}

func TestDeleteMe(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada, eve := f.signupAt(t, "ada", "ada@example.com"), f.signup(t, "eve") // eve has no address
		due := f.Clock.Now().Add(authtest.DeletionGrace)
		f.NewEvents(t)
		for _, step := range []struct {
			mails  int
			events []string
		}{{1, []string{"DELETION_REQUESTED by ada of ada in a session"}}, {0, nil}} {
			p, err := f.DeleteMe(f.As(t, ada.AccessToken))
			if err != nil {
				t.Fatal(err)
			}
			if p.User.DeletionAt == nil || !p.User.DeletionAt.Equal(due) {
				t.Errorf("deletion at %v, want %v", p.User.DeletionAt, due)
			}
			f.WantEvents(t, step.events...)
			mails := f.newMails(t)
			if m := mails["account-deletion to ada@example.com"]; len(mails) != step.mails || step.mails > 0 && !m.Due.Equal(due) {
				t.Errorf("mails %v", mails)
			}
			f.Clock.Advance(time.Minute)
		}
		if _, err := f.DeleteMe(f.As(t, eve.AccessToken)); err != nil {
			t.Fatal(err)
		}

		// Everything else works as before.
		if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != "" {
			t.Errorf("login: %q", got)
		}
		if _, err := f.UpdateMe(f.As(t, ada.AccessToken), accounts.UpdateMeInput{FullName: new("Ada")}); err != nil {
			t.Error(err)
		}

		f.Clock.Advance(due.Add(-time.Microsecond).Sub(f.Clock.Now()))
		f.NewEvents(t)
		if err := f.Sweep(t.Context()); err != nil || !f.exists(t, "ada") {
			t.Errorf("too early: %v", err)
		}
		f.WantEvents(t)
		f.Clock.Advance(time.Microsecond)
		if err := f.Sweep(t.Context()); err != nil || f.exists(t, "ada") || !f.exists(t, "eve") {
			t.Errorf("ada %t, eve %t, %v", f.exists(t, "ada"), f.exists(t, "eve"), err)
		}
		f.WantEvents(t, "USER_DELETED of ada")
		if m := f.NewMail(t, "account-deleted", "ada@example.com"); m.Username != "ada" {
			t.Errorf("%+v", m)
		}
		f.Clock.Advance(time.Hour)
		if err := f.Sweep(t.Context()); err != nil || f.exists(t, "eve") {
			t.Errorf("eve: %v", err)
		}
		f.WantEvents(t, "USER_DELETED of eve")
		if mails := f.newMails(t); len(mails) != 0 {
			t.Errorf("mails %v", mails)
		}
		if got := authtest.Code(f.Authorize(f.As(t, f.sign(t, ada.User.ID, ada.Session.ID)), forUser, nil)); got != ended {
			t.Errorf("the session: %q", got)
		}
	})
}

func TestCancelDeletion(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupAt(t, "ada", "ada@example.com")
		if _, err := f.DeleteMe(f.As(t, ada.AccessToken)); err != nil {
			t.Fatal(err)
		}
		f.NewEvents(t)
		for _, events := range [][]string{{"DELETION_CANCELLED by ada of ada in a session"}, nil} {
			p, err := f.CancelDeletion(f.As(t, ada.AccessToken))
			if err != nil || p.User.DeletionAt != nil {
				t.Errorf("%+v, %v", p, err)
			}
			f.WantEvents(t, events...)
		}
		f.Clock.Advance(2 * authtest.DeletionGrace)
		if err := f.Sweep(t.Context()); err != nil || !f.exists(t, "ada") {
			t.Errorf("deleted: %v", err)
		}
	})
}

// TestDeleteMeAtOnce is for a server without a grace.
func TestDeleteMeAtOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupAt(t, "ada", "ada@example.com")
		f.NewEvents(t)
		ctx := f.As(t, ada.AccessToken)
		p, err := f.newParts(t, domain.Options{}).DeleteMe(ctx)
		if err != nil || p.User.DeletionAt == nil {
			t.Fatal(p, err)
		}
		if f.exists(t, "ada") {
			t.Error("the account exists")
		}
		f.WantEvents(t, "USER_DELETED by ada of ada in a session")
		f.NewMail(t, "account-deleted", "ada@example.com")
		if _, err := f.Me(ctx); authtest.Code(err) != ended {
			t.Errorf("the rest of the request: %v", err)
		}
	})
}

// TestDeleteMeWithoutMail deletes accounts on a server that sends no mail.
func TestDeleteMeWithoutMail(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupAt(t, "ada", "ada@example.com")
		d := f.withoutMail(t)
		if _, err := d.DeleteMe(f.As(t, ada.AccessToken)); err != nil {
			t.Fatal(err)
		}
		f.Clock.Advance(authtest.DeletionGrace)
		if err := d.Sweep(t.Context()); err != nil || f.exists(t, "ada") {
			t.Error(err)
		}
		if mails := f.newMails(t); len(mails) != 0 {
			t.Errorf("mails %v", mails)
		}
	})
}

// TestDeleteMeLastAdmin keeps the last administrator: at the request, against others meanwhile, and when the deletion is
// due.
func TestDeleteMeLastAdmin(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, other := f.admin(t, "root"), f.admin(t, "other")
		if _, err := f.DeleteMe(f.As(t, root.AccessToken)); err != nil {
			t.Fatal(err)
		}
		before := f.AllUsers(t)
		f.NewEvents(t)
		for name, err := range map[string]error{
			"DeleteMe":    code2(f.DeleteMe(f.As(t, other.AccessToken))),
			"DisableUser": code2(f.DisableUser(f.As(t, root.AccessToken), admin.DisableUserInput{UserID: other.User.ID})),
			"DeleteUser":  code2(f.DeleteUser(f.As(t, root.AccessToken), admin.DeleteUserInput{UserID: other.User.ID})),
			"UpdateUser": code2(f.UpdateUser(f.As(t, root.AccessToken), admin.UpdateUserInput{
				UserID: other.User.ID, Roles: []auth.Role{},
			})),
		} {
			if got := authtest.Code(err); !strings.HasSuffix(got, "LAST_ADMIN") {
				t.Errorf("%s: %q", name, got)
			}
		}
		if diff := cmp.Diff(before, f.AllUsers(t)); diff != "" {
			t.Errorf("refused, and written (-before +after):\n%s", diff)
		}
		f.WantEvents(t)

		// Past the domain, the other one is demoted all the same.
		if err := f.Store.SetRoles(t.Context(), other.User.ID, []auth.Role{auth.RoleUser}, f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		f.signup(t, "ada")
		ada := f.login(t, "ada")
		if _, err := f.DeleteMe(f.As(t, ada.AccessToken)); err != nil {
			t.Fatal(err)
		}
		f.NewEvents(t)
		f.Clock.Advance(authtest.DeletionGrace)
		f.Log.Take()
		if err := f.Sweep(t.Context()); err != nil || !f.exists(t, "root") || f.exists(t, "ada") {
			t.Errorf("root %t, ada %t, %v", f.exists(t, "root"), f.exists(t, "ada"), err)
		}
		f.WantEvents(t, "USER_DELETED of ada") // root has held up nobody
		if log := f.Log.Take(); !strings.Contains(log, "account not deleted") || !strings.Contains(log, root.User.ID.String()) {
			t.Errorf("the log:\n%s", log)
		}
		f.admin(t, "third")
		if err := f.Sweep(t.Context()); err != nil || f.exists(t, "root") {
			t.Errorf("with another administrator: %v", err)
		}
	})
}

func code2[T any](_ T, err error) error { return err }

// TestDeleteMeRaces runs DeleteMe and others at once.
func TestDeleteMeRaces(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		for round := range 6 {
			a, b := f.admin(t, fmt.Sprint("a", round)), f.admin(t, fmt.Sprint("b", round))
			asA, asB := f.As(t, a.AccessToken), f.As(t, b.AccessToken)
			for _, ctx := range []struct{ f func() error }{{func() error { return code2(f.Me(asA)) }}, {func() error { return code2(f.Me(asB)) }}} {
				if err := ctx.f(); err != nil {
					t.Fatal(err)
				}
			}
			deleteA := func() string { return code(f.DeleteMe(asA)) }
			demoteB := func() string { return authtest.Code(demote(asA, f, b.User.ID)) }
			other := []func() string{demoteB, func() string { return code(f.DeleteMe(asB)) }}[round%2]
			answers := atOnce(deleteA, other)
			if (answers[0] == "") == (answers[1] == "") {
				t.Errorf("round %d: answers %q, want one success", round, answers)
			}
			for _, u := range f.AllUsers(t) {
				if err := f.Store.DeleteUser(t.Context(), u.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		for round := range 6 { // the deletion is due, and its user cancels it
			name := fmt.Sprint("ada", round)
			ada := f.signup(t, name)
			if _, err := f.DeleteMe(f.As(t, ada.AccessToken)); err != nil {
				t.Fatal(err)
			}
			f.Clock.Advance(authtest.DeletionGrace)
			session := f.As(t, f.login(t, name).AccessToken)
			if _, err := f.Me(session); err != nil {
				t.Fatal(err)
			}
			sweep := func() string { return authtest.Code(f.Sweep(t.Context())) }
			answers := atOnce(func() string { return code(f.CancelDeletion(session)) }, sweep, sweep)
			if answers[0] == "" != f.exists(t, name) || answers[1] != "" || answers[2] != "" {
				t.Errorf("round %d: answers %q, the account exists: %t", round, answers, f.exists(t, name))
			}
		}
	})
}
