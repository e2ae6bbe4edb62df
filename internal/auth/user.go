package auth

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

// User is an account as its owner and administrators may see it. It holds no credential.
type User struct {
	// ID names the account for good. It is the subject of its access tokens.
	ID uuid.UUID
	// Username and Email are as the user wrote them; at least one is set.
	Username *string
	Email    *string
	FullName *string
	Roles    []Role
	// DisabledAt is when an administrator disabled the account; nil while it is enabled.
	DisabledAt *time.Time
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// IsAdmin reports whether the user has the role ADMIN.
func (u *User) IsAdmin() bool { return slices.Contains(u.Roles, RoleAdmin) }

// Account is a User with the keys by which it is found.
type Account struct {
	User
	// UsernameKey and EmailKey are the canonical forms that must be unique, FullNameKey is the one
	// that is searched; each is set when its User field is.
	UsernameKey *string
	EmailKey    *string
	FullNameKey *string
}

// Role is what a user may be: the schema's Role. A team that needs another one adds it here, in
// Roles, and in the schema.
type Role string

// The roles.
const (
	RoleUser  Role = "USER"
	RoleAdmin Role = "ADMIN"
)

// Roles lists every role there is, the most ordinary first.
var Roles = []Role{RoleUser, RoleAdmin}

// Valid reports whether r is one of Roles.
func (r Role) Valid() bool { return slices.Contains(Roles, r) }

// AccountStore keeps accounts.
type AccountStore interface {
	// CreateAccount writes a new account and its first credential. It returns ErrUsernameTaken or ErrEmailTaken
	// when another account holds the key; of many at once, exactly one succeeds.
	CreateAccount(ctx context.Context, a *Account, first *Credential) error
	// User finds a user by id.
	User(ctx context.Context, id uuid.UUID) (*User, error)
	// LockUser makes other transactions that lock the user or write to it wait until this one ends. It
	// reports whether the account is enabled.
	LockUser(ctx context.Context, userID uuid.UUID) (bool, error)
	// SetFullName changes a user's full name and its search key; nil removes both.
	SetFullName(ctx context.Context, userID uuid.UUID, name, key *string, now time.Time) error
	// DeleteUser deletes an account for good, with its credentials and its sessions.
	DeleteUser(ctx context.Context, userID uuid.UUID) error
}
