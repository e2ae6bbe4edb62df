package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestDeletePasswordOfOlderServer deletes passwords as servers of the previous release write them: to users only, or to
// users with an entry of credentials that they have not changed.
func TestDeletePasswordOfOlderServer(t *testing.T) {
	for name, written := range map[string]string{
		"new user":         `DELETE FROM credentials`,
		"changed password": `UPDATE users SET password_hash = '$argon2id$older'`,
		"user of both":     `UPDATE users SET updated_at = updated_at`,
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				user := uuid.MustParse("01940000-0000-7000-8000-000000000001")
				signIn(t, s)
				exec(t, s, written)
				if _, got, err := s.PasswordOf(t.Context(), user); err != nil || got == nil {
					t.Fatalf("PasswordOf: %v, %v, want a password", got, err)
				}
				if err := s.DeletePassword(t.Context(), user); err != nil {
					t.Fatal(err)
				}
				if _, got, err := s.PasswordOf(t.Context(), user); err != nil || got != nil {
					t.Errorf("PasswordOf after DeletePassword: %v, %v, want none", got, err)
				}
				var older *string // the value that the previous release reads
				if err := s.Get(t.Context(), &older, `SELECT password_hash FROM users`); err != nil || older != nil {
					t.Errorf("password_hash: %v, %v, want NULL", older, err)
				}
				next := &auth.Credential{
					ID: uuid.Max, UserID: user, Kind: auth.CredentialPassword, Secret: "$argon2id$next", CreatedAt: time.Now(), UpdatedAt: time.Now(),
				}
				if err := s.SetPassword(t.Context(), next); err != nil {
					t.Fatal(err)
				}
				if _, got, err := s.PasswordOf(t.Context(), user); err != nil || got == nil || got.Secret != next.Secret {
					t.Errorf("PasswordOf after SetPassword: %v, %v", got, err)
				}
			})
		})
	}
}
