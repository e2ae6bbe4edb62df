package storetest

import (
	"errors"
	"testing"
	"time"

	"usher/internal/auth"
)

// deleteLaterMailedSecrets deletes the secrets after one, and not those before it, of other purposes or of other users.
func deleteLaterMailedSecrets(t *testing.T, s auth.Store) {
	for n := range 2 {
		create(t, s, newAccount(n))
	}
	secrets := []*auth.MailedSecret{}
	for n, tt := range []struct {
		user    int
		purpose auth.MailPurpose
		after   time.Duration
	}{
		{0, auth.PurposeUndoEmailChange, -time.Microsecond},
		{0, auth.PurposeUndoEmailChange, 0},
		{0, auth.PurposeUndoEmailChange, time.Microsecond},
		{0, auth.PurposeUndoEmailChange, time.Hour},
		{0, auth.PurposeChangeEmail, time.Hour},
		{1, auth.PurposeUndoEmailChange, time.Hour},
	} {
		secret := &auth.MailedSecret{
			ID: newID(100 + n), Purpose: tt.purpose, Subject: newID(n).String(), UserID: new(newID(tt.user)),
			Address: "ada@example.com", AddressKey: "ada@example.com", TokenDigest: append([]byte{byte(n)}, digest[1:]...),
			CreatedAt: epoch.Add(tt.after), ExpiresAt: epoch.Add(24 * time.Hour),
		}
		if err := s.ReplaceMailedSecret(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	if err := s.DeleteLaterMailedSecrets(t.Context(), secrets[1]); err != nil {
		t.Fatal(err)
	}
	for n, kept := range []bool{true, true, false, false, true, true} {
		if _, err := s.MailedSecret(t.Context(), secrets[n].TokenDigest); errors.Is(err, auth.ErrNotFound) == kept {
			t.Errorf("secret %d: %v, want it kept %t", n, err, kept)
		}
	}
}
