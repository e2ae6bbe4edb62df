package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/sessions"
	"usher/internal/password"
)

// CompleteSignupInput is the input of CompleteSignup.
type CompleteSignupInput struct {
	// Token is that of the link, or Code is the one that was mailed to Email.
	Token, Email, Code *string
	Username           *string
	Password           password.Plaintext
	FullName           *string
	// Replaces is the refresh token that the client drops for the new one; empty means none. Its session ends.
	Replaces string
}

// CompleteSignup creates an account with the address that a secret was mailed to, and signs it in. The secret is one of
// RequestSignup or of an invitation. It is used up only if the account is created.
func (s *Service) CompleteSignup(ctx context.Context, in CompleteSignupInput) (*sessions.Tokens, error) {
	if err := s.signup.CheckOpen(); err != nil {
		return nil, err
	}
	presented := proof.Presented{Token: in.Token, Code: in.Code}
	if err := presented.Check(); err != nil {
		return nil, err
	}
	purposes := []auth.MailPurpose{auth.PurposeSignUp, auth.PurposeInvitation}
	if s.signup == auth.SignupInvite {
		purposes = []auth.MailPurpose{auth.PurposeInvitation}
	}
	email := in.Email
	switch {
	case in.Token != nil: // first, so that a token that is not valid costs no hash
		address, err := s.mailed.Address(ctx, *in.Token, purposes)
		if err != nil {
			return nil, err
		}
		email = &address
	case email == nil:
		return nil, auth.BadInput(auth.FieldError{Field: "email", Code: auth.InputRequired, Message: "The code belongs to an address."})
	}
	presented.Email = *email
	made, err := s.maker.Make(ctx, accounts.Input{
		Username: in.Username, Email: email, Password: in.Password, FullName: in.FullName,
	}, []auth.Role{auth.RoleUser})
	if err != nil {
		return nil, err
	}
	var started *sessions.Started
	err = s.mailed.Redeem(ctx, presented, purposes, func(ctx context.Context, tx *transaction.Tx, r *proof.Redeemed) (err error) {
		started, err = s.createConfirmed(ctx, tx, r, made, in.Replaces)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.sessions.TokensOf(ctx, started)
}

// createConfirmed stores the account of a secret and starts its session.
func (s *Service) createConfirmed(
	ctx context.Context, tx *transaction.Tx, r *proof.Redeemed, made *accounts.Made, replaces string,
) (*sessions.Started, error) {
	var details signupDetails
	if err := json.Unmarshal([]byte(r.Details), &details); err != nil {
		return nil, fmt.Errorf("details of mailed secret: %w", err)
	}
	event := auth.AuditEvent{Kind: auth.EventSignup, ActorID: &made.Account.ID, UserID: &made.Account.ID}
	if r.Purpose == auth.PurposeInvitation {
		roles, err := invitedRoles(ctx, tx, &details)
		if err != nil {
			return nil, err
		}
		made.Account.Roles, event.Roles = roles, roles
	}
	if err := s.maker.ReleaseEmail(ctx, tx, r.AddressKey, made.Account.ID); errors.Is(err, accounts.ErrEmailHeld) {
		return nil, auth.BadInput(auth.FieldError{Field: "email", Code: auth.InputTaken, Message: "This e-mail address is taken."})
	} else if err != nil {
		return nil, err
	}
	made.Account.Email, made.Account.EmailKey, made.Account.EmailVerifiedAt = &r.Address, &r.AddressKey, new(tx.Now)
	made.Account.Locale = nil
	if details.Locale != "" {
		made.Account.Locale = &details.Locale
	}
	owner, err := made.Store(ctx, tx)
	if err != nil {
		return nil, err
	}
	started, err := s.sessions.Start(ctx, tx, owner, replaces)
	if err != nil {
		return nil, err
	}
	event.SessionID = &started.Viewer().Session.ID
	return started, tx.Record(ctx, event)
}

// invitedRoles returns the roles of an invitation that still exist. An invitation ends with the rights of the
// administrator: otherwise somebody who has taken over such an account could come back after it is disabled.
func invitedRoles(ctx context.Context, tx *transaction.Tx, details *signupDetails) ([]auth.Role, error) {
	if err := tx.LockAdministration(ctx); err != nil { // so that nobody deletes a role or demotes the administrator meanwhile
		return nil, err
	}
	if details.InvitedBy != nil {
		by, err := tx.User(ctx, *details.InvitedBy)
		if errors.Is(err, auth.ErrNotFound) || err == nil && (by.DisabledAt != nil || !by.IsAdmin()) {
			return nil, proof.ErrRevoked
		}
		if err != nil {
			return nil, err
		}
	}
	known, err := tx.Roles(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(details.Roles), func(role auth.Role) bool {
		return !slices.ContainsFunc(known, func(r auth.RoleDefinition) bool { return r.Name == role })
	}), nil
}
