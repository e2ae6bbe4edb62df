package sessions

import (
	"context"
	"encoding/json"

	"usher/internal/auth"
	"usher/internal/claims"
)

// Claims returns the custom claims of a user, and email_verified if it is needed. Custom claims that are too large together
// are left out, see claims.Mapping. The log says so with each token, because a service that misses one may refuse the user.
// Users who have to set up a second factor first have no roles and no permissions in them.
func (s *Service) Claims(ctx context.Context, u *auth.User) (map[string]json.RawMessage, error) {
	u = s.Allowed(u)
	var permissions []auth.Permission
	if s.claims.Has("permissions") {
		var err error
		if permissions, err = s.store.PermissionsOf(ctx, u.Roles); err != nil {
			return nil, err
		}
	}
	values, omitted, err := s.claims.Of(&claims.Account{
		Username: u.Username, Email: u.Email, EmailVerified: u.HasVerifiedEmail(), FullName: u.FullName,
		Roles: names(u.Roles), Permissions: names(permissions),
		Metadata: u.Metadata, AppMetadata: u.AppMetadata,
	})
	if omitted != nil {
		s.log.WarnContext(ctx, "custom claims are larger than 2 KiB: some are left out", "user", u.ID, "omitted", omitted)
	}
	if err == nil && s.verified.Claim && u.HasVerifiedEmail() {
		if values == nil {
			values = map[string]json.RawMessage{}
		}
		values["email_verified"] = json.RawMessage("true")
	}
	return values, err
}
