package sessions

import (
	"context"
	"slices"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/password"
)

// ReauthenticateInput is the input of Reauthenticate: the password, or one answer.
type ReauthenticateInput struct {
	Password *password.Plaintext
	Answer
}

// Reauthenticate lets the signed-in user confirm their identity, and returns an access token with the new time of
// authentication, and with the methods of the sign-in and this one. Only that token has them: the session and the tokens of
// later refreshes keep those of the sign-in. Otherwise a thief with a copied refresh token would get them too. The refresh
// token stays the same, so none is returned. Something wrong has the same error as in Login, but a separate counter.
//
// In a session that began with two factors, the second one is needed: the password or a mailed code has CodeStepUpRequired. So
// has the password of a user who did not set up a required second factor in time, and can get a mailed code.
func (s *Service) Reauthenticate(ctx context.Context, in ReauthenticateInput) (*Tokens, error) {
	tokens, err := s.reauthenticate(ctx, in)
	s.tx.Meter().CountSignIn(auth.SignInReauthentication, auth.SignInOutcome(err))
	return tokens, err
}

func (s *Service) reauthenticate(ctx context.Context, in ReauthenticateInput) (*Tokens, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	verified, err := s.confirm(ctx, v, in)
	if err != nil {
		return nil, err
	}
	var methods []auth.Method
	var at time.Time
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) (err error) {
		v = tx.Viewer
		if methods, at, err = verified.Accept(ctx, tx); err != nil {
			return err
		}
		if err := s.noticeRecoveryCode(ctx, tx, verified, &v.User); err != nil {
			return err
		}
		return tx.RecordSession(ctx, auth.EventReauthenticated, v)
	})
	if err != nil {
		return nil, err
	}
	tokens, err := s.sign(ctx, v, together(v.Session.Methods, methods), at, ownAPI)
	if err != nil {
		return nil, err
	}
	tokens.PasswordCompromised = in.Password != nil && s.proofs.Compromised(ctx, *in.Password)
	return tokens, nil
}

// confirm checks what the user of a session presents.
func (s *Service) confirm(ctx context.Context, v *auth.Viewer, in ReauthenticateInput) (proof.Proof, error) {
	stepUp := &auth.Error{Code: auth.CodeStepUpRequired, Assurance: auth.AAL2, Methods: v.User.SecondFactors()}
	if in.Password != nil && s.access.AsksMailedCode(&v.User) {
		return proof.Proof{}, &auth.Error{Code: auth.CodeStepUpRequired, Assurance: auth.AAL1, Methods: []auth.AuthMethod{auth.AuthMethodEmailCode}}
	}
	// A mail must not become the second factor of a session whose first one is something that the user has.
	mailed := in.EmailCode != nil && auth.AssuranceOf(together(v.Session.Methods, []auth.Method{auth.MethodEmailCode})) == auth.AAL2
	switch {
	case mailed:
		return proof.Proof{}, stepUp
	case in.Password == nil:
		return s.factors.Confirm(ctx, v, in.Answer)
	case v.Session.Assurance() == auth.AAL2:
		return proof.Proof{}, stepUp
	}
	return s.proofs.Password(ctx, *in.Password, v, s.proofs.OfUser(v.User.ID))
}

// together returns methods without repetitions.
func together(first, second []auth.Method) []auth.Method {
	all := slices.Clone(first)
	for _, m := range second {
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}
