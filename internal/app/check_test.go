package app_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"usher/internal/app"
	"usher/internal/breach"
	"usher/internal/check"
	"usher/internal/config"
	"usher/internal/mail"
)

// installation is what a check looks at. Each case of TestCheck changes one thing.
type installation struct {
	config.Settings
	app.CheckOptions

	warnings []string
	db       *sql.DB
}

// sound returns an installation without a fault: a server has run on the database, and answers at the issuer.
func sound(t *testing.T, s app.Settings) *installation {
	t.Helper()
	in := &installation{Settings: config.Settings{Server: s.Server, Passwords: s.Passwords, Database: s.Database}}
	issuer := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/oauth-authorization-server" {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": in.Issuer})
	}))
	issuer.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(issuer.Close)
	in.Roots = x509.NewCertPool()
	in.Roots.AddCert(issuer.Certificate())
	in.Issuer, in.Listen = issuer.URL, "127.0.0.1:8080"
	in.SessionIdle = time.Hour
	in.TrustedProxies = config.Prefixes{netip.MustParsePrefix("127.0.0.1/32")}
	in.AllowedOrigins = config.Origins{"https://app.example.com", "http://localhost:3000"}
	in.TrustedDocuments = write(t, "documents.json", `{"kind": "{ __typename }"}`)
	in.BreachesFile = filepath.Join(t.TempDir(), "breaches.bin")
	if _, err := breach.Build(t.Context(), strings.NewReader(strings.Repeat("A", 40)+":1\n"), in.BreachesFile, breach.BuildOptions{Bits: 16}); err != nil {
		t.Fatal(err)
	}
	_, in.SMTPURL = startSMTP(t)
	in.MailFrom, in.LinkURL, in.MailLocale = mail.Address{Addr: "no-reply@usher.dev"}, in.Issuer, "en"
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	in.DKIMKeyFile = write(t, "dkim.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	in.DKIMSelector = "usher"
	in.LookupTXT = func(context.Context, string) ([]string, error) {
		return []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)}, nil
	}
	in.Host = &app.Host{
		Free:      func(string) (uint64, bool) { return 100 << 30, true },
		OpenFiles: 1 << 16, Processors: 2, Limit: 2,
	}
	newApp(t, app.Settings{Server: in.Server, Passwords: in.Passwords, Database: in.Database}, io.Discard) // migrates, and creates a key
	driver, dsn := "pgx", string(in.URL)
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		driver, dsn = "sqlite", path
		if err := os.Chmod(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if in.db, err = sql.Open(driver, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.db.Close() })
	return in
}

func (in *installation) run(t *testing.T, limit time.Duration) []check.Result {
	t.Helper()
	checks, closes := app.Checks(in.Settings, in.warnings, in.CheckOptions)
	defer closes()
	var results []check.Result
	check.Run(t.Context(), checks, limit, func(r check.Result) { results = append(results, r) })
	return results
}

func (in *installation) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := in.db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// faults are the faults of an installation, with the check that finds each. Other checks stay as they are, unless the
// fault is in also.
var faults = map[string]struct {
	do     func(t *testing.T, in *installation)
	check  string
	status check.Status
	detail string
	also   string // further checks that it concerns
}{
	"unsafe setting":     {func(_ *testing.T, in *installation) { in.SessionIdle = in.AccessTokenTTL }, "settings", check.Warning, "--session-idle", ""},
	"unsafe environment": {func(_ *testing.T, in *installation) { in.warnings = []string{"other users can read .env"} }, "settings", check.Warning, "other users", ""},
	"short secret":       {func(_ *testing.T, in *installation) { in.SecretKey = config.NewSecret("c4n4ry") }, "secret", check.Failed, "shorter than 32", "signing keys"},
	"repeated secret":    {func(_ *testing.T, in *installation) { in.SecretKey = config.NewSecret(strings.Repeat("c4n4ry", 9)) }, "secret", check.Failed, "can be guessed", "signing keys"},
	"secret of an example": {func(_ *testing.T, in *installation) {
		in.SecretKey = config.NewSecret("09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7")
	}, "secret", check.Failed, "published", "signing keys"},
	"no secret file": {func(_ *testing.T, in *installation) { in.SecretKey, in.SecretKeyFile = config.Secret{}, "/nowhere" }, "secret", check.Failed, "/nowhere", "signing keys"},
	"other secret": {func(_ *testing.T, in *installation) {
		in.SecretKey = config.NewSecret("19e2c3f0b9d1a48c6b5e4f3a2918d7c6b5e4f")
	}, "signing keys", check.Failed, "does not open the key", ""},
	"no database": {func(_ *testing.T, in *installation) { in.URL = "postgres://ada:c4n4ry@127.0.0.1:1/usher" }, "database", check.Failed, "cannot be reached", "rights clock migrations signing keys roles disk space file modes"},
	"no database file": {func(t *testing.T, in *installation) {
		in.URL = config.DatabaseURL("sqlite:" + filepath.Join(privateFolder(t), "none.db"))
	}, "database", check.Warning, "does not exist", "disk space rights"},
	"pending migrations": {func(t *testing.T, in *installation) { in.exec(t, "DELETE FROM goose_db_version WHERE version_id > 10") }, "migrations", check.Warning, "the database is at 10", ""},
	"no migration": {func(t *testing.T, in *installation) {
		in.exec(t, "DELETE FROM goose_db_version WHERE version_id > 10")
		in.NoMigrate = true
	}, "migrations", check.Failed, "the database is at 10", ""},
	"newer database": {func(t *testing.T, in *installation) {
		in.exec(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
	}, "migrations", check.Warning, "the database is at 9999", ""},
	"no permissions":     {func(t *testing.T, in *installation) { in.exec(t, "DELETE FROM role_permissions") }, "roles", check.Failed, "usher role grant", ""},
	"issuer is down":     {func(_ *testing.T, in *installation) { in.Issuer = "https://127.0.0.1:1" }, "issuer", check.Warning, "does not answer", ""},
	"path of the issuer": {func(_ *testing.T, in *installation) { in.Issuer += "/tenant" }, "issuer", check.Warning, "status 404", ""},
	"other issuer": {func(t *testing.T, in *installation) {
		in.Issuer = answering(t, `{"issuer":"https://other.example.com"}`)
	}, "issuer", check.Failed, "answers as another server", "proxies"},
	"no issuer":           {func(t *testing.T, in *installation) { in.Issuer = answering(t, `<html>`) }, "issuer", check.Failed, "answers as another server", "proxies"},
	"unknown certificate": {func(_ *testing.T, in *installation) { in.Roots = x509.NewCertPool() }, "issuer", check.Failed, "unknown authority", ""},
	"old certificate": {func(_ *testing.T, in *installation) {
		in.Now = func() time.Time { return time.Date(2084, 1, 20, 0, 0, 0, 0, time.UTC) }
	}, "issuer", check.Warning, "ends in 9 days", "breaches"},
	"no SMTP server":   {func(_ *testing.T, in *installation) { in.SMTPURL = config.NewSecret("smtp://ada:c4n4ry@127.0.0.1:1") }, "mail", check.Failed, "connection refused", ""},
	"wrong SMTP URL":   {func(_ *testing.T, in *installation) { in.SMTPURL = config.NewSecret("smtp://ada:c4n4ry@") }, "mail", check.Failed, "the URL of the SMTP server", "DKIM"},
	"sender of nobody": {func(_ *testing.T, in *installation) { in.MailFrom.Addr = "no-reply@mail.example.com" }, "mail sender", check.Warning, "belongs to nobody", ""},
	"other signer":     {func(_ *testing.T, in *installation) { in.DKIMDomain = "other.dev" }, "mail sender", check.Warning, "is signed by other.dev", ""},
	"no DKIM record": {func(_ *testing.T, in *installation) {
		in.LookupTXT = func(context.Context, string) ([]string, error) { return nil, &net.DNSError{IsNotFound: true} }
	}, "DKIM", check.Warning, "no record", ""},
	"no DNS": {func(_ *testing.T, in *installation) {
		in.LookupTXT = func(context.Context, string) ([]string, error) { return nil, &net.DNSError{IsTimeout: true} }
	}, "DKIM", check.Warning, "does not answer", ""},
	"origin without https": {func(_ *testing.T, in *installation) {
		in.AllowedOrigins = append(in.AllowedOrigins, "http://app.usher.dev")
	}, "origins", check.Warning, "http://app.usher.dev", ""},
	"no proxy":         {func(_ *testing.T, in *installation) { in.TrustedProxies = nil }, "proxies", check.Warning, "all clients count as one", ""},
	"wrong document":   {func(t *testing.T, in *installation) { in.TrustedDocuments = write(t, "d.json", `{"a": "{ nothing }"}`) }, "documents", check.Failed, "nothing", ""},
	"no breaches":      {func(_ *testing.T, in *installation) { in.BreachesFile = "/nowhere" }, "breaches", check.Failed, "/nowhere", ""},
	"old breaches":     {func(_ *testing.T, in *installation) { in.Now = func() time.Time { return time.Now().AddDate(2, 0, 0) } }, "breaches", check.Warning, "days old", ""},
	"few files":        {func(_ *testing.T, in *installation) { in.Host.OpenFiles = 1024 }, "open files", check.Warning, "1024", ""},
	"too many threads": {func(_ *testing.T, in *installation) { in.Host.Processors = 64 }, "processors", check.Warning, "GOMAXPROCS is 64", ""},
}

// faultsOfFiles are those of SQLite.
var faultsOfFiles = map[string]struct {
	do     func(t *testing.T, in *installation)
	check  string
	status check.Status
	detail string
}{
	"open folder": {func(t *testing.T, in *installation) { chmod(t, filepath.Dir(databaseFile(in)), 0o755) }, "file modes", check.Warning, "0755"},
	"open file":   {func(t *testing.T, in *installation) { chmod(t, databaseFile(in), 0o644) }, "file modes", check.Warning, "0644"},
	"little space": {func(_ *testing.T, in *installation) {
		in.Host.Free = func(string) (uint64, bool) { return 500 << 20, true }
	}, "disk space", check.Warning, "500 MiB"},
	"no space": {func(_ *testing.T, in *installation) {
		in.Host.Free = func(string) (uint64, bool) { return 5 << 20, true }
	}, "disk space", check.Failed, "5 MiB"},
	"no database": {func(t *testing.T, in *installation) {
		in.URL = config.DatabaseURL("sqlite:" + write(t, "text", strings.Repeat("text", 999)))
	}, "database", check.Failed, "is not a SQLite database"},
}

func databaseFile(in *installation) string { return strings.TrimPrefix(string(in.URL), "sqlite:") }

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// private returns a folder that only this user can read.
func privateFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	chmod(t, dir, 0o700)
	return dir
}

// answering returns the URL of a server that answers everything with a text.
func answering(t *testing.T, text string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
	t.Cleanup(s.Close)
	return s.URL
}

// TestCheck checks a sound installation, in which every check succeeds, and then each fault alone.
func TestCheck(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Settings) {
		for _, r := range sound(t, s).run(t, time.Minute) {
			if superuser := r.Check == "rights" && strings.Contains(r.Detail, "is a superuser"); r.Status != check.OK && !superuser {
				t.Errorf("sound: %+v", r)
			}
		}
	})
	for name, tt := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s app.Settings) {
				in := sound(t, s)
				before := in.run(t, time.Minute)
				tt.do(t, in)
				wantFault(t, before, in.run(t, time.Minute), tt.check, tt.status, tt.detail, tt.also)
			})
		})
	}
	for name, tt := range faultsOfFiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s app.Settings) {
				if !s.URL.IsSQLite() {
					return
				}
				in := sound(t, s)
				tt.do(t, in)
				wantFault(t, nil, in.run(t, time.Minute), tt.check, tt.status, tt.detail, "")
			})
		})
	}
}

// wantFault fails the test unless a check has found a fault, with advice, and no other check has become worse.
func wantFault(t *testing.T, before, after []check.Result, name string, status check.Status, detail, also string) {
	t.Helper()
	was := map[string]check.Status{}
	for _, r := range before {
		was[r.Check] = r.Status
	}
	found := false
	for _, r := range after {
		if strings.Contains(r.Detail+r.Advice, "c4n4ry") {
			t.Errorf("the result has a secret: %+v", r)
		}
		switch {
		case r.Check == name && r.Status == status && strings.Contains(r.Detail, detail):
			found = true
		case before != nil && r.Status != was[r.Check] && r.Check != name && !strings.Contains(also, r.Check):
			t.Errorf("another check: %+v", r)
		}
	}
	if !found {
		t.Errorf("no result of %s is %s with %q: %+v", name, status, detail, after)
	}
}

// TestCheckHanging checks against hosts that accept connections and never answer: the database, the SMTP server and the
// issuer. The whole takes no longer than the limit allows.
func TestCheckHanging(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	each(t, func(t *testing.T, s app.Settings) {
		in := sound(t, s)
		in.Issuer = "https://" + silent.Addr().String()
		in.SMTPURL = config.NewSecret("smtp://" + silent.Addr().String())
		in.URL = config.DatabaseURL("postgres://ada:c4n4ry@" + silent.Addr().String() + "/usher?sslmode=disable")
		in.LookupTXT = func(ctx context.Context, _ string) ([]string, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		start := time.Now()
		results := in.run(t, 300*time.Millisecond)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		for name, status := range map[string]check.Status{"database": check.Failed, "issuer": check.Warning, "mail": check.Failed, "DKIM": check.Warning, "documents": check.OK} {
			found := false
			for _, r := range results {
				found = found || r.Check == name && r.Status == status
			}
			if !found {
				t.Errorf("%s is not %s: %+v", name, status, results)
			}
		}
	})
}
