package auth

import (
	"context"
	"slices"

	"github.com/google/uuid"
)

// UpdateUserInput is the input of UpdateUser. What is nil stays as it is.
type UpdateUserInput struct {
	UserID uuid.UUID
	// FullName is the new full name; an empty one removes it.
	FullName *string
	// Roles are what the user may be from now on. Everybody keeps the role USER.
	Roles []Role
}

// UpdateUserPayload answers UpdateUser.
type UpdateUserPayload struct {
	User *User
}

// UpdateUser changes what an account says and what its user may be. It is for administrators.
func (s *Service) UpdateUser(ctx context.Context, in UpdateUserInput) (*UpdateUserPayload, error) {
	admin, err := s.administrator(ctx)
	if err != nil {
		return nil, err
	}
	var problems []FieldError
	var name fullName
	if in.FullName != nil {
		if name, err = parseFullName(*in.FullName); err != nil {
			problems = append(problems, fieldError("fullName", err))
		}
	}
	if slices.ContainsFunc(in.Roles, func(r Role) bool { return !r.Valid() }) {
		problems = append(problems, FieldError{Path: []string{"input", "roles"}, Code: InputInvalidFormat, Message: "Use roles of the schema."})
	}
	if problems != nil {
		return nil, BadInput(problems...)
	}
	user, err := s.administer(ctx, inSession(admin), in.UserID, func(ctx context.Context, tx *act, u *User) error {
		if in.FullName != nil {
			if err := tx.rename(ctx, u, name); err != nil {
				return err
			}
		}
		if in.Roles == nil {
			return nil
		}
		return tx.changeRoles(ctx, u, in.Roles)
	})
	if err != nil {
		return nil, err
	}
	if user.ID == admin.User.ID {
		CallerFrom(ctx).renew(&Viewer{User: *user, Session: admin.Session})
	}
	return &UpdateUserPayload{User: user}, nil
}

// rename changes a user's full name, unless it is theirs already.
func (tx *act) rename(ctx context.Context, u *User, name fullName) error {
	if equal(u.FullName, name.text) {
		return nil
	}
	if err := tx.SetFullName(ctx, u.ID, name.text, name.key, tx.now); err != nil {
		return err
	}
	u.FullName, u.UpdatedAt = name.text, tx.now
	return tx.record(ctx, AuditEvent{Kind: EventUserUpdated, UserID: &u.ID})
}

func equal(a, b *string) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// changeRoles gives a user the roles and USER, unless they have just those already.
func (tx *act) changeRoles(ctx context.Context, u *User, wanted []Role) error {
	var roles []Role // in the order of Roles, each once
	for _, r := range Roles {
		if r == RoleUser || slices.Contains(wanted, r) {
			roles = append(roles, r)
		}
	}
	if slices.Equal(u.Roles, roles) {
		return nil
	}
	if !slices.Contains(roles, RoleAdmin) {
		if err := tx.checkOtherAdmin(ctx, u, "roles"); err != nil {
			return err
		}
	}
	if err := tx.SetRoles(ctx, u.ID, roles, tx.now); err != nil {
		return err
	}
	u.Roles, u.UpdatedAt = roles, tx.now
	return tx.record(ctx, AuditEvent{Kind: EventUserRolesChanged, UserID: &u.ID, Roles: roles})
}
