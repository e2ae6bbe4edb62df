// Package auth owns the types of the domain: users, sessions, roles, the rules of guards, audit events, the errors that
// clients may see, and the interfaces of the store.
//
// The packages below it own the operations, by caller. Callers of the API use access (who calls, and what they may do),
// sessions and accounts. Administrators use admin, and OAuth clients use clients. The operator's commands and the
// server's own jobs use operator, which checks no caller. Package domain puts them together. None of them knows SQL,
// HTTP or GraphQL.
package auth

import (
	"cmp"
	"time"
)

// SessionLimits limit the age and the number of sessions. Zero means the default.
type SessionLimits struct {
	// MaxAge is how long after its sign-in a session expires, whatever its use. The default is 30 days.
	MaxAge time.Duration
	// IdleLimit is how long after its last refresh a session expires. The default is 7 days.
	IdleLimit time.Duration
	// RefreshGrace is how long a used refresh token may be presented again for the same successor, while that
	// is unused. The default is an hour.
	RefreshGrace time.Duration
	// PerUser is how many valid sessions a user may have. One more ends the oldest. The default is 50.
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
