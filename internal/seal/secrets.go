package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// minSecret is the shortest secret that keys are derived from, in bytes.
const minSecret = sha256.Size

// The errors of NewSecrets. None contains a secret.
var (
	ErrShort = errors.New("seal: the server's secret is shorter than 32 bytes")
	ErrEqual = errors.New("seal: the previous secret of the server is the current one")
)

// Secrets are the server's current secret and, while it is replaced, a second one that is accepted too. Everything is
// sealed with the current one. Only this package knows that there are two. Nil means that there is no secret.
//
// The secrets are in a closure, where no verb of fmt prints them.
type Secrets struct{ ring func() *ring }

type ring struct {
	current, previous []byte // previous is nil if there is none
	now               func() time.Time
	end               atomic.Pointer[time.Time] // when previous is no longer accepted; nil means never
}

// NewSecrets returns Secrets. A nil previous secret means that there is none, and a nil clock means time.Now. It checks
// only the length of secrets; see token.CheckSecret.
func NewSecrets(current, previous []byte, now func() time.Time) (*Secrets, error) {
	switch {
	case len(current) < minSecret || previous != nil && len(previous) < minSecret:
		return nil, ErrShort
	case string(current) == string(previous):
		return nil, ErrEqual
	}
	if now == nil {
		now = time.Now
	}
	r := &ring{current: current, previous: previous, now: now}
	return &Secrets{func() *ring { return r }}, nil
}

// EndPrevious sets when the previous secret is no longer accepted, also for keys that were derived before.
func (s *Secrets) EndPrevious(at time.Time) { s.ring().end.Store(&at) }

// PreviousEnded reports whether the previous secret is no longer accepted.
func (s *Secrets) PreviousEnded() bool { return !s.ring().accepts() }

func (r *ring) accepts() bool {
	end := r.end.Load()
	return end == nil || r.now().Before(*end)
}

// Fingerprints return a name for each secret. The previous one is empty if there is none. They reveal nothing about a
// secret that nobody can guess.
func (s *Secrets) Fingerprints() (current, previous string, err error) {
	r := s.ring()
	if current, err = fingerprint(r.current); err != nil || r.previous == nil {
		return current, "", err
	}
	previous, err = fingerprint(r.previous)
	return current, previous, err
}

const fingerprintSize = 8

func fingerprint(secret []byte) (string, error) {
	derived, err := derive(secret, "usher secret fingerprint")
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(derived[:fingerprintSize]), nil
}

// derived has what was derived from each secret for a label.
type derived[T any] struct {
	current, previous T
	two               bool
	accepts           func() bool
}

// deriveEach derives a key of a label from each secret (RFC 5869). To change a label is to lose everything that is sealed
// under it.
func deriveEach[T any](s *Secrets, label string, build func(key []byte) (T, error)) (d derived[T], err error) {
	if s == nil {
		return d, errors.New("seal: the server has no secret")
	}
	of := func(secret []byte) (made T, err error) {
		key, err := derive(secret, label)
		if err != nil {
			return made, err
		}
		return build(key)
	}
	r := s.ring()
	d.accepts = r.accepts
	if d.current, err = of(r.current); err != nil || r.previous == nil {
		return d, err
	}
	d.two = true
	d.previous, err = of(r.previous)
	return d, err
}

func derive(secret []byte, label string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, label, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("seal: derive key: %w", err)
	}
	return key, nil
}
