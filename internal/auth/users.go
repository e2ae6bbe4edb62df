package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"usher/internal/identity"
)

// UserFilter says which users to list. What is nil lets everybody through.
type UserFilter struct {
	// Search is how a user name, an e-mail address or a full name begins; upper and lower case are
	// the same.
	Search   *string
	Role     *Role
	Disabled *bool
}

// UserOrder says in which order to list users.
type UserOrder struct {
	Field     UserOrderField
	Direction OrderDirection
}

// OrderDirection says which end of a list comes first: the schema's OrderDirection.
type OrderDirection string

// The directions.
const (
	Ascending  OrderDirection = "ASC"
	Descending OrderDirection = "DESC"
)

func (o *UserOrder) check() error {
	var problem string
	switch {
	case !slices.Contains([]UserOrderField{UsersByCreatedAt, UsersByUsername, UsersByEmail}, o.Field):
		problem = "field"
	case !slices.Contains([]OrderDirection{Ascending, Descending}, o.Direction):
		problem = "direction"
	default:
		return nil
	}
	return BadInput(FieldError{Path: []string{"orderBy", problem}, Code: InputInvalidFormat, Message: "Use a value of the schema."})
}

// UserConnection is a page of users.
type UserConnection struct {
	Edges    []UserEdge
	PageInfo PageInfo
}

// UserEdge is a user in a page.
type UserEdge struct {
	Cursor string
	Node   *User
}

// Users lists users: up to first of them, after a cursor of an earlier page in the same order when
// it is not nil. Without an order the newest come first. It is for administrators.
func (s *Service) Users(ctx context.Context, first int, after *string, filter *UserFilter, order *UserOrder) (*UserConnection, error) {
	if _, err := s.administrator(ctx); err != nil {
		return nil, err
	}
	if order == nil {
		order = &UserOrder{Field: UsersByCreatedAt, Direction: Descending}
	}
	if err := order.check(); err != nil {
		return nil, err
	}
	query := UserQuery{Order: order.Field, Descending: order.Direction == Descending}
	if err := filter.apply(&query); err != nil {
		return nil, err
	}
	users := list[PlacedUser, UserPosition]{
		scope: fmt.Sprintf("users by %s %s", order.Field, order.Direction),
		read: func(after *UserPosition, limit int) ([]PlacedUser, error) {
			query.After, query.Limit = after, limit
			return s.store.Users(ctx, query)
		},
		place: placeOfUser,
		parse: parseUserPosition,
	}
	edges, info, err := page(s, users, first, after, func(cursor string, u *PlacedUser) UserEdge {
		return UserEdge{Cursor: cursor, Node: &u.User}
	})
	if err != nil {
		return nil, err
	}
	return &UserConnection{Edges: edges, PageInfo: info}, nil
}

func placeOfUser(u *PlacedUser) []byte {
	return append(u.Position.ID[:], u.Position.Key...)
}

func parseUserPosition(content []byte) (p UserPosition, err error) {
	n := min(len(content), len(p.ID))
	p.ID, err = uuid.FromBytes(content[:n])
	p.Key = string(content[n:])
	return p, err
}

// maxSearch is the length of the longest text to search for, in code points: that of the longest
// name.
const maxSearch = identity.MaxFullName

// apply puts the filter into a query.
func (f *UserFilter) apply(q *UserQuery) error {
	if f == nil {
		return nil
	}
	if f.Search != nil {
		path := []string{"filter", "search"}
		if utf8.RuneCountInString(*f.Search) > maxSearch {
			return BadInput(FieldError{Path: path, Code: InputTooLong, Message: fmt.Sprintf("Use at most %d characters.", maxSearch)})
		}
		q.Search = searchKey(*f.Search)
		if email, err := identity.ParseEmail(*f.Search); err == nil { // its key can look quite different
			q.Search = email.Key
		}
		if strings.Contains(q.Search, "\x00") { // PostgreSQL has no text with it
			return BadInput(FieldError{Path: path, Code: InputInvalidFormat, Message: "Use characters that a name can have."})
		}
	}
	if f.Role != nil {
		q.Role = *f.Role
	}
	q.Disabled = f.Disabled
	return nil
}

// User returns a user, nil when there is none with the id. It is for administrators.
func (s *Service) User(ctx context.Context, id uuid.UUID) (*User, error) {
	if _, err := s.administrator(ctx); err != nil {
		return nil, err
	}
	user, err := s.store.User(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return user, err
}
