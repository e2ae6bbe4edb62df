package keyring

import (
	"context"
	"time"

	"usher/internal/token"
)

// Record is a key as stored in the database.
type Record struct {
	KeyID     string // kid, the thumbprint of the public part (RFC 7638)
	Algorithm token.Algorithm
	Sealed    []byte // the private part, encrypted
	// Generation increases by one with each new key. It is unique.
	Generation int64
	CreatedAt  time.Time
	// SignsFrom is when the key starts to sign. It verifies from its creation on.
	SignsFrom time.Time
	// RetiredAt is when an operator retired the key, or nil.
	RetiredAt *time.Time
}

// Store keeps the records for all replicas. It stores times with microsecond precision.
type Store interface {
	// SigningKeys returns all keys, the newest generation first.
	SigningKeys(ctx context.Context) ([]Record, error)
	// CreateSigningKey stores a new key. It reports false if its generation already has a key.
	CreateSigningKey(ctx context.Context, r *Record) (bool, error)
	// RetireSigningKey reports false if the key does not exist or is already retired.
	RetireSigningKey(ctx context.Context, keyID string, now time.Time) (bool, error)
	// ResealSigningKey replaces the encrypted private part of a key. It reports false if that is no longer from.
	ResealSigningKey(ctx context.Context, keyID string, from, to []byte) (bool, error)
	// DeleteSigningKey does nothing if the key does not exist.
	DeleteSigningKey(ctx context.Context, keyID string) error
}

// State is the state of a key at some time.
type State string

// The states in the order of a key's life. An operator can retire a key in any state.
const (
	Published State = "published" // in the JWK Set, and not signing yet
	Signing   State = "signing"   // signs and verifies
	Verifying State = "verifying" // a newer key signs; tokens of this one are valid until they expire
	Expired   State = "expired"   // all of its tokens have expired
	Retired   State = "retired"   // an operator retired it; its tokens are rejected
)

// Status is a key and its state, which depends on newer keys.
type Status struct {
	Record
	State State
	// VerifiesUntil is when the last token of the key expires. It is zero if there is no newer key.
	VerifiesUntil time.Time
}

// statuses returns the states of keys at a time. Records are newest first. tail is how long a token is
// accepted. With hmac, none of the keys signs.
func statuses(records []Record, now time.Time, tail time.Duration, hmac bool) []Status {
	list := make([]Status, len(records))
	var takeover time.Time // when the first newer key starts to sign; zero without a newer key
	for i, r := range records {
		list[i].Record = r
		if r.RetiredAt != nil {
			list[i].State = Retired
			continue
		}
		if !takeover.IsZero() {
			list[i].VerifiesUntil = takeover.Add(tail)
		}
		if takeover.IsZero() || r.SignsFrom.Before(takeover) {
			takeover = r.SignsFrom
		}
	}
	current := signer(list, now)
	for i := range list {
		switch s := &list[i]; {
		case s.State == Retired:
		case i < current:
			s.State = Published
		case i == current && !hmac:
			s.State = Signing
		case s.verifies(now):
			s.State = Verifying
		default:
			s.State = Expired
		}
	}
	return list
}

// signer returns the index of the key that signs at a time, or -1 without keys. It is the newest key whose
// SignsFrom is not in the future. If there is none, because this clock is behind that of the replica that
// generated the first key, it is the oldest key.
func signer(list []Status, now time.Time) int {
	found := -1
	for i := range list {
		if list[i].State == Retired {
			continue
		}
		found = i
		if !list[i].SignsFrom.After(now) {
			break
		}
	}
	return found
}

// verifies reports whether a key that is not retired verifies at a time.
func (s *Status) verifies(now time.Time) bool {
	return s.VerifiesUntil.IsZero() || now.Before(s.VerifiesUntil)
}
