package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// AdministrationStore keeps what administrators see and change.
type AdministrationStore interface {
	// SetDisabled disables an account as of a time, or enables it with nil.
	SetDisabled(ctx context.Context, userID uuid.UUID, at *time.Time, now time.Time) error
	// SetRoles changes a user's roles.
	SetRoles(ctx context.Context, userID uuid.UUID, roles []Role, now time.Time) error
	// Users lists the users that a query asks for, each with its position in the list.
	Users(ctx context.Context, q UserQuery) ([]PlacedUser, error)
	// UsersByID finds those of up to 200 users that exist, in no order.
	UsersByID(ctx context.Context, ids []uuid.UUID) ([]User, error)
	// LockAdministration makes other transactions that call it wait until this one ends.
	LockAdministration(ctx context.Context) error
	// HasOtherAdmin reports whether anybody but one user has the role ADMIN and an enabled account.
	HasOtherAdmin(ctx context.Context, except uuid.UUID) (bool, error)
}

// UserOrderField says by what users are listed: the schema's UserOrderField.
type UserOrderField string

// The orders. Each of them is made unique by the id. Those without a user name, or without an e-mail
// address, come as if it were empty.
const (
	UsersByCreatedAt UserOrderField = "CREATED_AT"
	UsersByUsername  UserOrderField = "USERNAME"
	UsersByEmail     UserOrderField = "EMAIL"
)

// UserQuery asks for a page of users. The zero values of its filters match everybody.
type UserQuery struct {
	// Search is how a key of the user begins: of the user name, the e-mail address or the full name.
	Search   string
	Role     Role
	Disabled *bool

	Order      UserOrderField
	Descending bool
	// After is the position to go on after; nil begins at the first.
	After *UserPosition
	Limit int
}

// UserPosition is a position in a list of users: the canonical key that the list is ordered by, if it
// is by one, and the id.
type UserPosition struct {
	Key string
	ID  uuid.UUID
}

// PlacedUser is a user and their position in a list.
type PlacedUser struct {
	User     User
	Position UserPosition
}
