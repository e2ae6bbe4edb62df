package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/identity"
)

// UserFilter selects users. Nil fields match every user.
type UserFilter struct {
	// Search is a prefix of the user name, the e-mail address or the full name, in upper or lower case.
	Search   *string
	Role     *auth.Role
	Disabled *bool
}

// UserOrder is the order of a list of users.
type UserOrder struct {
	Field     auth.UserOrderField
	Direction OrderDirection
}

// OrderDirection is the direction of an order: the schema's OrderDirection.
type OrderDirection string

// The directions.
const (
	Ascending  OrderDirection = "ASC"
	Descending OrderDirection = "DESC"
)

// orDefault returns the order; nil means the newest first. It rejects values that the schema does not have.
func (o *UserOrder) orDefault() (UserOrder, error) {
	if o == nil {
		return UserOrder{Field: auth.UsersByCreatedAt, Direction: Descending}, nil
	}
	var problem string
	switch {
	case !slices.Contains([]auth.UserOrderField{auth.UsersByCreatedAt, auth.UsersByUsername, auth.UsersByEmail}, o.Field):
		problem = "field"
	case !slices.Contains([]OrderDirection{Ascending, Descending}, o.Direction):
		problem = "direction"
	default:
		return *o, nil
	}
	return UserOrder{}, auth.BadInput(auth.FieldError{Field: problem, Code: auth.InputInvalidFormat, Message: "Use a value that the schema defines."})
}

// UserList is a list of users for an administrator.
type UserList struct {
	// Order is the order of the list.
	Order UserOrder
	query auth.UserQuery
	store Store
}

// Users returns the list of the users that match a filter, in an order; nil means the newest first.
func (s *Service) Users(ctx context.Context, filter *UserFilter, order *UserOrder) (*UserList, error) {
	if _, err := s.access.Administrator(ctx); err != nil {
		return nil, err
	}
	by, err := order.orDefault()
	if err != nil {
		return nil, err
	}
	l := &UserList{Order: by, query: auth.UserQuery{Order: by.Field, Descending: by.Direction == Descending}, store: s.store}
	if err := filter.apply(&l.query); err != nil {
		return nil, err
	}
	return l, nil
}

// Read reads a page of the list.
func (l *UserList) Read(ctx context.Context, page auth.Page[auth.UserPosition]) ([]auth.PlacedUser, error) {
	query := l.query
	query.Page = page
	return l.store.Users(ctx, query)
}

// maxSearch is the longest text to search for, in code points. No name is longer.
const maxSearch = identity.MaxFullName

// apply puts the filter into a query.
func (f *UserFilter) apply(q *auth.UserQuery) error {
	if f == nil {
		return nil
	}
	if f.Search != nil {
		if utf8.RuneCountInString(*f.Search) > maxSearch {
			return auth.BadInput(auth.FieldError{Field: "search", Code: auth.InputTooLong, Message: fmt.Sprintf("Use at most %d characters.", maxSearch)})
		}
		q.Search = auth.SearchKey(*f.Search)
		if email, err := identity.ParseEmail(*f.Search); err == nil { // the key of an address has another form
			q.Search = email.Key
		}
		if strings.Contains(q.Search, "\x00") { // which PostgreSQL cannot store
			return auth.BadInput(auth.FieldError{Field: "search", Code: auth.InputInvalidFormat, Message: "Use characters that a name can have."})
		}
	}
	if f.Role != nil {
		if !f.Role.Valid() { // it may contain what PostgreSQL cannot store
			return auth.BadInput(auth.FieldError{Field: "role", Code: auth.InputInvalidFormat, Message: roleMessage})
		}
		q.Role = *f.Role
	}
	q.Disabled = f.Disabled
	return nil
}

// User returns a user, nil when no user has the id.
func (s *Service) User(ctx context.Context, id uuid.UUID) (*auth.User, error) {
	if _, err := s.access.Administrator(ctx); err != nil {
		return nil, err
	}
	user, err := s.store.User(ctx, id)
	if errors.Is(err, auth.ErrNotFound) {
		return nil, nil
	}
	return user, err
}
