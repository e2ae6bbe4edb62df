package recovery

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/identity"
)

// RequestPasswordResetInput is the input of RequestPasswordReset.
type RequestPasswordResetInput struct {
	// Identifier is a user name or an e-mail address.
	Identifier string
	// ChallengeSolution is for the edge, which has checked it.
	ChallengeSolution *string
}

// RequestPasswordResetPayload answers RequestPasswordReset.
type RequestPasswordResetPayload struct {
	// Flow is what the code of the mail is valid with.
	Flow string
}

// RequestPasswordReset mails a link and a code to the address of an account. Answer and statements are the same for every
// identifier: it writes one mail, and the account is looked up when that is prepared.
func (s *Service) RequestPasswordReset(ctx context.Context, in RequestPasswordResetInput) (*RequestPasswordResetPayload, error) {
	flow, err := proof.NewToken(s.tx.Rand())
	if err != nil {
		return nil, fmt.Errorf("request reset: %w", err)
	}
	request := mailing.Request{Kind: auth.MailResetPassword, Flow: flow}
	if name, _, ok := identity.ParseIdentifier(in.Identifier); ok { // others can be long, and name no account
		request.Identifier = name.Display
	}
	err = s.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		return s.outbox.Request(ctx, tx, request)
	})
	if err != nil {
		return nil, err
	}
	return &RequestPasswordResetPayload{Flow: flow}, nil
}

// preparePasswordReset implements mailing.Prepare, for requests that name an account by identifier or by id. A mail to an
// account that is named by id has no code, because nobody has its flow.
func (s *Service) preparePasswordReset(ctx context.Context, tx *transaction.Tx, r *mailing.Request) (*mailing.Letter, error) {
	secret := proof.Secret{Purpose: auth.PurposeResetPassword, Flow: r.Flow}
	u, err := accountOf(ctx, tx, r)
	if err != nil {
		return nil, err
	}
	if u != nil {
		l, err := s.letterWithSecret(ctx, tx, u, auth.MailResetPassword, secret)
		if err != nil {
			return nil, err
		}
		if l != nil {
			if r.UserID != nil { // recorded with the request
				return l, nil
			}
			return l, tx.Record(ctx, auth.AuditEvent{Kind: auth.EventPasswordResetRequested, UserID: &u.ID})
		}
	}
	if r.UserID != nil {
		return nil, nil
	}
	// A newer request replaces the decoy of an older one, as it is for accounts.
	secret.Decoy, secret.Subject = true, "decoy:"+r.Flow
	if name, _, ok := identity.ParseIdentifier(r.Identifier); ok {
		sum := sha256.Sum256([]byte(name.Key)) // it may be a password, typed into the wrong field
		secret.Subject = "decoy:" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
	_, err = s.mailed.Issue(ctx, tx, secret)
	return nil, err
}

// accountOf locks and returns the enabled account that a request is about; nil for none.
func accountOf(ctx context.Context, tx *transaction.Tx, r *mailing.Request) (*auth.User, error) {
	if r.UserID != nil {
		return lockUser(ctx, tx, *r.UserID)
	}
	name, isEmail, ok := identity.ParseIdentifier(r.Identifier)
	if !ok {
		return nil, nil
	}
	find := tx.PasswordByUsername
	if isEmail {
		find = tx.PasswordByEmail
	}
	found, _, err := find(ctx, name.Key)
	if errors.Is(err, auth.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return lockUser(ctx, tx, found.ID)
}
