package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

var mailedSecretColumns = columns{
	"id", "purpose", "subject", "user_id", "address", "address_key", "token_digest", "code_digest", "code_expires_at",
	"code_tries", "flow_digest", "details", "created_at", "expires_at",
}

func mailedSecretFields(m *auth.MailedSecret) []any {
	return []any{
		&m.ID, &m.Purpose, &m.Subject,
		nullID{&m.UserID},
		&m.Address, &m.AddressKey, &m.TokenDigest, &m.CodeDigest,
		nullTimestamp{&m.CodeExpiresAt},
		&m.CodeTries, &m.FlowDigest, &m.Details,
		(*timestamp)(&m.CreatedAt), (*timestamp)(&m.ExpiresAt),
	}
}

var replaceMailedSecret = mailedSecretColumns.insert("mailed_secrets") + `
	ON CONFLICT (purpose, subject) DO UPDATE SET ` + mailedSecretColumns.excluded("purpose", "subject")

// ReplaceMailedSecret implements auth.MailedSecretStore.
func (s *Store) ReplaceMailedSecret(ctx context.Context, m *auth.MailedSecret) error {
	_, err := s.exec(ctx, "replace mailed secret", replaceMailedSecret, mailedSecretFields(m)...)
	return err
}

var mailedSecret = `SELECT ` + mailedSecretColumns.of("mailed_secrets") + ` FROM mailed_secrets WHERE token_digest = $1`

// MailedSecret implements auth.MailedSecretStore.
func (s *Store) MailedSecret(ctx context.Context, tokenDigest []byte) (*auth.MailedSecret, error) {
	m := new(auth.MailedSecret)
	if err := s.row(ctx, "find mailed secret", mailedSecretFields(m), mailedSecret, tokenDigest); err != nil {
		return nil, err
	}
	return m, nil
}

const takeMailedSecret = `DELETE FROM mailed_secrets WHERE id = $1 AND token_digest = $2 AND expires_at > $3`

// TakeMailedSecret implements auth.MailedSecretStore.
func (s *Store) TakeMailedSecret(ctx context.Context, id uuid.UUID, tokenDigest []byte, now time.Time) (bool, error) {
	n, err := s.exec(ctx, "take mailed secret", takeMailedSecret, id, tokenDigest, timestamp(now))
	return n == 1, err
}

// Of several secrets of an address, the code belongs to the newest. A code that belongs to a flow is not valid without it.
var (
	countCodeTry = `
	UPDATE mailed_secrets SET code_tries = code_tries + 1
	WHERE purpose = $1 AND code_expires_at > $3 AND code_tries < $4 AND id = (
		SELECT id FROM mailed_secrets WHERE purpose = $1 AND %s AND code_digest IS NOT NULL
		ORDER BY created_at DESC, id DESC LIMIT 1)
	RETURNING ` + mailedSecretColumns.of("mailed_secrets")
	countCodeTryByFlow    = fmt.Sprintf(countCodeTry, "flow_digest = $2")
	countCodeTryByAddress = fmt.Sprintf(countCodeTry, "address_key = $2 AND flow_digest IS NULL")
)

// CountCodeTry implements auth.MailedSecretStore.
func (s *Store) CountCodeTry(ctx context.Context, try auth.CodeTry, most int, now time.Time) (*auth.MailedSecret, error) {
	const doing = "count try of code"
	query, key := countCodeTryByAddress, any(try.AddressKey)
	if try.FlowDigest != nil {
		query, key = countCodeTryByFlow, try.FlowDigest
	}
	found, err := list(ctx, s.write, doing, mailedSecretFields, query, try.Purpose, key, timestamp(now), most)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, fmt.Errorf("%s: %w", doing, auth.ErrNotFound)
	}
	return &found[0], nil
}

// DeleteMailedSecrets implements auth.MailedSecretStore.
func (s *Store) DeleteMailedSecrets(ctx context.Context, userID uuid.UUID, purposes ...auth.MailPurpose) error {
	if len(purposes) == 0 {
		return nil
	}
	query, args := deleteMailedSecrets(userID, purposes)
	_, err := s.exec(ctx, "delete mailed secrets", query, args...)
	return err
}

func deleteMailedSecrets(userID uuid.UUID, purposes []auth.MailPurpose) (query string, args []any) {
	args = []any{userID}
	for _, p := range purposes {
		args = append(args, p)
	}
	return numbered(`DELETE FROM mailed_secrets WHERE user_id = $ AND purpose IN ($` + strings.Repeat(`, $`, len(purposes)-1) + `)`), args
}

const deleteLaterMailedSecrets = `DELETE FROM mailed_secrets WHERE user_id = $1 AND purpose = $2 AND created_at > $3`

// DeleteLaterMailedSecrets implements auth.MailedSecretStore.
func (s *Store) DeleteLaterMailedSecrets(ctx context.Context, m *auth.MailedSecret) error {
	_, err := s.exec(ctx, "delete later mailed secrets", deleteLaterMailedSecrets, nullID{&m.UserID}, m.Purpose, timestamp(m.CreatedAt))
	return err
}

// With the time in the outer condition too, PostgreSQL does not read the whole table.
const (
	sweepMailedSecrets = `
	DELETE FROM mailed_secrets WHERE expires_at < $1 AND id IN (
		SELECT id FROM mailed_secrets WHERE expires_at < $1 AND (purpose <> 'CHANGE_EMAIL' OR user_id IS NULL) ORDER BY expires_at LIMIT $2)`
	expiredChanges = `
	SELECT id, user_id, address FROM mailed_secrets
	WHERE expires_at < $1 AND purpose = 'CHANGE_EMAIL' AND user_id IS NOT NULL ORDER BY expires_at LIMIT $2`
	sweepChange     = `DELETE FROM mailed_secrets WHERE id = $1 AND expires_at < $2`
	endPendingEmail = `UPDATE users SET pending_email = NULL WHERE id = $1 AND pending_email = $2`
)

// SweepMailedSecrets implements auth.CleanupStore.
func (s *Store) SweepMailedSecrets(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := s.exec(ctx, "sweep mailed secrets", sweepMailedSecrets, timestamp(before), limit)
	return int(n), err
}

// SweepEmailChanges implements auth.CleanupStore.
func (s *Store) SweepEmailChanges(ctx context.Context, before time.Time, limit int) (n int, err error) {
	fields := func(m *auth.MailedSecret) []any { return []any{&m.ID, nullID{&m.UserID}, &m.Address} }
	changes, err := list(ctx, s.read, "find expired changes of e-mail addresses", fields, expiredChanges, timestamp(before), limit)
	for i := 0; err == nil && i < len(changes); i++ {
		var swept bool
		if swept, err = s.sweepChange(ctx, &changes[i], before); swept {
			n++
		}
	}
	return n, err
}

// sweepChange deletes the secret of a change, if it has not been replaced, and ends the change. It locks the user before
// the secret, as a request for another change does.
func (s *Store) sweepChange(ctx context.Context, m *auth.MailedSecret, before time.Time) (swept bool, err error) {
	err = s.together(ctx, func(tx *Store) error {
		if _, err := tx.lock(ctx, "lock user", lockUser, *m.UserID); err != nil {
			return err
		}
		n, err := tx.exec(ctx, "sweep mailed secret", sweepChange, m.ID, timestamp(before))
		if swept = n == 1; err != nil || !swept {
			return err
		}
		_, err = tx.exec(ctx, "end change of e-mail address", endPendingEmail, *m.UserID, m.Address)
		return err
	})
	return swept && err == nil, err
}
