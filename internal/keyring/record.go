package keyring

import (
	"context"
	"time"

	"usher/internal/token"
)

// Record is a key as the database keeps it.
type Record struct {
	KeyID     string // kid, the RFC 7638 thumbprint of the public part
	Algorithm token.Algorithm
	Sealed    []byte // the private part, encrypted
	// Generation numbers the keys in the order in which they take over from each other.
	Generation int64
	CreatedAt  time.Time
	// SignsFrom is when the key begins to sign. It verifies from its creation on.
	SignsFrom time.Time
	// RetiredAt is when an operator ended the key, nil for most.
	RetiredAt *time.Time
}

// Store keeps the records, for all replicas. Times are in microseconds.
type Store interface {
	// SigningKeys returns every key, the newest generation first.
	SigningKeys(ctx context.Context) ([]Record, error)
	// CreateSigningKey writes a new key, unless there is one of its generation. It reports whether
	// it did.
	CreateSigningKey(ctx context.Context, r *Record) (bool, error)
	// RetireSigningKey reports false for a key that is not there or was retired before.
	RetireSigningKey(ctx context.Context, keyID string, now time.Time) (bool, error)
	// DeleteSigningKey does nothing for a key that is not there.
	DeleteSigningKey(ctx context.Context, keyID string) error
}

// State is what a key is for at some time.
type State string

// The states, in the order in which a key passes through them. Each may lead to Retired.
const (
	Published State = "published" // known to all, and not signing yet
	Signing   State = "signing"
	Verifying State = "verifying" // another one signs; tokens of this one are good until they expire
	Expired   State = "expired"   // all of its tokens have
	Retired   State = "retired"   // its tokens are refused, by an operator's order
)

// Status is a key with what follows from the keys after it.
type Status struct {
	Record
	State State
	// VerifiesUntil is when the last token of the key expires, zero while no other key is to take over.
	VerifiesUntil time.Time
}

// statuses says what keys are for at a time. Records are newest first; tail is for how long a token
// is accepted; with hmac, none of them signs.
func statuses(records []Record, now time.Time, tail time.Duration, hmac bool) []Status {
	list := make([]Status, len(records))
	var takeover time.Time // when the first of the newer keys begins to sign, zero if there is none
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

// signer returns the index of the key that signs at a time, -1 if there is none: the newest whose
// time has come. If none has, on a clock that is behind that of who made the first key, it is the oldest.
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
