package app_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestMissingRoles starts servers on databases without what the schema requires.
func TestMissingRoles(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		spoil func(t *testing.T, s *store.Store) error
		want  []string // lines of the error
	}{
		"nothing": {spoil: func(*testing.T, *store.Store) error { return nil }},
		"permission": {
			spoil: func(t *testing.T, s *store.Store) error {
				return s.UpdateRole(t.Context(), &auth.RoleDefinition{Name: auth.RoleAdmin, UpdatedAt: at})
			},
			want: []string{"Query.auditEvents in the schema requires the permission audit:read, which no role has; grant it with: usher role grant ROLE --permission audit:read"},
		},
		"permission of another role": {
			spoil: func(t *testing.T, s *store.Store) error {
				return errors.Join(
					s.UpdateRole(t.Context(), &auth.RoleDefinition{Name: auth.RoleAdmin, UpdatedAt: at}),
					s.CreateRole(t.Context(), &auth.RoleDefinition{Name: "AUDITOR", Permissions: []auth.Permission{auth.PermissionReadAudit}, CreatedAt: at, UpdatedAt: at}),
				)
			},
		},
		"role": {
			spoil: func(t *testing.T, s *store.Store) error { return s.DeleteRole(t.Context(), auth.RoleAdmin, at) },
			want: []string{
				"Query.user in the schema requires the role ADMIN, which does not exist; create it with: usher role create ADMIN",
				"Query.auditEvents in the schema requires the permission audit:read, which no role has; grant it with: usher role grant ROLE --permission audit:read",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				if err := tt.spoil(t, s); err != nil {
					t.Fatal(err)
				}
				server, err := app.New(t.Context(), settings(""), slog.New(slog.DiscardHandler), app.Overrides{Store: s})
				if err == nil {
					defer server.Close()
				}
				var got []string
				if err != nil {
					got = strings.Split(err.Error(), "\n")
				}
				if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
					t.Errorf("New: %q, want %q", got, tt.want)
				}
			})
		})
	}
}
