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
	verified, err := s.verifyPassword(ctx, in.Password, nobody, func(ctx context.Context) (*Account, string, error) {
		return s.accountByIdentifier(ctx, in.Identifier)
	})
	if err != nil {
		return nil, err
	}
	var viewer *Viewer
	var refresh refreshToken
	err = s.inTx(ctx, by(verified.user), func(ctx context.Context, tx *act) error {
		if viewer, refresh, err = s.startSession(ctx, tx, verified, tx.now); err != nil {
			return err
		}
		if err := tx.record(ctx, eventIn(viewer, EventLogin)); err != nil {
			return err
		}
		return s.endReplaced(ctx, tx, in.Session)
	})
	if err != nil {
		return nil, err
	}
	return s.payload(ctx, viewer, refresh, in.Session, audience)
}

// verifyPassword is the one place that checks a password. It works inside a hashing slot from the
// first look at the database on, so that attempts on one account cannot all pass the limit on
// failures before the first of them has been counted. Once it has begun it finishes, though the
// client may go away: otherwise a guess could be made without being counted.
//
// find returns the account, nil when there is none, and the key under which failures count. Who tries
// is nobody unless somebody is signed in.
func (s *Service) verifyPassword(
	ctx context.Context, p password.Plaintext, who actor,
	find func(ctx context.Context) (account *Account, attempts string, err error),
) (proof, error) {
	slot, err := s.passwords.Acquire(ctx)
	if err != nil {
		return proof{}, hashingError(err)
	}
	defer slot.Release()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verifyTimeout)
	defer cancel()

	account, attempts, err := find(ctx)
	if err != nil {
		return proof{}, err
	}
	failures, err := s.store.LoginFailures(ctx, attempts)
	if err != nil {
		return proof{}, fmt.Errorf("count login failures: %w", err)
	}
	now := s.now()
	if wait := failures.wait(now); wait > 0 {
		return proof{}, &Error{Code: CodeRateLimited, RetryAfter: wait}
	}

	var ok, rehash bool
	if account == nil {
		slot.VerifyNothing(p)
	} else if ok, rehash, err = slot.Verify(account.PasswordHash, p); err != nil {
		return proof{}, fmt.Errorf("verify password: %w", err)
	}
	if !ok {
		return proof{}, s.failLogin(ctx, who, account, attempts)
	}

	// Only who knows the password learns that the account is disabled.
	if account.DisabledAt != nil {
		if err := s.recordFailure(ctx, who, account, ""); err != nil {
			return proof{}, err
		}
		return proof{}, unauthenticated(ReasonAccountDisabled)
	}
	if failures.Count > 0 {
		if err := s.store.ClearLoginFailures(ctx, attempts); err != nil {
			return proof{}, fmt.Errorf("clear login failures: %w", err)
		}
	}
	if rehash {
		s.rehash(ctx, slot, account, p, now)
	}
	return proof{&account.User}, nil
}

// verifyTimeout bounds the look-ups around a password hash.
const verifyTimeout = 10 * time.Second

// failLogin counts a wrong password, or a wrong name, and returns what both are answered with.
func (s *Service) failLogin(ctx context.Context, who actor, account *Account, attempts string) error {
	if err := s.recordFailure(ctx, who, account, attempts); err != nil {
		return err
	}
	return errInvalidCredentials
}

// recordFailure writes a failed sign-in to the audit log, and counts it under a key unless that is
// empty.
func (s *Service) recordFailure(ctx context.Context, who actor, account *Account, attempts string) error {
	err := s.inTx(ctx, who, func(ctx context.Context, tx *act) error {
		if attempts != "" {
			if err := tx.AddLoginFailure(ctx, attempts, tx.now); err != nil {
				return err
			}
		}
		event := AuditEvent{Kind: EventLoginFailed}
		if account != nil {
			event.UserID = &account.ID
		}
		return tx.record(ctx, event)
	})
	if err != nil {
		return fmt.Errorf("record login failure: %w", err)
	}
	return nil
}

// accountByIdentifier finds the account, nil when there is none, and the key under which failures
// of this sign-in count.
func (s *Service) accountByIdentifier(ctx context.Context, identifier string) (*Account, string, error) {
	key, isEmail, ok := identity.ParseIdentifier(identifier)
	if !ok {
		return nil, failuresKey(identifier), nil
	}
	account, err := s.accountByKey(ctx, key, isEmail)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, "", err
	}
	return account, failuresKey(key), nil
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
