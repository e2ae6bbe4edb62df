package auth_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"usher/graph/signin"
	"usher/internal/auth/authtest"
	"usher/internal/password"
)

func (f *fixture) tryLogin(ctx context.Context, identifier string, p password.Plaintext) string {
	_, err := f.Login(ctx, signin.LoginInput{Identifier: identifier, Password: p})
	return authtest.Code(err)
}

func TestLogin(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		identifier string
		password   password.Plaintext
		want       string
	}{
		"user name":            {"Ada", authtest.Password, ""},
		"other case":           {"aDA", authtest.Password, ""},
		"spaces around":        {" ada ", authtest.Password, ""},
		"address":              {"ada@example.com", authtest.Password, ""},
		"address, other case":  {"ADA@EXAMPLE.COM", authtest.Password, ""},
		"wrong password":       {"ada", authtest.Password + "!", "INVALID_CREDENTIALS"},
		"other case in it":     {"ada", "Four small green turtles", "INVALID_CREDENTIALS"},
		"no password":          {"ada", "", "INVALID_CREDENTIALS"},
		"invalid UTF-8":        {"ada", "\xff", "INVALID_CREDENTIALS"},
		"unknown name":         {"nobody", authtest.Password, "INVALID_CREDENTIALS"},
		"unknown address":      {"nobody@example.com", authtest.Password, "INVALID_CREDENTIALS"},
		"impossible name":      {"\x00", authtest.Password, "INVALID_CREDENTIALS"},
		"empty name":           {"", authtest.Password, "INVALID_CREDENTIALS"},
		"SQL":                  {"' OR 1=1 --", authtest.Password, "INVALID_CREDENTIALS"},
		"disabled":             {"eve", authtest.Password, "UNAUTHENTICATED ACCOUNT_DISABLED"},
		"disabled, wrong word": {"eve", "wrong", "INVALID_CREDENTIALS"},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		if _, err := f.Signup(t.Context(), signin.SignupInput{Username: new("Ada"), Email: new("Ada@example.com"), Password: authtest.Password}); err != nil {
			t.Fatal(err)
		}
		eve := f.signup(t, "eve").User
		if err := f.Store.SetDisabled(t.Context(), eve.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				if got := f.tryLogin(t.Context(), tt.identifier, tt.password); got != tt.want {
					t.Errorf("Login: %q, want %q", got, tt.want)
				}
			})
		}
	})
}

// TestLoginNewSession checks that each login starts a session of its own.
func TestLoginNewSession(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		sessions := map[uuid.UUID]bool{}
		tokens := []string{f.signup(t, "ada").AccessToken}
		for range 2 {
			p, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: authtest.Password})
			if err != nil {
				t.Fatal(err)
			}
			tokens = append(tokens, p.AccessToken)
		}
		for _, bearer := range tokens {
			v, err := f.Viewer(f.As(t, bearer))
			if err != nil {
				t.Fatal(err)
			}
			sessions[v.Session.ID] = true
		}
		if len(sessions) != 3 {
			t.Errorf("three sign-ins made %d sessions", len(sessions))
		}
	})
}

// TestLoginAbandoned disconnects while a wrong password is hashed. The attempt counts.
func TestLoginAbandoned(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.signup(t, "ada")
		for range 10 {
			ctx, cancel := context.WithCancel(t.Context())
			f.Store.Before("ReserveAttempt", func(context.Context) error { cancel(); return nil })
			if got := f.tryLogin(ctx, "ada", "wrong"); got != "INVALID_CREDENTIALS" {
				t.Fatalf("Login: %q", got)
			}
		}
		f.Store.Before("ReserveAttempt", nil)
		if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != "RATE_LIMITED after 1s" {
			t.Errorf("after ten abandoned guesses: %q", got)
		}
	})
}

// TestRehash signs in with a hash of another system, which is then replaced.
func TestRehash(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		user := f.signup(t, "ada").User
		_, stored, err := f.Store.PasswordByUsername(t.Context(), "ada")
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := bcrypt.GenerateFromPassword([]byte("an imported password"), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := f.Store.RehashPassword(t.Context(), user.ID, stored.Secret, string(foreign), f.Clock.Now()); err != nil || !ok {
			t.Fatal(ok, err)
		}
		for range 2 {
			if got := f.tryLogin(t.Context(), "ada", "an imported password"); got != "" {
				t.Fatalf("Login: %q", got)
			}
		}
		_, stored, err = f.Store.PasswordByUsername(t.Context(), "ada")
		if err != nil {
			t.Fatal(err)
		}
		if stored.Secret == string(foreign) || stored.Secret[:10] != "$argon2id$" {
			t.Error("the hash of another system is still stored")
		}
	})
}
