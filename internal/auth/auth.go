// Package auth owns the terms of the domain: users, sessions, roles, the rule of a guard, the lines of the audit
// log, the errors a client may see, and what a store must keep of them.
//
// What is done with them stands in the packages below it, by who asks. The callers of the API: access (who is
// it, and may they), sessions, accounts. Administrators: admin. OAuth clients: clients. The operator's commands
// and the server's own jobs, for which nobody is asked: operator. Package domain puts them together. None of
// them knows SQL, HTTP or GraphQL.
package auth

import (
	"cmp"
	"time"
)

// SessionLimits say how long sessions live and how many a user may have. Zero means the default.
type SessionLimits struct {
	// MaxAge is how long a session lives after its sign-in, whatever its use: 30 days.
	MaxAge time.Duration
	// IdleLimit is how long a session lives without a refresh: 7 days.
	IdleLimit time.Duration
	// RefreshGrace is how long a refresh token may be presented again after it was used, to get
	// the successor that it got then, as long as nobody has used that: an hour.
	RefreshGrace time.Duration
	// PerUser is how many live sessions a user may have; the oldest makes room for one more: 50.
	PerUser int
}

// OrDefaults returns the limits with the default in place of each zero.
func (l SessionLimits) OrDefaults() SessionLimits {
	return SessionLimits{
		MaxAge:       cmp.Or(l.MaxAge, 30*24*time.Hour),
		IdleLimit:    cmp.Or(l.IdleLimit, 7*24*time.Hour),
		RefreshGrace: cmp.Or(l.RefreshGrace, time.Hour),
		PerUser:      cmp.Or(l.PerUser, 50),
	}
}
