package connection_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/sessions"
)

func TestAuditEvents(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		// Each event has its own millisecond, so that the order is certain.
		step := func() { f.Clock.Advance(time.Millisecond) }
		start := f.Clock.Now()
		root := f.admin(t, "root")
		step()
		ada := f.signup(t, accounts.Input{Username: new("ada")})
		step()
		eve := f.signup(t, accounts.Input{Username: new("eve")})
		ctx := f.As(t, root.AccessToken)
		changes := []func(user uuid.UUID) error{
			func(user uuid.UUID) error {
				_, err := f.Domain.Admin.RevokeUserSessions(ctx, admin.RevokeUserSessionsInput{UserID: user})
				return err
			},
			func(user uuid.UUID) error {
				_, err := f.Domain.Admin.DisableUser(ctx, admin.DisableUserInput{UserID: user})
				return err
			},
			func(user uuid.UUID) error {
				_, err := f.Domain.Admin.EnableUser(ctx, admin.EnableUserInput{UserID: user})
				return err
			},
		}
		for _, change := range changes {
			for _, p := range []*sessions.Tokens{ada, eve} {
				step()
				if err := change(p.User.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		step()
		if _, _, err := f.Domain.Operator.CreateClient(t.Context(), "Books", nil); err != nil {
			t.Fatal(err)
		}
		step()
		f.NewEvents(t) // notes the names
		if _, err := f.Domain.Admin.DeleteUser(ctx, admin.DeleteUserInput{UserID: eve.User.ID}); err != nil {
			t.Fatal(err)
		}

		const (
			signups = "SIGNUP by ada of ada in a session|SIGNUP by eve of eve in a session|"
			mid     = "USER_SESSIONS_REVOKED by root of ada in a session|USER_SESSIONS_REVOKED by root of eve in a session|" +
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
			"of kinds": {
				&admin.AuditEventFilter{Kinds: []auth.AuditEventKind{auth.EventClientCreated, auth.EventUserDisabled, auth.EventUserDisabled}},
				"USER_DISABLED by root of ada in a session|USER_DISABLED by root of eve in a session|CLIENT_CREATED by the operator of a client",
			},
			"of a kind among kinds": {
				&admin.AuditEventFilter{Kind: new(auth.EventClientCreated), Kinds: []auth.AuditEventKind{auth.EventClientCreated, auth.EventUserDisabled}},
				"CLIENT_CREATED by the operator of a client",
			},
			"of a kind not among kinds": {&admin.AuditEventFilter{Kind: new(auth.EventSignup), Kinds: []auth.AuditEventKind{auth.EventUserDisabled}}, ""},
			"of no kinds":               {&admin.AuditEventFilter{Kinds: []auth.AuditEventKind{}}, ""},
			"by an actor": {
				&admin.AuditEventFilter{ActorID: &root.User.ID},
				"LOGIN by root of root in a session|" + mid + "USER_DELETED by root of eve in a session",
			},
			"by ada, of all kinds": {&admin.AuditEventFilter{ActorID: &ada.User.ID, Kinds: auth.AuditEventKinds}, "SIGNUP by ada of ada in a session"},
			"between two times": {
				&admin.AuditEventFilter{From: new(start.Add(time.Millisecond)), To: new(start.Add(3 * time.Millisecond))},
				strings.TrimSuffix(signups, "|"),
			},
			"of eve, from a time": {
				&admin.AuditEventFilter{UserID: &eve.User.ID, From: new(f.Clock.Now())},
				"USER_DELETED by root of eve in a session",
			},
			"from the future":   {&admin.AuditEventFilter{From: new(f.Clock.Now().Add(time.Microsecond))}, ""},
			"from after to":     {&admin.AuditEventFilter{From: new(f.Clock.Now()), To: &start}, ""},
			"all":               {nil, signups + mid + last},
			"all, empty filter": {&admin.AuditEventFilter{}, signups + mid + last},
		}
		for name, tt := range tests {
			for _, size := range []int{1, 3, 100} {
				var got []string
				var after *string
				for pages := 1; ; pages++ {
					lookUps := f.Store.Calls("UsersByID")
					page, err := f.AuditEvents(ctx, first(size, after), tt.filter)
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
				if tt.filter == nil || reflect.ValueOf(*tt.filter).IsZero() {
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
		users, err := f.Users(ctx, first(1, nil), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			first int
			after *string
			want  string
		}{
			"none":            {0, nil, "first=INVALID_FORMAT"},
			"too many":        {101, nil, "first=INVALID_FORMAT"},
			"garbage":         {1, new("garbage"), "after=INVALID_FORMAT"},
			"cursor of users": {1, users.PageInfo.EndCursor, "after=INVALID_FORMAT"},
		} {
			_, err := f.AuditEvents(ctx, first(tt.first, tt.after), nil)
			if got := authtest.Code(err); got != "BAD_USER_INPUT "+tt.want {
				t.Errorf("%s: %q, want %q", name, got, tt.want)
			}
		}
	})
}
