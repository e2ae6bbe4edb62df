package identities

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
)

// identitiesPerUser limits the identities of a user.
const identitiesPerUser = 20

// The errors of identities.
var (
	identityTaken = auth.BadInput(auth.FieldError{
		Field: "code", Code: auth.InputTaken, Message: "This identity is linked already, to your account or to another one.",
	})
	tooManyIdentities = auth.BadInput(auth.FieldError{
		Field: "code", Code: auth.InputTooMany, Message: "You have 20 identities. Unlink one first.",
	})
	noIdentity = auth.BadInput(auth.FieldError{
		Field: "id", Code: auth.InputNotFound, Message: "You have no identity with this id.",
	})
	lastCredential = auth.BadInput(auth.FieldError{
		Field: "id", Code: auth.InputLastCredential,
		Message: "You could no longer sign in. Set a password, or add a passkey or another identity first.",
	})
)

// LinkIdentityInput is the input of LinkIdentity.
type LinkIdentityInput struct {
	// Code is from the URL to which the provider's answer has led.
	Code string
	By   Continuer
}

// LinkIdentityPayload answers LinkIdentity.
type LinkIdentityPayload struct {
	User     *auth.User
	Identity *auth.Identity
}

// LinkIdentity lets the signed-in user sign in with an identity that a provider has confirmed. The user gets a mail. An
// identity that an account has already is refused with InputTaken.
func (s *Service) LinkIdentity(ctx context.Context, in LinkIdentityInput) (*LinkIdentityPayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	proved, err := s.proofs.Present(ctx, transaction.InSession(v), in.Code, in.By)
	if err != nil {
		return nil, err
	}
	payload := &LinkIdentityPayload{}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		u := &tx.Viewer.User
		all, err := tx.Factors(ctx, u.ID)
		if err != nil {
			return err
		}
		if len(slices.DeleteFunc(all, func(f auth.Factor) bool { return f.Kind != auth.CredentialIdentity })) >= identitiesPerUser {
			return tooManyIdentities
		}
		linked, err := proved.Link(ctx, tx, u.ID)
		if err != nil {
			return err
		}
		if payload.Identity, err = s.proofs.Shown(linked); err != nil {
			return err
		}
		if err := s.outbox.Notify(ctx, tx, u, mailing.To(u, auth.MailIdentityLinked)); err != nil {
			return err
		}
		if err := tx.RecordSession(ctx, auth.EventIdentityLinked, tx.Viewer); err != nil {
			return err
		}
		v, err = tx.Reread(ctx)
		return err
	})
	if errors.Is(err, auth.ErrFactorTaken) {
		return nil, identityTaken
	}
	if err != nil {
		return nil, err
	}
	caller.Renew(ctx, v)
	payload.User = &v.User
	return payload, nil
}

// UnlinkIdentityInput is the input of UnlinkIdentity.
type UnlinkIdentityInput struct {
	ID uuid.UUID
}

// UnlinkIdentityPayload answers UnlinkIdentity.
type UnlinkIdentityPayload struct {
	User *auth.User
}

// UnlinkIdentity takes an identity away from the signed-in user. All other sessions of the user end, because one of them may
// have begun with it. The user gets a mail. The last way to sign in has the error InputLastCredential: what counts is a
// password, a passkey, and another identity whose provider is still configured.
func (s *Service) UnlinkIdentity(ctx context.Context, in UnlinkIdentityInput) (*UnlinkIdentityPayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		u := &tx.Viewer.User
		all, err := tx.Factors(ctx, u.ID)
		if err != nil {
			return err
		}
		isIt := func(f auth.Factor) bool { return f.Kind == auth.CredentialIdentity && f.ID == in.ID }
		if !slices.ContainsFunc(all, isIt) {
			return noIdentity
		}
		_, password, err := tx.PasswordOf(ctx, u.ID)
		if err != nil {
			return err
		}
		other := func(f auth.Factor) bool { return !isIt(f) && s.proofs.SignsIn(&f) }
		if password == nil && !slices.ContainsFunc(all, other) {
			return lastCredential
		}
		if _, err := tx.RemoveFactors(ctx, u.ID, auth.FactorRemoval{Kind: auth.CredentialIdentity, ID: &in.ID, At: tx.Now}); err != nil {
			return err
		}
		if _, err := tx.EndOtherSessions(ctx, u.ID, v.Session.ID, tx.Now); err != nil {
			return err
		}
		if err := s.outbox.Notify(ctx, tx, u, mailing.To(u, auth.MailIdentityUnlinked)); err != nil {
			return err
		}
		if err := tx.RecordSession(ctx, auth.EventIdentityUnlinked, tx.Viewer); err != nil {
			return err
		}
		v, err = tx.Reread(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	caller.Renew(ctx, v)
	return &UnlinkIdentityPayload{User: &v.User}, nil
}
