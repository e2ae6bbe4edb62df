package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// The limit on guessing one account's password, over all replicas: the first failures are free,
// then each one doubles the wait, and after maxFailures in a row (NIST SP 800-63B-4 §3.2.2 allows
// no more than 100) one guess a day remains. Nobody is locked out for good: the owner's sessions
// live on, time passes, and an operator can lift the wait.
const (
	freeFailures = 10
	maxFailures  = 100
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

// unknownKey stands for a name that no account has. A digest, because people type passwords into
// the wrong field and those must not be stored.
func unknownKey(identifier string) string {
	sum := sha256.Sum256([]byte(identifier))
	return "unknown:" + base64.RawURLEncoding.EncodeToString(sum[:])
}
