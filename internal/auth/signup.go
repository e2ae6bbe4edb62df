package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"usher/internal/identity"
	"usher/internal/password"
)

// SignupInput is the input of Signup.
type SignupInput struct {
	Username *string
	Email    *string
	Password password.Plaintext
	FullName *string
	// Session says where the refresh token goes.
	Session SessionTransport
}

// Signup creates an account with the role USER and signs it in.
func (s *Service) Signup(ctx context.Context, in SignupInput) (*AuthPayload, error) {
	if err := in.Session.check(ctx); err != nil {
		return nil, err
	}
	account, err := s.newAccount(ctx, in, []Role{RoleUser})
	if err != nil {
		return nil, err
	}
	var viewer *Viewer
	var refresh refreshToken
	signedUp := proof{&account.User} // whoever makes the account is its owner
	err = s.inTx(ctx, by(signedUp), func(ctx context.Context, tx *act) error {
		if err := createAccount(ctx, tx, account); err != nil {
			return err
		}
		if viewer, refresh, err = s.startSession(ctx, tx, signedUp, in.Session); err != nil {
			return err
		}
		return tx.record(ctx, eventIn(viewer, EventSignup))
	})
	if err != nil {
		return nil, err
	}
	return s.payload(ctx, viewer, refresh, in.Session, ownAPI)
}

// newAccount checks the input, hashes the password and returns an account that is not stored yet.
// The hash comes before any look at the database, so that a taken name costs as much as a free one.
func (s *Service) newAccount(ctx context.Context, in SignupInput, roles []Role) (*Account, error) {
	a := &Account{User: User{Roles: roles}}
	var problems []FieldError
	report := func(field string, err error) {
		problems = append(problems, fieldError(field, err))
	}

	if in.Username == nil && in.Email == nil {
		problems = append(problems, FieldError{
			Path: []string{"input"}, Code: InputRequired,
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
		if name, err := parseFullName(*in.FullName); err != nil {
			report("fullName", err)
		} else {
			a.FullName, a.FullNameKey = name.text, name.key
		}
	}
	if err := s.policy.Check(in.Password, contextWords(&a.User)...); err != nil {
		report("password", err)
	}
	if problems != nil {
		return nil, BadInput(problems...)
	}

	hash, err := s.passwords.Hash(ctx, in.Password)
	if err != nil {
		return nil, hashingError(err)
	}
	a.PasswordHash = hash
	a.CreatedAt = s.now()
	a.UpdatedAt = a.CreatedAt
	if a.ID, err = newID(a.CreatedAt, s.rand); err != nil {
		return nil, err
	}
	return a, nil
}

// contextWords are the words that an attacker who knows the account tries first.
func contextWords(u *User) []string {
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

func createAccount(ctx context.Context, tx Store, a *Account) error {
	err := tx.CreateAccount(ctx, a)
	switch {
	case errors.Is(err, ErrUsernameTaken):
		return BadInput(FieldError{Path: []string{"input", "username"}, Code: InputTaken, Message: "This user name is taken."})
	case errors.Is(err, ErrEmailTaken):
		return BadInput(FieldError{Path: []string{"input", "email"}, Code: InputTaken, Message: "This e-mail address is taken."})
	case err != nil:
		return fmt.Errorf("create account: %w", err)
	}
	return nil
}
