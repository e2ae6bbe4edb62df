package connection_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"usher/graph/connection"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
)

func TestOAuthClientPages(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada := f.admin(t, "root"), f.signup(t, accounts.Input{Username: new("ada")})
		ctx := f.As(t, root.AccessToken)
		var want []string
		for n := range 7 {
			f.Clock.Advance(time.Second)
			client, _, err := f.Domain.Operator.CreateClient(t.Context(), fmt.Sprint("Client ", n), nil)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, client.ID.String())
		}
		var cursor *string
		for _, size := range []int{1, 3, 7, 100} {
			var got []string
			var after *string
			for {
				page, err := f.OAuthClients(ctx, connection.PageArguments{First: &size, After: after})
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.Edges {
					got = append(got, e.Node.ID.String())
				}
				if page.PageInfo.HasPreviousPage != (after != nil) || page.PageInfo.HasNextPage != (len(got) < len(want)) {
					t.Errorf("by %d: after %d clients %+v", size, len(got), page.PageInfo)
				}
				if after = page.PageInfo.EndCursor; !page.PageInfo.HasNextPage {
					break
				}
				cursor = after
			}
			if !slices.Equal(got, want) {
				t.Errorf("by %d: %v, want %v", size, got, want)
			}
		}
		if _, err := f.AuditEvents(ctx, connection.PageArguments{After: cursor}, nil); authtest.Code(err) != "BAD_USER_INPUT after=INVALID_FORMAT" {
			t.Errorf("a cursor of another list: %v", err)
		}
		for _, size := range []int{0, 101} {
			if _, err := f.OAuthClients(ctx, connection.PageArguments{First: &size}); authtest.Code(err) != "BAD_USER_INPUT first=INVALID_FORMAT" {
				t.Errorf("%d clients: %v", size, err)
			}
		}
		if _, err := f.OAuthClients(f.As(t, ada.AccessToken), connection.PageArguments{}); authtest.Code(err) != "FORBIDDEN" {
			t.Errorf("as a user: %v", err)
		}
	})
}
