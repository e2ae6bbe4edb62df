//go:build unix

package pgtest

import (
	"strings"
	"testing"
)

func TestAttach(t *testing.T) {
	t.Setenv("TEST_DATABASE_URL", "")
	owner, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := owner.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("TEST_DATABASE_URL", owner.admin.String())

	t.Run("drops what it created", func(t *testing.T) {
		s, err := Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a, b := create(t, s), create(t, s)
		connect(t, b) // must not prevent the drop
		if err := s.DropDatabase(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if exists(t, owner, a) || !exists(t, owner, b) {
			t.Error("DropDatabase must drop its database and no other")
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		if exists(t, owner, b) {
			t.Error("Stop left a database")
		}
	})

	t.Run("drops what a killed process left", func(t *testing.T) {
		killed, left := startVictim(t)
		_, used := startVictim(t)
		kill(t, killed)
		// The server detects the end of the process with a delay.
		eventually(t, "the databases of a killed process are dropped", func() bool {
			s, err := Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			return !exists(t, owner, left)
		})
		if !exists(t, owner, used) {
			t.Error("the database of a running process was dropped")
		}
	})
}

func TestAttachNeverShowsThePassword(t *testing.T) {
	const password = "correct-horse"
	for name, at := range map[string]string{
		"no server":        "postgres://u:" + password + "@127.0.0.1:1/postgres",
		"bad port":         "postgres://u:" + password + "@127.0.0.1:port/postgres",
		"bad parameter":    "postgres://u:" + password + "@127.0.0.1:1/postgres?sslmode=banana",
		"second database":  "postgres://u:" + password + "@127.0.0.1:1/postgres?dbname=other",
		"bad escape":       "postgres://u:" + password + "%zz@127.0.0.1:1/postgres",
		"another scheme":   "mysql://u:" + password + "@127.0.0.1:1/postgres",
		"keywords, no URL": "host=127.0.0.1 port=1 user=u password=" + password,
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TEST_DATABASE_URL", at)
			_, err := Start(t.Context())
			if err == nil || !strings.Contains(err.Error(), "TEST_DATABASE_URL") {
				t.Fatalf("got %v, want an error with the name of the variable", err)
			}
			if strings.Contains(err.Error(), password) {
				t.Error("the error shows the password")
			}
		})
	}
}
