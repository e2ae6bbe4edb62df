package store_test

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"usher/internal/pgtest"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestOpenError opens databases that cannot be opened and compares the whole text.
func TestOpenError(t *testing.T) {
	valid, err := url.Parse(storetest.URLs["postgres"](t))
	if err != nil {
		t.Fatal(err)
	}
	at := func(change func(u *url.URL)) string {
		u := *valid
		change(&u)
		return u.String()
	}
	free := closedAddress(t)
	folder := t.TempDir()
	text := filepath.Join(folder, "text")
	if err := os.WriteFile(text, []byte("This is the text of a file that is not a database."), 0o600); err != nil {
		t.Fatal(err)
	}
	server := pgAddress(t, valid)
	none := filepath.Join(folder, "none")
	for name, c := range map[string]struct {
		at, want string
		mayPass  bool
	}{
		"database": {
			at(func(u *url.URL) { u.Path = "/none" }), fmt.Sprintf(`PostgreSQL at %s has no database "none"`, server), false,
		},
		"not listening": {
			"postgres://ada:c0rrect@" + free + "/usher", "PostgreSQL at " + free + " cannot be reached: connection refused", true,
		},
		"neither listens": {
			"postgres://ada@" + free + "," + free + "/usher?sslmode=disable", "PostgreSQL at " + free + " cannot be reached: connection refused", true,
		},
		"socket": {
			"postgres:///usher?user=ada&host=" + folder, "PostgreSQL at " + folder + " cannot be reached: no such file or directory", true,
		},
		"not a database":    {"sqlite:" + text, fmt.Sprintf("the file %q is not a SQLite database", text), false},
		"a folder":          {"sqlite:" + folder, fmt.Sprintf("the database file %q cannot be opened: it is a folder", folder), false},
		"no folder":         {"sqlite:" + filepath.Join(none, "a", "usher.db"), fmt.Sprintf("the folder %q of the database file does not exist. Create it with mkdir -p", filepath.Join(none, "a")), false},
		"a file, no folder": {"sqlite:" + filepath.Join(text, "usher.db"), fmt.Sprintf("the database file %q cannot be opened: not a directory", filepath.Join(text, "usher.db")), false},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.Context(), c.at, store.Options{})
			if err == nil {
				_ = s.Close()
				t.Fatal("Open succeeded")
			}
			got := new(store.OpenError)
			if !errors.As(err, &got) || got.Error() != c.want || got.MayPass != c.mayPass {
				t.Errorf("got %#v, want %s (may pass: %t)", err, c.want, c.mayPass)
			}
			if errors.Unwrap(got) == nil {
				t.Error("there is no cause")
			}
		})
	}
	if _, err := os.Stat(none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was created: %v", err)
	}
}

// TestOpenErrorOfARole lets PostgreSQL reject a role, with a password and without.
func TestOpenErrorOfARole(t *testing.T) {
	valid, err := url.Parse(storetest.URLs["postgres"](t))
	if err != nil {
		t.Fatal(err)
	}
	valid.User = url.UserPassword("nobody", "c0rrect")
	_, err = store.Open(t.Context(), valid.String(), store.Options{})
	got := new(store.OpenError)
	if !errors.As(err, &got) || got.MayPass {
		t.Fatalf("got %#v", err)
	}
	server, database := pgAddress(t, valid), valid.Path[1:]
	trusting := fmt.Sprintf(`PostgreSQL at %s does not let the role "nobody" use the database %q: role "nobody" does not exist`, server, database)
	checking := fmt.Sprintf(`PostgreSQL at %s rejects the password of the role "nobody"`, server)
	if got.Error() != trusting && got.Error() != checking { // by the server's pg_hba.conf
		t.Errorf("got %s, want %s or %s", got, trusting, checking)
	}
}

// pgAddress returns how an error names the server of a URL.
func pgAddress(t *testing.T, u *url.URL) string {
	t.Helper()
	if folder := u.Query().Get("host"); folder != "" {
		return folder
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "5432")
	}
	return u.Host
}

// closedAddress returns an address on which nothing listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// TestOpenErrorOnAStandby opens a server that accepts no writes.
func TestOpenErrorOnAStandby(t *testing.T) {
	valid := pgtest.URL(t)
	at := with(t, valid, "default_transaction_read_only", "on")
	_, err := store.Open(t.Context(), at, store.Options{})
	got := new(store.OpenError)
	if !errors.As(err, &got) || !got.MayPass {
		t.Fatalf("got %#v, want an error that may pass", err)
	}
	u, err := url.Parse(valid)
	if err != nil {
		t.Fatal(err)
	}
	if want := "PostgreSQL at " + pgAddress(t, u) + " accepts no writes"; got.Error() != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
