package auth

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"usher/internal/jsonobject"
)

// User is an account as its owner and administrators may see it. It contains no credential.
type User struct {
	// ID never changes. It is the subject of the account's access tokens.
	ID uuid.UUID
	// Username and Email are as the user wrote them; at least one is set.
	Username *string
	Email    *string
	FullName *string
	Roles    []Role
	// Metadata is the user's own, and AppMetadata the administrators'.
	Metadata    jsonobject.Object
	AppMetadata jsonobject.Object
	// DisabledAt is when an administrator disabled the account; nil while it is enabled.
	DisabledAt *time.Time
	// LastSignInAt is when the user last signed in; nil if they never have.
	LastSignInAt *time.Time
	CreatedAt    time.Time
	// UpdatedAt is when the account last changed. A sign-in is no change.
	UpdatedAt time.Time
}

// IsAdmin reports whether the user has the role ADMIN.
func (u *User) IsAdmin() bool { return slices.Contains(u.Roles, RoleAdmin) }

// Profile is what describes a user. Operations replace it as a whole.
type Profile struct {
	FullName              FullName
	Metadata, AppMetadata jsonobject.Object
}

// Profile returns the user's profile.
func (u *User) Profile() Profile {
	p := Profile{Metadata: u.Metadata, AppMetadata: u.AppMetadata}
	if u.FullName != nil {
		p.FullName = FullName{u.FullName, new(SearchKey(*u.FullName))}
	}
	return p
}

// Account is a User with its search keys.
type Account struct {
	User
	// UsernameKey and EmailKey are canonical forms and must be unique. FullNameKey is for search only. Each is set
	// when its User field is.
	UsernameKey *string
	EmailKey    *string
	FullNameKey *string
}

// AccountStore stores accounts.
type AccountStore interface {
	// CreateAccount writes a new account and its first credential. It returns ErrUsernameTaken or ErrEmailTaken when
	// another account has the key. Of many at once, exactly one succeeds.
	CreateAccount(ctx context.Context, a *Account, first *Credential) error
	// User finds a user by id.
	User(ctx context.Context, id uuid.UUID) (*User, error)
	// RecordSignIn sets the time of a user's last sign-in, if the account is enabled, and reports whether it is. Other
	// transactions that lock the user or write to it wait until this one ends.
	RecordSignIn(ctx context.Context, userID uuid.UUID, now time.Time) (bool, error)
	// LockUser makes other transactions that lock the user or write to it wait until this one ends. It
	// reports whether the account is enabled.
	LockUser(ctx context.Context, userID uuid.UUID) (bool, error)
	// SetProfile replaces a user's profile.
	SetProfile(ctx context.Context, userID uuid.UUID, p Profile, now time.Time) error
	// DeleteUser deletes an account with its credentials and its sessions.
	DeleteUser(ctx context.Context, userID uuid.UUID) error
}
