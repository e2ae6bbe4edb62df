package mailing_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/mail"
	"usher/internal/observe"
	"usher/internal/store"
	"usher/internal/storetest"
)

// statements counts the statements that a store reports.
type statements struct{ atomic.Int64 }

func (*statements) Enabled(context.Context, slog.Level) bool { return true }

func (s *statements) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "step" && a.Value.String() == string(observe.Statement) {
			s.Add(1)
		}
		return true
	})
	return nil
}

func (s *statements) WithAttrs([]slog.Attr) slog.Handler { return s }

func (s *statements) WithGroup(string) slog.Handler { return s }

// BenchmarkDeliver sends mails by one worker to an SMTP server in the same process: notices, and mails that a request
// asked for, which have a secret.
func BenchmarkDeliver(b *testing.B) {
	for database, url := range storetest.URLs {
		for _, requested := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/requested=%t", database, requested), func(b *testing.B) {
				count := &statements{}
				s, err := store.Open(b.Context(), url(b), store.Options{Observer: observe.New(observe.Options{Log: slog.New(count)})})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				f := newFixture(b, authtest.New(b, s))
				server := &smtpServer{}
				f.Outbox = f.newOutbox(b, postTo(b, server.start(b), mail.Timeouts{}), authtest.Secrets)
				secrets, err := proof.NewMailed(authtest.Secrets, f.tx)
				if err != nil {
					b.Fatal(err)
				}
				f.Register(auth.MailSignUp, func(ctx context.Context, tx *transaction.Tx, r *mailing.Request) (*mailing.Letter, error) {
					to := name(b, r.Email)
					issued, err := secrets.Issue(ctx, tx, proof.Secret{Purpose: auth.PurposeSignUp, Email: to})
					return &mailing.Letter{
						Kind: auth.MailSignUp, To: to, Token: issued.Token, LinkExpires: issued.ExpiresAt,
						Code: issued.Code, CodeExpires: issued.CodeExpiresAt,
					}, err
				})
				for i := range b.N {
					to := fmt.Sprintf("ada%d@example.com", i)
					if !requested {
						f.notice(b, to)
					} else {
						f.mustAsk(b, "", mailing.Request{Kind: auth.MailSignUp, Email: to})
					}
				}
				count.Store(0)
				b.ResetTimer()
				f.deliver(b)
				b.StopTimer()
				if n := len(server.arrived()); n != b.N {
					b.Fatalf("%d mails arrived, want %d", n, b.N)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
				b.ReportMetric(float64(count.Load())/float64(b.N), "statements/mail")
			})
		}
	}
}
