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
}

// Login signs a user in with a password. Whatever is wrong with identifier or password, the
// answer is CodeInvalidCredentials, at the cost of one password hash.
func (s *Service) Login(ctx context.Context, in LoginInput) (*AuthPayload, error) {
	verified, err := s.verifyPassword(ctx, in)
	if err != nil {
		return nil, err
	}
	now := s.now()
	var viewer *Viewer
	var refresh refreshToken
	err = s.store.InTx(ctx, func(ctx context.Context, tx Store) error {
		if viewer, refresh, err = s.startSession(ctx, tx, verified, now); err != nil {
			return err
		}
		return s.record(ctx, tx, EventLogin, &viewer.User, &viewer.Session, now)
	})
	if err != nil {
		return nil, err
	}
	return s.payload(ctx, viewer, refresh)
}

// verifyPassword is the one place that checks a password. It works inside a hashing slot from the
// first look at the database on, so that attempts on one account cannot all pass the limit on
// failures before the first of them has been counted. Once it has begun it finishes, though the
// client may go away: otherwise a guess could be made without being counted.
func (s *Service) verifyPassword(ctx context.Context, in LoginInput) (proof, error) {
	slot, err := s.passwords.Acquire(ctx)
	if err != nil {
		return proof{}, hashingError(err)
	}
	defer slot.Release()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verifyTimeout)
	defer cancel()

	account, attempts, err := s.accountByIdentifier(ctx, in.Identifier)
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
		slot.VerifyNothing(in.Password)
	} else if ok, rehash, err = slot.Verify(account.PasswordHash, in.Password); err != nil {
		return proof{}, fmt.Errorf("verify password: %w", err)
	}
	if !ok {
		return proof{}, s.failLogin(ctx, account, attempts, now)
	}

	// Only who knows the password learns that the account is disabled.
	if account.DisabledAt != nil {
		return proof{}, unauthenticated(ReasonAccountDisabled)
	}
	if failures.Count > 0 {
		if err := s.store.ClearLoginFailures(ctx, attempts); err != nil {
			return proof{}, fmt.Errorf("clear login failures: %w", err)
		}
	}
	if rehash {
		s.rehash(ctx, slot, account, in.Password, now)
	}
	return proof{&account.User}, nil
}

// verifyTimeout bounds the look-ups around a password hash.
const verifyTimeout = 10 * time.Second

// failLogin counts a wrong password, or a wrong name, and returns what both are answered with.
func (s *Service) failLogin(ctx context.Context, account *Account, attempts string, now time.Time) error {
	err := s.store.InTx(ctx, func(ctx context.Context, tx Store) error {
		if err := tx.AddLoginFailure(ctx, attempts, now); err != nil {
			return err
		}
		var user *User
		if account != nil {
			user = &account.User
		}
		return s.record(ctx, tx, EventLoginFailed, user, nil, now)
	})
	if err != nil {
		return fmt.Errorf("count login failure: %w", err)
	}
	return errInvalidCredentials
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
