package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Attempts are checks of a password in a row, without a success. One counts from before its password
// is hashed.
type Attempts struct {
	Count  int
	LastAt time.Time
}

// AttemptCounter names a counter of attempts.
type AttemptCounter struct {
	Key string
	// UserID is the account that the counter belongs to; nil for a name that no account has.
	UserID *uuid.UUID
}

// AttemptStore keeps the counters. It is a part of Store.
type AttemptStore interface {
	// Attempts returns what a counter has; zeros when it has nothing.
	Attempts(ctx context.Context, c AttemptCounter) (Attempts, error)
	// ReserveAttempt counts one more attempt at now, if the counter still has exactly what was says, and
	// reports whether it did. Of many at once with the same was, exactly one succeeds. It returns
	// ErrNotFound when the counter belongs to an account that does not exist.
	ReserveAttempt(ctx context.Context, c AttemptCounter, was Attempts, now time.Time) (bool, error)
	// ClearAttempts sets the counters of an account to zero, and reports whether one had anything.
	ClearAttempts(ctx context.Context, userID uuid.UUID) (bool, error)
	// SweepAttempts deletes up to limit counters of names that no account has whose last attempt was
	// before a time, and returns how many. Those of accounts stay as long as the account.
	SweepAttempts(ctx context.Context, before time.Time, limit int) (int, error)
}

// attemptLimit limits the attempts of one counter. The first are free. Then each doubles the wait, from
// a second to an hour. From daily on there is one a day, and after most there are none, until a success
// on the account's other counter or an operator clears both.
type attemptLimit struct {
	free, daily, most int
}

const (
	longestWait = time.Hour
	dailyWait   = 24 * time.Hour
)

// An account has a counter of each kind. Together they let 100 attempts in a row through, ever (NIST SP
// 800-63B-4 §3.2.2). The two are apart so that failures of strangers do not keep the owner from
// proving who they are in a session they have, which is also the way back when strangers have used up
// the other counter.
var (
	loginLimit          = attemptLimit{free: 10, daily: 50, most: 80}
	reauthenticateLimit = attemptLimit{free: 5, daily: 20, most: 20}
)

// wait returns how long after now the next attempt may come; zero or less means at once.
func (l attemptLimit) wait(a Attempts, now time.Time) time.Duration {
	var pause time.Duration
	switch {
	case a.Count < l.free:
		return 0
	case a.Count >= l.most:
		return dailyWait // There is no time to name. A client that asks once a day does no harm.
	case a.Count >= l.daily:
		pause = dailyWait
	default:
		// 1 s, 2 s, 4 s, … The shift stays small enough not to overflow.
		pause = min(time.Second<<min(a.Count-l.free, 20), longestWait)
	}
	return a.LastAt.Add(pause).Sub(now)
}

// limitedCounter is a counter with its limit.
type limitedCounter struct {
	AttemptCounter
	attemptLimit
}

// loginAttempts counts the sign-ins of an account, by whichever of its names.
func loginAttempts(userID uuid.UUID) limitedCounter {
	return limitedCounter{AttemptCounter{"login:" + userID.String(), &userID}, loginLimit}
}

// reauthenticateAttempts counts what is tried in the sessions of an account.
func reauthenticateAttempts(userID uuid.UUID) limitedCounter {
	return limitedCounter{AttemptCounter{"reauthenticate:" + userID.String(), &userID}, reauthenticateLimit}
}

// unknownAttempts counts the sign-ins by a name that no account has, in its canonical form if it has
// one. The limit is that of accounts, so it does not tell who exists. The key is a digest, because
// people type passwords into the wrong field and those must not be stored.
func unknownAttempts(name string) limitedCounter {
	sum := sha256.Sum256([]byte(name))
	return limitedCounter{AttemptCounter{Key: base64.RawURLEncoding.EncodeToString(sum[:])}, loginLimit}
}

// reserveAttempt counts an attempt before it is made. So there is no time between the check of the limit
// and the count in which others pass the check, on whichever replica. A success clears the counter. What
// never gets that far, because the server stops or the database fails, stays counted as a failure.
//
// It returns CodeRateLimited when there is a wait, and ErrNotFound as ReserveAttempt does. It ends: who
// loses has lost to somebody whose attempt was counted, and after as many as the limit admits there is a
// wait.
func (s *Service) reserveAttempt(ctx context.Context, c limitedCounter) error {
	var was Attempts // most sign-ins follow a success
	for {
		now := s.now()
		if wait := c.wait(was, now); wait > 0 {
			return &Error{Code: CodeRateLimited, RetryAfter: wait}
		}
		reserved, err := s.store.ReserveAttempt(ctx, c.AttemptCounter, was, now)
		if err != nil {
			return fmt.Errorf("reserve attempt: %w", err)
		}
		if reserved {
			return nil
		}
		if was, err = s.store.Attempts(ctx, c.AttemptCounter); err != nil {
			return fmt.Errorf("read attempts: %w", err)
		}
	}
}

// beginAttempt finds an account, nil when there is none, and reserves an attempt at its password.
func (s *Service) beginAttempt(ctx context.Context, find accountFinder) (*Account, error) {
	for {
		account, counter, err := find(ctx)
		if err != nil {
			return nil, err
		}
		err = s.reserveAttempt(ctx, counter)
		if !errors.Is(err, ErrNotFound) {
			return account, err
		}
		// The account was deleted between the two. Next time it is not found, unless somebody signs up
		// with its name.
	}
}

// accountFinder returns an account, nil when there is none, and the counter of attempts at it.
type accountFinder func(ctx context.Context) (*Account, limitedCounter, error)
