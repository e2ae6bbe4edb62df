package admin

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/transaction"
	"usher/internal/jsonobject"
)

// UpdateUserInput is the input of UpdateUser. Nil fields change nothing.
type UpdateUserInput struct {
	UserID uuid.UUID
	// FullName is the new full name; an empty one removes it.
	FullName *string
	// Locale is the new language tag of mails; an empty one removes it.
	Locale *string
	// Metadata and AppMetadata are JSON merge patches (RFC 7396).
	Metadata, AppMetadata *jsonobject.Object
	// Roles replace the user's roles. Every user keeps the role USER.
	Roles []auth.Role
}

// UpdateUserPayload answers UpdateUser.
type UpdateUserPayload struct {
	User *auth.User
}

// UpdateUser changes a user's profile and roles.
func (s *Service) UpdateUser(ctx context.Context, in UpdateUserInput) (*UpdateUserPayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	change, problems := accounts.ProfileInput{
		FullName: in.FullName, Locale: in.Locale, Metadata: in.Metadata, AppMetadata: in.AppMetadata,
	}.Parse()
	if slices.ContainsFunc(in.Roles, func(r auth.Role) bool { return !r.Valid() }) { // no role has such a name
		problems = append(problems, unknownRole)
	}
	if problems != nil {
		return nil, auth.BadInput(problems...)
	}
	user, err := changeUser(ctx, s.tx, transaction.InSession(admin), in.UserID, func(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
		if err := change.Apply(ctx, tx, u); err != nil {
			return err
		}
		if in.Roles == nil {
			return nil
		}
		return SetUserRoles(ctx, tx, u, in.Roles)
	})
	if err != nil {
		return nil, err
	}
	if user.ID == admin.User.ID {
		caller.Renew(ctx, &auth.Viewer{User: *user, Session: admin.Session})
	}
	return &UpdateUserPayload{User: user}, nil
}

// SetUserRoles replaces a user's roles by those wanted and USER, if they differ. The transaction administers.
func SetUserRoles(ctx context.Context, tx *transaction.Tx, u *auth.User, wanted []auth.Role) error {
	roles := auth.SortRoles(append(slices.Clone(wanted), auth.RoleUser))
	if slices.Equal(u.Roles, roles) {
		return nil
	}
	if err := CheckRoles(ctx, tx, roles); err != nil {
		return err
	}
	if !slices.Contains(roles, auth.RoleAdmin) {
		if err := accounts.CheckOtherAdmin(ctx, tx, u, "roles"); err != nil {
			return err
		}
	}
	if err := tx.SetRoles(ctx, u.ID, roles, tx.Now); err != nil {
		return err
	}
	u.Roles, u.UpdatedAt = roles, tx.Now
	return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventUserRolesChanged, UserID: &u.ID, Roles: roles})
}

var unknownRole = auth.FieldError{Field: "roles", Code: auth.InputNotFound, Message: "One of the roles does not exist."}

// CheckRoles returns an error about the input if a user cannot have all of the roles. The transaction administers, so that
// nobody deletes one of them meanwhile.
func CheckRoles(ctx context.Context, tx *transaction.Tx, roles []auth.Role) error {
	if len(roles) > auth.MaxRolesOfUser {
		return auth.BadInput(auth.FieldError{
			Field: "roles", Code: auth.InputTooMany, Message: fmt.Sprintf("Use at most %d roles.", auth.MaxRolesOfUser),
		})
	}
	if !slices.ContainsFunc(roles, func(r auth.Role) bool { return !r.BuiltIn() }) {
		return nil
	}
	known, err := tx.Roles(ctx)
	if err != nil {
		return err
	}
	for _, r := range roles {
		if find(known, r) == nil {
			return auth.BadInput(unknownRole)
		}
	}
	return nil
}
