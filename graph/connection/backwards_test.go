package connection_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/graph/connection"
	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/sessions"
)

// TestBackwards walks through every list of the schema, forwards and backwards, by pages of every size.
func TestBackwards(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.signupUsers(t)
		for range 4 {
			f.Clock.Advance(time.Second)
			if _, err := f.Domain.Sessions.Login(t.Context(), sessions.LoginInput{Identifier: "root", Password: authtest.Password}); err != nil {
				t.Fatal(err)
			}
		}
		ctx := f.As(t, root.AccessToken)
		users := func(order *admin.UserOrder, filter *admin.UserFilter) func(a connection.PageArguments) ([]string, connection.PageInfo, error) {
			return func(a connection.PageArguments) (ids []string, _ connection.PageInfo, _ error) {
				page, err := f.Users(ctx, a, filter, order)
				if err != nil {
					return nil, connection.PageInfo{}, err
				}
				for _, e := range page.Edges {
					ids = append(ids, e.Node.ID.String())
				}
				return ids, page.PageInfo, nil
			}
		}
		lists := map[string]struct {
			elements int
			page     func(a connection.PageArguments) ([]string, connection.PageInfo, error)
		}{
			"users":                 {6, users(nil, nil)},
			"users by name":         {6, users(&admin.UserOrder{Field: auth.UsersByUsername, Direction: admin.Ascending}, nil)},
			"users by name, Z-A":    {6, users(&admin.UserOrder{Field: auth.UsersByUsername, Direction: admin.Descending}, nil)},
			"users found by search": {2, users(nil, &admin.UserFilter{Search: new("ada")})},
			"sessions": {5, func(a connection.PageArguments) (ids []string, _ connection.PageInfo, _ error) {
				page, err := f.SessionsOf(ctx, root.User, a)
				if err != nil {
					return nil, connection.PageInfo{}, err
				}
				for _, e := range page.Edges {
					ids = append(ids, e.Node.ID.String())
				}
				return ids, page.PageInfo, nil
			}},
			"events": {14, func(a connection.PageArguments) (ids []string, _ connection.PageInfo, _ error) {
				page, err := f.AuditEvents(ctx, a, nil)
				if err != nil {
					return nil, connection.PageInfo{}, err
				}
				for _, e := range page.Edges {
					ids = append(ids, e.Node.ID.String())
				}
				return ids, page.PageInfo, nil
			}},
		}
		for name, list := range lists {
			for size := 1; size <= list.elements+1; size++ {
				var forwards, backwards []string
				for a := (connection.PageArguments{First: &size}); ; {
					ids, info, err := list.page(a)
					if err != nil {
						t.Fatal(name, err)
					}
					forwards = append(forwards, ids...)
					if !info.HasNextPage {
						break
					}
					a.After = info.EndCursor
				}
				pages := 0
				for a := (connection.PageArguments{Last: &size}); ; pages++ {
					ids, info, err := list.page(a)
					if err != nil {
						t.Fatal(name, err)
					}
					if info.HasNextPage != (pages > 0) {
						t.Errorf("%s by %d: page %d from the end has a next page: %t", name, size, pages, info.HasNextPage)
					}
					backwards = append(slices.Clone(ids), backwards...)
					if !info.HasPreviousPage {
						break
					}
					a.Before = info.StartCursor
				}
				if len(forwards) != list.elements {
					t.Errorf("%s: %d elements, want %d", name, len(forwards), list.elements)
				}
				if diff := cmp.Diff(forwards, backwards); diff != "" {
					t.Errorf("%s, %s (-forwards +backwards):\n%s", name, fmt.Sprint("by ", size), diff)
				}
			}
		}
	})
}
