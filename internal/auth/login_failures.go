package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// The limit on guessing a password, over all replicas. Failures count for each name that is tried,
// whether somebody has it or not, so that the limit tells neither which names exist nor which two
// belong together. The first are free, then each one doubles the wait, and after maxFailures in a
// row one guess a day remains. An account has at most two names, so no more than 100 guesses are
// made in a row (NIST SP 800-63B-4 §3.2.2).
//
// Whoever keeps guessing can keep the owner from signing in anew. The sessions that the owner has
// live on, and an operator can end the wait.
const (
	freeFailures = 10
	maxFailures  = 50
	longestWait  = time.Hour
	lockedWait   = 24 * time.Hour
)

// wait returns how long after now the next attempt may come; zero or less means at once.
func (f LoginFailures) wait(now time.Time) time.Duration {
	var pause time.Duration
	switch {
	case f.Count < freeFailures:
		return 0
	case f.Count >= maxFailures:
		pause = lockedWait
	default:
		// 1 s, 2 s, 4 s, … The shift stays small enough not to overflow.
		pause = min(time.Second<<min(f.Count-freeFailures, 20), longestWait)
	}
	return f.LastAt.Add(pause).Sub(now)
}

// failuresKey stands for a name in its canonical form. It is a digest, because people type
// passwords into the wrong field and those must not be stored.
func failuresKey(name string) string {
	sum := sha256.Sum256([]byte(name))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
