package auth

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"usher/internal/identity"
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
	// EmailVerifiedAt is when the owner of Email confirmed it; nil while nobody has.
	EmailVerifiedAt *time.Time
	// PendingEmail is the address to which Email changes once it is confirmed; nil without such a change.
	PendingEmail *string
	// Locale is the language tag of mails (BCP 47); nil if unknown.
	Locale *string
	Roles  []Role
	// Metadata is the user's own, and AppMetadata the administrators'.
	Metadata    jsonobject.Object
	AppMetadata jsonobject.Object
	// DisabledAt is when an administrator disabled the account; nil while it is enabled.
	DisabledAt *time.Time
	// DeletionAt is when the account will be deleted, as its user has asked; nil otherwise.
	DeletionAt *time.Time
	// CredentialsVersion counts the changes of the user's credentials. What was checked at one version proves nothing at
	// the next.
	CredentialsVersion int
	// Factors are the kinds of credentials that the user has beside the password.
	Factors []CredentialKind
	// FactorRemovedAt is when a factor was last removed; nil for never. Access tokens from before it may claim more than the
	// user could prove now.
	FactorRemovedAt *time.Time
	// FactorDueAt is when the user's time to set up a second factor is over, see FactorPolicy; nil if it has not started.
	FactorDueAt *time.Time
	// LastSignInAt is when the user last signed in; nil if they never have.
	LastSignInAt *time.Time
	CreatedAt    time.Time
	// UpdatedAt is when the account last changed. A sign-in is no change.
	UpdatedAt time.Time
}

// IsAdmin reports whether the user has the role ADMIN.
func (u *User) IsAdmin() bool { return slices.Contains(u.Roles, RoleAdmin) }

// HasVerifiedEmail reports whether the user has an e-mail address whose owner has confirmed it.
func (u *User) HasVerifiedEmail() bool { return u.Email != nil && u.EmailVerifiedAt != nil }

// EmailName returns the user's address with its canonical form; false without an address.
func (u *User) EmailName() (identity.Name, bool) {
	if u.Email == nil {
		return identity.Name{}, false
	}
	name, isEmail, ok := identity.ParseIdentifier(*u.Email) // which accepts the addresses of older accounts
	name.Display = *u.Email
	return name, ok && isEmail
}

// Profile is what describes a user. Operations replace it as a whole.
type Profile struct {
	FullName              FullName
	Locale                *string
	Metadata, AppMetadata jsonobject.Object
}

// Profile returns the user's profile.
func (u *User) Profile() Profile {
	p := Profile{Locale: u.Locale, Metadata: u.Metadata, AppMetadata: u.AppMetadata}
	if u.FullName != nil {
		p.FullName = FullName{u.FullName, new(SearchKey(*u.FullName))}
	}
	return p
}

// Email is an e-mail address of an account, and what is known of it.
type Email struct {
	// Address is as the user wrote it, and Key its canonical form; nil for none.
	Address, Key *string
	VerifiedAt   *time.Time
	// Pending is the address that replaces it once it is confirmed; nil for none.
	Pending *string
}

// VerifiedEmail says what depends on a verified e-mail address.
type VerifiedEmail struct {
	// Required says that users without a verified address get no access tokens for other APIs.
	Required bool
	// Claim says that the access tokens of users with a verified address have the claim email_verified, because a
	// guard with CheckToken looks at it.
	Claim bool
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
	// CreateAccount writes a new account and its first credential, nil for none. It returns ErrUsernameTaken or ErrEmailTaken when
	// another account has the key. Of many at once, exactly one succeeds.
	CreateAccount(ctx context.Context, a *Account, first *Credential) error
	// User finds a user by id.
	User(ctx context.Context, id uuid.UUID) (*User, error)
	// RecordSignIn sets the time of a user's last sign-in, if the account is enabled and the version of its credentials
	// is still the one that was checked, and reports whether it did. Other transactions that lock the user or write to
	// it wait until this one ends.
	RecordSignIn(ctx context.Context, userID uuid.UUID, credentialsVersion int, now time.Time) (bool, error)
	// LockUser makes other transactions that lock the user or write to it wait until this one ends. It
	// reports whether the account is enabled.
	LockUser(ctx context.Context, userID uuid.UUID) (bool, error)
	// SetProfile replaces a user's profile.
	SetProfile(ctx context.Context, userID uuid.UUID, p Profile, now time.Time) error
	// SetUsername changes a user's user name. It returns ErrUsernameTaken when another account has the key.
	SetUsername(ctx context.Context, userID uuid.UUID, username, key string, now time.Time) error
	// SetEmail changes a user's e-mail address. It returns ErrEmailTaken when another account has the key.
	SetEmail(ctx context.Context, userID uuid.UUID, e Email, now time.Time) error
	// SetDeletion sets when an account is to be deleted; nil for never.
	SetDeletion(ctx context.Context, userID uuid.UUID, at *time.Time, now time.Time) error
	// DeleteUser deletes an account with its credentials, its sessions and its mailed secrets. Mails about it lose their
	// recipient and their content, and queued ones become DROPPED, except for a queued ACCOUNT_DELETED. Mails that were
	// sent to its address lose the recipient too.
	DeleteUser(ctx context.Context, userID uuid.UUID) error
}
