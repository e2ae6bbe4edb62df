package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"usher/graph"
	"usher/internal/auth"
)

// warnOfUnverified warns if the server requires verified e-mail addresses and no administrator has one: they could only
// sign in.
func (p *parts) warnOfUnverified(ctx context.Context) error {
	if !p.settings.RequireVerifiedEmail {
		return nil
	}
	admins, err := p.store.Users(ctx, auth.UserQuery{
		Role: auth.RoleAdmin, Disabled: new(false), Order: auth.UsersByCreatedAt, Page: auth.Page[auth.UserPosition]{Limit: maxAdmins},
	})
	if err != nil {
		return err
	}
	if len(admins) < maxAdmins && !slices.ContainsFunc(admins, func(u auth.PlacedUser) bool { return u.User.HasVerifiedEmail() }) {
		p.observer.Log().WarnContext(ctx, "--require-verified-email: no administrator has a verified e-mail address, so nobody "+
			"can administer users; create one with an address or choose one, and run: usher user verify NAME")
	}
	return nil
}

// maxAdmins is how many administrators warnOfUnverified looks at. With more, it does not warn.
const maxAdmins = 100

// checkRoles returns an error if the schema requires a role or a permission that the database does not have. Such a guard
// would admit nobody.
func (p *parts) checkRoles(ctx context.Context) error {
	required, err := graph.Requirements()
	if err != nil {
		return err
	}
	roles, err := p.store.Roles(ctx)
	if err != nil {
		return err
	}
	var problems []error
	for _, r := range required.Unmet(roles) {
		if r.Role != "" {
			problems = append(problems, fmt.Errorf("%s in the schema requires the role %s, which does not exist; create it with: usher role create %s",
				r.Coordinate, r.Role, r.Role))
		} else {
			problems = append(problems, fmt.Errorf("%s in the schema requires the permission %s, which no role has; grant it with: usher role grant ROLE --permission %s",
				r.Coordinate, r.Permission, r.Permission))
		}
	}
	return errors.Join(problems...)
}
