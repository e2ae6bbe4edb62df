package auth_test

import (
	"fmt"
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
	"usher/internal/request"
)

// TestSignInEvents checks the events of sign-ins and sign-outs.
func TestSignInEvents(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		f.WantEvents(t, "SIGNUP by ada of ada in a session")
		second, third := f.login(t, "ada"), f.login(t, "ada")
		f.WantEvents(t, "LOGIN by ada of ada in a session", "LOGIN by ada of ada in a session")
		for _, name := range []string{"ada", "nobody"} {
			if got := f.tryLogin(t.Context(), name, "wrong"); got != "INVALID_CREDENTIALS" {
				t.Error(got)
			}
		}
		f.WantEvents(t, "LOGIN_FAILED", "LOGIN_FAILED of ada")

		for range 2 { // the second time changes nothing
			if _, err := f.RevokeSession(f.As(t, ada.AccessToken), signin.RevokeSessionInput{SessionID: second.Session.ID}); err != nil {
				t.Fatal(err)
			}
		}
		f.WantEvents(t, "SESSION_REVOKED by ada of ada in a session")
		for range 2 {
			if _, err := f.RevokeOtherSessions(f.As(t, ada.AccessToken)); err != nil {
				t.Fatal(err)
			}
		}
		f.WantEvents(t, "SESSION_REVOKED by ada of ada in a session")
		if _, err := f.Logout(f.As(t, ada.AccessToken)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Logout(f.As(t, third.AccessToken)); authtest.Code(err) != ended {
			t.Errorf("Logout of a revoked session: %v", err)
		}
		f.WantEvents(t, "LOGOUT by ada of ada in a session")

		reused := f.login(t, "ada")
		f.NewEvents(t)
		if _, failed := f.refresh(t.Context(), *reused.RefreshToken); failed != "" {
			t.Fatal(failed)
		}
		f.WantEvents(t)
		f.Clock.Advance(time.Hour)
		for range 2 {
			if _, failed := f.refresh(t.Context(), *reused.RefreshToken); failed != ended {
				t.Fatal(failed)
			}
		}
		f.WantEvents(t, "REFRESH_REUSE of ada in a session")
		revoked := f.login(t, "ada")
		f.NewEvents(t)
		for range 2 {
			if err := f.RevokeToken(t.Context(), nil, revoked.AccessToken); err != nil {
				t.Fatal(err)
			}
		}
		f.WantEvents(t, "TOKEN_REVOKED of ada in a session")
	})
}

// TestEventOrigin checks the origin of an event in the audit log and in the server's log, and that neither contains a
// secret.
func TestEventOrigin(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		if _, err := f.CreateUser(t.Context(), accounts.Input{Username: new("root"), Password: authtest.Password}, auth.Roles); err != nil {
			t.Fatal(err)
		}
		ada := f.signup(t, "ada") // from a device
		if got := f.tryLogin(device(t.Context()), "ada", "a wrong password"); got != "INVALID_CREDENTIALS" {
			t.Fatal(got)
		}
		events, err := f.Store.Events(t.Context(), auth.AuditEventQuery{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		from := request.From(device(t.Context()))
		for _, e := range events {
			want := []*string{new(from.Client.String()), &from.UserAgent, &from.ID}
			if e.Operator {
				want = []*string{nil, nil, nil}
			}
			if diff := cmp.Diff(want, []*string{e.IPAddress, e.UserAgent, e.RequestID}); diff != "" {
				t.Errorf("%s: address, user agent and request (-want +got):\n%s", e.Kind, diff)
			}
			if !e.At.Equal(f.Clock.Now()) || e.ID.Version() != 7 {
				t.Errorf("%s: at %v with the id %v", e.Kind, e.At, e.ID)
			}
		}
		logged := f.Log.Take()
		for _, want := range []string{
			"msg=audit id=r1 event=SIGNUP actor=" + ada.User.ID.String() + " user=" + ada.User.ID.String() + " session=" + ada.Session.ID.String() + "\n",
			"event=LOGIN_FAILED user=" + ada.User.ID.String() + "\n",
			"event=USER_CREATED user=", " operator=true\n",
		} {
			if !strings.Contains(logged, want) {
				t.Errorf("the log lacks %q:\n%s", want, logged)
			}
		}
		for _, secret := range []string{"password", authtest.Password, "wrong", ada.AccessToken, *ada.RefreshToken} {
			if all := logged + fmt.Sprintf("%+v", events); strings.Contains(all, secret) {
				t.Errorf("%q is in the log:\n%s", secret, all)
			}
		}
	})
}

func TestAuditEvents(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		// Each event has its own millisecond, so that the order is certain.
		step := func() { f.Clock.Advance(time.Millisecond) }
		root := f.admin(t, "root")
		step()
		ada := f.signup(t, "ada")
		step()
		eve := f.signup(t, "eve")
		ctx := f.As(t, root.AccessToken)
		for _, do := range []verb{revokeUserSessions, disableUser, enableUser} {
			for _, p := range []*signin.AuthPayload{ada, eve} {
				step()
				if err := do(ctx, f, p.User.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		step()
		f.register(t, "Books")
		step()
		f.NewEvents(t) // notes the names
		if err := deleteUser(ctx, f, eve.User.ID); err != nil {
			t.Fatal(err)
		}

		const (
			first = "SIGNUP by ada of ada in a session|SIGNUP by eve of eve in a session|"
			mid   = "USER_SESSIONS_REVOKED by root of ada in a session|USER_SESSIONS_REVOKED by root of eve in a session|" +
				"USER_DISABLED by root of ada in a session|USER_DISABLED by root of eve in a session|USER_ENABLED by root of ada in a session|USER_ENABLED by root of eve in a session|"
			last = "CLIENT_CREATED by the operator of a client|USER_DELETED by root of eve in a session"
		)
		tests := map[string]struct {
			filter *admin.AuditEventFilter
			want   string // the oldest first
		}{
			"of ada": {
				&admin.AuditEventFilter{UserID: &ada.User.ID},
				"SIGNUP by ada of ada in a session|USER_SESSIONS_REVOKED by root of ada in a session|USER_DISABLED by root of ada in a session|USER_ENABLED by root of ada in a session",
			},
			"of a kind":         {&admin.AuditEventFilter{Kind: new(auth.EventUserDisabled)}, "USER_DISABLED by root of ada in a session|USER_DISABLED by root of eve in a session"},
			"of ada and a kind": {&admin.AuditEventFilter{UserID: &ada.User.ID, Kind: new(auth.EventUserEnabled)}, "USER_ENABLED by root of ada in a session"},
			"of no user":        {&admin.AuditEventFilter{UserID: new(uuid.New())}, ""},
			"of a deleted user": {&admin.AuditEventFilter{UserID: &eve.User.ID, Kind: new(auth.EventUserDeleted)}, "USER_DELETED by root of eve in a session"},
			"all":               {nil, first + mid + last},
			"all, empty filter": {&admin.AuditEventFilter{}, first + mid + last},
		}
		for name, tt := range tests {
			for _, size := range []int{1, 3, 100} {
				var got []string
				var after *string
				for pages := 1; ; pages++ {
					lookUps := f.Store.Calls("UsersByID")
					page, err := f.AuditEvents(ctx, size, after, tt.filter)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if n := f.Store.Calls("UsersByID") - lookUps; n > 1 {
						t.Errorf("%s: %d look-ups of users for a page", name, n)
					}
					for _, e := range page.Edges {
						wantPeople(t, e.Node, root.User, ada.User)
						got = append(got, f.Describe(*e.Node))
					}
					wantEnds(t, page.PageInfo, pages > 1, len(page.Edges), func(i int) string { return page.Edges[i].Cursor })
					if !page.PageInfo.HasNextPage {
						break
					}
					after = page.PageInfo.EndCursor
				}
				slices.Reverse(got)
				if tt.filter == nil || *tt.filter == (admin.AuditEventFilter{}) {
					got = got[2:] // the creation and the sign-in of root, which have the same time
				}
				if diff := cmp.Diff(tt.want, strings.Join(got, "|")); diff != "" {
					t.Errorf("%s, by %d (-want +got):\n%s", name, size, diff)
				}
			}
		}
	})
}

// wantPeople checks that an event shows its users, if they still exist.
func wantPeople(t *testing.T, e *auth.AuditEvent, there ...*auth.User) {
	t.Helper()
	for _, p := range []struct {
		id  *uuid.UUID
		got *auth.User
	}{{e.ActorID, e.Actor}, {e.UserID, e.User}} {
		i := slices.IndexFunc(there, func(u *auth.User) bool { return p.id != nil && u.ID == *p.id })
		if i < 0 && p.got != nil || i >= 0 && (p.got == nil || p.got.ID != *p.id || *p.got.Username != *there[i].Username) {
			t.Errorf("%s: the user %v is shown as %+v", e.Kind, p.id, p.got)
		}
	}
}

func TestAuditEventsBadInput(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		ctx := f.As(t, root.AccessToken)
		users, err := f.Users(ctx, 1, nil, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			first int
			after *string
			want  string
		}{
			"none":            {0, nil, "first INVALID_FORMAT"},
			"too many":        {101, nil, "first INVALID_FORMAT"},
			"garbage":         {1, new("garbage"), "after INVALID_FORMAT"},
			"cursor of users": {1, users.PageInfo.EndCursor, "after INVALID_FORMAT"},
		} {
			_, err := f.AuditEvents(ctx, tt.first, tt.after, nil)
			wantProblem(t, name, err, tt.want)
		}
	})
}
