// Package config owns the settings: what they are called as flags and as environment variables,
// what they are when nobody sets them, which values make sense, and how they are explained.
//
// The settings come in groups, one struct each, that a command embeds for kong. A flag wins over
// the environment, that over the file .env (see Env), and that over the default. The tag environ
// names the variables of a setting, the best name first; example is a value for .env.example.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"time"
)

// Server are the settings of the server itself.
type Server struct {
	Listen   string    `environ:"USHER_LISTEN" default:"127.0.0.1:8080" help:"Address and port to listen on."`
	Issuer   string    `environ:"USHER_ISSUER" placeholder:"URL" example:"https://auth.example.com" help:"URL of this server as clients see it, the issuer and the audience of access tokens. Required without --dev, which takes the address it listens on."`
	Audience Resources `environ:"USHER_AUDIENCE" placeholder:"URI,..." example:"https://api.example.com,https://reports.example.com" help:"Audiences of other APIs. A client gets an access token for one of them when it asks for it as the resource. All other tokens are for the API of this server, and have the issuer as their audience."`
	Keys
	SessionMaxAge      time.Duration `environ:"USHER_SESSION_MAX_AGE" default:"720h" help:"How long after its login a session ends, whatever its use."`
	SessionIdle        time.Duration `environ:"USHER_SESSION_IDLE" default:"168h" help:"How long a session lives without a refresh, counted from the minute of the last one."`
	SessionsPerUser    int           `environ:"USHER_SESSIONS_PER_USER" default:"50" help:"How many sessions a user may have; the oldest makes room for one more."`
	RefreshGrace       time.Duration `environ:"USHER_REFRESH_GRACE" default:"1h" help:"How long the client that used a refresh token may present it again to get the same successor, while nobody has used that: for requests in parallel and lost answers."`
	OAuthPasswordGrant bool          `name:"oauth-password-grant" environ:"USHER_OAUTH_PASSWORD_GRANT" help:"Offer the grant type password at /oauth/token and /token. RFC 9700 forbids it for new systems; --dev turns it on."`
	HashParallelism    int           `environ:"USHER_HASH_PARALLELISM" default:"0" help:"How many passwords are hashed at once, for 19 MiB each, and half as many while there are other requests; 0 is one for each CPU."`
	HashQueue          int           `environ:"USHER_HASH_QUEUE" default:"64" help:"How many requests may wait for their password to be hashed, before more are told to come back later."`
	AllowedOrigins     Origins       `environ:"USHER_ALLOWED_ORIGINS" placeholder:"ORIGIN,..." example:"https://app.example.com" help:"Origins whose pages may call /graphql from a browser and keep their session in a cookie, besides pages of the server itself."`
	TrustedProxies     Prefixes      `environ:"USHER_TRUSTED_PROXIES" placeholder:"CIDR,..." example:"10.0.0.0/8,2001:db8::7" help:"Addresses or networks of reverse proxies whose X-Forwarded-For and X-Request-ID are believed."`
	NoMigrate          bool          `environ:"USHER_NO_MIGRATE" help:"Leave the database schema alone; usher migrate brings it up to date."`
	Shutdown
	Console bool `environ:"USHER_CONSOLE" help:"Serve the console, a page for people, at /, the schema at /schema.graphqls and its access rules at /access.json. --dev turns it on."`
	Dev     bool `environ:"USHER_DEV" help:"Development: the console at /, introspection, suggestions, and a secret made and kept in data/."`
}

// Validate reports every setting that makes no sense, and what is required and missing. It fills
// in Issuer and ShutdownDelay where another setting says what they are.
func (s *Server) Validate() error {
	var errs []error
	refuse := func(when bool, format string, args ...any) {
		if when {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	_, _, err := net.SplitHostPort(s.Listen)
	refuse(err != nil, "--listen: want ADDRESS:PORT, such as 127.0.0.1:8080 or :8080")
	if s.Issuer == "" && s.Dev && err == nil {
		s.Issuer = "http://" + reachable(s.Listen)
	}
	if s.ShutdownDelay == nil && s.Dev {
		s.ShutdownDelay = new(time.Duration(0))
	} else if s.ShutdownDelay == nil {
		s.ShutdownDelay = new(defaultShutdownDelay)
	}
	refuse(s.Issuer == "" && !s.Dev, "--issuer: required without --dev: the URL of this server as clients see it, such as https://auth.example.com")
	refuse(s.Issuer != "" && !isIssuer(s.Issuer), "--issuer: want a URL such as https://auth.example.com, without user, query and fragment")
	refuse(s.SessionMaxAge < s.AccessTokenTTL, "--session-max-age: want at least the lifetime of an access token, not %v", s.SessionMaxAge)
	refuse(s.SessionIdle < s.AccessTokenTTL, "--session-idle: want at least the lifetime of an access token, not %v", s.SessionIdle)
	refuse(s.SessionsPerUser < 1 || s.SessionsPerUser > 1000, "--sessions-per-user: want 1 to 1000, not %d", s.SessionsPerUser)
	refuse(s.RefreshGrace <= 0 || s.RefreshGrace > 24*time.Hour, "--refresh-grace: want more than 0s and at most 24h, not %v", s.RefreshGrace)
	refuse(s.HashParallelism < 0, "--hash-parallelism: want 0 or more, not %d", s.HashParallelism)
	refuse(s.HashQueue < 1, "--hash-queue: want 1 or more, not %d", s.HashQueue)
	refuse(*s.ShutdownDelay < 0, "--shutdown-delay: want 0s or more, not %v", *s.ShutdownDelay)
	refuse(s.ShutdownTimeout <= 0, "--shutdown-timeout: want more than 0s, not %v", s.ShutdownTimeout)
	refuse(s.SecretKey.IsZero() && s.SecretKeyFile == "" && !s.Dev, "%w", errNoSecret)
	return errors.Join(append(errs, s.Keys.Validate())...)
}

// Warnings returns what is allowed and still dangerous, for the log of the start.
func (s *Server) Warnings() []string {
	var warnings []string
	if host, _, _ := net.SplitHostPort(s.Listen); s.Dev && !isLoopback(host) {
		warnings = append(warnings, "--dev on an address that other machines can reach")
	}
	if u, err := url.Parse(s.Issuer); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		warnings = append(warnings, "the issuer is not https: passwords and tokens travel in clear")
	}
	if s.SessionIdle < s.AccessTokenTTL+time.Minute {
		warnings = append(warnings, "--session-idle is less than a minute longer than --access-token-ttl: "+
			"the use of a session is noted to the minute, so one that is refreshed late may have ended")
	}
	for _, p := range s.TrustedProxies {
		if p.Bits() == 0 {
			warnings = append(warnings, "--trusted-proxies: "+p.String()+" lets every client choose its address")
		}
	}
	if s.SecretKeyFile != "" {
		warnings = append(warnings, readableByOthers(s.SecretKeyFile)...)
	}
	return warnings
}

// InsecureCookies reports whether cookies do without https: for development on this machine alone. No
// other machine can read what goes to a loopback address.
func (s *Server) InsecureCookies() bool {
	u, err := url.Parse(s.Issuer)
	return s.Dev && err == nil && u.Scheme == "http" && isLoopback(u.Hostname())
}

// isIssuer reports whether s is the URL of an issuer; RFC 8414 §2 has neither query nor fragment.
func isIssuer(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// reachable turns an address to listen on into one to call, from the same machine.
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

// Shutdown are the settings of how the server stops. They are part of Server.
type Shutdown struct {
	ShutdownDelay   *time.Duration `environ:"USHER_SHUTDOWN_DELAY" placeholder:"DURATION" example:"5s" help:"How long to continue serving after a signal to stop, while /readyz answers 503, so that load balancers send no more requests. 5s unless set; 0s with --dev."`
	ShutdownTimeout time.Duration  `environ:"USHER_SHUTDOWN_TIMEOUT" default:"10s" help:"How long requests in flight may take to finish before the server stops."`
}

// defaultShutdownDelay is enough for a load balancer that asks /readyz every two seconds. With the
// default of ShutdownTimeout it is half of the 30 s after which Kubernetes kills a container.
const defaultShutdownDelay = 5 * time.Second

// Keys are the settings of access tokens and the keys that sign them. They are part of Server, and
// all that the commands for keys need of it.
type Keys struct {
	SecretKey      Secret        `environ:"USHER_SECRET_KEY,SECRET_KEY" hidden:"" help:"The server's secret, at least 32 bytes, which seals the signing keys in the database and whatever else must not be forged. With another one the server does not start. Required without --dev, here or as a file."`
	SecretKeyFile  string        `environ:"USHER_SECRET_KEY_FILE" placeholder:"FILE" example:"/run/secrets/usher" help:"File to read the server's secret from. $USHER_SECRET_KEY or $SECRET_KEY can hold the secret itself; a flag cannot."`
	Algorithm      string        `environ:"USHER_ALGORITHM,ALGORITHM" default:"EdDSA" enum:"EdDSA,ES256,RS256,HS256" help:"Algorithm of access tokens: EdDSA, ES256, RS256, or HS256, which nobody but Usher can verify. A change refuses no token but those of HS256."`
	KeyMaxAge      time.Duration `environ:"USHER_KEY_MAX_AGE" default:"2160h" help:"How long a key signs before a new one takes over by itself, at least 1h. Not with HS256."`
	AccessTokenTTL time.Duration `environ:"USHER_ACCESS_TOKEN_TTL,ACCESS_TOKEN_EXPIRE_MINUTES" default:"15m" help:"How long an access token is valid, at most 24h. $ACCESS_TOKEN_EXPIRE_MINUTES counts minutes."`
}

// Validate reports settings that make no sense. Whether a secret is needed depends on the command.
func (k *Keys) Validate() error {
	var errs []error
	if !k.SecretKey.IsZero() && k.SecretKeyFile != "" {
		errs = append(errs, errors.New("--secret-key-file: the environment holds a secret too; keep one of them"))
	}
	if k.KeyMaxAge < time.Hour {
		errs = append(errs, fmt.Errorf("--key-max-age: want 1h or more, not %v", k.KeyMaxAge))
	}
	if k.AccessTokenTTL < time.Second || k.AccessTokenTTL > 24*time.Hour {
		errs = append(errs, fmt.Errorf("--access-token-ttl: want 1s to 24h, not %v", k.AccessTokenTTL))
	}
	return errors.Join(errs...)
}

// Database are the settings of the database.
type Database struct {
	URL      DatabaseURL `name:"database-url" environ:"USHER_DATABASE_URL,DATABASE_URL" default:"sqlite:data/usher.db" help:"Database: sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME. Keep a password off the command line, which other users of the machine can read."`
	MaxConns int         `name:"database-max-conns" environ:"USHER_DATABASE_MAX_CONNS" default:"0" help:"How many connections to the database are opened, and kept; 0 is two for each CPU and at least 8."`
}

// Validate reports settings that make no sense. The URL is checked when the database is opened.
func (d *Database) Validate() error {
	if d.MaxConns < 0 {
		return fmt.Errorf("--database-max-conns: want 0 or more, not %d", d.MaxConns)
	}
	return nil
}

// Passwords are the settings for new passwords.
type Passwords struct {
	MinLength int `name:"password-min-length" environ:"USHER_PASSWORD_MIN_LENGTH" default:"15" help:"Fewest characters of a new password, 8 to 64. Below 15 is for passwords beside a second factor."`
}

// Validate reports settings that make no sense: NIST SP 800-63B-4 wants at least 8 characters, and
// that passwords of 64 are accepted.
func (p *Passwords) Validate() error {
	if p.MinLength < 8 || p.MinLength > 64 {
		return fmt.Errorf("--password-min-length: want 8 to 64, not %d", p.MinLength)
	}
	return nil
}

// Log are the settings of the log.
type Log struct {
	Level  slog.Level `name:"log-level" environ:"USHER_LOG_LEVEL" default:"info" help:"The least severe lines that are logged: debug, info, warn or error."`
	Format string     `name:"log-format" environ:"USHER_LOG_FORMAT" default:"auto" enum:"auto,text,json" help:"Form of the log: text, json, or auto, which is text on a terminal."`
}
