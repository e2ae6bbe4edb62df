package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/identity"
	"usher/internal/password"
)

// LoginInput is the input of Login.
type LoginInput struct {
	// Identifier is a user name or an e-mail address.
	Identifier string
	Password   password.Plaintext
	// Session says where the refresh token goes.
	Session SessionTransport
	// Resource is the API that the access token is for; nil means Usher's own. GraphQL does not have
	// it: there, Refresh gives tokens for other APIs.
	Resource *string
}

// Login signs a user in with a password. Whatever is wrong with identifier or password, the
// answer is CodeInvalidCredentials, at the cost of one password hash.
func (s *Service) Login(ctx context.Context, in LoginInput) (*AuthPayload, error) {
	if err := in.Session.check(ctx); err != nil {
		return nil, err
	}
	audience, err := s.audienceFor(in.Resource)
	if err != nil {
		return nil, err
	}
	verified, err := s.verifyPassword(ctx, in.Password, nobody, func(ctx context.Context) (*Account, limitedCounter, error) {
		return s.accountByIdentifier(ctx, in.Identifier)
	})
	if err != nil {
		return nil, err
	}
	var viewer *Viewer
	var refresh refreshToken
	err = s.inTx(ctx, by(verified), func(ctx context.Context, tx *act) error {
		if viewer, refresh, err = s.startSession(ctx, tx, verified, in.Session); err != nil {
			return err
		}
		if _, err = tx.ClearAttempts(ctx, verified.user.ID); err != nil {
			return err
		}
		return tx.record(ctx, eventIn(viewer, EventLogin))
	})
	if err != nil {
		return nil, err
	}
	return s.payload(ctx, viewer, refresh, in.Session, audience)
}

// verifyPassword is the one place that checks a password. It takes a hashing slot before it reads the
// database, so that few attempts are in flight: until an attempt ends, it counts as a failure for the other
// attempts at its account. Once begun, an attempt finishes even if the client goes away. Otherwise the
// owner's own lost requests would count against them.
//
// find returns the account, nil when there is none, and the counter of its attempts. The caller clears the
// counter in the transaction that the proof is for. The actor is nobody at a sign-in, and the caller's
// session otherwise.
func (s *Service) verifyPassword(ctx context.Context, p password.Plaintext, who actor, find accountFinder) (proof, error) {
	slot, err := s.passwords.Acquire(ctx)
	if err != nil {
		return proof{}, hashingError(err)
	}
	defer slot.Release()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verifyTimeout)
	defer cancel()

	account, err := s.beginAttempt(ctx, find)
	if err != nil {
		return proof{}, err
	}
	var ok, rehash bool
	if account == nil {
		slot.VerifyNothing(p)
	} else if ok, rehash, err = slot.Verify(account.PasswordHash, p); err != nil {
		return proof{}, fmt.Errorf("verify password: %w", err)
	}
	if !ok {
		return proof{}, s.failLogin(ctx, who, account, errInvalidCredentials)
	}
	// Without the right password nobody learns that the account is disabled.
	if account.DisabledAt != nil {
		return proof{}, s.failLogin(ctx, who, account, unauthenticated(ReasonAccountDisabled))
	}
	if rehash {
		s.rehash(ctx, slot, account, p, s.now())
	}
	return proof{&account.User}, nil
}

// verifyTimeout bounds the look-ups around a password hash.
const verifyTimeout = 10 * time.Second

// failLogin writes a failed sign-in to the audit log and returns the answer. The attempt stays counted
// unless the password was right.
func (s *Service) failLogin(ctx context.Context, who actor, account *Account, answer *Error) error {
	// The server records it, not the caller: it does so even if the caller's session has ended meanwhile.
	err := s.inTx(ctx, nobody, func(ctx context.Context, tx *act) error {
		event := AuditEvent{Kind: EventLoginFailed, ActorID: who.userID, SessionID: who.sessionID}
		if account != nil {
			event.UserID = &account.ID
		}
		if answer.Reason == ReasonAccountDisabled {
			if _, err := tx.ClearAttempts(ctx, account.ID); err != nil {
				return err
			}
		}
		return tx.record(ctx, event)
	})
	if err != nil {
		return fmt.Errorf("record login failure: %w", err)
	}
	return answer
}

// accountByIdentifier is the accountFinder of a sign-in.
func (s *Service) accountByIdentifier(ctx context.Context, identifier string) (*Account, limitedCounter, error) {
	key, isEmail, ok := identity.ParseIdentifier(identifier)
	if !ok {
		return nil, unknownAttempts(identifier), nil
	}
	account, err := s.accountByKey(ctx, key, isEmail)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, unknownAttempts(key), nil
	case err != nil:
		return nil, limitedCounter{}, err
	}
	return account, loginAttempts(account.ID), nil
}

func (s *Service) accountByKey(ctx context.Context, key string, isEmail bool) (*Account, error) {
	if isEmail {
		return s.store.AccountByEmail(ctx, key)
	}
	return s.store.AccountByUsername(ctx, key)
}

// rehash replaces a hash of another system, or of weaker parameters, while the password is at
// hand. A failure costs nothing but another try at the next sign-in.
func (s *Service) rehash(ctx context.Context, slot *password.Slot, a *Account, p password.Plaintext, now time.Time) {
	hash, err := slot.Hash(p)
	if err == nil {
		_, err = s.store.ReplacePasswordHash(ctx, a.ID, a.PasswordHash, hash, now)
	}
	if err != nil {
		s.log.WarnContext(ctx, "password not rehashed", "user", a.ID, "err", err)
	}
}
