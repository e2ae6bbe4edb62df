package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

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

// TestPostgresProblem explains errors that a test cannot cause on every server.
func TestPostgresProblem(t *testing.T) {
	t.Parallel()
	refused := func(code, message string) error {
		return fmt.Errorf("server error: %w", &pgconn.PgError{Severity: "FATAL", Code: code, Message: message})
	}
	for _, c := range []struct {
		err     error
		want    string
		mayPass bool
	}{
		{refused("28P01", "x"), `PostgreSQL at db:5432 rejects the password of the role "ada"`, false},
		{refused("28000", `role "ada" does not exist`), `PostgreSQL at db:5432 does not let the role "ada" use the database "usher": role "ada" does not exist`, false},
		{refused("42501", "permission denied"), `PostgreSQL at db:5432 does not let the role "ada" use the database "usher": permission denied`, false},
		{refused("3D000", "x"), `PostgreSQL at db:5432 has no database "usher"`, false},
		{refused("57P03", "the database system is starting up"), "PostgreSQL at db:5432 accepts no connections yet: the database system is starting up", true},
		{refused("53300", "sorry, too many clients already"), "PostgreSQL at db:5432 has no free connection: sorry, too many clients already", true},
		{refused("08P01", "two\n\tlines"), "PostgreSQL at db:5432 refuses the connection: two lines (SQLSTATE 08P01)", false},
		{&net.DNSError{Name: "db", IsNotFound: true}, `the host "db" of the database is unknown`, true},
		{&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, "PostgreSQL at db:5432 cannot be reached: no route to host", true},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, "PostgreSQL at db:5432 cannot be reached: no answer", true},
		{context.DeadlineExceeded, "PostgreSQL at db:5432 cannot be reached: no answer", true},
		{io.ErrUnexpectedEOF, "PostgreSQL at db:5432 cannot be reached: unexpected EOF", true},
		{errors.New("tls error: server refused TLS connection"), "PostgreSQL at db:5432 cannot be reached: tls error: server refused TLS connection", false},
	} {
		for _, err := range []error{c.err, fmt.Errorf("wrapped: %w", errors.Join(c.err))} {
			problem, mayPass := store.PostgresProblem("postgres://ada:c0rrect@db/usher", err)
			if want := strings.Replace(c.want, ": "+c.err.Error(), ": "+err.Error(), 1); problem != want || mayPass != c.mayPass {
				t.Errorf("%v: got %s, %t; want %s, %t", err, problem, mayPass, want, c.mayPass)
			}
		}
	}
	problem, _ := store.PostgresProblem("postgres://ada@db1,db2:6432,[::1]/usher", refused("3D000", ""))
	if want := `PostgreSQL at db1:5432 and db2:6432 and [::1]:5432 has no database "usher"`; problem != want {
		t.Errorf("got %s, want %s", problem, want)
	}
}
