package admin

import (
	"context"
	"slices"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/password"
)

// CreateUserInput is the input of CreateUser.
type CreateUserInput struct {
	Username *string
	Email    *string
	// Password is nil for an account without one. Its user gets a mail to set it.
	Password *password.Plaintext
	FullName *string
	Locale   *string
	// Roles are the user's roles. Every user has the role USER.
	Roles []auth.Role
}

// CreateUserPayload answers CreateUser.
type CreateUserPayload struct {
	User *auth.User
}

// CreateUser creates an account, by the rules of a sign-up, without signing it in.
func (s *Service) CreateUser(ctx context.Context, in CreateUserInput) (*CreateUserPayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	input := accounts.Input{
		Username: in.Username, Email: in.Email, FullName: in.FullName, Locale: in.Locale, NoPassword: in.Password == nil,
	}
	if in.Password != nil {
		input.Password = *in.Password
	}
	user, err := Create(ctx, s.tx, s.maker, s.outbox, transaction.InSession(admin), input, in.Roles)
	if err != nil {
		return nil, err
	}
	return &CreateUserPayload{User: user}, nil
}

// Create creates an account with the given roles and USER for an actor. Without a password, a mail asks the user to set
// one, if there is an address.
func Create(
	ctx context.Context, runner *transaction.Runner, maker *accounts.Maker, outbox *mailing.Outbox,
	who transaction.Actor, in accounts.Input, roles []auth.Role,
) (*auth.User, error) {
	roles = auth.SortRoles(append(slices.Clone(roles), auth.RoleUser))
	made, err := maker.Make(ctx, in, roles)
	if err != nil {
		return nil, err
	}
	user := &made.Account.User
	err = runner.Run(ctx, who.Administering(), func(ctx context.Context, tx *transaction.Tx) error {
		if err := CheckRoles(ctx, tx, roles); err != nil {
			return err
		}
		if _, err := made.Store(ctx, tx); err != nil {
			return err
		}
		if in.NoPassword && user.Email != nil {
			if err := outbox.Request(ctx, tx, mailing.Request{Kind: auth.MailResetPassword, UserID: &user.ID}); err != nil {
				return err
			}
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventUserCreated, UserID: &user.ID, Roles: roles})
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}
