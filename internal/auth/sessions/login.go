package sessions

import (
	"context"
	"fmt"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/password"
)

// LoginInput is the input of Login.
type LoginInput struct {
	// Identifier is a user name or an e-mail address.
	Identifier string
	Password   password.Plaintext
	// Resource is the API that the access token is for; nil means Usher's own.
	Resource *string
	// DeviceToken is from an earlier sign-in on the same device; empty means none.
	DeviceToken string
	// Replaces is the refresh token that the client drops for the new one; empty means none. Its session ends.
	Replaces string
	// CheckBreaches looks the right password up in the list of breached ones, which can wait for the network. Edges that
	// cannot report the result do without it.
	CheckBreaches bool
	// CanContinue says that the client can complete a sign-in with a second factor. BindBrowser lets only the browser do so
	// that began it.
	CanContinue, BindBrowser bool
}

// Login signs a user in with a password. Whatever is wrong with identifier or password, the error is
// CodeInvalidCredentials and the cost is one password hash. A user with a second factor has CodeSecondFactorRequired, and
// so has one without, who had to set one up and did not in time.
func (s *Service) Login(ctx context.Context, in LoginInput) (*Tokens, error) {
	tokens, err := s.login(ctx, in)
	s.tx.Meter().CountSignIn(auth.SignInPassword, auth.SignInOutcome(err))
	return tokens, err
}

func (s *Service) login(ctx context.Context, in LoginInput) (*Tokens, error) {
	audience, err := s.audience(in.Resource)
	if err != nil {
		return nil, err
	}
	verified, err := s.proofs.Password(ctx, in.Password, nil, s.proofs.ByIdentifier(in.Identifier, in.DeviceToken))
	if err != nil {
		return nil, err
	}
	if err := s.checkReady(verified.User(), audience); err != nil {
		return nil, s.refuseSignIn(ctx, verified, err)
	}
	if verified.NeedsSecondFactor() || s.access.AsksMailedCode(verified.User()) {
		return nil, s.continueLater(ctx, verified, in)
	}
	started, err := s.signIn(ctx, verified, in.Replaces)
	if err != nil {
		return nil, err
	}
	tokens, err := s.tokensOfStarted(ctx, started, audience)
	if err != nil {
		return nil, err
	}
	tokens.PasswordCompromised = in.CheckBreaches && s.proofs.Compromised(ctx, in.Password)
	return tokens, nil
}

// signIn starts a session for a proof, in a transaction of its own.
func (s *Service) signIn(ctx context.Context, p proof.Proof, replaces string) (started *Started, err error) {
	err = s.tx.Run(ctx, transaction.ByUser(p.User().ID), func(ctx context.Context, tx *transaction.Tx) (err error) {
		if started, err = s.Start(ctx, tx, p, replaces); err != nil {
			return err
		}
		if err := s.noticeRecoveryCode(ctx, tx, p, &started.viewer.User); err != nil {
			return err
		}
		return tx.RecordSession(ctx, auth.EventLogin, &started.viewer)
	})
	if err != nil {
		return nil, err
	}
	return started, nil
}

// refuseSignIn records that a sign-in with the right password was refused, and returns why. The attempt does not count:
// otherwise a client that tries again until the address is verified would lock the account.
func (s *Service) refuseSignIn(ctx context.Context, verified proof.Proof, why error) error {
	user := verified.User().ID
	err := s.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		if err := verified.Discard(ctx, tx); err != nil {
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventLoginFailed, UserID: &user})
	})
	if err != nil {
		return fmt.Errorf("record refused sign-in: %w", err)
	}
	return why
}
