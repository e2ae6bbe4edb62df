//go:build e2e

package e2e

import (
	"context"
	"crypto/sha1"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"usher/internal/storetest"
)

const (
	web      = "../../web"
	password = "four small green turtles"
)

// TestConsole uses the console in a browser.
func TestConsole(t *testing.T) {
	if _, err := os.Stat("../console/dist/index.html"); err != nil {
		t.Fatal("the console is not built: run make console")
	}
	chromium(t)
	npm(t, web, "run", "lint")
	node(t, web, "e2e/export.test.mjs")
	// What a browser shows does not depend on the kind of database: the tests of the API run on both. So each of these, which
	// take most of the time of all tests, runs on one.
	on := func(kind, name string, test func(t *testing.T, url func(testing.TB) string)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, storetest.URLs[kind])
		})
	}
	on("postgres", "console", func(t *testing.T, url func(testing.TB) string) {
		database := url(t)
		operate(t, database, password+"\n", "user", "create", "--username", "root", "--role", "admin")
		s := start(t, database, "--dev", "--access-token-ttl", "8s")
		node(t, web, "e2e/console.test.mjs", s.url, staleSignIn(t, s, database))
	})
	on("sqlite", "looks", func(t *testing.T, url func(testing.TB) string) {
		database := url(t)
		operate(t, database, password+"\n", "user", "create", "--username", "root", "--email", "root@example.com", "--role", "admin")
		registerClients(t, database)
		s := start(t, database, "--dev")
		node(t, web, "e2e/looks.test.mjs", s.url)
	})
	on("postgres", "views", func(t *testing.T, url func(testing.TB) string) {
		database := url(t)
		operate(t, database, password+"\n", "user", "create", "--username", "root", "--role", "admin")
		registerClients(t, database)
		s := start(t, database, "--dev", "--password-min-length", "17")
		node(t, web, "e2e/views.test.mjs", s.url)
		node(t, web, "e2e/admin.test.mjs", s.url)
		node(t, web, "e2e/users.test.mjs", s.url)
		node(t, web, "e2e/recovery.test.mjs", s.url)
		node(t, web, "e2e/challenge.test.mjs", s.url)
	})
	on("sqlite", "proof of work", func(t *testing.T, url func(testing.TB) string) {
		s := start(t, url(t), "--dev", "--rate-limits", "login-attack=1/10m")
		node(t, web, "e2e/challenge.test.mjs", s.url, "real")
	})
	on("sqlite", "life of an account", func(t *testing.T, url func(testing.TB) string) {
		database := url(t)
		operate(t, database, password+"\n", "user", "create", "--username", "root", "--role", "admin")
		s := start(t, database, "--dev")
		node(t, web, "e2e/lifecycle.test.mjs", s.url)
		node(t, web, "e2e/twostep.test.mjs", s.url)
	})
	on("sqlite", "passkeys", func(t *testing.T, url func(testing.TB) string) {
		database := url(t)
		operate(t, database, password+"\n", "user", "create", "--username", "root", "--role", "admin")
		address := freeAddress(t)
		named := strings.Replace(address, "127.0.0.1", "http://localhost", 1) // an address has no passkeys
		startWith(t, []string{"USHER_ISSUER=" + named}, address, database, "--dev")
		node(t, web, "e2e/passkeys.test.mjs", named)
	})
	on("sqlite", "providers", func(t *testing.T, url func(testing.TB) string) {
		database := url(t)
		operate(t, database, password+"\n", "user", "create", "--username", "root", "--role", "admin")
		address := freeAddress(t)
		issuer, setting := startProvider(t, address)
		s := startWith(t, []string{setting}, address, database, "--dev")
		node(t, web, "e2e/providers.test.mjs", s.url, issuer)
	})
	on("sqlite", "required factors", func(t *testing.T, url func(testing.TB) string) {
		s := start(t, url(t), "--dev", "--require-second-factor", "all", "--second-factor-grace", "0s")
		node(t, web, "e2e/requiredfactor.test.mjs", s.url)
	})
	on("postgres", "mail", func(t *testing.T, url func(testing.TB) string) {
		database := url(t)
		operate(t, database, password+"\n", "user", "create", "--username", "root", "--email", "root@example.com", "--role", "admin")
		var tries atomic.Int32
		r := &relay{refuse: func(string) error {
			if tries.Add(1) == 1 {
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
			}
			return nil
		}}
		node(t, web, "e2e/mail.test.mjs", start(t, database, append(mailFlags(r.listen(t)), "--dev")...).url)
		if accepted, _ := r.mails(); len(accepted) != 1 {
			t.Errorf("%d mails were sent, want 1", len(accepted))
		}
	})
	on("sqlite", "sign-up", func(t *testing.T, url func(testing.TB) string) {
		for _, mode := range []string{"verified", "invite", "closed"} {
			node(t, web, "e2e/signup.test.mjs", start(t, url(t), "--dev", "--signup", mode).url, mode)
		}
	})
	on("sqlite", "breached passwords", func(t *testing.T, url func(testing.TB) string) {
		database := url(t)
		operate(t, database, password+"\n", "user", "create", "--username", "root", "--role", "admin")
		file := filepath.Join(t.TempDir(), "breaches.bin")
		operate(t, database, hashesOf(password, "five large purple whales"), "breaches", "build", "-", "--output", file)
		node(t, web, "e2e/breaches.test.mjs", start(t, database, "--dev", "--breaches", file).url)
	})
	on("postgres", "trusted documents", func(t *testing.T, url func(testing.TB) string) {
		database := url(t)
		operate(t, database, password+"\n", "user", "create", "--username", "root", "--role", "admin")
		registerClients(t, database)
		manifest := filepath.Join(t.TempDir(), "persisted-documents.json")
		if err := os.WriteFile(manifest, []byte(`{"me": "query OfAnApplication { me { id } }"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		s := start(t, database, "--console", "--trusted-documents", manifest, "--trusted-documents-mode", "only")
		node(t, web, "e2e/trusted.test.mjs", s.url)
	})
}

// hashesOf returns a list of breached passwords as it is published.
func hashesOf(passwords ...string) string {
	var lines []string
	for _, p := range passwords {
		lines = append(lines, fmt.Sprintf("%X:1\n", sha1.Sum([]byte(p))))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// registerClients registers OAuth clients for the view that lists them.
func registerClients(t *testing.T, database string) {
	t.Helper()
	operate(t, database, "", "client", "create", "--name", "Billing")
	operate(t, database, "", "client", "create", "--name", "Books", "--resource", "https://books.example.com")
}

// staleSignIn signs in the administrator and moves the time of the sign-in far into the past.
func staleSignIn(t *testing.T, s *server, url string) (refreshToken string) {
	t.Helper()
	var data struct {
		Login struct {
			RefreshToken string
			Session      struct{ ID string }
		}
	}
	err := graphql(s.url, "", `mutation ($input: LoginInput!) { login(input: $input) { refreshToken session { id } } }`,
		map[string]any{"input": map[string]string{"identifier": "root", "password": password}}, &data)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, url)
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	// Both databases accept this format.
	const stale = "2026-01-01 00:00:00.000000+00:00"
	if _, err := db.ExecContext(ctx, `UPDATE sessions SET auth_time = $1 WHERE id = $2`, stale, data.Login.Session.ID); err != nil {
		t.Fatal(err)
	}
	return data.Login.RefreshToken
}

// open opens a database past the server.
func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, dsn = "sqlite", path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// chromium ensures that there is a browser at CHROMIUM_PATH or at Debian's path. As root, it installs Debian's
// package.
func chromium(t *testing.T) {
	t.Helper()
	path := os.Getenv("CHROMIUM_PATH")
	if path == "" {
		path = "/usr/bin/chromium"
	}
	if _, err := os.Stat(path); err == nil {
		return
	}
	if os.Getenv("CHROMIUM_PATH") != "" {
		t.Fatalf("no Chromium at %s", path)
	}
	debian(t, "chromium")
}
