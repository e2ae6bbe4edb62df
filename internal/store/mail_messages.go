package store

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

var (
	mailKey     = columns{"id", "asker", "created_at"} // never changes
	mailValues  = columns{"kind", "state", "user_id", "recipient", "recipient_key", "prepared", "content", "attempts", "next_attempt_at", "last_error", "sent_at", "expires_at"}
	mailColumns = slices.Concat(mailKey, mailValues)
)

func mailValueFields(m *auth.MailMessage) []any {
	return []any{
		&m.Kind, &m.State,
		nullID{&m.UserID},
		&m.Recipient, &m.RecipientKey, &m.Prepared, &m.Content, &m.Attempts,
		(*timestamp)(&m.NextAttemptAt), &m.LastError,
		nullTimestamp{&m.SentAt},
		(*timestamp)(&m.ExpiresAt),
	}
}

func mailFields(m *auth.MailMessage) []any {
	return append([]any{&m.ID, &m.Asker, (*timestamp)(&m.CreatedAt)}, mailValueFields(m)...)
}

var insertMail = mailColumns.insert("mail_messages")

// AddMail implements auth.MailMessageStore.
func (s *Store) AddMail(ctx context.Context, m *auth.MailMessage) error {
	_, err := s.exec(ctx, "add mail", insertMail, mailFields(m)...)
	return err
}

var updateMail = numbered(`UPDATE mail_messages SET ` + mailValues.assignments() + ` WHERE id = $ AND state = $ AND attempts = $`)

// UpdateMail implements auth.MailMessageStore.
func (s *Store) UpdateMail(ctx context.Context, m *auth.MailMessage, state auth.MailState, attempts int) (bool, error) {
	n, err := s.exec(ctx, "update mail", updateMail, append(mailValueFields(m), m.ID, state, attempts)...)
	return n == 1, err
}

const resealMail = `UPDATE mail_messages SET content = $3 WHERE id = $1 AND content = $2`

// ResealMail implements auth.MailMessageStore.
func (s *Store) ResealMail(ctx context.Context, id uuid.UUID, from, to []byte) (bool, error) {
	n, err := s.exec(ctx, "reseal mail", resealMail, id, from, to)
	return n == 1, err
}

var dueMails = `SELECT ` + mailColumns.of("mail_messages") + `
	FROM mail_messages WHERE state = 'QUEUED' AND next_attempt_at <= $1 ORDER BY next_attempt_at, id LIMIT $2`

// DueMails implements auth.MailMessageStore.
func (s *Store) DueMails(ctx context.Context, now time.Time, limit int) ([]auth.MailMessage, error) {
	return list(ctx, s.read, "find mails to send", mailFields, dueMails, timestamp(now), limit)
}

// newestMailFirst orders mails by creation: their IDs are UUIDs of version 7 (RFC 9562, section 5.7).
var newestMailFirst = order{columns: []string{"id"}, descending: true}

// Mails implements auth.MailMessageStore.
func (s *Store) Mails(ctx context.Context, q auth.MailQuery) (mails []auth.MailMessage, err error) {
	query, args := listMails(q)
	read := func(ctx context.Context, from target) error {
		mails, err = list(ctx, from, "list mails", mailFields, query, args...)
		return err
	}
	if q.ID != nil || q.Current {
		err = read(ctx, s.read)
	} else {
		err = s.fromStandby(ctx, read)
	}
	inListOrder(mails, q.Page)
	return mails, err
}

func listMails(q auth.MailQuery) (query string, args []any) {
	var conditions []fragment
	condition := func(text string, args ...any) { conditions = append(conditions, fragment{text, args}) }
	if q.ID != nil {
		condition(`id = $`, *q.ID)
	}
	if q.UserID != nil {
		condition(`user_id = $`, *q.UserID)
	}
	if q.State != "" {
		condition(`state = $`, q.State)
	}
	found := where(append(conditions, between(newestMailFirst, q.Page, func(id *uuid.UUID) []any { return []any{*id} })...))
	query = `SELECT ` + mailColumns.of("mail_messages") + ` FROM mail_messages` + found.text + orderBy(newestMailFirst, q.Page)
	return numbered(query), append(found.args, q.Limit)
}

const (
	countMailsAsked = `SELECT count(*) FROM mail_messages WHERE asker = $1 AND created_at >= $2`
	countMailsTo    = `SELECT count(*) FROM mail_messages WHERE recipient_key = $1 AND kind = $2 AND created_at >= $3`
)

// CountMailsAsked implements auth.MailMessageStore.
func (s *Store) CountMailsAsked(ctx context.Context, asker string, since time.Time) (n int, err error) {
	return n, s.row(ctx, "count mails of network", []any{&n}, countMailsAsked, asker, timestamp(since))
}

// CountMailsTo implements auth.MailMessageStore.
func (s *Store) CountMailsTo(ctx context.Context, recipientKey string, kind auth.MailKind, since time.Time) (n int, err error) {
	return n, s.row(ctx, "count mails to recipient", []any{&n}, countMailsTo, recipientKey, kind, timestamp(since))
}

// mostCounted bounds what a look at the mail queue reads. The times are read from indexes.
const mostCounted = 10_000

const mailBacklog = `SELECT
	(SELECT count(*) FROM (SELECT 1 FROM mail_messages WHERE state = 'QUEUED' LIMIT $1) AS queued),
	(SELECT count(*) FROM (SELECT 1 FROM mail_messages WHERE state = 'FAILED' LIMIT $1) AS failed),
	(SELECT next_attempt_at FROM mail_messages WHERE state = 'QUEUED' ORDER BY next_attempt_at, id LIMIT 1),
	(SELECT created_at FROM mail_messages WHERE state = 'QUEUED' ORDER BY id LIMIT 1)`

// MailBacklog implements auth.MailMessageStore.
func (s *Store) MailBacklog(ctx context.Context) (b auth.MailBacklog, err error) {
	fields := []any{&b.Queued, &b.Failed, nullTimestamp{&b.FirstDue}, nullTimestamp{&b.Oldest}}
	return b, s.row(ctx, "look at mail queue", fields, mailBacklog, mostCounted)
}

// A mail may leave its state while the statement waits for its lock, so the outer condition repeats it. With the id in it,
// PostgreSQL does not read the whole table.
const sweepMails = `
	DELETE FROM mail_messages WHERE state = $1 AND id < $2 AND id IN (
		SELECT id FROM mail_messages WHERE state = $1 AND id < $2 ORDER BY id LIMIT $3)`

// SweepMails implements auth.CleanupStore.
func (s *Store) SweepMails(ctx context.Context, state auth.MailState, before time.Time, limit int) (int, error) {
	n, err := s.exec(ctx, "sweep mails", sweepMails, state, auth.FirstID(before), limit)
	return int(n), err
}

// The address is also in what an SMTP server replies.
const forgetRecipient = `
	UPDATE mail_messages SET recipient = NULL, recipient_key = NULL, content = NULL, last_error = NULL,
		state = CASE WHEN state = 'QUEUED' THEN 'DROPPED' ELSE state END
	WHERE user_id = $1 AND (state <> 'QUEUED' OR kind <> 'ACCOUNT_DELETED') OR recipient_key = $2 AND state <> 'QUEUED'`

// forgetRecipient removes the addresses from the mails about a user, and from those that were sent to a key. Those about
// the user are not sent any more, except for the one that says that the account is deleted.
func (s *Store) forgetRecipient(ctx context.Context, userID uuid.UUID, key *string) error {
	_, err := s.exec(ctx, "forget recipient of mails", forgetRecipient, userID, key)
	return err
}
