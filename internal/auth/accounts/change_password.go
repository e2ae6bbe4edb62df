package accounts

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/auth/sessions"
	"usher/internal/password"
)

// ChangePasswordInput is the input of ChangePassword.
type ChangePasswordInput struct {
	CurrentPassword password.Plaintext
	NewPassword     password.Plaintext
	// EndOtherSessions ends every session of the user but the one of the request.
	EndOtherSessions bool
}

// ChangePasswordPayload answers ChangePassword.
type ChangePasswordPayload struct {
	User         *auth.User
	RevokedCount int
}

// ChangePassword replaces the signed-in user's password. The session of the request stays valid, with its refresh token.
// A wrong current password has the same error and the same counter as in Reauthenticate. So has the password of an
// account that has none, and one that another request has changed meanwhile. The user gets a mail.
//
// The new password is checked first. Its errors depend on nothing that is secret, so they cost no attempt.
func (s *Service) ChangePassword(ctx context.Context, in ChangePasswordInput) (*ChangePasswordPayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.maker.checkPassword("newPassword", in.NewPassword, &v.User); err != nil {
		return nil, err
	}
	if password.Same(in.CurrentPassword, in.NewPassword) {
		return nil, auth.BadInput(auth.FieldError{
			Field: "newPassword", Code: auth.InputSameAsBefore, Message: "Choose a password that differs from the current one.",
		})
	}
	if err := s.maker.checkBreaches(ctx, "newPassword", in.NewPassword); err != nil {
		return nil, err
	}
	next, err := s.proofs.Replace(ctx, in.CurrentPassword, in.NewPassword, v)
	if err != nil {
		return nil, err
	}
	payload := &ChangePasswordPayload{}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) (err error) {
		payload.User, payload.RevokedCount = &tx.Viewer.User, 0
		if err := next.Store(ctx, tx); err != nil {
			return err
		}
		if err := s.outbox.Notify(ctx, tx, payload.User, mailing.To(payload.User, auth.MailPasswordChanged)); err != nil {
			return err
		}
		if err := tx.RecordSession(ctx, auth.EventPasswordChanged, tx.Viewer); err != nil || !in.EndOtherSessions {
			return err
		}
		payload.RevokedCount, err = sessions.EndOthers(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return payload, nil
}
