// Package config owns the settings: their flags and environment variables, their defaults, the check
// of their values, and their documentation.
//
// Settings are grouped. Each group is a struct that a command embeds for kong. A flag overrides the
// environment, which overrides the file .env (see Env), which overrides the default. The tag environ
// lists the variables of a setting, the preferred name first. The tag example is a value for
// .env.example.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"time"

	"usher/internal/claims"
)

// Server are the settings of the server itself.
type Server struct {
	Listen   string    `environ:"USHER_LISTEN" default:"127.0.0.1:8080" help:"Address and port to listen on."`
	Issuer   string    `environ:"USHER_ISSUER" placeholder:"URL" example:"https://auth.example.com" help:"URL of this server as clients see it. It is the issuer of access tokens and their default audience. Required without --dev. With --dev the default is the listen address."`
	Audience Resources `environ:"USHER_AUDIENCE" placeholder:"URI,..." example:"https://api.example.com,https://reports.example.com" help:"Audiences of other APIs. A client that requests one as the resource gets an access token for that API. All other access tokens have the issuer as their audience."`
	Keys
	Claims             claims.Mapping `environ:"USHER_CLAIMS" placeholder:"NAME=SOURCE,..." example:"https://acme.example/plan=appMetadata.plan,email=email" help:"Custom claims in the access tokens of users, at most 16. SOURCE is roles, permissions, username, email, fullName, metadata.PATH or appMetadata.PATH. Claims without a value are left out. All claims together are limited to 2 KiB. Above that, the claims whose values users choose are left out. If the rest is still too large, all are left out. Users write metadata themselves, so services must not authorize by it."`
	SessionMaxAge      time.Duration  `environ:"USHER_SESSION_MAX_AGE" default:"720h" help:"Maximum lifetime of a session, counted from sign-in. Using the session does not extend it."`
	SessionIdle        time.Duration  `environ:"USHER_SESSION_IDLE" default:"168h" help:"How long a session stays active without a refresh, counted from the minute of the last refresh."`
	SessionsPerUser    int            `environ:"USHER_SESSIONS_PER_USER" default:"50" help:"Maximum number of sessions per user. At the limit, a new session ends the oldest one."`
	RefreshGrace       time.Duration  `environ:"USHER_REFRESH_GRACE" default:"1h" help:"How long a client may present a used refresh token again and get the same successor. The successor must be unused and the client the same. This allows for parallel requests and lost responses."`
	DeletionGrace      time.Duration  `environ:"USHER_DELETION_GRACE" default:"336h" help:"How long after deleteMe an account is deleted. Until then its user can cancel the deletion. 0s means to delete it at once. At most 8760h."`
	OAuthPasswordGrant bool           `name:"oauth-password-grant" environ:"USHER_OAUTH_PASSWORD_GRANT" help:"Support the grant type password at /oauth/token and /token. RFC 9700 forbids this grant. Enabled by --dev."`
	HashParallelism    int            `environ:"USHER_HASH_PARALLELISM" default:"0" help:"Maximum number of passwords hashed at once. Each takes 19 MiB of memory. The limit is halved while other requests are in flight. 0 means one per CPU."`
	HashQueue          int            `environ:"USHER_HASH_QUEUE" default:"64" help:"Maximum number of requests that wait for a password to be hashed. Further requests are rejected and told when to retry. A quarter as many can wait in addition in a session or on a known device."`
	AllowedOrigins     Origins        `environ:"USHER_ALLOWED_ORIGINS" placeholder:"ORIGIN,..." example:"https://app.example.com" help:"Origins of other sites whose pages may call /graphql from a browser and keep their session in a cookie. Pages of this server always may. With --dev, pages at http://localhost, http://127.0.0.1 and http://[::1] may too, on any port."`
	AllowedHeaders     HeaderNames    `environ:"USHER_ALLOWED_HEADERS" placeholder:"NAME,..." example:"x-tenant,x-build" help:"Request headers that pages of other origins may send, in addition to those of common clients and monitoring tools."`
	TrustedProxies     Prefixes       `environ:"USHER_TRUSTED_PROXIES" placeholder:"CIDR,..." example:"10.0.0.0/8,2001:db8::7" help:"Addresses or networks of reverse proxies whose X-Forwarded-For, X-Request-ID and traceparent headers are trusted."`
	Passkeys
	Providers
	SecondFactor
	TrustedDocs
	Mail
	Verification
	Signup
	Limits
	Tracing
	Audit
	Admin
	Lease
	NoMigrate bool `environ:"USHER_NO_MIGRATE" help:"Do not migrate the database at start. Run usher migrate instead."`
	Shutdown
	Console bool `environ:"USHER_CONSOLE" help:"Serve the web console at /, the schema at /schema.graphqls and its access rules at /access.json. Enabled by --dev."`
	Dev     bool `environ:"USHER_DEV" help:"Development mode. Enables the console at /, introspection, suggestions in error messages, requests from pages on this machine, and a generated secret in data/. Without an SMTP server, mail is kept in a mailbox in the console."`
}

// Validate reports every invalid setting and every missing one that is required. It sets Issuer and
// ShutdownDelay if their defaults depend on other settings.
func (s *Server) Validate() error {
	var errs []error
	reject := func(when bool, format string, args ...any) {
		if when {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	_, _, err := net.SplitHostPort(s.Listen)
	reject(err != nil, "--listen: must be ADDRESS:PORT, such as 127.0.0.1:8080 or :8080")
	if s.Issuer == "" && s.Dev && err == nil {
		s.Issuer = "http://" + reachable(s.Listen)
	}
	if s.ShutdownDelay == nil && s.Dev {
		s.ShutdownDelay = new(time.Duration(0))
	} else if s.ShutdownDelay == nil {
		s.ShutdownDelay = new(defaultShutdownDelay)
	}
	reject(s.Issuer == "" && !s.Dev, "--issuer: required without --dev: the URL of this server as clients see it, such as https://auth.example.com")
	reject(s.Issuer != "" && !isIssuer(s.Issuer), "--issuer: must be a URL such as https://auth.example.com, without user, query or fragment")
	reject(s.SessionMaxAge < s.AccessTokenTTL, "--session-max-age: must be at least --access-token-ttl, not %v", s.SessionMaxAge)
	reject(s.SessionIdle < s.AccessTokenTTL, "--session-idle: must be at least --access-token-ttl, not %v", s.SessionIdle)
	reject(s.SessionsPerUser < 1 || s.SessionsPerUser > 1000, "--sessions-per-user: must be 1 to 1000, not %d", s.SessionsPerUser)
	reject(s.RefreshGrace <= 0 || s.RefreshGrace > 24*time.Hour, "--refresh-grace: must be more than 0s and at most 24h, not %v", s.RefreshGrace)
	reject(s.SecondFactorGrace < 0 || s.SecondFactorGrace > 365*24*time.Hour, "--second-factor-grace: must be 0s to 8760h, not %v", s.SecondFactorGrace)
	reject(s.DeletionGrace < 0 || s.DeletionGrace > 365*24*time.Hour, "--deletion-grace: must be 0s to 8760h, not %v", s.DeletionGrace)
	reject(s.HashParallelism < 0, "--hash-parallelism: must be 0 or more, not %d", s.HashParallelism)
	reject(s.HashQueue < 1, "--hash-queue: must be 1 or more, not %d", s.HashQueue)
	reject(*s.ShutdownDelay < 0, "--shutdown-delay: must be 0s or more, not %v", *s.ShutdownDelay)
	reject(s.ShutdownTimeout <= 0, "--shutdown-timeout: must be more than 0s, not %v", s.ShutdownTimeout)
	reject(s.SecretKey.IsZero() && s.SecretKeyFile == "" && !s.Dev, "%w", errNoSecret)
	reject(s.Sends() && s.LinkURL == "" && !s.Console && !s.Dev,
		"--link-url: required with an SMTP server and without --console: the URL of your pages that links in mail open")
	if s.LinkURL == "" && (s.Console || s.Dev) { // the console has the pages
		s.LinkURL = s.Issuer
	}
	reject((s.SignupMode == "verified" || s.SignupMode == "invite") && s.SMTPURL.IsZero() && s.SMTPURLFile == "" && !s.Dev,
		"--signup: %s needs mail: set $USHER_SMTP_URL, or pass a file with --smtp-url-file", s.SignupMode)
	return errors.Join(append(errs, s.Keys.Validate(), s.validatePasskeys(), s.validateProviders(), s.Mail.Validate(), s.Tracing.Validate(), s.Audit.Validate(), s.Admin.Validate(), s.Lease.Validate())...)
}

// Warnings returns a warning for each setting that is valid but unsafe. The server logs them at start.
func (s *Server) Warnings() []string {
	var warnings []string
	if host, _, _ := net.SplitHostPort(s.Listen); s.Dev && !isLoopback(host) {
		warning := "--dev listens on an address that other machines can reach"
		if !s.Sends() {
			warning += "; they can read all mail in the mailbox, and use its links, because no SMTP server is set"
		}
		warnings = append(warnings, warning)
	}
	if u, err := url.Parse(s.Issuer); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		warnings = append(warnings, "the issuer does not use https: passwords and tokens are sent unencrypted")
	}
	if s.SessionIdle < s.AccessTokenTTL+time.Minute {
		warnings = append(warnings, "--session-idle is less than a minute longer than --access-token-ttl: "+
			"the last use of a session is recorded to the minute, so a session may end before its access token expires")
	}
	if s.RequireVerifiedEmail && s.SMTPURL.IsZero() && s.SMTPURLFile == "" && !s.Dev {
		warnings = append(warnings, "--require-verified-email without an SMTP server: "+
			"users cannot verify their addresses, and only usher user verify can")
	}
	if s.RequireSecondFactor != "" && s.RequireSecondFactor != "none" && !s.Sends() && !s.Dev {
		warnings = append(warnings, "--require-second-factor without an SMTP server: "+
			"a password is enough to set up a second factor, also after --second-factor-grace")
	}
	for _, p := range s.TrustedProxies {
		if p.Bits() == 0 {
			warnings = append(warnings, "--trusted-proxies: "+p.String()+" lets every client forge its address")
		}
	}
	for _, file := range []string{s.SecretKeyFile, s.PreviousKeyFile, s.SMTPURLFile, s.DKIMKeyFile} {
		if file != "" {
			warnings = append(warnings, readableByOthers(file)...)
		}
	}
	warnings = append(warnings, s.Admin.Warnings()...)
	return append(append(warnings, s.Mail.Warnings()...), s.Tracing.Warnings()...)
}

// InsecureCookies reports whether cookies are sent without https. That is so only in development on a
// loopback address, whose traffic no other machine can read.
func (s *Server) InsecureCookies() bool {
	u, err := url.Parse(s.Issuer)
	return s.Dev && err == nil && u.Scheme == "http" && isLoopback(u.Hostname())
}

// isIssuer reports whether s is a valid issuer URL. It has no query and no fragment (RFC 8414 §2).
func isIssuer(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// reachable returns the address at which clients on this machine reach a server that listens on listen.
func reachable(listen string) string {
	host, port, _ := net.SplitHostPort(listen)
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Verification are the settings of verified e-mail addresses. They are part of Server.
type Verification struct {
	RequireVerifiedEmail bool `environ:"USHER_REQUIRE_VERIFIED_EMAIL" help:"Require a verified e-mail address of every user. Without one, a user can sign in, verify the address and manage their sessions and password, but nothing else, and gets no access tokens for other APIs. A field can differ with verified: true or verified: false in @auth. An operator can mark an address as verified with usher user verify."`
}

// Signup is the setting of sign-ups. It is part of Server. The command that invites users needs no other part of it.
type Signup struct {
	SignupMode string `name:"signup" environ:"USHER_SIGNUP" default:"open" enum:"open,verified,invite,closed" help:"Who can get an account. With open, everybody can sign up. With verified, sign-up requires a confirmed e-mail address, and with invite, an invitation from an administrator. With closed, only administrators create accounts. verified and invite require an SMTP server, except with --dev."`
}

// Shutdown are the settings for stopping the server. They are part of Server.
type Shutdown struct {
	ShutdownDelay   *time.Duration `environ:"USHER_SHUTDOWN_DELAY" placeholder:"DURATION" example:"5s" help:"How long to keep serving requests after a stop signal. During this time /readyz answers 503, so that load balancers stop sending requests. The default is 5s, or 0s with --dev."`
	ShutdownTimeout time.Duration  `environ:"USHER_SHUTDOWN_TIMEOUT" default:"10s" help:"How long requests in flight may take to finish before the server stops."`
}

// TrustedDocs are the settings of trusted documents. They are part of Server.
type TrustedDocs struct {
	TrustedDocuments     string `environ:"USHER_TRUSTED_DOCUMENTS" placeholder:"FILE" example:"/etc/usher/persisted-documents.json" help:"Manifest of the GraphQL documents that your applications send, written by graphql-codegen, Apollo or the Relay compiler. Requests can then send the id of a document instead of its text. The file is read at start and at SIGHUP."`
	TrustedDocumentsMode string `environ:"USHER_TRUSTED_DOCUMENTS_MODE" default:"log" enum:"log,only" help:"What happens to documents that are not in the manifest. With log, they are executed and logged. With only, they are rejected, except from administrators. Not used without --trusted-documents."`
}

// defaultShutdownDelay suits a load balancer that polls /readyz every two seconds. Together with the
// default of ShutdownTimeout it is half of the 30 s after which Kubernetes kills a container.
const defaultShutdownDelay = 5 * time.Second

// Keys are the settings of access tokens and of the keys that sign them. They are part of Server. The
// commands for keys need no other part of it.
type Keys struct {
	SecretKey     Secret `environ:"USHER_SECRET_KEY,SECRET_KEY" hidden:"" help:"The server's secret, at least 32 bytes. It encrypts the signing keys in the database and protects other values against forgery. To change it without signing anybody out, see docs/secret-rotation.md. Required without --dev, here or in a file."`
	SecretKeyFile string `environ:"USHER_SECRET_KEY_FILE" placeholder:"FILE" example:"/run/secrets/usher" help:"File that contains the server's secret. Alternatively, set the secret itself in $USHER_SECRET_KEY or $SECRET_KEY. There is no flag for it."`
	PreviousSecret
	Algorithm      string        `environ:"USHER_ALGORITHM,ALGORITHM" default:"" placeholder:"ALGORITHM" example:"ES256" enum:"ES256,RS256,EdDSA,HS256," help:"Signing algorithm of access tokens: ES256, RS256, EdDSA or HS256. Without this setting, existing keys keep their algorithm, and the first key is for ES256. Only Usher itself can verify HS256 tokens. After a change, existing tokens stay valid unless they were signed with HS256."`
	KeyMaxAge      time.Duration `environ:"USHER_KEY_MAX_AGE" default:"2160h" help:"How long a key signs before a new key replaces it, at least 1h. Not used with HS256."`
	AccessTokenTTL time.Duration `environ:"USHER_ACCESS_TOKEN_TTL,ACCESS_TOKEN_EXPIRE_MINUTES" default:"15m" help:"How long an access token is valid, at most 24h. $ACCESS_TOKEN_EXPIRE_MINUTES is in minutes."`
}

// Validate reports every invalid setting. It does not require a secret, because not every command
// needs one.
func (k *Keys) Validate() error {
	var errs []error
	if !k.SecretKey.IsZero() && k.SecretKeyFile != "" {
		errs = append(errs, errors.New("--secret-key-file: the environment contains a secret too; remove one of them"))
	}
	errs = append(errs, k.PreviousSecret.Validate())
	if k.KeyMaxAge < time.Hour {
		errs = append(errs, fmt.Errorf("--key-max-age: must be 1h or more, not %v", k.KeyMaxAge))
	}
	if k.AccessTokenTTL < time.Second || k.AccessTokenTTL > 24*time.Hour {
		errs = append(errs, fmt.Errorf("--access-token-ttl: must be 1s to 24h, not %v", k.AccessTokenTTL))
	}
	return errors.Join(errs...)
}

// DefaultDatabase is the database when none is set. Only its folder is created if it is missing: in another path,
// a missing folder is more likely a mistake.
const DefaultDatabase DatabaseURL = "sqlite:data/usher.db"

// Database are the settings of the database.
type Database struct {
	URL      DatabaseURL   `name:"database-url" environ:"USHER_DATABASE_URL,DATABASE_URL" default:"sqlite:data/usher.db" help:"Database: sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME. The folder of PATH must exist. Only data/ of the default path is created. Do not put a password on the command line. Other users of the machine can read it there."`
	ReadURL  DatabaseURL   `name:"database-read-url" environ:"USHER_DATABASE_READ_URL" placeholder:"URL" example:"postgres://usher@standby.example.com/usher" help:"PostgreSQL standby that serves the lists of users, audit events and mails. Sessions, guards and everything else use the database. While the standby does not answer or is more than 10 s behind, the database serves the lists too."`
	MaxConns int           `name:"database-max-conns" environ:"USHER_DATABASE_MAX_CONNS" default:"0" help:"Maximum number of open database connections. Idle connections stay open. 0 means two per CPU, and at least 8."`
	Wait     time.Duration `name:"wait-for-database" environ:"USHER_WAIT_FOR_DATABASE" default:"0s" help:"How long to wait at start for a PostgreSQL that cannot be reached or accepts no writes yet. Usher tries again every second. 0s means to fail at once. A wrong password, role or database always fails at once."`
}

// Validate reports every invalid setting. The URL is checked when the database is opened.
func (d *Database) Validate() error {
	if d.MaxConns < 0 {
		return fmt.Errorf("--database-max-conns: must be 0 or more, not %d", d.MaxConns)
	}
	if d.Wait < 0 {
		return fmt.Errorf("--wait-for-database: must be 0s or more, not %v", d.Wait)
	}
	return nil
}

// Passwords are the settings for new passwords.
type Passwords struct {
	MinLength int `name:"password-min-length" environ:"USHER_PASSWORD_MIN_LENGTH" default:"15" help:"Minimum length of a new password in characters, 8 to 64. Use less than 15 only together with a second factor."`
	Breaches
}

// Validate reports every invalid setting. NIST SP 800-63B-4 requires a minimum of at least 8 characters,
// and that passwords of 64 characters are accepted.
func (p *Passwords) Validate() error {
	var err error
	if p.MinLength < 8 || p.MinLength > 64 {
		err = fmt.Errorf("--password-min-length: must be 8 to 64, not %d", p.MinLength)
	}
	return errors.Join(err, p.Breaches.Validate())
}

// Log are the settings of the log.
type Log struct {
	Level  slog.Level `name:"log-level" environ:"USHER_LOG_LEVEL" default:"info" help:"Minimum level of logged lines: debug, info, warn or error."`
	Format string     `name:"log-format" environ:"USHER_LOG_FORMAT" default:"auto" enum:"auto,text,json" help:"Log format: text, json or auto. With auto, it is text on a terminal and JSON elsewhere."`
}
