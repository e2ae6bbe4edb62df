package config

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"usher/internal/claims"
	"usher/internal/mail"
)

// commands is a program with two commands.
type commands struct {
	Serve struct {
		Server
		Passwords
		Database
		Log
	} `cmd:""`
	Migrate struct {
		Database
		Log
	} `cmd:""`
}

// parse parses a command line with an environment and a file .env.
func parse(t *testing.T, args []string, environment map[string]string, dotEnv string) (*commands, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte(dotEnv), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := ReadEnv(file, func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	var c commands
	parser, err := kong.New(&c, env)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return &c, err
}

func TestDefaults(t *testing.T) {
	c, err := parse(t, []string{"serve", "--dev"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	server := Server{
		Listen: "127.0.0.1:8080", Issuer: "http://127.0.0.1:8080",
		Keys:          Keys{KeyMaxAge: 90 * 24 * time.Hour, AccessTokenTTL: 15 * time.Minute},
		SessionMaxAge: 30 * 24 * time.Hour, SessionIdle: 7 * 24 * time.Hour, SessionsPerUser: 50, DeletionGrace: 14 * 24 * time.Hour,
		RefreshGrace: time.Hour, HashQueue: 64, TrustedDocs: TrustedDocs{TrustedDocumentsMode: "log"},
		Mail: Mail{MailLocale: "en", LinkURL: "http://127.0.0.1:8080", AppName: "Usher"}, SecondFactor: SecondFactor{RequireSecondFactor: "none", SecondFactorGrace: 7 * 24 * time.Hour}, Signup: Signup{SignupMode: "open"},
		Shutdown: Shutdown{ShutdownDelay: new(time.Duration(0)), ShutdownTimeout: 10 * time.Second}, Dev: true,
	}
	if diff := cmp.Diff(server, c.Serve.Server, cmp.Comparer(equalSecrets)); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Database{URL: DefaultDatabase}, c.Serve.Database); diff != "" {
		t.Errorf("database (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Passwords{MinLength: 15, Breaches: Breaches{BreachesTimeout: time.Second, BreachesOnError: "accept"}}, c.Serve.Passwords); diff != "" {
		t.Errorf("passwords (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Log{Format: "auto"}, c.Serve.Log); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func equalSecrets(a, b Secret) bool { return bytes.Equal(a.Reveal(), b.Reveal()) }

func TestPrecedence(t *testing.T) {
	tests := []struct {
		name        string
		args        []string
		environment map[string]string
		dotEnv      string
		want        DatabaseURL
	}{
		{"default", nil, nil, "", "sqlite:data/usher.db"},
		{"file", nil, nil, "USHER_DATABASE_URL=file", "file"},
		{"second name in the file", nil, nil, "export DATABASE_URL='file'", "file"},
		{"names in the file", nil, nil, "DATABASE_URL=second\nUSHER_DATABASE_URL=first", "first"},
		{"environment over file", nil, map[string]string{"USHER_DATABASE_URL": "env"}, "USHER_DATABASE_URL=file", "env"},
		{"second name over file", nil, map[string]string{"DATABASE_URL": "env"}, "USHER_DATABASE_URL=file", "env"},
		{"names", nil, map[string]string{"DATABASE_URL": "second", "USHER_DATABASE_URL": "first"}, "", "first"},
		{"empty is not set", nil, map[string]string{"USHER_DATABASE_URL": "", "DATABASE_URL": ""}, "USHER_DATABASE_URL=file", "file"},
		{"empty in the file", nil, nil, "USHER_DATABASE_URL=", "sqlite:data/usher.db"},
		{"flag over all", []string{"--database-url=flag"}, map[string]string{"USHER_DATABASE_URL": "env"}, "USHER_DATABASE_URL=file", "flag"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := parse(t, append([]string{"migrate"}, tt.args...), tt.environment, tt.dotEnv)
			if err != nil {
				t.Fatal(err)
			}
			if c.Migrate.URL != tt.want {
				t.Errorf("got %s, want %s", c.Migrate.URL, tt.want)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	c, err := parse(t, []string{"serve"}, map[string]string{
		"SECRET_KEY":                   " classified\n",
		"USHER_ISSUER":                 "https://auth.example.com/",
		"USHER_AUDIENCE":               "api, https://reports.example.com/v1?part=2",
		"USHER_CLAIMS":                 "https://acme.example/plan=appMetadata.plan, email=email",
		"ACCESS_TOKEN_EXPIRE_MINUTES":  "30",
		"ALGORITHM":                    "HS256",
		"USHER_KEY_MAX_AGE":            "1h",
		"USHER_SESSION_MAX_AGE":        "24h",
		"USHER_TRUSTED_PROXIES":        "10.1.2.3/8, fd00::1",
		"USHER_ALLOWED_ORIGINS":        "https://app.example.com,http://localhost:5173",
		"USHER_ALLOWED_HEADERS":        "X-Tenant, x-build",
		"USHER_CONSOLE":                "true",
		"USHER_TRUSTED_DOCUMENTS":      "documents.json",
		"USHER_TRUSTED_DOCUMENTS_MODE": "only",
		"USHER_SMTP_URL":               "smtps://ada:classified@smtp.example.com",
		"USHER_MAIL_FROM":              "Acme <no-reply@example.com>",
		"USHER_MAIL_REPLY_TO":          "support@example.com",
		"USHER_MAIL_TEMPLATES":         "/etc/usher/mail",
		"USHER_MAIL_LOCALE":            "de",
		"USHER_LINK_URL":               "https://app.example.com/account",
		"USHER_APP_NAME":               "Acme",
		"USHER_DKIM_KEY_FILE":          "dkim.pem",
		"USHER_DKIM_SELECTOR":          "usher",
		"USHER_DKIM_DOMAIN":            "mail.example.com",
		"USHER_SIGNUP":                 "invite",
		"USHER_REQUIRE_SECOND_FACTOR":  "admin",
		"USHER_SECOND_FACTOR_GRACE":    "0s",
		"USHER_NO_MIGRATE":             "true",
		"USHER_LOG_LEVEL":              "DEBUG",
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	want := Server{
		Listen: "127.0.0.1:8080", Issuer: "https://auth.example.com/", Audience: Resources{"api", "https://reports.example.com/v1?part=2"},
		Keys: Keys{
			SecretKey: NewSecret("classified"), Algorithm: "HS256", KeyMaxAge: time.Hour, AccessTokenTTL: 30 * time.Minute,
		},
		Claims:        claims.Mapping{{Name: "https://acme.example/plan", Source: "appMetadata", Path: []string{"plan"}}, {Name: "email", Source: "email"}},
		SessionMaxAge: 24 * time.Hour, SessionIdle: 7 * 24 * time.Hour, SessionsPerUser: 50,
		RefreshGrace: time.Hour, HashQueue: 64, DeletionGrace: 14 * 24 * time.Hour,
		TrustedProxies: Prefixes{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::1/128")},
		AllowedOrigins: Origins{"https://app.example.com", "http://localhost:5173"},
		AllowedHeaders: HeaderNames{"X-Tenant", "x-build"}, Console: true,
		TrustedDocs: TrustedDocs{TrustedDocuments: "documents.json", TrustedDocumentsMode: "only"},
		Mail: Mail{
			SMTPURL: NewSecret("smtps://ada:classified@smtp.example.com"), MailFrom: mail.Address{Name: "Acme", Addr: "no-reply@example.com"},
			MailReplyTo: mail.Address{Addr: "support@example.com"}, MailTemplates: "/etc/usher/mail", MailLocale: "de",
			LinkURL: "https://app.example.com/account", AppName: "Acme",
			DKIMKeyFile: "dkim.pem", DKIMSelector: "usher", DKIMDomain: "mail.example.com",
		},
		SecondFactor: SecondFactor{RequireSecondFactor: "admin", SecondFactorGrace: 0}, Signup: Signup{SignupMode: "invite"}, NoMigrate: true, Shutdown: Shutdown{ShutdownDelay: new(5 * time.Second), ShutdownTimeout: 10 * time.Second},
	}
	comparePrefixes := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(want, c.Serve.Server, cmp.Comparer(equalSecrets), comparePrefixes); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
}

func TestInvalidSettings(t *testing.T) {
	valid := map[string]string{"USHER_SECRET_KEY": "classified", "USHER_ISSUER": "https://auth.example.com"}
	tests := []struct{ variable, value, want string }{
		{"USHER_SECRET_KEY", "", "no secret is set"},
		{"USHER_SECRET_KEY", " ", "no secret is set"},
		{"USHER_SECRET_KEY_FILE", "/run/secret", "--secret-key-file: the environment contains a secret too"},
		{"USHER_LISTEN", "8080", "--listen: must be ADDRESS:PORT"},
		{"USHER_ISSUER", "", "--issuer: required without --dev"},
		{"USHER_ISSUER", "auth.example.com", "--issuer: must be a URL"},
		{"USHER_ISSUER", "ftp://auth.example.com", "--issuer: must be a URL"},
		{"USHER_ISSUER", "https://", "--issuer: must be a URL"},
		{"USHER_ISSUER", "https://:443", "--issuer: must be a URL"},
		{"USHER_ISSUER", "https://user@auth.example.com", "--issuer: must be a URL"},
		{"USHER_ISSUER", "https://auth.example.com?", "--issuer: must be a URL"},
		{"USHER_ISSUER", "https://auth.example.com?a=b", "--issuer: must be a URL"},
		{"USHER_ISSUER", "https://auth.example.com#a", "--issuer: must be a URL"},
		{"USHER_AUDIENCE", "https://api.example.com,", "--audience: must be a URI"},
		{"USHER_AUDIENCE", "https://api.example.com#part", "--audience: must be a URI"},
		{"USHER_AUDIENCE", "My API", "--audience: must be a URI such as https://api.example.com without user or fragment, or a plain name such as my-api, not \"My API\""},
		{"USHER_CLAIMS", "plan", `--claims: must be claims such as plan=appMetadata.plan, not "plan"`},
		{"USHER_CLAIMS", "plan=appMetadata", `--claims: must have one of the sources roles, permissions, username, email, fullName, metadata.PATH and appMetadata.PATH, not "appMetadata"`},
		{"USHER_CLAIMS", "email=email,roles=roles", `--claims: must not have the claim "roles": Usher or a standard defines it`},
		{"USHER_ACCESS_TOKEN_TTL", "soon", `--access-token-ttl: must be a duration such as 90s, 15m or 12h, not "soon"`},
		{"USHER_ACCESS_TOKEN_TTL", "0s", "--access-token-ttl: must be 1s to 24h"},
		{"USHER_ACCESS_TOKEN_TTL", "25h", "--access-token-ttl: must be 1s to 24h"},
		{"ACCESS_TOKEN_EXPIRE_MINUTES", "1h30", "ACCESS_TOKEN_EXPIRE_MINUTES: must be a whole number of minutes"},
		{"ACCESS_TOKEN_EXPIRE_MINUTES", "-1", "ACCESS_TOKEN_EXPIRE_MINUTES: must be a whole number of minutes"},
		{"USHER_ALGORITHM", "none", "--algorithm must be one of"},
		{"ALGORITHM", "hs256", "--algorithm must be one of"},
		{"USHER_KEY_MAX_AGE", "59m", "--key-max-age: must be 1h or more"},
		{"USHER_DATABASE_LEASE", "999ms", "--database-lease: must be 0s or 1s to 1m"},
		{"USHER_DATABASE_LEASE", "61s", "--database-lease: must be 0s or 1s to 1m"},
		{"USHER_SESSION_MAX_AGE", "14m", "--session-max-age: must be at least"},
		{"USHER_REFRESH_GRACE", "0s", "--refresh-grace: must be more than 0s and at most 24h"},
		{"USHER_DELETION_GRACE", "-1s", "--deletion-grace: must be 0s to 8760h"},
		{"USHER_DELETION_GRACE", "8761h", "--deletion-grace: must be 0s to 8760h"},
		{"USHER_REFRESH_GRACE", "24h1s", "--refresh-grace: must be more than 0s and at most 24h"},
		{"USHER_AUDIT_RETENTION", "23h59m", "--audit-retention: must be 24h or more, or 0s to keep all events"},
		{"USHER_AUDIT_RETENTION", "-24h", "--audit-retention: must be 24h or more, or 0s to keep all events"},
		{"USHER_HASH_PARALLELISM", "-1", "--hash-parallelism: must be 0 or more"},
		{"USHER_HASH_QUEUE", "0", "--hash-queue: must be 1 or more"},
		{"USHER_TRUSTED_PROXIES", "10.0.0.0/8,,", "--trusted-proxies: must be addresses or networks"},
		{"USHER_ALLOWED_HEADERS", "x-tenant,*", `--allowed-headers: must name each header, not "*": browsers accept no wildcard in requests with cookies`},
		{"USHER_ALLOWED_HEADERS", "x tenant", `--allowed-headers: must be names of headers such as x-tenant, not "x tenant"`},
		{"USHER_SMTP_URL_FILE", "/run/smtp", "--mail-from: required with an SMTP server"},
		{"USHER_SMTP_URL", "smtp://localhost", "--mail-from: required with an SMTP server"},
		{"USHER_SMTP_URL", "smtp://localhost", "--link-url: required with an SMTP server and without --console"},
		{"USHER_MAIL_FROM", "no-reply", "--mail-from: must be an address such as"},
		{"USHER_MAIL_FROM", "a@example.com\nBcc: b@example.com", "--mail-from: must be an address such as"},
		{"USHER_MAIL_REPLY_TO", "a@example.com, b@example.com", "--mail-reply-to: must be an address such as"},
		{"USHER_LINK_URL", "app.example.com", "--link-url: must be a URL"},
		{"USHER_LINK_URL", "https://app.example.com/#/", "--link-url: must be a URL"},
		{"USHER_DKIM_KEY_FILE", "key", "--dkim-selector: required with --dkim-key-file"},
		{"USHER_DKIM_SELECTOR", "usher", "--dkim-key-file: required with --dkim-selector"},
		{"USHER_SIGNUP", "verified", "--signup: verified needs mail: set $USHER_SMTP_URL"},
		{"USHER_SIGNUP", "invite", "--signup: invite needs mail: set $USHER_SMTP_URL"},
		{"USHER_SIGNUP", "OPEN", "--signup must be one of"},
		{"USHER_NO_MIGRATE", "perhaps", "--no-migrate: bool value must be"},
		{"USHER_SHUTDOWN_DELAY", "-1s", "--shutdown-delay: must be 0s or more"},
		{"USHER_SHUTDOWN_TIMEOUT", "0s", "--shutdown-timeout: must be more than 0s"},
		{"USHER_DATABASE_MAX_CONNS", "-1", "--database-max-conns: must be 0 or more"},
		{"USHER_PASSWORD_MIN_LENGTH", "7", "--password-min-length: must be 8 to 64"},
		{"USHER_PASSWORD_MIN_LENGTH", "65", "--password-min-length: must be 8 to 64"},
		{"USHER_BREACHES_URL", "http://api.pwnedpasswords.com/range/", "--breaches-url: must be an https URL"},
		{"USHER_BREACHES_URL", "https://key@api.pwnedpasswords.com/range/", "--breaches-url: must be an https URL"},
		{"USHER_BREACHES_URL", "https://api.pwnedpasswords.com/range/?mode=ntlm", "--breaches-url: must be an https URL"},
		{"USHER_BREACHES_URL", "api.pwnedpasswords.com", "--breaches-url: must be an https URL"},
		{"USHER_BREACHES_TIMEOUT", "0s", "--breaches-timeout: must be more than 0s and at most 10s"},
		{"USHER_BREACHES_TIMEOUT", "11s", "--breaches-timeout: must be more than 0s and at most 10s"},
		{"USHER_BREACHES_ON_ERROR", "ignore", "--breaches-on-error must be one of"},
		{"USHER_LOG_LEVEL", "loud", "--log-level: "},
		{"USHER_WAIT_FOR_DATABASE", "-1s", "--wait-for-database: must be 0s or more"},
		{"USHER_LOG_FORMAT", "xml", "--log-format must be one of"},
	}
	if _, err := parse(t, []string{"serve"}, valid, ""); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.variable+"="+tt.value, func(t *testing.T) {
			environment := map[string]string{tt.variable: tt.value}
			for name, value := range valid {
				if name != tt.variable {
					environment[name] = value
				}
			}
			_, err := parse(t, []string{"serve"}, environment, "")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestOtherCommandsNeedLess checks that only the server needs an issuer and a secret.
func TestOtherCommandsNeedLess(t *testing.T) {
	if _, err := parse(t, []string{"migrate"}, map[string]string{"USHER_LISTEN": "8080", "USHER_HASH_QUEUE": "x"}, ""); err != nil {
		t.Error(err)
	}
}

func TestAllErrorsAreReported(t *testing.T) {
	_, err := parse(t, []string{"serve", "--hash-queue=0", "--listen=x"}, nil, "")
	for _, want := range []string{"--listen", "--issuer", "no secret", "--hash-queue"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing: %v", want, err)
		}
	}
	if !errors.Is(err, errNoSecret) {
		t.Errorf("got %v, want %v", err, errNoSecret)
	}
}

func TestDevIssuer(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:9000": "http://127.0.0.1:9000",
		"localhost:9000": "http://localhost:9000",
		"[::1]:9000":     "http://[::1]:9000",
		":9000":          "http://localhost:9000",
		"0.0.0.0:9000":   "http://localhost:9000",
		"[::]:9000":      "http://localhost:9000",
	} {
		c, err := parse(t, []string{"serve", "--dev", "--listen", listen}, nil, "")
		if err != nil || c.Serve.Issuer != want || c.Serve.Audience != nil {
			t.Errorf("%s: got %s and %s, %v; want %s", listen, c.Serve.Issuer, c.Serve.Audience, err, want)
		}
	}
}

func TestShutdownDelay(t *testing.T) {
	for _, tt := range []struct {
		args string
		want time.Duration
	}{
		{"", 5 * time.Second},
		{"--dev", 0},
		{"--shutdown-delay=0s", 0},
		{"--shutdown-delay=20s", 20 * time.Second},
		{"--dev --shutdown-delay=3s", 3 * time.Second},
	} {
		t.Run(tt.args, func(t *testing.T) {
			environment := map[string]string{"SECRET_KEY": "classified", "USHER_ISSUER": "https://auth.example.com"}
			c, err := parse(t, append([]string{"serve"}, strings.Fields(tt.args)...), environment, "")
			if err != nil || *c.Serve.ShutdownDelay != tt.want {
				t.Errorf("got %v, %v, want %v", c.Serve.ShutdownDelay, err, tt.want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	var c commands
	env := Env{process: func(string) (string, bool) { return "c4n4ry", true }}
	type exited struct{}
	parser, err := kong.New(&c, env, kong.Writers(&out, &out), kong.Exit(func(int) { panic(exited{}) }))
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if _, ok := recover().(exited); !ok {
				t.Error("--help did not exit")
			}
		}()
		_, _ = parser.Parse([]string{"serve", "--help"})
	}()
	help := out.String()
	for _, want := range []string{"--listen=\"127.0.0.1:8080\"", "($USHER_LISTEN)", "--secret-key-file="} {
		if !strings.Contains(help, want) {
			t.Errorf("%s is missing in\n%s", want, help)
		}
	}
	for _, secret := range []string{"--secret-key=", "c4n4ry"} {
		if strings.Contains(help, secret) {
			t.Errorf("%s is in\n%s", secret, help)
		}
	}
}
