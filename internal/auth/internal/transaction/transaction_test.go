package transaction_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestAdministeringNeedsSession runs changes to other accounts for actors that nobody can check.
func TestAdministeringNeedsSession(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		runner := transaction.New(transaction.Options{
			Store: s, IdleLimit: time.Hour, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		})
		for name, tt := range map[string]struct {
			who transaction.Actor
			ok  bool
		}{
			"nobody":                {transaction.Nobody, false},
			"a user":                {transaction.ByUser(uuid.New()), false},
			"a session of no store": {transaction.InSession(&auth.Viewer{}), false},
			"the operator":          {transaction.Operator, true},
		} {
			ran := false
			err := runner.Run(t.Context(), tt.who.Administering(), func(context.Context, *transaction.Tx) error {
				ran = true
				return nil
			})
			if ran != tt.ok || (err == nil) != tt.ok {
				t.Errorf("%s: ran: %t, error %v", name, ran, err)
			}
		}
	})
}
