package recovery

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
)

// RequestEmailVerificationPayload answers RequestEmailVerification.
type RequestEmailVerificationPayload struct {
	User *auth.User
}

// RequestEmailVerification mails a link and a code to the address of the signed-in user. If the address is verified, it
// does nothing.
func (s *Service) RequestEmailVerification(ctx context.Context) (*RequestEmailVerificationPayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	var user *auth.User
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		user = &tx.Viewer.User
		switch {
		case user.Email == nil:
			return auth.BadInput(auth.FieldError{
				Field: "email", Code: auth.InputRequired, Message: "Your account has no e-mail address. Add one first.",
			})
		case user.EmailVerifiedAt != nil:
			return nil
		}
		if err := s.outbox.Request(ctx, tx, mailing.Request{Kind: auth.MailVerifyEmail, UserID: &user.ID}); err != nil {
			return err
		}
		return tx.RecordSession(ctx, auth.EventEmailVerificationRequested, tx.Viewer)
	})
	if err != nil {
		return nil, err
	}
	return &RequestEmailVerificationPayload{User: user}, nil
}

// prepareVerification implements mailing.Prepare.
func (s *Service) prepareVerification(ctx context.Context, tx *transaction.Tx, r *mailing.Request) (*mailing.Letter, error) {
	if r.UserID == nil {
		return nil, nil
	}
	u, err := lockUser(ctx, tx, *r.UserID)
	if err != nil || u == nil || u.EmailVerifiedAt != nil {
		return nil, err
	}
	return s.letterWithSecret(ctx, tx, u, auth.MailVerifyEmail, proof.Secret{Purpose: auth.PurposeVerifyEmail})
}

// letterWithSecret issues a secret to the address of a user, and returns the letter with it; nil without an address.
func (s *Service) letterWithSecret(
	ctx context.Context, tx *transaction.Tx, u *auth.User, kind auth.MailKind, secret proof.Secret,
) (*mailing.Letter, error) {
	l := mailing.To(u, kind)
	if l == nil {
		return nil, nil
	}
	secret.User, secret.Email = &u.ID, l.To
	issued, err := s.mailed.Issue(ctx, tx, secret)
	if err != nil {
		return nil, err
	}
	return withSecret(l, issued), nil
}

// withSecret puts a secret into a letter.
func withSecret(l *mailing.Letter, issued proof.Issued) *mailing.Letter {
	l.Token, l.LinkExpires, l.Code, l.CodeExpires = issued.Token, issued.ExpiresAt, issued.Code, issued.CodeExpiresAt
	return l
}
