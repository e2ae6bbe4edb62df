package admin

import (
	"context"
	"errors"
	"slices"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/identity"
)

// InviteUserInput is the input of InviteUser.
type InviteUserInput struct {
	Email string
	// Roles are those of the account that the invitation creates. Every user has the role USER.
	Roles []auth.Role
	// Locale is the language tag of the mail and of the account; nil if unknown.
	Locale *string
}

// InviteUserPayload answers InviteUser.
type InviteUserPayload struct {
	Email string
	// ExpiresAt is the earliest time at which the invitation expires: it is valid from when the mail is prepared.
	ExpiresAt time.Time
}

// InviteUser mails an invitation to an address. It replaces the last one to the address.
func (s *Service) InviteUser(ctx context.Context, in InviteUserInput) (*InviteUserPayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	return Invite(ctx, s.tx, s.outbox, s.signup, transaction.InSession(admin), in)
}

// Invite mails an invitation for an actor. The error says if the address has an account, because administrators may know.
func Invite(
	ctx context.Context, runner *transaction.Runner, outbox *mailing.Outbox, mode auth.SignupMode, who transaction.Actor, in InviteUserInput,
) (*InviteUserPayload, error) {
	if err := mode.CheckOpen(); err != nil {
		return nil, err
	}
	var problems []auth.FieldError
	email, err := identity.ParseEmail(in.Email)
	if err != nil {
		problems = append(problems, auth.InvalidField("email", err))
	}
	request := mailing.Request{Kind: auth.MailInvitation, Email: email.Display, Roles: auth.SortRoles(append(slices.Clone(in.Roles), auth.RoleUser))}
	if in.Locale != nil {
		if request.Locale, err = identity.ParseLocale(*in.Locale); err != nil {
			problems = append(problems, auth.InvalidField("locale", err))
		}
	}
	if problems != nil {
		return nil, auth.BadInput(problems...)
	}
	payload := &InviteUserPayload{Email: email.Display}
	err = runner.Run(ctx, who.Administering(), func(ctx context.Context, tx *transaction.Tx) error {
		if err := CheckRoles(ctx, tx, request.Roles); err != nil {
			return err
		}
		_, _, err := tx.PasswordByEmail(ctx, email.Key)
		if err == nil {
			return auth.BadInput(auth.FieldError{Field: "email", Code: auth.InputTaken, Message: "This e-mail address has an account."})
		}
		if !errors.Is(err, auth.ErrNotFound) {
			return err
		}
		if tx.Viewer != nil {
			request.InvitedBy = &tx.Viewer.User.ID
		}
		if err := outbox.Request(ctx, tx, request); err != nil {
			return err
		}
		payload.ExpiresAt = tx.Now.Add(proof.Lifetime(auth.PurposeInvitation))
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventUserInvited, Identifier: &email.Display, Roles: request.Roles})
	})
	if err != nil {
		return nil, err
	}
	return payload, nil
}
