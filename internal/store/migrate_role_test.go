package store_test

import (
	"fmt"
	"net/url"
	"testing"

	"usher/internal/store"
)

// TestMigrateWithoutPrivilege migrates as a role that may connect and create nothing.
func TestMigrateWithoutPrivilege(t *testing.T) {
	valid := empty["postgres"](t)
	u, err := url.Parse(valid)
	if err != nil {
		t.Fatal(err)
	}
	owner := open(t, valid)
	role := "reader_of_" + u.Path[1:]
	for _, statement := range []string{
		"CREATE ROLE " + role + " LOGIN PASSWORD 'c0rrect'", "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
	} {
		if err := owner.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		if err := owner.Exec(t.Context(), "DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	}()
	u.User = url.UserPassword(role, "c0rrect")
	s, err := store.Open(t.Context(), u.String(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Migrate(t.Context())
	want := fmt.Sprintf(`PostgreSQL at %s does not let the role %q migrate the database %q: permission denied for schema public. `+
		`Use the role that owns the database`, pgAddress(t, u), role, u.Path[1:])
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
