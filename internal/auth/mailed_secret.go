package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// MailPurpose is what a mailed secret is for. A secret is valid for one purpose only.
type MailPurpose string

// The purposes.
const (
	// PurposeVerifyEmail confirms the address of an account.
	PurposeVerifyEmail MailPurpose = "VERIFY_EMAIL"
	// PurposeResetPassword sets a new password.
	PurposeResetPassword MailPurpose = "RESET_PASSWORD"
	// PurposeLogin signs in.
	PurposeLogin MailPurpose = "LOGIN"
	// PurposeChangeEmail confirms the new address of an account.
	PurposeChangeEmail MailPurpose = "CHANGE_EMAIL"
	// PurposeUndoEmailChange restores the old address of an account.
	PurposeUndoEmailChange MailPurpose = "UNDO_EMAIL_CHANGE"
	// PurposeSignUp creates an account with a confirmed address.
	PurposeSignUp MailPurpose = "SIGN_UP"
	// PurposeInvitation creates an account for somebody whom an administrator has invited.
	PurposeInvitation MailPurpose = "INVITATION"
)

// MailedSecret is a secret that was mailed to an address: a token and, for some purposes, a short code. It is stored in
// digests only.
type MailedSecret struct {
	ID      uuid.UUID
	Purpose MailPurpose
	// Subject is what the secret is about: a user, an address, or both. There is one secret for each purpose and
	// subject.
	Subject string
	// UserID is the account; nil without one.
	UserID *uuid.UUID
	// Address is where the secret was mailed, and AddressKey its canonical form.
	Address, AddressKey string
	// TokenDigest is the SHA-256 digest of the token.
	TokenDigest []byte
	// CodeDigest is the HMAC of the code; nil without a code.
	CodeDigest    []byte
	CodeExpiresAt *time.Time
	// CodeTries counts the codes that were tried, right or wrong.
	CodeTries int
	// FlowDigest is the SHA-256 digest of the flow that the code belongs to; nil for a code that the address belongs
	// to.
	FlowDigest []byte
	// Details is JSON of the purpose, or empty.
	Details   string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// CodeTry selects the secret that a code is tried on: by the flow, or by the address for codes without a flow. Of several
// secrets of an address, it is the newest.
type CodeTry struct {
	Purpose    MailPurpose
	FlowDigest []byte
	AddressKey string
}

// MailedSecretStore keeps the secrets that were mailed. Its methods are for transactions.
type MailedSecretStore interface {
	// ReplaceMailedSecret stores a secret in place of the one with its purpose and subject.
	ReplaceMailedSecret(ctx context.Context, s *MailedSecret) error
	// MailedSecret finds the secret of a token.
	MailedSecret(ctx context.Context, tokenDigest []byte) (*MailedSecret, error)
	// TakeMailedSecret deletes a secret, if it is still the one of the token and has not expired, and reports whether it
	// did. Of many at once, one does.
	TakeMailedSecret(ctx context.Context, id uuid.UUID, tokenDigest []byte, now time.Time) (bool, error)
	// CountCodeTry counts a try, and returns the secret with it. It returns ErrNotFound, and counts nothing, without a
	// secret whose code has not expired and had fewer tries than most. Others that try a code of the secret wait until
	// the transaction ends.
	CountCodeTry(ctx context.Context, try CodeTry, most int, now time.Time) (*MailedSecret, error)
	// DeleteMailedSecrets deletes the secrets of a user for some purposes.
	DeleteMailedSecrets(ctx context.Context, userID uuid.UUID, purposes ...MailPurpose) error
	// DeleteLaterMailedSecrets deletes the secrets of the purpose and the user of s that were created after s.
	DeleteLaterMailedSecrets(ctx context.Context, s *MailedSecret) error
}
