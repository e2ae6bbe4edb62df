package recovery

import (
	"context"
	"fmt"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/identity"
)

// RequestEmailChangeInput is the input of RequestEmailChange.
type RequestEmailChangeInput struct {
	Email string
}

// RequestEmailChangePayload answers RequestEmailChange.
type RequestEmailChangePayload struct {
	User *auth.User
}

// retryChange is how long a user who has requested too many changes must wait.
const retryChange = time.Hour

// RequestEmailChange begins a change of the signed-in user's address. The change is complete when somebody presents
// what was mailed to the new address. The old address gets a link that undoes the change. Whether
// another account has the new address makes no difference here: that is looked up when the mail is prepared.
func (s *Service) RequestEmailChange(ctx context.Context, in RequestEmailChangeInput) (*RequestEmailChangePayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	to, err := identity.ParseEmail(in.Email)
	if err != nil {
		return nil, auth.BadInput(auth.InvalidField("email", err))
	}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		v = tx.Viewer
		return s.requestEmailChange(ctx, tx, &v.User, to)
	})
	if err != nil {
		return nil, err
	}
	caller.Renew(ctx, v)
	return &RequestEmailChangePayload{User: &v.User}, nil
}

func (s *Service) requestEmailChange(ctx context.Context, tx *transaction.Tx, u *auth.User, to identity.Name) error {
	old, has := u.EmailName()
	if has && old.Key == to.Key {
		return auth.BadInput(auth.FieldError{
			Field: "email", Code: auth.InputSameAsBefore, Message: "This is your e-mail address already.",
		})
	}
	err := s.outbox.Request(ctx, tx, mailing.Request{Kind: auth.MailConfirmEmail, UserID: &u.ID, Email: to.Display})
	if err != nil {
		return err
	}
	if has {
		if err := s.announceChange(ctx, tx, u, old, to); err != nil {
			return err
		}
	}
	if err := setPending(ctx, tx, u, &to.Display); err != nil {
		return err
	}
	// The change ends when its secret expires, also if no mail is made. Otherwise its end would say why there is none.
	if _, err := s.issueChange(ctx, tx, u, to, true); err != nil {
		return err
	}
	return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventEmailChangeRequested, UserID: &u.ID})
}

// announceChange mails a link that undoes the change to the old address. It is part of the transaction: without the link
// there is no change. Each address of a user has its own link. Otherwise a thief who changes the address twice would
// replace that of the owner.
func (s *Service) announceChange(ctx context.Context, tx *transaction.Tx, u *auth.User, old, to identity.Name) error {
	tooMany, err := s.outbox.TooMany(ctx, tx, old, auth.MailEmailChanged)
	if err != nil {
		return err
	}
	if tooMany {
		return &auth.Error{Code: auth.CodeRateLimited, RetryAfter: retryChange}
	}
	undo, err := s.mailed.Issue(ctx, tx, proof.Secret{
		Purpose: auth.PurposeUndoEmailChange, User: &u.ID, Email: old, Subject: u.ID.String() + " " + old.Key,
	})
	if err != nil {
		return err
	}
	letter := mailing.About(u, auth.MailEmailChanged, old)
	letter.Token, letter.LinkExpires, letter.NewAddress = undo.Token, undo.ExpiresAt, to.Display
	return s.outbox.Send(ctx, tx, *letter)
}

// setPending replaces the pending change of a user's address, and forgets what was mailed for the one before.
func setPending(ctx context.Context, tx *transaction.Tx, u *auth.User, pending *string) error {
	if err := tx.DeleteMailedSecrets(ctx, u.ID, auth.PurposeChangeEmail); err != nil {
		return err
	}
	e := auth.Email{VerifiedAt: u.EmailVerifiedAt, Pending: pending}
	if u.Email != nil {
		old, ok := u.EmailName()
		if !ok {
			return fmt.Errorf("user %s has an invalid address", u.ID)
		}
		e.Address, e.Key = &old.Display, &old.Key
	}
	if err := tx.SetEmail(ctx, u.ID, e, tx.Now); err != nil {
		return err
	}
	u.PendingEmail, u.UpdatedAt = pending, tx.Now
	return nil
}

// prepareConfirmEmail makes the mail to the new address. If another account has verified that address, nobody is mailed:
// its owner has nothing to confirm. A decoy is made all the same, so that trying codes costs the same.
func (s *Service) prepareConfirmEmail(ctx context.Context, tx *transaction.Tx, r *mailing.Request) (*mailing.Letter, error) {
	if r.UserID == nil {
		return nil, nil
	}
	u, err := lockUser(ctx, tx, *r.UserID)
	if u == nil || err != nil {
		return nil, err
	}
	to, err := identity.ParseEmail(r.Email)
	if err != nil || u.PendingEmail == nil || *u.PendingEmail != to.Display { // cancelled, or replaced by another change
		return nil, nil //nolint:nilerr // as above
	}
	held, err := heldByOther(ctx, tx, to.Key, u.ID)
	if err != nil {
		return nil, err
	}
	issued, err := s.issueChange(ctx, tx, u, to, held)
	if err != nil || held {
		return nil, err
	}
	letter := mailing.About(u, auth.MailConfirmEmail, to)
	return withSecret(letter, issued), nil
}

// issueChange makes the secret of a change, or a decoy.
func (s *Service) issueChange(ctx context.Context, tx *transaction.Tx, u *auth.User, to identity.Name, decoy bool) (proof.Issued, error) {
	return s.mailed.Issue(ctx, tx, proof.Secret{
		Purpose: auth.PurposeChangeEmail, User: &u.ID, Email: to, Flow: changeFlow(u), Decoy: decoy,
	})
}

// changeFlow binds the code of a change to the account, because several users may want one address.
func changeFlow(u *auth.User) string { return u.ID.String() }

// ConfirmEmailChangeInput is the input of ConfirmEmailChange. One of both must be set.
type ConfirmEmailChangeInput struct {
	Token *string
	// Code needs the session of the account.
	Code *string
}

// ConfirmEmailChangePayload answers ConfirmEmailChange.
type ConfirmEmailChangePayload struct {
	Email string
}

// ConfirmEmailChange ends a change of an address: the account has the new one from now on, and it is verified. Another
// account that has not verified the address loses it.
func (s *Service) ConfirmEmailChange(ctx context.Context, in ConfirmEmailChangeInput) (*ConfirmEmailChangePayload, error) {
	if s.mailed == nil {
		return nil, auth.ErrMailDisabled
	}
	presented, field := proof.Presented{Token: in.Token, Code: in.Code}, "token"
	if in.Token == nil && in.Code != nil {
		v, err := s.access.Viewer(ctx)
		if err != nil {
			return nil, err
		}
		presented.Flow, presented.By, field = changeFlow(&v.User), v, "code"
	}
	payload := &ConfirmEmailChangePayload{}
	purposes := []auth.MailPurpose{auth.PurposeChangeEmail}
	err := s.mailed.Redeem(ctx, presented, purposes, func(ctx context.Context, tx *transaction.Tx, r *proof.Redeemed) error {
		if r.User.PendingEmail == nil || *r.User.PendingEmail != r.Address {
			return proof.ErrNotValid
		}
		payload.Email = r.Address
		if err := s.moveEmail(ctx, tx, r.User, identity.Name{Display: r.Address, Key: r.AddressKey}, field); err != nil {
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventEmailChanged, UserID: &r.User.ID})
	})
	if err != nil {
		return nil, err
	}
	return payload, nil
}
