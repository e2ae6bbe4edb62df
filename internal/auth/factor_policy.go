package auth

import "time"

// FactorScope says who must set up a second factor: the setting USHER_REQUIRE_SECOND_FACTOR in upper case.
type FactorScope string

// The scopes. Empty is as good as FactorNone.
const (
	FactorNone  FactorScope = "NONE"
	FactorAdmin FactorScope = "ADMIN"
	FactorAll   FactorScope = "ALL"
)

// FactorPolicy says who must set up a second factor, and how long they have.
type FactorPolicy struct {
	Scope FactorScope
	// Grace is how long a user can go without, from the first sign-in or refresh under the policy.
	Grace time.Duration
}

// requires reports whether the user must have a second factor and has none.
func (p FactorPolicy) requires(u *User) bool {
	return (p.Scope == FactorAll || p.Scope == FactorAdmin && u.IsAdmin()) && !u.HasSecondFactor()
}

// Starts returns when the time of a user is over, if it starts now: nil if they need no second factor, or if it has started.
func (p FactorPolicy) Starts(u *User, now time.Time) *time.Time {
	if !p.requires(u) || u.FactorDueAt != nil {
		return nil
	}
	return new(now.Add(p.Grace))
}

// Due returns until when the user has time to set up a second factor: nil if they need none, or if their time has not
// started. Without a grace it is over now.
func (p FactorPolicy) Due(u *User, now time.Time) *time.Time {
	switch {
	case !p.requires(u):
		return nil
	case u.FactorDueAt == nil && p.Grace == 0:
		return &now
	}
	return u.FactorDueAt
}

// Overdue reports whether the user can do nothing but set up a second factor.
func (p FactorPolicy) Overdue(u *User, now time.Time) bool {
	due := p.Due(u, now)
	return due != nil && !now.Before(*due)
}
