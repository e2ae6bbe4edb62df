package app

import (
	"context"
	"errors"
	"fmt"

	"usher/graph"
)

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
