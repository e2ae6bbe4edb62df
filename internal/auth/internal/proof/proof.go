// Package proof owns the checks of credentials and the limits on attempts. A Proof says that a user has just
// authenticated. Only this package can make one, where it has checked a credential or created the account. No session
// starts without a Proof.
package proof

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/device"
	"usher/internal/auth/internal/transaction"
	"usher/internal/identity"
	"usher/internal/password"
)

// Proof says that a user has authenticated, how and when. The zero Proof proves nothing.
type Proof struct {
	user    *auth.User
	methods []auth.Method
	at      time.Time
	counted bool // as an attempt
	// passkey is the passkey among the methods; nil without one.
	passkey *uuid.UUID
	// spend uses up what can be used once; nil for nothing.
	spend func(ctx context.Context, tx *transaction.Tx) error
}

// User is the user that has authenticated; nil for the zero Proof.
func (p Proof) User() *auth.User { return p.user }

// Passkey is the id of the passkey that was used; nil without one.
func (p Proof) Passkey() *uuid.UUID { return p.passkey }

// SignIn uses the proof for a new session in a transaction, and returns how and when the user authenticated. It clears
// the counters of attempts at the account.
//
// It locks the user, and fails if the account or its credentials have changed since the proof was made. Otherwise the
// sign-in could finish after the user was disabled or the password changed.
func (p Proof) SignIn(ctx context.Context, tx *transaction.Tx) (methods []auth.Method, at time.Time, err error) {
	recorded, err := tx.RecordSignIn(ctx, p.user.ID, p.user.CredentialsVersion, tx.Now)
	if err == nil && !recorded {
		err = p.outdated(ctx, tx)
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	return p.use(ctx, tx)
}

// outdated returns why a proof is not valid for a sign-in. Only callers with the current credential learn that the account
// is disabled.
func (p Proof) outdated(ctx context.Context, tx *transaction.Tx) error {
	user, err := tx.User(ctx, p.user.ID)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return p.noLongerValid()
	case err != nil:
		return err
	case user.CredentialsVersion != p.user.CredentialsVersion:
		return p.noLongerValid()
	}
	return auth.Unauthenticated(auth.ReasonAccountDisabled)
}

// Accept uses the proof in a transaction in a session of the user, as SignIn does for a new session. The transaction has
// locked the user and read it again.
func (p Proof) Accept(ctx context.Context, tx *transaction.Tx) (methods []auth.Method, at time.Time, err error) {
	if u := &tx.Viewer.User; u.ID != p.user.ID || u.CredentialsVersion != p.user.CredentialsVersion {
		return nil, time.Time{}, auth.WrongCredential(p.last())
	}
	return p.use(ctx, tx)
}

// last is the method that was checked last.
func (p Proof) last() auth.AuthMethod { return p.methods[len(p.methods)-1].AuthMethod() }

// noLongerValid is the error of a sign-in whose account or credentials have changed since the check.
func (p Proof) noLongerValid() *auth.Error {
	if p.last() == auth.AuthMethodPassword {
		return auth.ErrInvalidCredentials
	}
	return auth.WrongCredential(p.last())
}

// Discard gives a proof up in a transaction: the sign-in is refused although the credential was right. So the attempt does
// not count. It fails as SignIn does.
func (p Proof) Discard(ctx context.Context, tx *transaction.Tx) error {
	if _, err := tx.LockUser(ctx, p.user.ID); err != nil && !errors.Is(err, auth.ErrNotFound) {
		return err
	}
	user, err := tx.User(ctx, p.user.ID)
	if errors.Is(err, auth.ErrNotFound) || err == nil && user.CredentialsVersion != p.user.CredentialsVersion {
		return p.noLongerValid()
	}
	if err == nil {
		_, _, err = p.use(ctx, tx)
	}
	return err
}

func (p Proof) use(ctx context.Context, tx *transaction.Tx) (methods []auth.Method, at time.Time, err error) {
	if p.spend != nil {
		if err := p.spend(ctx, tx); err != nil {
			return nil, time.Time{}, err
		}
	}
	if p.counted {
		if _, err := tx.ClearAttempts(ctx, p.user.ID, p.usesFactor()); err != nil {
			return nil, time.Time{}, err
		}
	}
	return p.methods, p.at, nil
}

// Store is what a Checker reads outside of transactions. It reserves attempts there, which count for every caller.
type Store interface {
	PasswordOf(ctx context.Context, userID uuid.UUID) (*auth.User, *auth.Credential, error)
	PasswordByUsername(ctx context.Context, key string) (*auth.User, *auth.Credential, error)
	PasswordByEmail(ctx context.Context, key string) (*auth.User, *auth.Credential, error)
	Attempts(ctx context.Context, c auth.AttemptCounter) (auth.Attempts, error)
	ReserveAttempt(ctx context.Context, c auth.AttemptCounter, was auth.Attempts, now time.Time) (bool, error)
}

// Checker checks credentials. It is safe for concurrent use.
type Checker struct {
	store     Store
	passwords *password.Hasher
	policy    password.Policy
	devices   device.Tokens
	tx        *transaction.Runner
	log       *slog.Logger
}

// Options are what a Checker needs. Devices may be the zero value where nobody signs in.
type Options struct {
	Store     Store
	Passwords *password.Hasher
	Policy    password.Policy
	Devices   device.Tokens
	Tx        *transaction.Runner
	Log       *slog.Logger
}

// New returns a Checker.
func New(o Options) *Checker {
	return &Checker{store: o.Store, passwords: o.Passwords, policy: o.Policy, devices: o.Devices, tx: o.Tx, log: o.Log}
}

// Compromised reports whether a password that was used is in the list of breached ones. It may wait for the network, so it is
// called after the transaction of the sign-in, and only for the right password.
func (c *Checker) Compromised(ctx context.Context, used password.Plaintext) bool {
	return c.policy.IsCompromised(ctx, used)
}

// verifyTimeout bounds the look-ups around a password hash.
const verifyTimeout = 10 * time.Second

// holder is an account with its password, nil when it has none.
type holder struct {
	user     *auth.User
	password *auth.Credential
	// identifier is what the audit log keeps of the text that a sign-in tried; nil for nothing.
	identifier *string
}

// Password checks the password of the account that find finds. No other code checks passwords. Whatever is wrong with
// account or password, the error is auth.ErrInvalidCredentials and the cost is one password hash. In a session, where the
// account is known, the error says that the password is wrong.
//
// Password takes a hashing slot before it reads the database, so that few attempts are in flight: until an attempt
// ends, it counts as a failure for other attempts at its account. An attempt that has begun finishes even if the
// client disconnects. Otherwise lost requests of the owner would count against them.
//
// by is the session that asks; nil at a sign-in.
func (c *Checker) Password(ctx context.Context, p password.Plaintext, by *auth.Viewer, find Finder) (Proof, error) {
	return c.check(ctx, p, by, find, func(ctx context.Context, slot *password.Slot, found holder, rehash bool) error {
		if rehash {
			c.rehash(ctx, slot, found, p)
		}
		return nil
	})
}

// check is Password. When the password is right, it calls then while it still has the slot.
func (c *Checker) check(
	ctx context.Context, p password.Plaintext, by *auth.Viewer, find Finder,
	then func(ctx context.Context, slot *password.Slot, found holder, rehash bool) error,
) (Proof, error) {
	acquire := c.passwords.Acquire
	if find.known {
		acquire = c.passwords.AcquireReserved
	}
	slot, err := acquire(ctx)
	if err != nil {
		return Proof{}, HashingError(err)
	}
	defer slot.Release()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verifyTimeout)
	defer cancel()

	found, err := c.beginAttempt(ctx, find)
	if err != nil {
		return Proof{}, err
	}
	var ok, rehash bool
	if found.password == nil {
		slot.VerifyNothing(ctx, p)
	} else if ok, rehash, err = slot.Verify(ctx, found.password.Secret, p); err != nil {
		return Proof{}, fmt.Errorf("verify password: %w", err)
	}
	if !ok {
		wrong := auth.ErrInvalidCredentials
		if by != nil {
			wrong = auth.WrongCredential(auth.AuthMethodPassword)
		}
		return Proof{}, c.fail(ctx, by, found, wrong)
	}
	// Only callers with the right password learn that the account is disabled.
	if found.user.DisabledAt != nil {
		return Proof{}, c.fail(ctx, by, found, auth.Unauthenticated(auth.ReasonAccountDisabled))
	}
	if err := then(ctx, slot, found, rehash); err != nil {
		return Proof{}, err
	}
	return Proof{user: found.user, methods: []auth.Method{auth.MethodPassword}, at: c.tx.Now(), counted: true}, nil
}

// Enroll creates an account with its first password in a transaction. The creator of an account is its owner,
// so the result is a Proof. Without a password it is the zero Proof, because nobody can authenticate.
func Enroll(ctx context.Context, tx *transaction.Tx, a *auth.Account, first *auth.Credential) (Proof, error) {
	err := tx.CreateAccount(ctx, a, first)
	switch {
	case errors.Is(err, auth.ErrUsernameTaken):
		return Proof{}, auth.BadInput(auth.FieldError{Field: "username", Code: auth.InputTaken, Message: "This user name is taken."})
	case errors.Is(err, auth.ErrEmailTaken):
		taken := auth.BadInput(auth.FieldError{Field: "email", Code: auth.InputTaken, Message: "This e-mail address is taken."})
		taken.Err = auth.ErrEmailTaken
		return Proof{}, taken
	case err != nil:
		return Proof{}, fmt.Errorf("create account: %w", err)
	case first == nil:
		return Proof{}, nil
	}
	return Proof{user: &a.User, methods: []auth.Method{auth.MethodPassword}, at: tx.Now}, nil
}

// fail writes a failed check to the audit log and returns the answer. The attempt stays counted unless the password
// was right.
func (c *Checker) fail(ctx context.Context, by *auth.Viewer, found holder, answer *auth.Error) error {
	// The transaction is the server's, not the caller's: the failure counts even if their session has ended meanwhile.
	err := c.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		event := auth.AuditEvent{Kind: auth.EventLoginFailed, Identifier: found.identifier}
		if by != nil {
			event.ActorID, event.SessionID = &by.User.ID, &by.Session.ID
		}
		if found.user != nil {
			event.UserID = &found.user.ID
		}
		if answer.Reason == auth.ReasonAccountDisabled {
			if _, err := tx.ClearAttempts(ctx, found.user.ID, false); err != nil {
				return err
			}
		}
		return tx.Record(ctx, event)
	})
	if err != nil {
		return fmt.Errorf("record login failure: %w", err)
	}
	return answer
}

// rehash replaces a hash of another system or with weaker parameters, while the password is known. If that fails, the
// next sign-in tries again.
func (c *Checker) rehash(ctx context.Context, slot *password.Slot, found holder, p password.Plaintext) {
	hash, err := slot.Hash(ctx, p)
	if err == nil {
		err = c.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
			_, err := tx.RehashPassword(ctx, found.user.ID, found.password.Secret, hash, tx.Now)
			return err
		})
	}
	if err != nil {
		c.log.WarnContext(ctx, "password not rehashed", "user", found.user.ID, "err", err)
	}
}

// busyRetry is how long a client should wait when all hashing slots and the queue are full.
const busyRetry = time.Second

// HashingError translates an error of the password hasher.
func HashingError(err error) error {
	if errors.Is(err, password.ErrBusy) {
		return &auth.Error{Code: auth.CodeServiceUnavailable, RetryAfter: busyRetry, Err: err}
	}
	return err
}

// Finder finds an account with its password, and the counter of attempts at it.
type Finder struct {
	find func(ctx context.Context) (holder, limitedCounter, error)
	// known says that the attempt is in a session or on a known device. So it gets a hashing slot while strangers guess.
	known bool
}

// ByIdentifier finds the account of a user name or an e-mail address, for a sign-in. On a device that is known to the
// account, the attempt has a counter of its own. A device token that is not valid is as if there were none.
func (c *Checker) ByIdentifier(identifier, deviceToken string) Finder {
	from, _ := c.devices.Read(deviceToken) // before the look-up, so that it costs the same for a name that no account has
	find := func(ctx context.Context) (holder, limitedCounter, error) {
		name, isEmail, ok := identity.ParseIdentifier(identifier)
		unknown := holder{identifier: c.recordable(identifier)}
		if !ok {
			return unknown, unknownAttempts(identifier), nil
		}
		find := c.store.PasswordByUsername
		if isEmail {
			find = c.store.PasswordByEmail
		}
		user, credential, err := find(ctx, name.Key)
		switch {
		case errors.Is(err, auth.ErrNotFound):
			return unknown, unknownAttempts(name.Key), nil
		case err != nil:
			return holder{}, limitedCounter{}, err
		}
		counter := loginAttempts(user.ID)
		if from.IsKnownTo(user) {
			counter = deviceAttempts(user.ID)
		}
		return holder{user, credential, &name.Display}, counter, nil
	}
	return Finder{find, from.Named(identifier)}
}

// OfUser finds the account of a signed-in user.
func (c *Checker) OfUser(id uuid.UUID) Finder {
	find := func(ctx context.Context) (holder, limitedCounter, error) {
		user, credential, err := c.store.PasswordOf(ctx, id)
		if errors.Is(err, auth.ErrNotFound) { // deleted meanwhile
			return holder{}, limitedCounter{}, auth.Unauthenticated(auth.ReasonSessionEnded)
		}
		if err != nil {
			return holder{}, limitedCounter{}, err
		}
		return holder{user: user, password: credential}, reauthenticateAttempts(user.ID), nil
	}
	return Finder{find, true}
}
