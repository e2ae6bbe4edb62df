package proof

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// attemptLimit limits the attempts of one counter. The first ones are free. Each further one doubles the wait, from a
// second to an hour. From daily on, one a day is allowed, and after most none, until a success on another counter of the
// account or an operator clears them all.
type attemptLimit struct {
	free, daily, most int
}

const (
	longestWait = time.Hour
	dailyWait   = 24 * time.Hour

	// clockLeeway is how far the clock of another replica may be ahead of this one.
	clockLeeway = time.Minute
)

// An account has a counter of each kind. They are separate so that failed sign-ins by strangers stop the owner neither from
// signing in on a known device nor from re-authenticating. Both also clear the counter that strangers have used up.
//
// At most 100 attempts in a row may fail (NIST SP 800-63B-4 §3.2.2). The counters allow 45 + 20 + 15 = 80. The other 20
// are those in flight when the counters are cleared: they fail afterwards and are not counted. All free attempts can be
// in flight at once, 10 + 5 + 5, because the next one waits longer than a hash takes. If a success clears the counters,
// it is one of them, which leaves 19. An operator's unlock is not.
var (
	loginLimit          = attemptLimit{free: 10, daily: 35, most: 45}
	deviceLimit         = attemptLimit{free: 5, daily: 20, most: 20} // used up before one a day
	reauthenticateLimit = attemptLimit{free: 5, daily: 15, most: 15} // used up before one a day

	// A second factor is another authenticator, with a limit of its own. Who reaches it knows the password, and a right
	// password does not clear it. A guess at TOTP is right once in 333,333 times.
	factorLimit = attemptLimit{free: 5, daily: 20, most: 40}
)

// wait returns how long after now the next attempt is allowed; zero or less means at once. A replica with a wrong clock
// may have written a last attempt in the far future. It counts as long ago: otherwise the account would be locked until
// then.
func (l attemptLimit) wait(a auth.Attempts, now time.Time) time.Duration {
	var pause time.Duration
	switch {
	case a.Count < l.free:
		return 0
	case a.Count >= l.most:
		return dailyWait // No wait would help. A client that asks once a day does no harm.
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
	auth.AttemptCounter
	attemptLimit
}

// loginAttempts counts the sign-ins of an account, by user name and by e-mail address, on devices that it does not know.
func loginAttempts(userID uuid.UUID) limitedCounter {
	return limitedCounter{auth.AttemptCounter{Key: "login:" + userID.String(), UserID: &userID}, loginLimit}
}

// deviceAttempts counts the sign-ins of an account on all devices that it knows. They share one counter: somebody with
// copies of several device tokens has no more attempts.
func deviceAttempts(userID uuid.UUID) limitedCounter {
	return limitedCounter{auth.AttemptCounter{Key: "device:" + userID.String(), UserID: &userID}, deviceLimit}
}

// reauthenticateAttempts counts the attempts in the sessions of an account.
func reauthenticateAttempts(userID uuid.UUID) limitedCounter {
	return limitedCounter{auth.AttemptCounter{Key: "reauthenticate:" + userID.String(), UserID: &userID}, reauthenticateLimit}
}

// factorAttempts counts the attempts at all second factors of an account, in sign-ins and in sessions.
func factorAttempts(userID uuid.UUID) limitedCounter {
	return limitedCounter{auth.AttemptCounter{Key: auth.FactorCounter + userID.String(), UserID: &userID}, factorLimit}
}

// unknownAttempts counts the sign-ins by a name that no account has, in its canonical form if it has one. The limit is
// the same as for accounts, so it does not reveal which accounts exist. The key is a digest: people type passwords into
// the wrong field, and those must not be stored.
func unknownAttempts(name string) limitedCounter {
	sum := sha256.Sum256([]byte(name))
	return limitedCounter{auth.AttemptCounter{Key: base64.RawURLEncoding.EncodeToString(sum[:])}, loginLimit}
}

// reserveAttempt counts an attempt before its password is hashed, so that no other attempt, on any replica, passes the
// limit before this one is counted. A success clears the counter. An attempt that does not finish, because the server
// stops or the database fails, stays counted as a failure.
//
// It returns CodeRateLimited when the caller has to wait, and ErrNotFound as ReserveAttempt does. The loop ends, because
// each lost race means that another attempt was counted.
func (c *Checker) reserveAttempt(ctx context.Context, counter limitedCounter) error {
	var was auth.Attempts // most sign-ins follow a success
	for {
		now := c.tx.Now()
		if wait := counter.wait(was, now); wait > 0 {
			return &auth.Error{Code: auth.CodeRateLimited, RetryAfter: wait}
		}
		reserved, err := c.store.ReserveAttempt(ctx, counter.AttemptCounter, was, now)
		if err != nil {
			return fmt.Errorf("reserve attempt: %w", err)
		}
		if reserved {
			return nil
		}
		if was, err = c.store.Attempts(ctx, counter.AttemptCounter); err != nil {
			return fmt.Errorf("read attempts: %w", err)
		}
	}
}

// beginAttempt finds an account and reserves an attempt at its password. The user is nil for an unknown name.
func (c *Checker) beginAttempt(ctx context.Context, find Finder) (holder, error) {
	for {
		found, counter, err := find.find(ctx)
		if err != nil {
			return holder{}, err
		}
		err = c.reserveAttempt(ctx, counter)
		if !errors.Is(err, auth.ErrNotFound) {
			return found, err
		}
		// The account was deleted between the two. Next time it is not found, unless its name was taken again.
	}
}
