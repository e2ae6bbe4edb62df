package accounts

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
)

// DeleteMePayload answers DeleteMe.
type DeleteMePayload struct {
	User *auth.User
}

// DeleteMe schedules the deletion of the signed-in user's account. Until then the account can do everything, also cancel
// the deletion. A second call changes nothing. Without a grace, the account is deleted at once. The last administrator
// with an enabled account that is not to be deleted stays.
func (s *Service) DeleteMe(ctx context.Context) (*DeleteMePayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	// It takes turns, because whether there is another administrator depends on what others do.
	err = s.tx.Run(ctx, transaction.InSession(v).TakingTurns(), func(ctx context.Context, tx *transaction.Tx) error {
		v = tx.Viewer
		u := &v.User
		if u.DeletionAt != nil && s.grace > 0 {
			return nil
		}
		if err := CheckOtherAdmin(ctx, tx, u, ""); err != nil {
			return err
		}
		if s.grace <= 0 {
			u.DeletionAt, u.UpdatedAt = new(tx.Now), tx.Now
			return Delete(ctx, tx, s.outbox, u)
		}
		return s.schedule(ctx, tx, u)
	})
	if err != nil {
		return nil, err
	}
	if s.grace > 0 {
		caller.Renew(ctx, v)
	}
	return &DeleteMePayload{User: &v.User}, nil
}

// schedule schedules the deletion of an account and tells its user.
func (s *Service) schedule(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
	at := tx.Now.Add(s.grace)
	if err := tx.SetDeletion(ctx, u.ID, &at, tx.Now); err != nil {
		return err
	}
	u.DeletionAt, u.UpdatedAt = &at, tx.Now
	if letter := mailing.To(u, auth.MailAccountDeletion); letter != nil {
		letter.Due = at
		if err := s.outbox.Notify(ctx, tx, u, letter); err != nil {
			return err
		}
	}
	return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventDeletionRequested, UserID: &u.ID})
}

// CancelDeletionPayload answers CancelDeletion.
type CancelDeletionPayload struct {
	User *auth.User
}

// CancelDeletion keeps the signed-in user's account. It succeeds if no deletion is scheduled.
func (s *Service) CancelDeletion(ctx context.Context) (*CancelDeletionPayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		v = tx.Viewer
		return Keep(ctx, tx, &v.User)
	})
	if err != nil {
		return nil, err
	}
	caller.Renew(ctx, v)
	return &CancelDeletionPayload{User: &v.User}, nil
}

// Keep cancels the deletion of an account in a transaction that has locked it, if one is scheduled.
func Keep(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
	if u.DeletionAt == nil {
		return nil
	}
	if err := tx.SetDeletion(ctx, u.ID, nil, tx.Now); err != nil {
		return err
	}
	u.DeletionAt, u.UpdatedAt = nil, tx.Now
	return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventDeletionCancelled, UserID: &u.ID})
}

// Delete deletes an account in a transaction and tells its user. Call CheckOtherAdmin first.
func Delete(ctx context.Context, tx *transaction.Tx, outbox *mailing.Outbox, u *auth.User) error {
	if err := tx.DeleteUser(ctx, u.ID); err != nil {
		return err
	}
	if err := outbox.Notify(ctx, tx, u, mailing.To(u, auth.MailAccountDeleted)); err != nil {
		return err
	}
	return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventUserDeleted, UserID: &u.ID})
}

// CheckOtherAdmin returns an error about a field of the input when u is the last administrator with an enabled account
// that is not to be deleted. The transaction takes turns.
func CheckOtherAdmin(ctx context.Context, tx *transaction.Tx, u *auth.User, field string) error {
	if !u.IsAdmin() {
		return nil
	}
	other, err := tx.HasOtherAdmin(ctx, u.ID)
	if err != nil || other {
		return err
	}
	return auth.BadInput(auth.FieldError{
		Field: field, Code: auth.InputLastAdmin, Message: "This is the last administrator with an enabled account.",
	})
}
