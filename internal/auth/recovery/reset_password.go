package recovery

import (
	"context"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/auth/sessions"
	"usher/internal/password"
)

// ResetPasswordInput is the input of ResetPassword: the token, or the flow with the code.
type ResetPasswordInput struct {
	Token    *string
	Flow     *string
	Code     *string
	Password password.Plaintext
	// SignIn starts a session.
	SignIn bool
	// Replaces is the refresh token that the client drops for the new one; empty means none. Its session ends.
	Replaces string
}

// ResetPassword sets the password of an account for whoever can read its mail, and returns the tokens of a new session;
// nil without SignIn, and for users with a second factor. All other sessions end. The address is confirmed, because the secret was mailed to it.
//
// The password is checked and hashed first, so a password that is refused uses nothing up. A wrong token costs as much as
// the right one.
func (s *Service) ResetPassword(ctx context.Context, in ResetPasswordInput) (*sessions.Tokens, error) {
	presented := proof.Presented{Token: in.Token, Code: in.Code}
	if err := presented.Check(); err != nil {
		return nil, err
	}
	if in.Code != nil {
		if in.Flow == nil || *in.Flow == "" {
			return nil, auth.BadInput(auth.FieldError{Field: "flow", Code: auth.InputRequired, Message: "Give the flow with the code."})
		}
		presented.Flow = *in.Flow
	}
	hashed, err := s.maker.Hash(ctx, in.Password)
	if err != nil {
		return nil, err
	}
	var started *sessions.Started
	err = s.mailed.Redeem(ctx, presented, []auth.MailPurpose{auth.PurposeResetPassword}, func(ctx context.Context, tx *transaction.Tx, r *proof.Redeemed) error {
		started = nil
		next, err := hashed.Of(r.User)
		if err != nil {
			return err
		}
		if r.User.EmailVerifiedAt == nil { // anybody can have created the account
			if err := s.dropFactors(ctx, tx, r.User); err != nil {
				return err
			}
		}
		if err := setPassword(ctx, tx, r.User, next); err != nil {
			return err
		}
		if err := s.outbox.Notify(ctx, tx, r.User, mailing.To(r.User, auth.MailPasswordChanged)); err != nil || !in.SignIn {
			return err
		}
		owner, err := r.Proof(ctx, tx)
		if err != nil {
			return err
		}
		if owner.NeedsSecondFactor() {
			return nil // A mail does not replace it: the user signs in with the new password.
		}
		if started, err = s.sessions.Start(ctx, tx, owner, in.Replaces); err != nil {
			return err
		}
		v := started.Viewer()
		return tx.Record(ctx, auth.AuditEvent{
			Kind: auth.EventLogin, ActorID: &v.User.ID, UserID: &v.User.ID, SessionID: &v.Session.ID,
		})
	})
	if err != nil || started == nil {
		return nil, err
	}
	return s.sessions.TokensOf(ctx, started)
}

// setPassword gives an account a new password by a secret that was mailed to its address. The account is locked.
func setPassword(ctx context.Context, tx *transaction.Tx, u *auth.User, next *auth.Credential) error {
	if err := tx.SetPassword(ctx, next); err != nil {
		return err
	}
	if err := proof.Forget(ctx, tx, u.ID); err != nil {
		return err
	}
	if _, err := tx.EndOtherSessions(ctx, u.ID, uuid.Nil, tx.Now); err != nil {
		return err
	}
	if _, err := tx.ClearAttempts(ctx, u.ID, false); err != nil {
		return err
	}
	if err := setVerified(ctx, tx, u, nil); err != nil {
		return err
	}
	return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventPasswordReset, UserID: &u.ID})
}
