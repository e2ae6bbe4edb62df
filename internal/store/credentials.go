package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

var credentialColumns = columns{"id", "user_id", "kind", "secret", "created_at", "updated_at"}

func credentialFields(c *auth.Credential) []any {
	return []any{&c.ID, &c.UserID, &c.Kind, &c.Secret, (*timestamp)(&c.CreatedAt), (*timestamp)(&c.UpdatedAt)}
}

var insertCredential = credentialColumns.insert("credentials")

func (s *Store) addCredential(ctx context.Context, c *auth.Credential) error {
	_, err := s.exec(ctx, "add credential", insertCredential, credentialFields(c)...)
	return err
}

// passwordHash returns the value of users.password_hash, which servers of the previous release read. It is
// nil for a credential that is not a password, and without a credential.
func passwordHash(c *auth.Credential) *string {
	if c == nil || c.Kind != auth.CredentialPassword {
		return nil
	}
	return &c.Secret
}

// selectPassword finds a user and their password. A server of the previous release writes a new user's
// password to users only. Such a password has the user's ID as the ID of its credential.
var (
	selectPassword = `
	SELECT ` + userColumns.of("users") + `, coalesce(credentials.id, users.id), coalesce(credentials.secret, users.password_hash),
		coalesce(credentials.created_at, users.created_at), coalesce(credentials.updated_at, users.updated_at)
	FROM users LEFT JOIN credentials ON credentials.user_id = users.id AND credentials.kind = 'PASSWORD'
	WHERE `
	passwordOf         = selectPassword + `users.id = $1`
	passwordByUsername = selectPassword + `users.username_key = $1`
	passwordByEmail    = selectPassword + `users.email_key = $1`
)

// PasswordOf implements auth.CredentialStore.
func (s *Store) PasswordOf(ctx context.Context, userID uuid.UUID) (*auth.User, *auth.Credential, error) {
	return s.password(ctx, passwordOf, userID)
}

// PasswordByUsername implements auth.CredentialStore.
func (s *Store) PasswordByUsername(ctx context.Context, key string) (*auth.User, *auth.Credential, error) {
	return s.password(ctx, passwordByUsername, key)
}

// PasswordByEmail implements auth.CredentialStore.
func (s *Store) PasswordByEmail(ctx context.Context, key string) (*auth.User, *auth.Credential, error) {
	return s.password(ctx, passwordByEmail, key)
}

func (s *Store) password(ctx context.Context, query string, key any) (*auth.User, *auth.Credential, error) {
	u, c := new(auth.User), &auth.Credential{Kind: auth.CredentialPassword}
	var secret *string
	fields := append(userFields(u), &c.ID, &secret, (*timestamp)(&c.CreatedAt), (*timestamp)(&c.UpdatedAt))
	if err := s.row(ctx, "find password", fields, query, key); err != nil {
		return nil, nil, err
	}
	if secret == nil {
		return u, nil, nil
	}
	c.UserID, c.Secret = u.ID, *secret
	return u, c, nil
}

const (
	rehashOlderPassword = `UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2`
	movePassword        = `
	INSERT INTO credentials (id, user_id, kind, secret, created_at, updated_at)
	SELECT id, id, 'PASSWORD', password_hash, created_at, $2 FROM users WHERE id = $1 AND password_hash IS NOT NULL
	ON CONFLICT DO NOTHING`
	rehashPassword = `
	UPDATE credentials SET secret = $3, updated_at = $4
	WHERE user_id = $1 AND kind = 'PASSWORD' AND secret = $2`
)

// RehashPassword implements auth.CredentialStore. It also updates users.password_hash, which servers of the previous
// release read. It locks the user before the credential, as the methods below do. Otherwise two of them could wait for
// each other.
func (s *Store) RehashPassword(ctx context.Context, userID uuid.UUID, old, secret string, now time.Time) (replaced bool, err error) {
	const doing = "rehash password"
	err = s.together(ctx, func(tx *Store) error {
		if _, err := tx.lock(ctx, doing, lockUser, userID); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, doing, movePassword, userID, timestamp(now)); err != nil {
			return err
		}
		n, err := tx.exec(ctx, doing, rehashPassword, userID, old, secret, timestamp(now))
		if replaced = n == 1; err != nil || !replaced {
			return err
		}
		_, err = tx.exec(ctx, doing, rehashOlderPassword, userID, old, secret)
		return err
	})
	return replaced, err
}

var (
	setPassword      = insertCredential + ` ON CONFLICT (user_id, kind, key) DO UPDATE SET secret = excluded.secret, updated_at = excluded.updated_at`
	changeCredential = `UPDATE users SET password_hash = $2, credentials_version = credentials_version + 1 WHERE id = $1`
)

// SetPassword implements auth.CredentialStore. It also sets users.password_hash, which servers of the previous release
// read.
func (s *Store) SetPassword(ctx context.Context, c *auth.Credential) error {
	const doing = "set password"
	return s.together(ctx, func(tx *Store) error {
		n, err := tx.exec(ctx, doing, changeCredential, c.UserID, passwordHash(c))
		if err == nil && n == 0 {
			err = auth.ErrNotFound
		}
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, doing, setPassword, credentialFields(c)...)
		return err
	})
}

const deletePassword = `DELETE FROM credentials WHERE user_id = $1 AND kind = 'PASSWORD'`

// DeletePassword implements auth.CredentialStore. It also clears users.password_hash, which servers of the previous
// release read.
func (s *Store) DeletePassword(ctx context.Context, userID uuid.UUID) error {
	const doing = "delete password"
	return s.together(ctx, func(tx *Store) error {
		if err := tx.change(ctx, doing, changeCredential, userID, nil); err != nil {
			return err
		}
		_, err := tx.exec(ctx, doing, deletePassword, userID)
		return err
	})
}
