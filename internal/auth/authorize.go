package auth

import (
	"context"
	"slices"
)

// Check says what a guard believes: the schema's AuthCheck.
type Check string

// The checks. The schema describes them.
const (
	CheckSession Check = "SESSION"
	CheckToken   Check = "TOKEN"
)

// Rule is what `@auth` on a field demands.
type Rule struct {
	// Requires lists the roles of which the caller needs at least one. Empty admits nobody.
	Requires []Role
	Check    Check
}

// Authorize returns nil when the caller of ctx satisfies the rule, and otherwise an error: an
// *Error with CodeUnauthenticated or CodeForbidden, or the fault that kept it from deciding. Only
// nil admits.
func (s *Service) Authorize(ctx context.Context, rule Rule) error {
	if rule.Check == CheckToken {
		claims, err := CallerFrom(ctx).known()
		if err != nil {
			return err
		}
		for _, r := range claims.Roles {
			if slices.Contains(rule.Requires, Role(r)) {
				return nil
			}
		}
		return errForbidden
	}
	// Everything that is not CheckToken is checked live, so that an unknown value is strict.
	v, err := s.Viewer(ctx)
	if err != nil {
		return err
	}
	for _, r := range v.User.Roles {
		if slices.Contains(rule.Requires, r) {
			return nil
		}
	}
	return errForbidden
}

// Me returns the signed-in user.
func (s *Service) Me(ctx context.Context) (*User, error) {
	v, err := s.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	return &v.User, nil
}
