package sessions

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
)

// Answer is what a user presents to complete a sign-in or to confirm their identity. Exactly one field is set.
type Answer = proof.Answer

// CompleteLoginInput is the input of CompleteLogin.
type CompleteLoginInput struct {
	// Challenge is from the error of the sign-in, see auth.Continuation.
	Challenge string
	// Browser is what the browser has kept; empty for nothing.
	Browser string
	Answer
	// Replaces is the refresh token that the client drops for the new one; empty means none. Its session ends.
	Replaces string
}

// CompleteLogin signs a user in with what Login has asked for: a second factor, or a mailed code. A wrong one has the error
// CodeInvalidCredentials, and counts as an attempt. A sign-in that was completed, has expired, or had five attempts, has
// CodeBadUserInput.
func (s *Service) CompleteLogin(ctx context.Context, in CompleteLoginInput) (*Tokens, error) {
	tokens, err := s.completeLogin(ctx, in)
	s.tx.Meter().CountSignIn(auth.SignInSecondFactor, auth.SignInOutcome(err))
	return tokens, err
}

func (s *Service) completeLogin(ctx context.Context, in CompleteLoginInput) (*Tokens, error) {
	verified, compromised, err := s.factors.Complete(ctx, in.Challenge, in.Browser, in.Answer)
	if err != nil {
		return nil, err
	}
	started, err := s.signIn(ctx, verified, in.Replaces)
	if err != nil {
		return nil, err
	}
	tokens, err := s.TokensOf(ctx, started)
	if err != nil {
		return nil, err
	}
	tokens.PasswordCompromised = compromised
	return tokens, nil
}

// continueLater answers the right password of a user whose sign-in needs more. Without an edge that can complete the sign-in,
// nothing is kept of it.
func (s *Service) continueLater(ctx context.Context, p proof.Proof, in LoginInput) error {
	user := p.User()
	if !in.CanContinue {
		refusal := auth.ErrSecondFactorSetup
		if user.HasSecondFactor() {
			refusal = &auth.Error{Code: auth.CodeSecondFactorRequired, Methods: user.SecondFactors()}
		}
		return s.refuseSignIn(ctx, p, refusal)
	}
	pending := proof.Pending{Browser: in.BindBrowser, Compromised: in.CheckBreaches && s.proofs.Compromised(ctx, in.Password)}
	var answer *auth.Error
	err := s.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) (err error) {
		answer, err = s.AskSecondFactor(ctx, tx, p, pending)
		return err
	})
	if err != nil {
		return err
	}
	return answer
}

// LoginProved signs a user in with a proof of one factor, as Login does. The proof is used up also if a second factor is needed.
func (s *Service) LoginProved(ctx context.Context, p proof.Proof, replaces string, bindBrowser bool) (*Tokens, error) {
	if p.NeedsSecondFactor() || s.access.AsksMailedCode(p.User()) {
		return nil, s.continueLater(ctx, p, LoginInput{CanContinue: true, BindBrowser: bindBrowser})
	}
	started, err := s.signIn(ctx, p, replaces)
	if err != nil {
		return nil, err
	}
	return s.TokensOf(ctx, started)
}

// AskSecondFactor keeps a proof of one factor in a transaction, until CompleteLogin gets the second one. It returns the
// error that asks for it.
func (s *Service) AskSecondFactor(ctx context.Context, tx *transaction.Tx, p proof.Proof, pending proof.Pending) (*auth.Error, error) {
	answer, err := s.factors.Begin(ctx, tx, p, pending)
	if err != nil {
		return nil, err
	}
	return answer, tx.Record(ctx, auth.AuditEvent{Kind: auth.EventSecondFactorRequired, UserID: &p.User().ID})
}

// noticeRecoveryCode tells a user by mail if the proof has used a recovery code up.
func (s *Service) noticeRecoveryCode(ctx context.Context, tx *transaction.Tx, p proof.Proof, u *auth.User) error {
	if !p.Uses(auth.MethodRecoveryCode) {
		return nil
	}
	return s.outbox.Notify(ctx, tx, u, mailing.To(u, auth.MailRecoveryCodeUsed))
}
