package sessions

import (
	"context"
	"encoding/json"

	"usher/internal/auth"
	"usher/internal/claims"
)

// Claims returns the custom claims of a user. Claims that are too large together are left out, see claims.Mapping. The
// log says so with each token, because a service that misses one may refuse the user.
func (s *Service) Claims(ctx context.Context, u *auth.User) (map[string]json.RawMessage, error) {
	var permissions []auth.Permission
	if s.claims.Has("permissions") {
		var err error
		if permissions, err = s.store.PermissionsOf(ctx, u.Roles); err != nil {
			return nil, err
		}
	}
	values, omitted, err := s.claims.Of(&claims.Account{
		Username: u.Username, Email: u.Email, FullName: u.FullName,
		Roles: names(u.Roles), Permissions: names(permissions),
		Metadata: u.Metadata, AppMetadata: u.AppMetadata,
	})
	if omitted != nil {
		s.log.WarnContext(ctx, "custom claims are larger than 2 KiB: some are left out", "user", u.ID, "omitted", omitted)
	}
	return values, err
}
