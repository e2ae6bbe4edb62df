package auth_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// TestSweepMails deletes mails by their state and age, and secrets some time after they have expired.
func TestSweepMails(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	eachDatabase(t, func(t *testing.T, f *fixture) {
		states := []auth.MailState{auth.MailQueued, auth.MailSent, auth.MailFailed, auth.MailExpired, auth.MailDropped}
		for _, state := range states {
			id, err := auth.NewID(f.Clock.Now(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			err = f.Store.AddMail(t.Context(), &auth.MailMessage{
				ID: id, Kind: auth.MailResetPassword, State: state,
				CreatedAt: f.Clock.Now(), NextAttemptAt: f.Clock.Now().Add(1000 * day), ExpiresAt: f.Clock.Now().Add(time.Hour),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		digest := make([]byte, 32)
		secret := &auth.MailedSecret{
			ID: uuid.New(), Purpose: auth.PurposeResetPassword, Subject: "ada", Address: "ada@example.com", AddressKey: "ada@example.com",
			TokenDigest: digest, CreatedAt: f.Clock.Now(), ExpiresAt: f.Clock.Now().Add(time.Hour),
		}
		if err := f.Store.ReplaceMailedSecret(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		left := func() (mails int, secret bool) {
			t.Helper()
			if err := f.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, state := range states {
				found, err := f.Store.Mails(t.Context(), auth.MailQuery{State: state, Page: auth.Page[uuid.UUID]{Limit: 10}})
				if err != nil {
					t.Fatal(err)
				}
				mails += len(found)
			}
			_, err := f.Store.MailedSecret(t.Context(), digest)
			return mails, err == nil
		}
		for _, step := range []struct {
			wait   time.Duration
			mails  int
			secret bool
		}{
			{0, 5, true},
			{day, 5, true},
			{time.Millisecond, 4, true}, // dropped mails live a day
			{6*day + time.Hour - time.Millisecond, 4, true}, // seven days after the secret has expired
			{time.Millisecond, 4, false},
			{23*day - time.Hour - time.Millisecond, 4, false},
			{time.Millisecond, 0, false},
		} {
			f.Clock.Advance(step.wait)
			if mails, secret := left(); mails != step.mails || secret != step.secret {
				t.Errorf("after a further %v: %d mails and secret %t, want %d and %t", step.wait, mails, secret, step.mails, step.secret)
			}
		}
	})
}
