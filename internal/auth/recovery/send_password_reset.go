package recovery

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
)

// SendPasswordResetInput is the input of SendPasswordReset.
type SendPasswordResetInput struct {
	UserID uuid.UUID
}

// SendPasswordResetPayload answers SendPasswordReset.
type SendPasswordResetPayload struct {
	User *auth.User
}

// SendPasswordReset mails a link to a user, for an administrator, who never learns the link or the password. The user's
// password stays valid until they choose another. A disabled account gets no mail.
func (s *Service) SendPasswordReset(ctx context.Context, in SendPasswordResetInput) (*SendPasswordResetPayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	var user *auth.User
	err = s.tx.Run(ctx, transaction.InSession(admin).Administering(), func(ctx context.Context, tx *transaction.Tx) (err error) {
		user, err = tx.User(ctx, in.UserID)
		if errors.Is(err, auth.ErrNotFound) {
			return auth.BadInput(auth.FieldError{Field: "userId", Code: auth.InputNotFound, Message: "There is no such user."})
		}
		if err != nil {
			return err
		}
		if user.Email == nil {
			return auth.BadInput(auth.FieldError{Field: "userId", Code: auth.InputRequired, Message: "This user has no e-mail address."})
		}
		if err := s.outbox.Request(ctx, tx, mailing.Request{Kind: auth.MailResetPassword, UserID: &user.ID}); err != nil {
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventPasswordResetRequested, UserID: &user.ID})
	})
	if err != nil {
		return nil, err
	}
	return &SendPasswordResetPayload{User: user}, nil
}
