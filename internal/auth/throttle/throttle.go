// Package throttle owns the decision whether an operation may run now: the rate limits of the schema, the devices that
// are exempt from some of them, and proof of work.
//
// The edges ask before they call anything else of the domain, for all uses of an operation at once.
package throttle

import (
	"errors"
	"slices"
	"time"

	"usher/internal/auth"
)

// Key is what has a counter of its own: the schema's RateLimitKey.
type Key string

// The keys. The schema describes them.
const (
	KeyClient    Key = "CLIENT"
	KeyUser      Key = "USER"
	KeySession   Key = "SESSION"
	KeyAccount   Key = "ACCOUNT"
	KeyRecipient Key = "RECIPIENT"
	KeyGlobal    Key = "GLOBAL"
)

// Count says which uses count: the schema's RateLimitCount.
type Count string

// The counts. The schema describes them.
const (
	CountCalls    Count = "CALLS"
	CountFailures Count = "FAILURES"
)

// Action is what happens to a use over the limit: the schema's RateLimitAction.
type Action string

// The actions. The schema describes them.
const (
	Refuse    Action = "REFUSE"
	Challenge Action = "CHALLENGE"
)

// Limit is a rate limit. Each of its counters allows Max in Per.
type Limit struct {
	Name     string
	By       []Key
	Max      int
	Per      time.Duration
	Counts   Count
	Exceeded Action
}

// byCaller reports whether the limit has a counter for each user or session.
func (l *Limit) byCaller() bool {
	return slices.Contains(l.By, KeyUser) || slices.Contains(l.By, KeySession)
}

// Rule applies a limit to a field. A use of the field counts Cost.
type Rule struct {
	*Limit
	Cost int
}

// Use is one use of a field, with what its arguments say.
type Use struct {
	// Field is the schema coordinate of the field: "Mutation.login". Endpoints of OAuth use that of the same verb.
	Field string
	// Account and Recipient are a user name or an e-mail address, as the client wrote it; empty for none.
	Account, Recipient string
	// DeviceToken is what marks a device as known; empty for none.
	DeviceToken string
	// Solution is that of a challenge; empty for none.
	Solution string
}

// Refusal is the error of an operation that may not run.
type Refusal struct {
	// Use is the index of a use that is over its limit.
	Use int
	// Err has CodeRateLimited or CodeChallengeRequired.
	Err *auth.Error
}

// Error implements error.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap returns Err.
func (r *Refusal) Unwrap() error { return r.Err }

// Result is how a use ended, as far as limits need to know.
type Result int

// The results.
const (
	// Done is a success, or a failure that is no other result.
	Done Result = iota
	// NotSignedIn is a use that the caller was not signed in for. The access token of a session that has ended leads to it.
	NotSignedIn
	// Guessed is a credential that was wrong.
	Guessed
)

// ResultOf returns the result of a use that ended with an error; nil for none.
func ResultOf(err error) Result {
	e, ok := errors.AsType[*auth.Error](err)
	switch {
	case ok && e.Guess():
		return Guessed
	case ok && e.Code == auth.CodeUnauthenticated:
		return NotSignedIn
	}
	return Done
}
