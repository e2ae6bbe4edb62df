package recovery

import (
	"context"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/auth/sessions"
)

// LoginWithCodeInput is the input of LoginWithCode: the token with the flow, or the code with the address.
type LoginWithCodeInput struct {
	Token *string
	// Flow is from RequestLoginCode. A code is valid without it; if there is one, it must be the right one.
	Flow  *string
	Email *string
	Code  *string
	// BindBrowser lets only the browser complete a sign-in with a second factor that began it.
	BindBrowser bool
	// Replaces is the refresh token that the client drops for the new one; empty means none. Its session ends.
	Replaces string
}

// LoginWithCode signs a user in who can read the mail of their account, and confirms the address. A user with a second
// factor has CodeSecondFactorRequired: the secret is used up, and the sign-in is completed as one with a password is. A
// disabled account has CodeUnauthenticated. Everything else that is wrong has CodeBadUserInput.
//
// If nobody has confirmed the address before, anybody can have created the account. So its sessions end, and it loses its
// password, its factors and its identities, as with VerifyEmail by a request that is not signed in.
func (s *Service) LoginWithCode(ctx context.Context, in LoginWithCodeInput) (*sessions.Tokens, error) {
	tokens, err := s.loginWithCode(ctx, in)
	s.tx.Meter().CountSignIn(auth.SignInEmailCode, auth.SignInOutcome(err))
	return tokens, err
}

func (s *Service) loginWithCode(ctx context.Context, in LoginWithCodeInput) (*sessions.Tokens, error) {
	presented := proof.Presented{Token: in.Token, Code: in.Code}
	if err := presented.Check(); err != nil {
		return nil, err
	}
	switch {
	case in.Code != nil && in.Email == nil:
		return nil, auth.BadInput(auth.FieldError{Field: "email", Code: auth.InputRequired, Message: "Give the address with the code."})
	case in.Code != nil:
		presented.Email = *in.Email
	case in.Flow == nil:
		return nil, proof.OtherFlow(auth.InputRequired)
	}
	var started *sessions.Started
	var next *auth.Error
	err := s.mailed.Redeem(ctx, presented, []auth.MailPurpose{auth.PurposeLogin}, func(ctx context.Context, tx *transaction.Tx, r *proof.Redeemed) (err error) {
		started, next = nil, nil
		if in.Flow != nil {
			if err := presented.CheckFlow(r, *in.Flow); err != nil {
				return err
			}
		}
		if err := s.claim(ctx, tx, r.User); err != nil {
			return err
		}
		owner, err := r.Proof(ctx, tx)
		if err != nil {
			return err
		}
		if owner.NeedsSecondFactor() {
			next, err = s.sessions.AskSecondFactor(ctx, tx, owner, proof.Pending{Browser: in.BindBrowser})
			return err
		}
		if started, err = s.sessions.Start(ctx, tx, owner, in.Replaces); err != nil {
			return err
		}
		v := started.Viewer()
		return tx.Record(ctx, auth.AuditEvent{
			Kind: auth.EventLogin, ActorID: &v.User.ID, UserID: &v.User.ID, SessionID: &v.Session.ID,
		})
	})
	switch {
	case err != nil:
		return nil, err
	case next != nil:
		return nil, next
	}
	return s.sessions.TokensOf(ctx, started)
}

// claim notes that the owner of an account's address has confirmed it. The first time, everything that somebody else may
// have prepared to get into the account goes: its sessions, its password, its factors and what was mailed. The account is
// locked.
func (s *Service) claim(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
	if u.EmailVerifiedAt != nil {
		return nil
	}
	if _, err := tx.EndOtherSessions(ctx, u.ID, uuid.Nil, tx.Now); err != nil {
		return err
	}
	if _, err := removePassword(ctx, tx, u.ID); err != nil {
		return err
	}
	if err := s.dropFactors(ctx, tx, u); err != nil {
		return err
	}
	if err := proof.Forget(ctx, tx, u.ID); err != nil {
		return err
	}
	return setVerified(ctx, tx, u, nil)
}

// dropFactors removes all factors and identities of an account that somebody else may have set up, before the owner of its
// address has confirmed it. The account is locked.
func (s *Service) dropFactors(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
	if err := s.dropIdentities(ctx, tx, u); err != nil {
		return err
	}
	removed, err := proof.RemoveFactors(ctx, tx, u.ID)
	if err != nil || !removed {
		return err
	}
	if err := s.outbox.Notify(ctx, tx, u, mailing.To(u, auth.MailFactorRemoved)); err != nil {
		return err
	}
	return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventFactorRemoved, UserID: &u.ID})
}

// dropIdentities unlinks all identities of an account that somebody else may have linked. The account is locked.
func (s *Service) dropIdentities(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
	removed, err := proof.RemoveIdentities(ctx, tx, u.ID)
	if err != nil || !removed {
		return err
	}
	if err := s.outbox.Notify(ctx, tx, u, mailing.To(u, auth.MailIdentityUnlinked)); err != nil {
		return err
	}
	return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventIdentityUnlinked, UserID: &u.ID})
}
