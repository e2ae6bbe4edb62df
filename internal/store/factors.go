package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

var factorColumns = columns{
	"id", "user_id", "kind", "key", "secret", "name", "counter", "details", "last_used_at", "created_at", "updated_at",
}

func factorFields(f *auth.Factor) []any {
	return []any{
		&f.ID, &f.UserID, &f.Kind, &f.Key, &f.Secret, &f.Name, &f.Counter, &f.Details,
		nullTimestamp{&f.LastUsedAt},
		(*timestamp)(&f.CreatedAt), (*timestamp)(&f.UpdatedAt),
	}
}

var factors = `SELECT ` + factorColumns.of("credentials") + `
	FROM credentials WHERE user_id = $1 AND kind <> 'PASSWORD' ORDER BY created_at, id`

// Factors implements auth.FactorStore.
func (s *Store) Factors(ctx context.Context, userID uuid.UUID) ([]auth.Factor, error) {
	return list(ctx, s.read, "list factors", factorFields, factors, userID)
}

// The kind is no parameter: there is an index for each.
var (
	factorByKey = `SELECT ` + userColumns.of("users") + `, ` + factorColumns.of("credentials") + `
	FROM credentials JOIN users ON users.id = credentials.user_id
	WHERE credentials.key = $1 AND credentials.kind = `
	passkeyByKey  = factorByKey + `'PASSKEY'`
	identityByKey = factorByKey + `'IDENTITY'`
)

// FactorByKey implements auth.FactorStore.
func (s *Store) FactorByKey(ctx context.Context, kind auth.CredentialKind, key string) (*auth.User, *auth.Factor, error) {
	u, f := new(auth.User), new(auth.Factor)
	query := passkeyByKey
	if kind == auth.CredentialIdentity {
		query = identityByKey
	}
	if err := s.row(ctx, "find factor", append(userFields(u), factorFields(f)...), query, key); err != nil {
		return nil, nil, err
	}
	return u, f, nil
}

// kindsOf is the value of users.factors for what credentials has.
const kindsOf = `(
	SELECT coalesce(string_agg(kind, ' '), '')
	FROM (SELECT DISTINCT kind FROM credentials WHERE user_id = $1 AND kind <> 'PASSWORD' ORDER BY kind) AS kinds)`

var (
	insertFactor  = factorColumns.insert("credentials")
	factorsAdded  = `UPDATE users SET factors = ` + kindsOf + `, credentials_version = credentials_version + 1 WHERE id = $1`
	factorsChange = `UPDATE users SET factors = ` + kindsOf + ` WHERE id = $1`
)

// AddFactors implements auth.FactorStore.
func (s *Store) AddFactors(ctx context.Context, userID uuid.UUID, factors []auth.Factor) error {
	const doing = "add factors"
	return s.together(ctx, func(tx *Store) error {
		if _, err := tx.lock(ctx, doing, lockUser, userID); err != nil {
			return err
		}
		for i := range factors {
			if _, err := tx.exec(ctx, doing, insertFactor, factorFields(&factors[i])...); err != nil {
				return err
			}
		}
		return tx.change(ctx, doing, factorsAdded, userID)
	})
}

const useFactor = `
	UPDATE credentials SET counter = $3, details = $4, last_used_at = $5 WHERE id = $1 AND counter = $2`

// UseFactor implements auth.FactorStore.
func (s *Store) UseFactor(ctx context.Context, u auth.FactorUse) (bool, error) {
	n, err := s.exec(ctx, "use factor", useFactor, u.ID, u.Was, u.Counter, u.Details, timestamp(u.At))
	return n == 1, err
}

const takeRecoveryCode = `DELETE FROM credentials WHERE user_id = $1 AND kind = 'RECOVERY_CODE' AND key = $2`

// TakeRecoveryCode implements auth.FactorStore.
func (s *Store) TakeRecoveryCode(ctx context.Context, userID uuid.UUID, key string) (taken bool, err error) {
	const doing = "take recovery code"
	err = s.together(ctx, func(tx *Store) error {
		if _, err := tx.lock(ctx, doing, lockUser, userID); err != nil {
			return err
		}
		n, err := tx.exec(ctx, doing, takeRecoveryCode, userID, key)
		if taken = n == 1; err != nil || !taken {
			return err
		}
		return tx.change(ctx, doing, factorsChange, userID)
	})
	return taken && err == nil, err
}

var seeds = `SELECT ` + factorColumns.of("credentials") + `
	FROM credentials WHERE kind = 'TOTP' AND id > $1 ORDER BY id LIMIT $2`

// Seeds implements auth.FactorStore.
func (s *Store) Seeds(ctx context.Context, after uuid.UUID, limit int) ([]auth.Factor, error) {
	return list(ctx, s.read, "list seeds", factorFields, seeds, after, limit)
}

const resealFactor = `UPDATE credentials SET secret = $3 WHERE id = $1 AND secret = $2`

// ResealFactor implements auth.FactorStore.
func (s *Store) ResealFactor(ctx context.Context, id uuid.UUID, from, to string) (bool, error) {
	n, err := s.exec(ctx, "reseal factor", resealFactor, id, from, to)
	return n == 1, err
}

const renameFactor = `UPDATE credentials SET name = $3, updated_at = $4 WHERE id = $2 AND user_id = $1 AND kind <> 'PASSWORD'`

// RenameFactor implements auth.FactorStore.
func (s *Store) RenameFactor(ctx context.Context, userID, id uuid.UUID, name string, now time.Time) error {
	return s.change(ctx, "rename factor", renameFactor, userID, id, name, timestamp(now))
}

const (
	removeFactors = `DELETE FROM credentials WHERE user_id = $1 AND kind = $2`
	removeFactor  = removeFactors + ` AND id = $3`
	forgetMethod  = `
	UPDATE sessions SET methods = trim(replace(' ' || methods || ' ', ' ' || $2 || ' ', ' '))
	WHERE user_id = $1 AND ' ' || methods || ' ' LIKE '% ' || $2 || ' %'`
	forgetPasskeyMethod = forgetMethod + ` AND passkey_id = $3`
)

var factorsRemoved = `
	UPDATE users SET factors = ` + kindsOf + `, factor_removed_at = coalesce($2, factor_removed_at),
		credentials_version = credentials_version + 1
	WHERE id = $1`

// RemoveFactors implements auth.FactorStore.
func (s *Store) RemoveFactors(ctx context.Context, userID uuid.UUID, r auth.FactorRemoval) (removed int, err error) {
	const doing = "remove factors"
	remove, forget, one := removeFactors, forgetMethod, []any(nil)
	if r.ID != nil {
		remove, forget, one = removeFactor, forgetPasskeyMethod, []any{*r.ID}
	}
	err = s.together(ctx, func(tx *Store) error {
		if _, err := tx.lock(ctx, doing, lockUser, userID); err != nil {
			return err
		}
		n, err := tx.exec(ctx, doing, remove, append([]any{userID, r.Kind}, one...)...)
		if removed = int(n); err != nil || n == 0 {
			return err
		}
		for _, method := range r.Methods {
			if _, err := tx.exec(ctx, doing, forget, append([]any{userID, string(method)}, one...)...); err != nil {
				return err
			}
		}
		var lowered *time.Time
		if len(r.Methods) > 0 {
			lowered = &r.At
		}
		return tx.change(ctx, doing, factorsRemoved, userID, nullTimestamp{&lowered})
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

const setFactorDue = `UPDATE users SET factor_due_at = $2 WHERE id = $1 AND (factor_due_at IS NULL OR factor_due_at > $2)`

// SetFactorDue implements auth.FactorStore.
func (s *Store) SetFactorDue(ctx context.Context, userID uuid.UUID, at time.Time) error {
	_, err := s.exec(ctx, "set time for second factor", setFactorDue, userID, timestamp(at))
	return err
}

// kinds are stored as their names, separated by spaces.
type kinds []auth.CredentialKind

// Value implements driver.Valuer.
func (k kinds) Value() (driver.Value, error) { return words(k), nil }

// Scan implements sql.Scanner.
func (k *kinds) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("cannot read kinds of credentials from %T", src)
	}
	*k = nil
	for name := range strings.FieldsSeq(text) {
		*k = append(*k, auth.CredentialKind(name))
	}
	return nil
}
