package store_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/jsonobject"
	"usher/internal/store"
)

func TestMigrate(t *testing.T) {
	for name, at := range empty {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, at(t))
			ready(t, s, store.ErrMigrationsPending)
			migrate(t, s)
			ready(t, s, nil)
			migrate(t, s) // a second call does nothing
			ready(t, s, nil)
			once(t, s)

			// The next release has migrated the database. This one must still serve.
			next := fmt.Sprintf(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, true)`, s.Latest()+1)
			if err := s.Exec(t.Context(), next); err != nil {
				t.Fatal(err)
			}
			ready(t, s, nil)
			migrate(t, s)

			// This release has not migrated the database yet.
			if err := s.Exec(t.Context(), `DELETE FROM goose_db_version WHERE version_id >= $1`, s.Latest()); err != nil {
				t.Fatal(err)
			}
			ready(t, s, store.ErrMigrationsPending)
		})
	}
}

// TestSQLiteReadyWantsTheFile removes the database file. A read-only file would not fail if the tests run
// as root.
func TestSQLiteReadyWantsTheFile(t *testing.T) {
	at := empty["sqlite"](t)
	s := open(t, at)
	migrate(t, s)
	ready(t, s, nil)
	file := strings.TrimPrefix(at, "sqlite:")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	ready(t, s, auth.ErrUnavailable)
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	ready(t, s, nil)
}

// TestMigrateTogether migrates from several stores at once, like replicas that start together. Each store has
// its own connections.
func TestMigrateTogether(t *testing.T) {
	for name, at := range empty {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := at(t)
			var replicas sync.WaitGroup
			for range 8 {
				replicas.Go(func() {
					s, err := store.Open(t.Context(), at, store.Options{})
					if err != nil {
						t.Error(err)
						return
					}
					if err := s.Migrate(t.Context()); err != nil {
						t.Error(err)
					}
					if err := s.Ready(t.Context()); err != nil {
						t.Error(err)
					}
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			replicas.Wait()
			once(t, open(t, at))
		})
	}
}

// TestSQLiteMigratesOnce records a migration twice, which must fail. If two processes run a migration at once,
// this rolls back the second one even if its statements succeed twice.
func TestSQLiteMigratesOnce(t *testing.T) {
	s := open(t, empty["sqlite"](t))
	migrate(t, s)
	if err := s.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, true)`); err == nil {
		t.Error("a migration was recorded twice")
	}
}

// TestMigrateFilled migrates a database version by version and inserts rows of each version.
func TestMigrateFilled(t *testing.T) {
	for name, at := range empty {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, at(t))
			for _, version := range versions(t, s) {
				if err := s.UpTo(t.Context(), version); err != nil {
					t.Fatal(err)
				}
				fill, err := os.ReadFile(fmt.Sprintf("testdata/fill/%05d.sql", version))
				if err != nil {
					t.Fatalf("each migration needs rows that the next one will meet: %v", err)
				}
				if err := s.Exec(t.Context(), string(fill)); err != nil {
					t.Fatal(err)
				}
			}
			ready(t, s, nil)

			day := func(n int) time.Time { return time.Date(2030, 1, n, 0, 0, 0, 0, time.UTC) }
			got, err := s.Viewer(t.Context(), uuid.MustParse("01940000-0000-7000-8000-000000000003"))
			if err != nil {
				t.Fatal(err)
			}
			want := &auth.Viewer{
				User: auth.User{
					ID:       uuid.MustParse("01940000-0000-7000-8000-000000000001"),
					Username: new("Ada"), Email: new("Ada@Example.com"), FullName: new("Ada Lovelace"),
					Roles:      []auth.Role{auth.RoleUser, auth.RoleAdmin},
					DisabledAt: new(day(4).Add(time.Second / 2)), LastSignInAt: new(day(2)), CreatedAt: day(2), UpdatedAt: day(3),
				},
				Session: auth.Session{
					ID:       uuid.MustParse("01940000-0000-7000-8000-000000000003"),
					UserID:   uuid.MustParse("01940000-0000-7000-8000-000000000001"),
					AuthTime: day(2), Methods: []auth.Method{auth.MethodPassword}, CreatedAt: day(2), LastUsedAt: day(2), ExpiresAt: day(2 + 31), EndedAt: new(day(3)),
					IPAddress: new("192.0.2.1"), UserAgent: new("curl"),
				},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("viewer (-want +got):\n%s", diff)
			}
			for username, want := range map[string]string{
				"bob": "$2b$",          // written before the migration
				"mia": "$argon2id$new", // written by this server
				"old": "$argon2id$old", // written by a server of the previous release after the migration
			} {
				user, got, err := s.PasswordByUsername(t.Context(), username)
				if err != nil || got == nil || got.Secret != want || got.UserID != user.ID {
					t.Errorf("PasswordByUsername: %v, %v, want %s", got, err, want)
					continue
				}
				if ok, err := s.RehashPassword(t.Context(), user.ID, "$other", "$new", day(5)); ok || err != nil {
					t.Errorf("RehashPassword of another secret: %v, %v", ok, err)
				}
				if ok, err := s.RehashPassword(t.Context(), user.ID, want, "$new", day(5)); !ok || err != nil {
					t.Errorf("RehashPassword: %v, %v", ok, err)
				}
				if _, got, err = s.PasswordOf(t.Context(), user.ID); err != nil || got.Secret != "$new" || !got.UpdatedAt.Equal(day(5)) {
					t.Errorf("PasswordOf: %v, %v", got, err)
				}
				var older *string // the value that the previous release reads
				if err := s.Get(t.Context(), &older, `SELECT password_hash FROM users WHERE username_key = $1`, username); err != nil ||
					(older == nil) != (username == "mia") || older != nil && *older != "$new" {
					t.Errorf("password_hash of %s: %v, %v", username, older, err)
				}
			}
			for id, want := range map[string][2]jsonobject.Object{
				"01940000-0000-7000-8000-000000000020": {`{"locale":"en"}`, `{"plan":"pro","seats":9007199254740993}`},
				"01940000-0000-7000-8000-000000000021": {}, // written by a server of the previous release
			} {
				user, err := s.User(t.Context(), uuid.MustParse(id))
				if err != nil || [2]jsonobject.Object{user.Metadata, user.AppMetadata} != want {
					t.Errorf("User %s: %+v, %v, want %v", id, user, err, want)
				}
			}
			if found, err := s.UsersWithoutKey(t.Context(), 10); err != nil || len(found) != 1 || *found[0].FullName != "Ada Lovelace" {
				t.Errorf("Users with a full name from before: %v, %v", found, err)
			}
			for username, want := range map[string]*time.Time{
				"bob": new(day(2)), // the newest of several sessions
				"mia": new(day(5)), // signed in at this server
				"eve": nil,         // has no session
			} {
				if user, _, err := s.PasswordByUsername(t.Context(), username); err != nil || !cmp.Equal(user.LastSignInAt, want) {
					t.Errorf("%s last signed in %v, %v, want %v", username, user.LastSignInAt, err, want)
				}
			}
			if events, err := s.Events(t.Context(), auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 10}}); err != nil || len(events) != 8 || events[7].Roles != nil || events[7].Permissions != nil ||
				!slices.Equal(events[3].Permissions, []auth.Permission{"orders:read", "orders:write"}) || *events[1].Identifier != "mia@example.com" {
				t.Errorf("Events: %v, %v", events, err)
			}
			checkFilledRoles(t, s, day)
			checkFilledMails(t, s, day)
			clients, err := s.Clients(t.Context(), auth.Page[uuid.UUID]{Limit: 10})
			if err != nil || len(clients) != 2 || clients[0].Name != "Books" || clients[0].Resource != nil ||
				clients[1].Resource == nil || *clients[1].Resource != "https://api.example.com" {
				t.Errorf("Clients: %+v, %v", clients, err)
			}
			for key, want := range map[string]int{"unknown:abc": 8, "login:01940000-0000-7000-8000-000000000001": 7} {
				if a, err := s.Attempts(t.Context(), auth.AttemptCounter{Key: key}); err != nil || a.Count != want {
					t.Errorf("Attempts: %v, %v", a, err)
				}
			}
			// Servers of the previous release still count in this column.
			var failures int
			if err := s.Get(t.Context(), &failures, `SELECT count FROM login_failures WHERE key = 'unknown:abc'`); err != nil || failures != 7 {
				t.Errorf("login_failures: %d, %v", failures, err)
			}
			// An older server increased this time in reauthenticate. It is the time of the sign-in again.
			raised, err := s.RefreshState(t.Context(), uuid.MustParse("01940000-0000-7000-8000-00000000000b"))
			if err != nil || !raised.Session.AuthTime.Equal(day(2)) || raised.RotatedBy != nil || raised.Replays != 0 {
				t.Errorf("RefreshState of an older server: %+v, %v", raised, err)
			}
		})
	}
}

// checkFilledRoles checks the built-in roles and those of the fill, and that the constraints on users accept the new names
// and no others.
func checkFilledRoles(t *testing.T, s *store.Store, day func(n int) time.Time) {
	t.Helper()
	got, err := s.Roles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []auth.RoleDefinition{
		{Name: "USER", Description: new("Every account has this role."), Permissions: []auth.Permission{}},
		{Name: "ADMIN", Description: new("Allows administering other users."), Permissions: []auth.Permission{"audit:read"}},
		{Name: "EDITOR_2", Description: new("Edits."), Permissions: []auth.Permission{"orders:read", "orders:write"}, CreatedAt: day(2), UpdatedAt: day(3)},
		{Name: "IDLE", Permissions: []auth.Permission{}, CreatedAt: day(2), UpdatedAt: day(2)},
	}
	for i := range got {
		if got[i].Name.BuiltIn() {
			if age := time.Since(got[i].CreatedAt); age < -time.Minute || age > time.Hour || !got[i].UpdatedAt.Equal(got[i].CreatedAt) {
				t.Errorf("%s was created at %s and updated at %s", got[i].Name, got[i].CreatedAt, got[i].UpdatedAt)
			}
			got[i].CreatedAt, got[i].UpdatedAt = time.Time{}, time.Time{}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	long := strings.TrimSpace(strings.Repeat(strings.Repeat("A", 63)+" ", 20))
	for roles, accepted := range map[string]bool{"USER R2_D2": true, "user": false, "USER;": false, long: true, long + long: false} {
		err := s.Exec(t.Context(), `UPDATE users SET roles = $1 WHERE username_key = 'ed'`, roles)
		if (err == nil) != accepted {
			t.Errorf("%q in users: %v, want it accepted: %v", roles, err, accepted)
		}
		err = s.Exec(t.Context(), `INSERT INTO audit_events (id, at, kind, roles) VALUES ($1, '2030-01-02 00:00:00+00:00', 'ROLE_DELETED', $2)`, uuid.New(), roles)
		if (err == nil) != accepted {
			t.Errorf("%q in audit_events: %v, want it accepted: %v", roles, err, accepted)
		}
	}
}

func migrate(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func ready(t *testing.T, s *store.Store, want error) {
	t.Helper()
	wantError(t, "Ready", s.Ready(t.Context()), want)
}

// once fails the test if a migration is recorded more than once.
func once(t *testing.T, s *store.Store) {
	t.Helper()
	var rows int64
	if err := s.Get(t.Context(), &rows, `SELECT count(*) FROM goose_db_version WHERE version_id > 0`); err != nil {
		t.Fatal(err)
	}
	if want := len(versions(t, s)); rows != int64(want) {
		t.Errorf("%d migrations are recorded, want %d", rows, want)
	}
}

func versions(t *testing.T, s *store.Store) []int64 {
	t.Helper()
	all, err := s.Versions()
	if err != nil || len(all) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	return all
}
