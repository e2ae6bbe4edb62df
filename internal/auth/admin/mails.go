package admin

import (
	"context"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
)

// MailStore is what a Service reads of mails.
type MailStore interface {
	Mails(ctx context.Context, q auth.MailQuery) ([]auth.MailMessage, error)
}

// MailMessageFilter selects mails. Nil fields match every mail.
type MailMessageFilter struct {
	State *auth.MailState
	// UserID is the user that the mail is about.
	UserID *uuid.UUID
}

// MailMessages lists a page of the mails, the newest first. The ids of mails are their positions.
func (s *Service) MailMessages(ctx context.Context, filter *MailMessageFilter, page auth.Page[uuid.UUID]) ([]auth.MailMessage, error) {
	if _, err := s.access.Administrator(ctx); err != nil {
		return nil, err
	}
	query := auth.MailQuery{Page: page}
	if filter != nil {
		query.UserID = filter.UserID
		if filter.State != nil {
			query.State = *filter.State
		}
	}
	return s.mails(ctx, query)
}

// MailMessage returns a mail, nil when no mail has the id.
func (s *Service) MailMessage(ctx context.Context, id uuid.UUID) (*auth.MailMessage, error) {
	if _, err := s.access.Administrator(ctx); err != nil {
		return nil, err
	}
	mails, err := s.mails(ctx, auth.MailQuery{ID: &id, Page: auth.Page[uuid.UUID]{Limit: 1}})
	if err != nil || len(mails) == 0 {
		return nil, err
	}
	return &mails[0], nil
}

// mails returns the mails that match a query, with their users and without their content.
func (s *Service) mails(ctx context.Context, query auth.MailQuery) ([]auth.MailMessage, error) {
	mails, err := s.store.Mails(ctx, query)
	if err != nil {
		return nil, err
	}
	users := references{}
	for i := range mails {
		mails[i].Content = nil
		users.add(mails[i].UserID, &mails[i].User)
	}
	return mails, users.resolve(ctx, s.store)
}

// RetryMailInput is the input of RetryMail.
type RetryMailInput struct {
	ID uuid.UUID
}

// RetryMailPayload answers RetryMail.
type RetryMailPayload struct {
	Mail *auth.MailMessage
}

// RetryMail queues a mail again that could not be sent.
func (s *Service) RetryMail(ctx context.Context, in RetryMailInput) (*RetryMailPayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	var mail auth.MailMessage
	err = s.tx.Run(ctx, transaction.InSession(admin).Administering(), func(ctx context.Context, tx *transaction.Tx) error {
		mails, err := tx.Mails(ctx, auth.MailQuery{ID: &in.ID, Page: auth.Page[uuid.UUID]{Limit: 1}})
		if err != nil {
			return err
		}
		if len(mails) == 0 {
			return auth.BadInput(auth.FieldError{Field: "id", Code: auth.InputNotFound, Message: "There is no such mail."})
		}
		mail = mails[0]
		queued, err := s.outbox.Retry(ctx, tx, &mail)
		if err != nil {
			return err
		}
		if !queued {
			return auth.BadInput(auth.FieldError{
				Field: "id", Code: auth.InputNotFound, Message: "Only a mail that has failed and has not expired can be sent again.",
			})
		}
		mail.Content = nil
		users := references{}
		users.add(mail.UserID, &mail.User)
		if err := users.resolve(ctx, tx); err != nil {
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventMailRetried, UserID: mail.UserID})
	})
	if err != nil {
		return nil, err
	}
	return &RetryMailPayload{Mail: &mail}, nil
}
