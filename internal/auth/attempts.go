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

// Attempts are checks of a password in a row, without a success. An attempt is counted before its password
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
// a second to an hour. From daily on, if that is less than most, there is one a day. After most there are
// none, until a success on the account's other counter or an operator clears both.
type attemptLimit struct {
	free, daily, most int
}

const (
	longestWait = time.Hour
	dailyWait   = 24 * time.Hour

	// clockLeeway is how far the clock of another replica may be ahead of this one.
	clockLeeway = time.Minute
)

// An account has a counter of each kind. The two are separate so that failed sign-ins by strangers do not
// keep the owner from reauthenticating. That is also the way back when strangers have used up the other
// counter.
//
// At most 100 attempts in a row may fail (NIST SP 800-63B-4 §3.2.2). The counters let 70 + 15 = 85 of them
// through. The other 15 are those in flight when the counters are cleared: they fail afterwards and are
// counted nowhere. As many attempts as are free can be in flight at once, 10 + 5, because the next one
// waits longer than a hash takes. A success is one of them, which leaves 14. An operator's unlock is not.
var (
	loginLimit          = attemptLimit{free: 10, daily: 50, most: 70}
	reauthenticateLimit = attemptLimit{free: 5, daily: 15, most: 15} // used up before one a day
)

// wait returns how long after now the next attempt may come; zero or less means at once. A replica whose
// clock was wrong may have left a last attempt in the far future. It counts as long ago, or it would lock
// the account until then.
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
	if a.LastAt.After(now.Add(clockLeeway)) {
		return 0
	}
	return a.LastAt.Add(pause).Sub(now)
}

// limitedCounter is a counter with its limit.
type limitedCounter struct {
	AttemptCounter
	attemptLimit
}

// loginAttempts counts the sign-ins of an account, by user name and by e-mail address.
func loginAttempts(userID uuid.UUID) limitedCounter {
	return limitedCounter{AttemptCounter{"login:" + userID.String(), &userID}, loginLimit}
}

// reauthenticateAttempts counts the attempts in the sessions of an account.
func reauthenticateAttempts(userID uuid.UUID) limitedCounter {
	return limitedCounter{AttemptCounter{"reauthenticate:" + userID.String(), &userID}, reauthenticateLimit}
}

// unknownAttempts counts the sign-ins by a name that no account has, in its canonical form if it has
// one. The limit is that of accounts, so it does not tell which accounts exist. The key is a digest,
// because people type passwords into the wrong field and those must not be stored.
func unknownAttempts(name string) limitedCounter {
	sum := sha256.Sum256([]byte(name))
	return limitedCounter{AttemptCounter{Key: base64.RawURLEncoding.EncodeToString(sum[:])}, loginLimit}
}

// reserveAttempt counts an attempt before its password is hashed. So no other attempt, on any replica, can
// pass the check of the limit before this one is counted. A success clears the counter. An attempt that
// never gets that far, because the server stops or the database fails, stays counted as a failure.
//
// It returns CodeRateLimited when there is a wait, and ErrNotFound as ReserveAttempt does. The loop ends,
// because each lost race means that another attempt was counted.
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

// beginAttempt finds an account and reserves an attempt at its password. The account is nil for an unknown name.
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
