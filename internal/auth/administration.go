package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// AdministrationStore stores what administrators see and change.
type AdministrationStore interface {
	RoleStore
	// SetDisabled disables an account as of a time, or enables it with nil.
	SetDisabled(ctx context.Context, userID uuid.UUID, at *time.Time, now time.Time) error
	// SetRoles changes a user's roles.
	SetRoles(ctx context.Context, userID uuid.UUID, roles []Role, now time.Time) error
	// Users lists the users that match a query, each with its position in the list.
	Users(ctx context.Context, q UserQuery) ([]PlacedUser, error)
	// CountUsers counts all users, up to a limit.
	CountUsers(ctx context.Context, limit int) (int, error)
	// UsersByID finds up to 200 users. It leaves out unknown ids, and the order is undefined.
	UsersByID(ctx context.Context, ids []uuid.UUID) ([]User, error)
	// LockAdministration makes other transactions that call it wait until this one ends.
	LockAdministration(ctx context.Context) error
	// HasOtherAdmin reports whether a user other than one has the role ADMIN and an enabled account that is not to be
	// deleted.
	HasOtherAdmin(ctx context.Context, except uuid.UUID) (bool, error)
}

// UserOrderField is the field that orders a list of users: the schema's UserOrderField.
type UserOrderField string

// The order fields. Among equals the id decides. A user without a user name or an e-mail address is listed as if it were
// empty.
const (
	UsersByCreatedAt UserOrderField = "CREATED_AT"
	UsersByUsername  UserOrderField = "USERNAME"
	UsersByEmail     UserOrderField = "EMAIL"
)

// UserQuery selects a page of users. Zero filters match every user.
type UserQuery struct {
	// Search is a prefix of a key of the user: of the user name, the e-mail address or the full name.
	Search   string
	Role     Role
	Disabled *bool

	Order      UserOrderField
	Descending bool
	Page[UserPosition]
}

// UserPosition is a position in a list of users: the canonical key of the order field, if it has one, and the id.
type UserPosition struct {
	Key string
	ID  uuid.UUID
}

// PlacedUser is a user and their position in a list.
type PlacedUser struct {
	User     User
	Position UserPosition
}
