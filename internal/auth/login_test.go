package auth_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"usher/graph/signin"
	"usher/internal/password"
)

func (w *world) tryLogin(ctx context.Context, identifier string, p password.Plaintext) string {
	_, err := w.Login(ctx, signin.LoginInput{Identifier: identifier, Password: p})
	return kind(err)
}

func TestLogin(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		identifier string
		password   password.Plaintext
		want       string
	}{
		"user name":            {"Ada", goodPassword, ""},
		"other case":           {"aDA", goodPassword, ""},
		"spaces around":        {" ada ", goodPassword, ""},
		"address":              {"ada@example.com", goodPassword, ""},
		"address, other case":  {"ADA@EXAMPLE.COM", goodPassword, ""},
		"wrong password":       {"ada", goodPassword + "!", "INVALID_CREDENTIALS"},
		"other case in it":     {"ada", "Four small green turtles", "INVALID_CREDENTIALS"},
		"no password":          {"ada", "", "INVALID_CREDENTIALS"},
		"invalid UTF-8":        {"ada", "\xff", "INVALID_CREDENTIALS"},
		"unknown name":         {"nobody", goodPassword, "INVALID_CREDENTIALS"},
		"unknown address":      {"nobody@example.com", goodPassword, "INVALID_CREDENTIALS"},
		"impossible name":      {"\x00", goodPassword, "INVALID_CREDENTIALS"},
		"empty name":           {"", goodPassword, "INVALID_CREDENTIALS"},
		"SQL":                  {"' OR 1=1 --", goodPassword, "INVALID_CREDENTIALS"},
		"disabled":             {"eve", goodPassword, "UNAUTHENTICATED ACCOUNT_DISABLED"},
		"disabled, wrong word": {"eve", "wrong", "INVALID_CREDENTIALS"},
	}
	each(t, func(t *testing.T, w *world) {
		if _, err := w.Signup(t.Context(), signin.SignupInput{Username: new("Ada"), Email: new("Ada@example.com"), Password: goodPassword}); err != nil {
			t.Fatal(err)
		}
		eve := w.signup(t, "eve").User
		if err := w.store.SetDisabled(t.Context(), eve.ID, new(w.clock.Now()), w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				if got := w.tryLogin(t.Context(), tt.identifier, tt.password); got != tt.want {
					t.Errorf("Login: %q, want %q", got, tt.want)
				}
			})
		}
	})
}

// TestLoginNewSession checks that each log-in is a session of its own.
func TestLoginNewSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		sessions := map[uuid.UUID]bool{}
		tokens := []string{w.signup(t, "ada").AccessToken}
		for range 2 {
			p, err := w.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: goodPassword})
			if err != nil {
				t.Fatal(err)
			}
			tokens = append(tokens, p.AccessToken)
		}
		for _, bearer := range tokens {
			v, err := w.Viewer(w.as(t, bearer))
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

// TestLoginAbandoned goes away while a wrong password is being hashed: the guess counts all the same.
func TestLoginAbandoned(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.signup(t, "ada")
		for range 10 {
			ctx, cancel := context.WithCancel(t.Context())
			w.store.Before("ReserveAttempt", func(context.Context) error { cancel(); return nil })
			if got := w.tryLogin(ctx, "ada", "wrong"); got != "INVALID_CREDENTIALS" {
				t.Fatalf("Login: %q", got)
			}
		}
		w.store.Before("ReserveAttempt", nil)
		if got := w.tryLogin(t.Context(), "ada", goodPassword); got != "RATE_LIMITED after 1s" {
			t.Errorf("after ten abandoned guesses: %q", got)
		}
	})
}

// TestRehash signs in with a hash of another system and finds it replaced.
func TestRehash(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		user := w.signup(t, "ada").User
		_, stored, err := w.store.PasswordByUsername(t.Context(), "ada")
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := bcrypt.GenerateFromPassword([]byte("an imported password"), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := w.store.ReplacePassword(t.Context(), user.ID, stored.Secret, string(foreign), w.clock.Now()); err != nil || !ok {
			t.Fatal(ok, err)
		}
		for range 2 {
			if got := w.tryLogin(t.Context(), "ada", "an imported password"); got != "" {
				t.Fatalf("Login: %q", got)
			}
		}
		_, stored, err = w.store.PasswordByUsername(t.Context(), "ada")
		if err != nil {
			t.Fatal(err)
		}
		if stored.Secret == string(foreign) || stored.Secret[:10] != "$argon2id$" {
			t.Error("the hash of another system is still stored")
		}
	})
}
