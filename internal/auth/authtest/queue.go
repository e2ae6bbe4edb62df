package authtest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/seal"
)

// Queue writes mails in one transaction, as a server with this secret does.
func Queue(t testing.TB, s auth.Store, secrets *seal.Secrets, now func() time.Time, letters ...mailing.Letter) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	tx := transaction.New(transaction.Options{Store: s, IdleLimit: time.Hour, Now: now, Rand: rand.Reader, Log: log})
	outbox, err := mailing.New(mailing.Options{Store: s, Tx: tx, Post: &mailing.Post{}, Secrets: secrets, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	err = tx.Run(t.Context(), transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		for i := range letters {
			if err := outbox.Send(ctx, tx, letters[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
