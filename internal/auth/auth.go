// Package auth owns the domain: users, their sessions, and the verbs the schema offers on them.
//
// It decides who may sign in and what a request may do. It knows no SQL, no HTTP and no GraphQL:
// a Store keeps its data, and the edges translate its errors. Every way to a session leads
// through a value that only a proof of identity can make (see proof), and every guarded field
// leads through Service.Authorize.
package auth

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"time"

	"usher/internal/password"
	"usher/internal/token"
)

// Options are what a Service stands on. Store and Passwords are required.
type Options struct {
	Store     Store
	Passwords *password.Hasher
	Policy    password.Policy
	// Tokens signs and verifies access tokens. Without it a Service serves an operator's commands
	// only: nobody can sign in, and every request is anonymous.
	Tokens *token.Authority
	// Secret is the server's secret, from which the keys of refresh tokens and cursors derive. It
	// goes with Tokens.
	Secret   []byte
	Sessions SessionLimits
	// Now is the one clock that decides. Nil means time.Now.
	Now func() time.Time
	// Rand is the source of ids and secrets. Nil means crypto/rand.
	Rand io.Reader
	// Log receives security events. Nil means slog.Default.
	Log *slog.Logger
}

// SessionLimits say how long sessions live and how many a user may have. Zero means the default.
type SessionLimits struct {
	// MaxAge is how long a session lives after its sign-in, whatever its use: 30 days.
	MaxAge time.Duration
	// IdleLimit is how long a session lives without a refresh: 7 days.
	IdleLimit time.Duration
	// RefreshGrace is how long a refresh token may be presented again after it was used, to get
	// the successor that it got then, as long as nobody has used that: an hour.
	RefreshGrace time.Duration
	// PerUser is how many live sessions a user may have; the oldest makes room for one more: 50.
	PerUser int
}

func (l SessionLimits) orDefaults() SessionLimits {
	return SessionLimits{
		MaxAge:       cmp.Or(l.MaxAge, 30*24*time.Hour),
		IdleLimit:    cmp.Or(l.IdleLimit, 7*24*time.Hour),
		RefreshGrace: cmp.Or(l.RefreshGrace, time.Hour),
		PerUser:      cmp.Or(l.PerUser, 50),
	}
}

// Service does what the schema promises. It is safe for concurrent use.
type Service struct {
	store     Store
	passwords *password.Hasher
	policy    password.Policy
	tokens    *token.Authority
	refresh   sealer // of refresh tokens
	cursors   sealer
	sessions  SessionLimits
	clock     func() time.Time
	rand      io.Reader
	log       *slog.Logger
}

// New returns a Service, or an error that names the option that is missing.
func New(o Options) (*Service, error) {
	switch {
	case o.Store == nil:
		return nil, errors.New("auth: no store")
	case o.Passwords == nil:
		return nil, errors.New("auth: no password hasher")
	}
	s := &Service{
		store:     o.Store,
		passwords: o.Passwords,
		policy:    o.Policy,
		tokens:    o.Tokens,
		sessions:  o.Sessions.orDefaults(),
		clock:     o.Now,
		rand:      o.Rand,
		log:       o.Log,
	}
	if o.Tokens != nil {
		if err := s.deriveKeys(o.Secret); err != nil {
			return nil, err
		}
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.rand == nil {
		s.rand = rand.Reader
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	return s, nil
}

func (s *Service) deriveKeys(secret []byte) (err error) {
	if s.refresh, err = newSealer(secret, "usher refresh token"); err != nil {
		return err
	}
	s.cursors, err = newSealer(secret, "usher cursor")
	return err
}

// now is the time as the databases keep it: UTC, in microseconds.
func (s *Service) now() time.Time {
	return s.clock().UTC().Truncate(time.Microsecond)
}
