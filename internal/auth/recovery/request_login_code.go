package recovery

import (
	"context"
	"fmt"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/identity"
)

// RequestLoginCodeInput is the input of RequestLoginCode.
type RequestLoginCodeInput struct {
	Email string
	// ChallengeSolution is for the edge, which has checked it.
	ChallengeSolution *string
}

// RequestLoginCodePayload answers RequestLoginCode.
type RequestLoginCodePayload struct {
	// Flow is what the link of the mail is valid with.
	Flow string
}

// RequestLoginCode mails a link and a code to the address of an account, with which LoginWithCode signs in. Answer and
// statements are the same for every address: it writes one mail, and the account is looked up when that is prepared.
func (s *Service) RequestLoginCode(ctx context.Context, in RequestLoginCodeInput) (*RequestLoginCodePayload, error) {
	email, err := identity.ParseEmail(in.Email)
	if err != nil {
		return nil, auth.BadInput(auth.InvalidField("email", err))
	}
	flow, err := proof.NewToken(s.tx.Rand())
	if err != nil {
		return nil, fmt.Errorf("request login code: %w", err)
	}
	request := mailing.Request{Kind: auth.MailLoginCode, Identifier: email.Display, Flow: flow}
	err = s.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		return s.outbox.Request(ctx, tx, request)
	})
	if err != nil {
		return nil, err
	}
	return &RequestLoginCodePayload{Flow: flow}, nil
}

// prepareLoginCode implements mailing.Prepare. An address without an enabled account gets a decoy: otherwise tries of codes
// would tell such addresses from others.
func (s *Service) prepareLoginCode(ctx context.Context, tx *transaction.Tx, r *mailing.Request) (*mailing.Letter, error) {
	email, err := identity.ParseEmail(r.Identifier)
	if err != nil {
		return nil, err
	}
	secret, err := proof.ForLogin(email, r.Flow)
	if err != nil {
		return nil, err
	}
	u, err := accountOf(ctx, tx, r)
	if err != nil {
		return nil, err
	}
	if u != nil {
		l, err := s.letterWithSecret(ctx, tx, u, auth.MailLoginCode, secret)
		if err != nil {
			return nil, err
		}
		if l != nil {
			return l, tx.Record(ctx, auth.AuditEvent{Kind: auth.EventLoginCodeRequested, UserID: &u.ID})
		}
	}
	secret.Decoy = true
	_, err = s.mailed.Issue(ctx, tx, secret)
	return nil, err
}
