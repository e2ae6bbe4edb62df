package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
)

// hijack has a thief with a session of ada change the address to a1@evil.example, the password, and the address again to
// a2@evil.example. It returns the links that undo the first and the second change, and a session of the thief.
func (f *fixture) hijack(t *testing.T, bearer string) (first, second, thief string) {
	t.Helper()
	confirm, undo := f.change(t, bearer, "ada@example.com", "a1@evil.example")
	f.Clock.Advance(time.Hour)
	if got := f.confirmToken(t.Context(), confirm.Token); got != "" {
		t.Fatal(got)
	}
	thief = f.login(t, "ada").AccessToken
	if got := f.changePassword(f.As(t, thief), authtest.Password, otherPassword); got != "" {
		t.Fatal(got)
	}
	f.Clock.Advance(time.Hour)
	thief = f.loginWith(t, "ada", otherPassword).AccessToken
	if got := f.requestEmailChange(f.As(t, thief), "a2@evil.example"); got != "" {
		t.Fatal(got)
	}
	mails := f.newMails(t)
	if got := f.confirmToken(t.Context(), mails["confirm-email to a2@evil.example"].Token); got != "" {
		t.Fatal(got)
	}
	return undo.Token, mails["email-changed to a1@evil.example"].Token, thief
}

// TestUndoEmailChange undoes what a thief did, a week after the change. The thief has no way back, not even by the link
// that undoes the second change.
func TestUndoEmailChange(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupAt(t, "ada", "ada@example.com")
		owner, thiefLink, _ := f.hijack(t, ada.AccessToken)
		f.Clock.Advance(7*24*time.Hour - 2*time.Hour)
		thief := f.loginWith(t, "ada", otherPassword)
		if got := f.requestEmailChange(f.As(t, thief.AccessToken), "a3@evil.example"); got != "" {
			t.Fatal(got)
		}
		confirm := f.newMailTo(t, "confirm-email", "a3@evil.example").Token
		if _, err := f.DeleteMe(f.As(t, thief.AccessToken)); err != nil {
			t.Fatal(err)
		}
		f.NewEvents(t)
		if got := f.undo(t.Context(), owner); got != "" {
			t.Fatal(got)
		}
		f.WantEvents(t, "DELETION_CANCELLED of ada", "EMAIL_CHANGE_UNDONE of ada")
		if got, want := f.address(t, ada.User.ID), "ada@example.com verified"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if f.user(t, ada.User.ID).DeletionAt != nil {
			t.Error("the account is to be deleted")
		}
		for name, got := range map[string]string{
			"the session of the thief": authtest.Code(f.Authorize(f.As(t, thief.AccessToken), forUser, nil)),
			"the session of the owner": authtest.Code(f.Authorize(f.As(t, f.sign(t, ada.User.ID, ada.Session.ID)), forUser, nil)),
		} {
			if got != ended {
				t.Errorf("%s: %q, want %q", name, got, ended)
			}
		}
		if _, c, err := f.Store.PasswordOf(t.Context(), ada.User.ID); c != nil || err != nil {
			t.Errorf("the account has a password: %v", err)
		}
		for name, got := range map[string]string{
			"the link that undoes the second change": f.undo(t.Context(), thiefLink),
			"the link of a pending change":           f.confirmToken(t.Context(), confirm),
			"the same link again":                    f.undo(t.Context(), owner),
		} {
			if got != incorrectToken {
				t.Errorf("%s: %q", name, got)
			}
		}
		if got, want := f.address(t, ada.User.ID), "ada@example.com verified"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if n := f.resets(t, ada.User.ID); n != 1 {
			t.Errorf("%d mails to set a new password, want 1", n)
		}
		f.secretsIn(t, owner, thiefLink, confirm)
	})
}

// resets counts the mails that reset a user's password.
func (f *fixture) resets(t *testing.T, id uuid.UUID) (n int) {
	t.Helper()
	mails, err := f.Store.Mails(t.Context(), auth.MailQuery{UserID: &id, Page: auth.Page[uuid.UUID]{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mails {
		if m.Kind == auth.MailResetPassword {
			n++
		}
	}
	return n
}

// TestUndoEmailChangeByThief has the thief undo their own second change first. The link of the owner stays valid.
func TestUndoEmailChangeByThief(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupAt(t, "ada", "ada@example.com")
		owner, thiefLink, _ := f.hijack(t, ada.AccessToken)
		for _, step := range []struct{ token, address string }{{thiefLink, "a1@evil.example verified"}, {owner, "ada@example.com verified"}} {
			if got := f.undo(t.Context(), step.token); got != "" {
				t.Errorf("%q", got)
			}
			if got := f.address(t, ada.User.ID); got != step.address {
				t.Errorf("%s, want %s", got, step.address)
			}
		}
	})
}

// TestUndoEmailChangeTooLate undoes a change long after it.
func TestUndoEmailChangeTooLate(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupAt(t, "ada", "ada@example.com")
		owner, _, _ := f.hijack(t, ada.AccessToken)
		f.Clock.Advance(8 * 24 * time.Hour)
		if got := f.undo(t.Context(), owner); got != "BAD_USER_INPUT token=EXPIRED" {
			t.Errorf("%q", got)
		}
		if got, want := f.address(t, ada.User.ID), "a2@evil.example verified"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// TestUndoEmailChangePending undoes a change that is not confirmed. The mail to the old address says that the account is
// in other hands, so the same happens.
func TestUndoEmailChangePending(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupAt(t, "ada", "ada@example.com")
		confirm, undo := f.change(t, ada.AccessToken, "ada@example.com", "new@example.com")
		if got := f.undo(f.As(t, ada.AccessToken), undo.Token); got != "" {
			t.Fatal(got)
		}
		if got, want := f.address(t, ada.User.ID), "ada@example.com verified"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if got := f.confirmToken(t.Context(), confirm.Token); got != incorrectToken {
			t.Errorf("the change is confirmed: %q", got)
		}
		if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != wrong {
			t.Errorf("login: %q", got)
		}
		if got := authtest.Code(f.Authorize(f.As(t, ada.AccessToken), forUser, nil)); got != ended {
			t.Errorf("the session: %q", got)
		}
	})
}

// TestUndoEmailChangeTaken undoes a change when another account has the old address.
func TestUndoEmailChangeTaken(t *testing.T) {
	t.Parallel()
	for _, verified := range []bool{true, false} {
		t.Run(map[bool]string{true: "verified", false: "unverified"}[verified], func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				ada := f.signupAt(t, "ada", "ada@example.com")
				owner, _, thief := f.hijack(t, ada.AccessToken)
				eve := f.signupAt(t, "", "ada@example.com")
				if verified {
					f.markVerified(t, eve.User.ID)
				}
				before := f.user(t, ada.User.ID)
				f.NewEvents(t)
				got := f.undo(t.Context(), owner)
				if !verified {
					if got != "" {
						t.Errorf("%q", got)
					}
					if got, want := f.address(t, ada.User.ID), "ada@example.com verified"; got != want {
						t.Errorf("%s, want %s", got, want)
					}
					if got := f.address(t, eve.User.ID); got != "none" {
						t.Errorf("the other account has %s", got)
					}
					return
				}
				if got != "BAD_USER_INPUT token=TAKEN" {
					t.Errorf("%q", got)
				}
				if diff := cmp.Diff(before, f.user(t, ada.User.ID)); diff != "" {
					t.Errorf("refused, and written (-before +after):\n%s", diff)
				}
				if got := authtest.Code(f.Authorize(f.As(t, thief), forUser, nil)); strings.Contains(got, "ENDED") {
					t.Errorf("refused, and the session: %q", got)
				}
				f.WantEvents(t)
				// The link is still valid once the other account has left the address.
				if err := f.Store.DeleteUser(t.Context(), eve.User.ID); err != nil {
					t.Fatal(err)
				}
				if got := f.undo(t.Context(), owner); got != "" {
					t.Errorf("when it is free again: %q", got)
				}
			})
		})
	}
}

// TestUndoEmailChangeRace undoes a change twice at once.
func TestUndoEmailChangeRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupAt(t, "ada", "ada@example.com")
		owner, thiefLink, _ := f.hijack(t, ada.AccessToken)
		undo := func() string { return f.undo(t.Context(), owner) }
		answers := atOnce(undo, undo, func() string { return f.undo(t.Context(), thiefLink) })
		if (answers[0] == "") == (answers[1] == "") {
			t.Errorf("answers %q, want one success of the first two", answers)
		}
		if got, want := f.address(t, ada.User.ID), "ada@example.com verified"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}
