package recovery

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/identity"
)

// RequestSignupInput is the input of RequestSignup.
type RequestSignupInput struct {
	Email string
	// Locale is the language tag of the mail and of the account; nil if unknown.
	Locale *string
	// ChallengeSolution is for the edge, which has checked it.
	ChallengeSolution *string
}

// RequestSignupPayload answers RequestSignup.
type RequestSignupPayload struct {
	Email string
}

// RequestSignup mails a secret with which CompleteSignup creates an account. For an address that has an account the
// answer is the same. Its owner gets a mail that says so.
func (s *Service) RequestSignup(ctx context.Context, in RequestSignupInput) (*RequestSignupPayload, error) {
	if err := s.signup.CheckRequest(); err != nil {
		return nil, err
	}
	var problems []auth.FieldError
	email, err := identity.ParseEmail(in.Email)
	if err != nil {
		problems = append(problems, auth.InvalidField("email", err))
	}
	request := mailing.Request{Kind: auth.MailSignUp, Email: email.Display}
	if in.Locale != nil {
		if request.Locale, err = identity.ParseLocale(*in.Locale); err != nil {
			problems = append(problems, auth.InvalidField("locale", err))
		}
	}
	if problems != nil {
		return nil, auth.BadInput(problems...)
	}
	err = s.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		return s.outbox.Request(ctx, tx, request)
	})
	if err != nil {
		return nil, err
	}
	return &RequestSignupPayload{Email: email.Display}, nil
}

// signupDetails are what a secret for a new account keeps of the request.
type signupDetails struct {
	Locale string `json:"locale,omitempty"`
	// Roles are those of an invitation, and InvitedBy is the administrator; nil for the operator.
	Roles     []auth.Role `json:"roles,omitempty"`
	InvitedBy *uuid.UUID  `json:"invitedBy,omitempty"`
}

// prepareSignup makes the mail of RequestSignup. An address that has an account gets a decoy: otherwise tries of codes
// would tell such addresses from others.
func (s *Service) prepareSignup(ctx context.Context, tx *transaction.Tx, r *mailing.Request) (*mailing.Letter, error) {
	email, err := identity.ParseEmail(r.Email)
	if err != nil {
		return nil, err
	}
	user, _, err := tx.PasswordByEmail(ctx, email.Key)
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		return nil, err
	}
	known := err == nil
	letter, err := s.newAccountLetter(ctx, tx, r, proof.Secret{Purpose: auth.PurposeSignUp, Email: email, Decoy: known})
	if err != nil || !known {
		return letter, err
	}
	return mailing.About(user, auth.MailSignUpExisting, identity.Name{Display: *user.Email, Key: email.Key}), nil
}

// prepareInvitation makes the mail of an invitation, unless the address has got an account meanwhile.
func (s *Service) prepareInvitation(ctx context.Context, tx *transaction.Tx, r *mailing.Request) (*mailing.Letter, error) {
	email, err := identity.ParseEmail(r.Email)
	if err != nil {
		return nil, err
	}
	if _, _, err := tx.PasswordByEmail(ctx, email.Key); !errors.Is(err, auth.ErrNotFound) {
		return nil, err
	}
	return s.newAccountLetter(ctx, tx, r, proof.Secret{Purpose: auth.PurposeInvitation, Email: email})
}

// newAccountLetter issues a secret for a new account and returns the mail with it.
func (s *Service) newAccountLetter(
	ctx context.Context, tx *transaction.Tx, r *mailing.Request, secret proof.Secret,
) (*mailing.Letter, error) {
	details, err := json.Marshal(signupDetails{Locale: r.Locale, Roles: r.Roles, InvitedBy: r.InvitedBy})
	if err != nil {
		return nil, err
	}
	secret.Details = string(details)
	issued, err := s.mailed.Issue(ctx, tx, secret)
	if err != nil {
		return nil, err
	}
	return withSecret(&mailing.Letter{Kind: r.Kind, To: secret.Email, Locale: r.Locale}, issued), nil
}
