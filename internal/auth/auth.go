// Package auth owns the domain: users, their sessions, and the verbs the schema offers on them.
//
// It decides who may sign in and what a request may do. It knows no SQL, no HTTP and no GraphQL:
// a Store keeps its data, and the edges translate its errors. Every way to a session leads
// through a value that only a proof of identity can make (see proof), and every guarded field
// leads through Service.Authorize.
package auth

import (
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
	// SessionMaxAge limits how long a session lives after its sign-in, whatever its use.
	// Zero means 30 days.
	SessionMaxAge time.Duration
	// Now is the one clock that decides. Nil means time.Now.
	Now func() time.Time
	// Rand is the source of ids and secrets. Nil means crypto/rand.
	Rand io.Reader
	// Log receives security events. Nil means slog.Default.
	Log *slog.Logger
}

// Service does what the schema promises. It is safe for concurrent use.
type Service struct {
	store         Store
	passwords     *password.Hasher
	policy        password.Policy
	tokens        *token.Authority
	sessionMaxAge time.Duration
	clock         func() time.Time
	rand          io.Reader
	log           *slog.Logger
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
		store:         o.Store,
		passwords:     o.Passwords,
		policy:        o.Policy,
		tokens:        o.Tokens,
		sessionMaxAge: o.SessionMaxAge,
		clock:         o.Now,
		rand:          o.Rand,
		log:           o.Log,
	}
	if s.sessionMaxAge <= 0 {
		s.sessionMaxAge = 30 * 24 * time.Hour
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

// now is the time as the databases keep it: UTC, in microseconds.
func (s *Service) now() time.Time {
	return s.clock().UTC().Truncate(time.Microsecond)
}
