package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/store"
)

// checkFilledMails checks the user, the mailed secret and the mail of the fill.
func checkFilledMails(t *testing.T, s *store.Store, day func(n int) time.Time) {
	t.Helper()
	want := auth.User{
		ID: uuid.MustParse("01940000-0000-7000-8000-000000000030"), Email: new("Noa@example.com"), Roles: []auth.Role{auth.RoleUser},
		EmailVerifiedAt: new(day(3)), PendingEmail: new("noa@example.net"), Locale: new("pt-BR"), DeletionAt: new(day(3 + 31)), CredentialsVersion: 2,
		CreatedAt: day(2), UpdatedAt: day(3),
	}
	due, err := s.DeletionsDue(t.Context(), day(60), 10)
	if diff := cmp.Diff([]auth.User{want}, due); diff != "" || err != nil {
		t.Errorf("accounts to delete: %v (-want +got):\n%s", err, diff)
	}
	try := auth.CodeTry{Purpose: auth.PurposeResetPassword, FlowDigest: []byte("0123456789abcdef0123456789abcdef")}
	if secret, err := s.CountCodeTry(t.Context(), try, 5, day(3)); err != nil || secret.CodeTries != 5 || *secret.UserID != want.ID {
		t.Errorf("CountCodeTry: %+v, %v", secret, err)
	}
	mails, err := s.Mails(t.Context(), auth.MailQuery{State: auth.MailFailed, Page: auth.Page[uuid.UUID]{Limit: 10}})
	if err != nil || len(mails) != 1 || *mails[0].UserID != want.ID || !mails[0].Prepared || !mails[0].NextAttemptAt.Equal(day(3).Add(5*time.Minute)) {
		t.Errorf("Mails: %+v, %v", mails, err)
	}
}

// TestAccountLifeMigratesAgain runs migration 00013 for PostgreSQL once more, as after an interruption.
func TestAccountLifeMigratesAgain(t *testing.T) {
	t.Parallel()
	s := open(t, empty["postgres"](t))
	if err := s.UpTo(t.Context(), 13); err != nil {
		t.Fatal(err)
	}
	for _, interrupted := range []string{
		`SELECT 1`, // after its last statement
		`DROP TABLE mail_messages`,
		`ALTER TABLE users DROP CONSTRAINT users_locale_length; DROP TABLE mailed_secrets; DROP INDEX users_deletion_at_idx`,
	} {
		exec(t, s, `DELETE FROM goose_db_version WHERE version_id = 13`)
		exec(t, s, interrupted)
		if err := s.UpTo(t.Context(), 13); err != nil {
			t.Fatalf("after %s: %v", interrupted, err)
		}
		var invalid int
		if err := s.Get(t.Context(), &invalid, `SELECT count(*) FROM pg_index WHERE NOT indisvalid`); err != nil || invalid != 0 {
			t.Errorf("after %s: %d invalid indexes, %v", interrupted, invalid, err)
		}
		if err := s.AddMail(t.Context(), &auth.MailMessage{ID: uuid.New(), Kind: auth.MailSignUp, State: auth.MailQueued}); err != nil {
			t.Errorf("after %s: %v", interrupted, err)
		}
		if err := s.Exec(t.Context(), `INSERT INTO users (id, username, username_key, roles, locale, created_at, updated_at)
			VALUES ($1, 'Ada', 'ada', 'USER', repeat('a', 101), now(), now())`, uuid.New()); err == nil {
			t.Errorf("after %s: a locale of unlimited length was stored", interrupted)
		}
	}
}
