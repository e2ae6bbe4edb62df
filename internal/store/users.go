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
	userColumns    = columns{"id", "username", "email", "full_name", "roles", "disabled_at", "created_at", "updated_at"}
	accountColumns = slices.Concat(userColumns, columns{"username_key", "email_key", "password_hash"})
)

func userFields(u *auth.User) []any {
	return []any{
		&u.ID, &u.Username, &u.Email, &u.FullName, (*roles)(&u.Roles),
		nullTimestamp{&u.DisabledAt},
		(*timestamp)(&u.CreatedAt), (*timestamp)(&u.UpdatedAt),
	}
}

func accountFields(a *auth.Account) []any {
	return append(userFields(&a.User), &a.UsernameKey, &a.EmailKey, &a.PasswordHash)
}

var insertAccount = accountColumns.insert("users")

// CreateAccount implements auth.Store.
func (s *Store) CreateAccount(ctx context.Context, a *auth.Account) error {
	_, err := s.exec(ctx, "create account", insertAccount, accountFields(a)...)
	return err
}

var userByID = `SELECT ` + userColumns.of("users") + ` FROM users WHERE id = $1`

// User implements auth.Store.
func (s *Store) User(ctx context.Context, id uuid.UUID) (*auth.User, error) {
	u := new(auth.User)
	if err := s.read.QueryRowxContext(ctx, userByID, id).Scan(userFields(u)...); err != nil {
		return nil, fault(ctx, "find user", err)
	}
	return u, nil
}

var (
	accountByUsername = `SELECT ` + accountColumns.of("users") + ` FROM users WHERE username_key = $1`
	accountByEmail    = `SELECT ` + accountColumns.of("users") + ` FROM users WHERE email_key = $1`
)

// AccountByUsername implements auth.Store.
func (s *Store) AccountByUsername(ctx context.Context, key string) (*auth.Account, error) {
	return s.account(ctx, accountByUsername, key)
}

// AccountByEmail implements auth.Store.
func (s *Store) AccountByEmail(ctx context.Context, key string) (*auth.Account, error) {
	return s.account(ctx, accountByEmail, key)
}

func (s *Store) account(ctx context.Context, query, key string) (*auth.Account, error) {
	a := new(auth.Account)
	if err := s.read.QueryRowxContext(ctx, query, key).Scan(accountFields(a)...); err != nil {
		return nil, fault(ctx, "find account", err)
	}
	return a, nil
}

const replacePasswordHash = `
	UPDATE users SET password_hash = $3, updated_at = $4
	WHERE id = $1 AND password_hash = $2`

// ReplacePasswordHash implements auth.Store.
func (s *Store) ReplacePasswordHash(ctx context.Context, userID uuid.UUID, old, hash string, now time.Time) (bool, error) {
	n, err := s.exec(ctx, "replace password hash", replacePasswordHash, userID, old, hash, timestamp(now))
	return n == 1, err
}

const setDisabled = `UPDATE users SET disabled_at = $2, updated_at = $3 WHERE id = $1`

// SetDisabled implements auth.Store.
func (s *Store) SetDisabled(ctx context.Context, userID uuid.UUID, at *time.Time, now time.Time) error {
	const doing = "disable or enable account"
	n, err := s.exec(ctx, doing, setDisabled, userID, nullTimestamp{&at}, timestamp(now))
	if err == nil && n == 0 {
		err = fmt.Errorf("%s: %w", doing, auth.ErrNotFound)
	}
	return err
}

const lockUser = `UPDATE users SET last_login_at = $2 WHERE id = $1 AND disabled_at IS NULL`

// LockUser implements auth.Store.
func (s *Store) LockUser(ctx context.Context, userID uuid.UUID, now time.Time) (bool, error) {
	n, err := s.exec(ctx, "lock user", lockUser, userID, timestamp(now))
	return n == 1, err
}

// The order of ids is the order of creation, since they are UUIDs of version 7.
var usersAfter = `SELECT ` + userColumns.of("users") + ` FROM users WHERE id > $1 ORDER BY id LIMIT $2`

// Users implements auth.Store.
func (s *Store) Users(ctx context.Context, after uuid.UUID, limit int) ([]auth.User, error) {
	const doing = "list users"
	rows, err := s.read.QueryxContext(ctx, usersAfter, after, limit)
	if err != nil {
		return nil, fault(ctx, doing, err)
	}
	defer rows.Close()
	var users []auth.User
	for rows.Next() {
		var u auth.User
		if err := rows.Scan(userFields(&u)...); err != nil {
			return nil, fault(ctx, doing, err)
		}
		users = append(users, u)
	}
	return users, fault(ctx, doing, rows.Err())
}

// roles are kept as their names, each once, in the order of auth.Roles, with a space between.
type roles []auth.Role

// Value implements driver.Valuer.
func (r roles) Value() (driver.Value, error) {
	var names []string
	for _, role := range auth.Roles {
		if slices.Contains(r, role) {
			names = append(names, string(role))
		}
	}
	if slices.ContainsFunc(r, func(role auth.Role) bool { return !role.Valid() }) {
		return nil, errors.New("a role that is not in auth.Roles")
	}
	return strings.Join(names, " "), nil
}

// Scan implements sql.Scanner. It drops roles that are not in auth.Roles: they grant nothing here,
// and their users can still sign in on a replica that is older than the one that gave the role.
func (r *roles) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("roles are not text but a %T", src)
	}
	*r = nil
	for name := range strings.FieldsSeq(text) {
		if role := auth.Role(name); role.Valid() {
			*r = append(*r, role)
		}
	}
	return nil
}
