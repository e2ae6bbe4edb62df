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
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/recovery"
)

// TestTransactionsRunAgain rolls every transaction back once, just before its commit. The second run does the same, and
// nothing of the first remains.
func TestTransactionsRunAgain(t *testing.T) {
	t.Parallel()
	operations := map[string]operation{
		"signup": func(_ context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
			p, err := f.Signup(t.Context(), signin.SignupInput{Username: new("eve"), Password: authtest.Password})
			return p.User.Roles, err
		},
		"login": func(_ context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
			p, err := f.Login(t.Context(), signin.LoginInput{Identifier: "root", Password: authtest.Password})
			return p.User.Roles, err
		},
		"a failed login": func(_ context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
			_, err := f.Login(t.Context(), signin.LoginInput{Identifier: "root", Password: "wrong"})
			return nil, err
		},
	}
	operations["requestSignup"] = func(_ context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.Domain.Recovery.RequestSignup(t.Context(), recovery.RequestSignupInput{Email: "eve@example.com"})
	}
	operations["completeSignup"] = func(_ context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		f.NewMails(t) // of the operations before
		m := f.signupMail(t, "new@example.com")
		p, err := f.CompleteSignup(t.Context(), signin.CompleteSignupInput{Token: &m.Token, Username: new("new"), Password: authtest.Password})
		return p, err
	}
	maps.Copy(operations, callerOperations)
	names := slices.Sorted(maps.Keys(operations))
	run := func(t *testing.T, f *fixture, name string, again bool) (lines []string) {
		t.Helper()
		root := f.admin(t, "root")
		f.Clock.Advance(time.Minute)
		ada, other := f.signup(t, "ada"), f.login(t, "root")
		f.setEmails(t)
		f.Clock.Advance(time.Minute)
		ago := func(at time.Time) string { return f.Clock.Now().Sub(at).String() + " ago" }
		f.NewEvents(t)
		if _, err := f.ensureFailedMail(t.Context()); err != nil {
			t.Fatal(err)
		}
		mails := len(f.state(t).Mails)
		f.Store.RollBack(again)
		answer, err := operations[name](f.As(t, root.AccessToken), f, ada.User.ID, other.Session.ID)
		f.Store.RollBack(false)
		switch p := answer.(type) {
		case *accounts.UpdateMePayload:
			answer = *p.User.FullName + ago(p.User.UpdatedAt)
		case *recovery.RequestEmailVerificationPayload:
			answer = *p.User.Username
		case *recovery.SendPasswordResetPayload:
			answer = *p.User.Username
		case *recovery.RequestEmailChangePayload:
			answer = *p.User.PendingEmail + ago(p.User.UpdatedAt)
		case *accounts.DeleteMePayload:
			answer = p.User.DeletionAt.Sub(f.Clock.Now())
		case *accounts.CancelDeletionPayload:
			answer = fmt.Sprint(p.User.DeletionAt, ago(p.User.UpdatedAt))
		case *accounts.RequestDataExportPayload:
			answer = len(p.Data) > 1000
		case *accounts.ChangePasswordPayload:
			answer = fmt.Sprint(*p.User.Username, p.RevokedCount)
		case *admin.CreateUserPayload:
			answer = fmt.Sprint(*p.User.Username, p.User.Roles, ago(p.User.CreatedAt))
		case *admin.InviteUserPayload:
			answer = p.Email + ago(p.ExpiresAt)
		case *admin.RetryMailPayload:
			answer = p.Mail.State
		case *recovery.RequestSignupPayload:
			answer = p.Email
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
		case *admin.CreateRolePayload:
			answer = fmt.Sprint(p.Role.Name, p.Role.Permissions, ago(p.Role.CreatedAt))
		case *admin.UpdateRolePayload:
			answer = fmt.Sprint(*p.Role.Description, p.Role.Permissions, ago(p.Role.UpdatedAt))
		case *admin.DeleteRolePayload:
			answer = p.Name
		case *signin.AuthPayload:
			answer = ago(p.Session.AuthTime) + *p.User.Username
		case *signin.RevokeOtherSessionsPayload:
			answer = p.RevokedCount
		}
		lines = append(lines, fmt.Sprint("answer: ", answer, " ", authtest.Code(err)))
		for _, line := range f.NewEvents(t) {
			lines = append(lines, "event: "+line)
		}
		state := f.state(t)
		lines = append(lines, fmt.Sprint("new mails: ", len(state.Mails)-mails))
		for i, u := range state.Users {
			name := "none"
			if u.FullName != nil {
				name = *u.FullName
			}
			lines = append(lines, fmt.Sprint("user: ", *u.Username, name, u.Roles, u.DisabledAt != nil, ago(u.UpdatedAt), len(state.Sessions[i])))
		}
		for _, r := range state.Roles {
			lines = append(lines, fmt.Sprint("role: ", r.Name, r.Description != nil, r.Permissions))
		}
		var queued []string // in any order: the worker prepares several at once
		for _, m := range f.mails(t) {
			if m.State == auth.MailQueued && m.ID != failedMail {
				queued = append(queued, fmt.Sprint("mail: ", m.Kind, ago(m.CreatedAt)))
			}
		}
		slices.Sort(queued)
		lines = append(lines, queued...)
		f.NewMails(t)
		return append(lines, fmt.Sprint("logged: ", strings.Count(f.Log.Take(), "msg=audit")))
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		for _, name := range names {
			var got [2][]string
			for i, again := range []bool{false, true} {
				f.empty(t)
				got[i] = run(t, f, name, again)
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

// empty deletes all users and all roles but the built-in ones, and skips the events so far.
func (f *fixture) empty(t *testing.T) {
	t.Helper()
	for _, u := range f.AllUsers(t) {
		if err := f.Store.DeleteUser(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
		if err := f.Unlock(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range f.state(t).Roles {
		if !r.Name.BuiltIn() {
			if err := f.Store.DeleteRole(t.Context(), r.Name, f.Clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.NewEvents(t)
	f.Log.Take()
}
