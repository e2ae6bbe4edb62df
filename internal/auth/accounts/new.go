package accounts

import (
	"context"
	"errors"
	"strings"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/identity"
	"usher/internal/jsonobject"
	"usher/internal/password"
)

// Input is the input for a new account.
type Input struct {
	Username *string
	Email    *string
	Password password.Plaintext
	// NoPassword makes an account without a password. Password is ignored.
	NoPassword bool
	FullName   *string
	// Locale is the language tag of mails; empty means unknown.
	Locale   *string
	Metadata *jsonobject.Object
}

// Maker makes accounts. It is safe for concurrent use.
type Maker struct {
	passwords *password.Hasher
	policy    password.Policy
	tx        *transaction.Runner
}

// NewMaker returns a Maker.
func NewMaker(passwords *password.Hasher, policy password.Policy, tx *transaction.Runner) *Maker {
	return &Maker{passwords: passwords, policy: policy, tx: tx}
}

// Made is an account that is not stored yet, with its first credential; nil for none.
type Made struct {
	Account  *auth.Account
	password *auth.Credential
}

// Store stores the account in a transaction.
func (m *Made) Store(ctx context.Context, tx *transaction.Tx) (proof.Proof, error) {
	return proof.Enroll(ctx, tx, m.Account, m.password)
}

// Make checks the input, hashes the password and returns an account that is not stored yet. It hashes before anybody
// reads the database, so that a taken name costs as much as a free one.
func (m *Maker) Make(ctx context.Context, in Input, roles []auth.Role) (*Made, error) {
	a, problems := in.account()
	if !in.NoPassword {
		if err := m.policy.Check(in.Password, contextWords(&a.User)...); err != nil {
			problems = append(problems, auth.InvalidField("password", err))
		}
	}
	if problems != nil {
		return nil, auth.BadInput(problems...)
	}
	var hash string
	var err error
	if !in.NoPassword {
		if err := m.checkBreaches(ctx, "password", in.Password); err != nil {
			return nil, err
		}
		if hash, err = m.passwords.Hash(ctx, in.Password); err != nil {
			return nil, proof.HashingError(err)
		}
	}
	a.Roles, a.CreatedAt = roles, m.tx.Now()
	a.UpdatedAt = a.CreatedAt
	if a.ID, err = m.tx.NewID(); err != nil {
		return nil, err
	}
	made := &Made{Account: a}
	if !in.NoPassword {
		made.password, err = m.credential(&a.User, hash, a.CreatedAt)
	}
	return made, err
}

// Password checks a new password for a user by the policy, hashes it and returns a credential that is not stored yet.
func (m *Maker) Password(ctx context.Context, p password.Plaintext, u *auth.User) (*auth.Credential, error) {
	if err := m.checkPassword("password", p, u); err != nil {
		return nil, err
	}
	if err := m.checkBreaches(ctx, "password", p); err != nil {
		return nil, err
	}
	hashed, err := m.hash(ctx, p)
	if err != nil {
		return nil, err
	}
	return m.credential(u, hashed.hash, m.tx.Now())
}

// Hashed is a new password that is hashed, for a user that is not known yet.
type Hashed struct {
	maker *Maker
	plain password.Plaintext
	hash  string
}

// Hash checks a new password by the rules that do not depend on its user, and hashes it. It is called before a
// transaction that finds the user: no transaction waits for a hash.
func (m *Maker) Hash(ctx context.Context, p password.Plaintext) (*Hashed, error) {
	if err := m.checkPassword("password", p, &auth.User{}); err != nil {
		return nil, err
	}
	if err := m.checkBreaches(ctx, "password", p); err != nil {
		return nil, err
	}
	return m.hash(ctx, p)
}

func (m *Maker) hash(ctx context.Context, p password.Plaintext) (*Hashed, error) {
	hash, err := m.passwords.Hash(ctx, p)
	if err != nil {
		return nil, proof.HashingError(err)
	}
	return &Hashed{m, p, hash}, nil
}

// Of checks the password by the rules that depend on its user, and returns a credential that is not stored yet.
func (h *Hashed) Of(u *auth.User) (*auth.Credential, error) {
	if err := h.maker.checkPassword("password", h.plain, u); err != nil {
		return nil, err
	}
	return h.maker.credential(u, h.hash, h.maker.tx.Now())
}

func (m *Maker) credential(u *auth.User, hash string, now time.Time) (c *auth.Credential, err error) {
	c = &auth.Credential{UserID: u.ID, Kind: auth.CredentialPassword, Secret: hash, CreatedAt: now, UpdatedAt: now}
	if c.ID, err = m.tx.NewID(); err != nil {
		return nil, err
	}
	return c, nil
}

func (m *Maker) checkPassword(field string, p password.Plaintext, u *auth.User) error {
	if err := m.policy.Check(p, contextWords(u)...); err != nil {
		return auth.BadInput(auth.InvalidField(field, err))
	}
	return nil
}

// breachesRetry is how long a client should wait while the list of breached passwords cannot be asked.
const breachesRetry = 10 * time.Second

// checkBreaches looks up a new password that has no other problem in the list of breached ones. It may wait for the network,
// so it is never called in a transaction. It knows nothing of the account, so it takes as long for each.
func (m *Maker) checkBreaches(ctx context.Context, field string, p password.Plaintext) error {
	err := m.policy.CheckBreaches(ctx, p)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, password.ErrBreaches):
		return &auth.Error{Code: auth.CodeServiceUnavailable, RetryAfter: breachesRetry, Err: err}
	}
	return auth.BadInput(auth.InvalidField(field, err))
}

// account returns an account with the names of the input, and what is wrong with them.
func (in *Input) account() (a *auth.Account, problems []auth.FieldError) {
	a = &auth.Account{}
	report := func(field string, err error) {
		problems = append(problems, auth.InvalidField(field, err))
	}

	if in.Username == nil && in.Email == nil {
		problems = append(problems, auth.FieldError{
			Field: "input", Code: auth.InputRequired,
			Message: "Give a user name, an e-mail address, or both.",
		})
	}
	if in.Username != nil {
		if name, err := identity.ParseUsername(*in.Username); err != nil {
			report("username", err)
		} else {
			a.Username, a.UsernameKey = &name.Display, &name.Key
		}
	}
	if in.Email != nil {
		if name, err := identity.ParseEmail(*in.Email); err != nil {
			report("email", err)
		} else {
			a.Email, a.EmailKey = &name.Display, &name.Key
		}
	}
	if in.FullName != nil {
		if name, err := auth.ParseFullName(*in.FullName); err != nil {
			report("fullName", err)
		} else {
			a.FullName, a.FullNameKey = name.Text, name.Key
		}
	}
	if in.Locale != nil {
		var err error
		if a.Locale, err = auth.ParseLocale(*in.Locale); err != nil {
			report("locale", err)
		}
	}
	if in.Metadata != nil {
		var err error
		if a.Metadata, err = a.Metadata.Merge(*in.Metadata); err != nil { // drops members that are null, as a change does
			report("metadata", err)
		}
	}
	return a, problems
}

// contextWords are the words that an attacker who knows the account tries first.
func contextWords(u *auth.User) []string {
	var words []string
	if u.Username != nil {
		words = append(words, *u.Username)
	}
	if u.Email != nil {
		local, domain, _ := strings.Cut(*u.Email, "@")
		words = append(words, *u.Email, local, domain)
	}
	if u.FullName != nil {
		words = append(words, *u.FullName)
		words = append(words, strings.Fields(*u.FullName)...)
	}
	return words
}
