package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

var (
	userColumns = columns{
		"id", "username", "email", "full_name", "roles", "disabled_at", "last_login_at", "created_at", "updated_at", "metadata", "app_metadata",
		"email_verified_at", "pending_email", "locale", "deletion_at", "credentials_version", "factors", "factor_removed_at", "factor_due_at",
	}
	accountColumns = slices.Concat(userColumns, columns{"username_key", "email_key", "full_name_key"})
)

func userFields(u *auth.User) []any {
	return []any{
		&u.ID, &u.Username, &u.Email, &u.FullName, (*roles)(&u.Roles),
		nullTimestamp{&u.DisabledAt},
		nullTimestamp{&u.LastSignInAt},
		(*timestamp)(&u.CreatedAt), (*timestamp)(&u.UpdatedAt),
		(*string)(&u.Metadata), (*string)(&u.AppMetadata),
		nullTimestamp{&u.EmailVerifiedAt},
		&u.PendingEmail, &u.Locale,
		nullTimestamp{&u.DeletionAt},
		&u.CredentialsVersion,
		(*kinds)(&u.Factors),
		nullTimestamp{&u.FactorRemovedAt},
		nullTimestamp{&u.FactorDueAt},
	}
}

func accountFields(a *auth.Account) []any {
	return append(userFields(&a.User), &a.UsernameKey, &a.EmailKey, &a.FullNameKey)
}

// password_hash is for servers of the previous release, which read the password there.
var insertAccount = append(accountColumns, "password_hash").insert("users")

// CreateAccount implements auth.AccountStore.
func (s *Store) CreateAccount(ctx context.Context, a *auth.Account, first *auth.Credential) error {
	return s.together(ctx, func(tx *Store) error {
		if _, err := tx.exec(ctx, "create account", insertAccount, append(accountFields(a), passwordHash(first))...); err != nil || first == nil {
			return err
		}
		return tx.addCredential(ctx, first)
	})
}

var userByID = `SELECT ` + userColumns.of("users") + ` FROM users WHERE id = $1`

// User implements auth.Store.
func (s *Store) User(ctx context.Context, id uuid.UUID) (*auth.User, error) {
	u := new(auth.User)
	if err := s.row(ctx, "find user", userFields(u), userByID, id); err != nil {
		return nil, err
	}
	return u, nil
}

const setDisabled = `UPDATE users SET disabled_at = $2, updated_at = $3 WHERE id = $1`

// SetDisabled implements auth.Store.
func (s *Store) SetDisabled(ctx context.Context, userID uuid.UUID, at *time.Time, now time.Time) error {
	return s.change(ctx, "disable or enable account", setDisabled, userID, nullTimestamp{&at}, timestamp(now))
}

const setProfile = `
	UPDATE users SET full_name = $2, full_name_key = $3, metadata = $4, app_metadata = $5, locale = $6, updated_at = $7 WHERE id = $1`

// SetProfile implements auth.Store.
func (s *Store) SetProfile(ctx context.Context, userID uuid.UUID, p auth.Profile, now time.Time) error {
	return s.change(ctx, "set profile", setProfile,
		userID, p.FullName.Text, p.FullName.Key, string(p.Metadata), string(p.AppMetadata), p.Locale, timestamp(now))
}

const setRoles = `UPDATE users SET roles = $2, updated_at = $3 WHERE id = $1`

// SetRoles implements auth.Store.
func (s *Store) SetRoles(ctx context.Context, userID uuid.UUID, to []auth.Role, now time.Time) error {
	return s.change(ctx, "set roles", setRoles, userID, roles(to), timestamp(now))
}

const setUsername = `UPDATE users SET username = $2, username_key = $3, updated_at = $4 WHERE id = $1`

// SetUsername implements auth.AccountStore.
func (s *Store) SetUsername(ctx context.Context, userID uuid.UUID, username, key string, now time.Time) error {
	return s.change(ctx, "set user name", setUsername, userID, username, key, timestamp(now))
}

const setEmail = `
	UPDATE users SET email = $2, email_key = $3, email_verified_at = $4, pending_email = $5, updated_at = $6 WHERE id = $1`

// SetEmail implements auth.AccountStore.
func (s *Store) SetEmail(ctx context.Context, userID uuid.UUID, e auth.Email, now time.Time) error {
	return s.change(ctx, "set e-mail address", setEmail, userID, e.Address, e.Key, nullTimestamp{&e.VerifiedAt}, e.Pending, timestamp(now))
}

const setDeletion = `UPDATE users SET deletion_at = $2, updated_at = $3 WHERE id = $1`

// SetDeletion implements auth.AccountStore.
func (s *Store) SetDeletion(ctx context.Context, userID uuid.UUID, at *time.Time, now time.Time) error {
	return s.change(ctx, "set time of deletion", setDeletion, userID, nullTimestamp{&at}, timestamp(now))
}

var deletionsDue = `SELECT ` + userColumns.of("users") + `
	FROM users WHERE deletion_at IS NOT NULL AND deletion_at <= $1 ORDER BY deletion_at LIMIT $2`

// DeletionsDue implements auth.CleanupStore.
func (s *Store) DeletionsDue(ctx context.Context, now time.Time, limit int) ([]auth.User, error) {
	return list(ctx, s.read, "find accounts to delete", userFields, deletionsDue, timestamp(now), limit)
}

const deleteUser = `DELETE FROM users WHERE id = $1 RETURNING email_key`

// DeleteUser implements auth.Store. Foreign keys cascade to the user's sessions, credentials, attempts and mailed secrets.
func (s *Store) DeleteUser(ctx context.Context, userID uuid.UUID) error {
	const doing = "delete user"
	return s.together(ctx, func(tx *Store) error {
		keys, err := list(ctx, tx.write, doing, func(key **string) []any { return []any{key} }, deleteUser, userID)
		switch {
		case err != nil:
			return err
		case len(keys) == 0:
			return fmt.Errorf("%s: %w", doing, auth.ErrNotFound)
		}
		return tx.forgetRecipient(ctx, userID, keys[0])
	})
}

const recordSignIn = `UPDATE users SET last_login_at = $3 WHERE id = $1 AND credentials_version = $2 AND disabled_at IS NULL`

// RecordSignIn implements auth.Store. No index has the column, and the table's pages have free space, so PostgreSQL
// writes no index entry.
func (s *Store) RecordSignIn(ctx context.Context, userID uuid.UUID, credentialsVersion int, now time.Time) (bool, error) {
	n, err := s.exec(ctx, "record sign-in", recordSignIn, userID, credentialsVersion, timestamp(now))
	return n == 1, err
}

// CountUsers implements auth.Store.
func (s *Store) CountUsers(ctx context.Context, limit int) (n int, err error) {
	const query = `SELECT count(*) FROM (SELECT 1 FROM users LIMIT $1) AS counted`
	return n, s.row(ctx, "count users", []any{&n}, query, limit)
}

var usersWithoutKey = `SELECT ` + userColumns.of("users") + `
	FROM users WHERE full_name IS NOT NULL AND full_name_key IS NULL ORDER BY id LIMIT $1`

// UsersWithoutKey implements auth.Store.
func (s *Store) UsersWithoutKey(ctx context.Context, limit int) ([]auth.User, error) {
	return list(ctx, s.read, "find users without a key", userFields, usersWithoutKey, limit)
}

const setFullNameKey = `UPDATE users SET full_name_key = $3 WHERE id = $1 AND full_name = $2`

// SetFullNameKey implements auth.Store.
func (s *Store) SetFullNameKey(ctx context.Context, userID uuid.UUID, name, key string) error {
	_, err := s.exec(ctx, "set key of full name", setFullNameKey, userID, name, key)
	return err
}

// UsersByID implements auth.Store.
func (s *Store) UsersByID(ctx context.Context, ids []uuid.UUID) ([]auth.User, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	query := `SELECT ` + userColumns.of("users") + ` FROM users WHERE id IN (` + placeholders(len(ids)) + `)`
	return list(ctx, s.read, "find users", userFields, query, args...)
}

// hasRole selects users with the role $, an argument from roleWord. Its first condition matches that of the
// partial index users_roles_idx, which omits users with the role USER only. It does not use LIKE, in which
// "_" matches any character.
const hasRole = `roles <> 'USER' AND replace(' ' || roles || ' ', $, '') <> ' ' || roles || ' '`

func roleWord(r auth.Role) string { return " " + string(r) + " " }

var hasOtherAdmin = numbered(`
	SELECT EXISTS (SELECT 1 FROM users WHERE ` + hasRole + ` AND disabled_at IS NULL AND deletion_at IS NULL AND id <> $)`)

// HasOtherAdmin implements auth.Store.
func (s *Store) HasOtherAdmin(ctx context.Context, except uuid.UUID) (bool, error) {
	var has bool
	err := s.row(ctx, "look for another administrator", []any{&has}, hasOtherAdmin, roleWord(auth.RoleAdmin), except)
	return has, err
}

// roles are stored as their names, in the order of auth.SortRoles, separated by spaces.
type roles []auth.Role

// Value implements driver.Valuer.
func (r roles) Value() (driver.Value, error) {
	if slices.ContainsFunc(r, func(role auth.Role) bool { return !role.Valid() }) {
		return nil, errors.New("not the name of a role")
	}
	return words(auth.SortRoles(r)), nil
}

// Scan implements sql.Scanner. It drops what is not the name of a role.
func (r *roles) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("cannot read roles from %T", src)
	}
	*r = nil
	for name := range strings.FieldsSeq(text) {
		if role := auth.Role(name); role.Valid() {
			*r = append(*r, role)
		}
	}
	return nil
}

func words[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, word := range list {
		texts[i] = string(word)
	}
	return strings.Join(texts, " ")
}
