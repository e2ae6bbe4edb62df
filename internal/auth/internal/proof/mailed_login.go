package proof

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/identity"
)

// loginMailLifetime is how long a link that signs in is valid: as long as the code beside it.
const loginMailLifetime = codeLifetime

// loginDetails are what a secret for a sign-in keeps of its request.
type loginDetails struct {
	// Flow is the SHA-256 digest of the flow that the link belongs to.
	Flow []byte `json:"flow"`
}

// ForLogin describes a secret that signs in to the account of an address. flow is what the request has returned.
//
// The code is valid with the address, in any browser: a person has to read it and type it in, so no page can make a browser
// sign in with it. Everybody knows the address, but has five guesses for each mail, and the outbox limits the mails to an
// address. The link is valid with the flow only. Otherwise somebody could send others a link to an account of theirs, and
// the browser that opens it would be signed in there (RFC 9700 §4.7 describes this attack on OAuth).
func ForLogin(email identity.Name, flow string) (Secret, error) {
	details, err := json.Marshal(loginDetails{Flow: digest(flow)})
	if err != nil {
		return Secret{}, err
	}
	return Secret{Purpose: auth.PurposeLogin, Email: email, Details: string(details)}, nil
}

// OtherFlow is the error of a link that signs in, for a browser that has not asked for it. The link stays valid.
func OtherFlow(code auth.InputCode) *auth.Error {
	return auth.BadInput(auth.FieldError{
		Field: "flow", Code: code,
		Message: "This link works only in the browser that asked for it. Enter the code of the mail in that browser.",
	})
}

// CheckFlow returns an error if a secret for a sign-in belongs to another flow. A code has the error of a wrong one then.
func (p Presented) CheckFlow(r *Redeemed, flow string) error {
	var details loginDetails
	if err := json.Unmarshal([]byte(r.Details), &details); err != nil {
		return fmt.Errorf("details of mailed secret: %w", err)
	}
	switch {
	case slices.Equal(details.Flow, digest(flow)):
		return nil
	case p.Code != nil:
		return ErrNotValid
	}
	return OtherFlow(auth.InputIncorrect)
}

// errDisabled says that the account of a secret for a sign-in is disabled.
var errDisabled = errors.New("the account of the mailed secret is disabled")

// whyNotEnabled returns the error of a secret whose account is disabled or deleted.
func (r *Redeemed) whyNotEnabled(ctx context.Context, tx *transaction.Tx) error {
	if r.Purpose != auth.PurposeLogin {
		return ErrNotValid
	}
	_, err := tx.User(ctx, *r.UserID)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return ErrNotValid
	case err != nil:
		return err
	}
	return errDisabled
}

// refuseDisabled records a sign-in to a disabled account, and returns its error. Only who has read the mail learns that the
// account is disabled.
func (m *Mailed) refuseDisabled(ctx context.Context, userID *uuid.UUID) error {
	err := m.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventLoginFailed, UserID: userID})
	})
	if err != nil {
		return fmt.Errorf("record login failure: %w", err)
	}
	return auth.Unauthenticated(auth.ReasonAccountDisabled)
}

// confirm checks a code for a sign-in that was mailed to the address of a user. by is their session; nil without one. The
// Proof uses the secret up. A wrong code is counted and recorded. Its error has auth.CodeInvalidCredentials.
func (m *Mailed) confirm(ctx context.Context, user *auth.User, by *auth.Viewer, code string) (Proof, error) {
	email, ok := user.EmailName()
	if !ok {
		return Proof{}, auth.WrongCredential(auth.AuthMethodEmailCode)
	}
	who := transaction.Nobody
	if by != nil {
		who = transaction.InSession(by)
	}
	presented := Presented{Code: &code, Email: email.Display}
	found, err := m.byCode(ctx, who, presented, auth.PurposeLogin)
	if errors.Is(err, wrongCode) || err == nil && (found.UserID == nil || *found.UserID != user.ID) {
		return Proof{}, auth.WrongCredential(auth.AuthMethodEmailCode)
	}
	if err != nil {
		return Proof{}, err
	}
	return Proof{
		user: user, methods: []auth.Method{auth.MethodEmailCode}, at: m.tx.Now(),
		spend: func(ctx context.Context, tx *transaction.Tx) error {
			err := (&Redeemed{MailedSecret: found}).use(ctx, tx)
			if errors.Is(err, ErrNotValid) || errors.Is(err, errDisabled) {
				return auth.WrongCredential(auth.AuthMethodEmailCode) // another request has used it, or the account has changed
			}
			return err
		},
	}, nil
}
