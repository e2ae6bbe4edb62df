package connection_test

import (
	"fmt"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/auth/sessions"
)

func TestSessionPages(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		eve := f.signup(t, accounts.Input{Username: new("eve")})
		ada := f.signup(t, accounts.Input{Username: new("ada")})
		for range 6 {
			f.Clock.Advance(time.Second)
			var err error
			if ada, err = f.Domain.Sessions.Login(t.Context(), sessions.LoginInput{Identifier: "ada", Password: authtest.Password}); err != nil {
				t.Fatal(err)
			}
		}
		ctx := f.As(t, ada.AccessToken)
		var got []string
		var after *string
		for pages := 1; ; pages++ {
			page, err := f.SessionsOf(ctx, ada.User, first(3, after))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Edges {
				got = append(got, fmt.Sprint(e.Node.CreatedAt.Second(), e.Node.ID == ada.Session.ID))
			}
			if page.PageInfo.HasPreviousPage != (pages > 1) || page.PageInfo.HasNextPage != (pages < 3) {
				t.Errorf("page %d: %+v", pages, page.PageInfo)
			}
			if !page.PageInfo.HasNextPage {
				break
			}
			after = page.PageInfo.EndCursor
		}
		if want := "[6 true 5 false 4 false 3 false 2 false 1 false 0 false]"; fmt.Sprint(got) != want {
			t.Errorf("sessions %v, want %v", got, want)
		}

		bad := func(name, want string, user *auth.User, as *sessions.Tokens, n int, after *string) {
			t.Helper()
			if _, err := f.SessionsOf(f.As(t, as.AccessToken), user, first(n, after)); authtest.Code(err) != want {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
		bad("none", "BAD_USER_INPUT first=INVALID_FORMAT", ada.User, ada, 0, nil)
		bad("too many", "BAD_USER_INPUT first=INVALID_FORMAT", ada.User, ada, 101, nil)
		bad("no cursor", "BAD_USER_INPUT after=INVALID_FORMAT", ada.User, ada, 1, new(""))
		bad("garbage", "BAD_USER_INPUT after=INVALID_FORMAT", ada.User, ada, 1, new("garbage"))
		bad("another's cursor", "BAD_USER_INPUT after=INVALID_FORMAT", eve.User, eve, 1, after)
		bad("a refresh token", "BAD_USER_INPUT after=INVALID_FORMAT", ada.User, ada, 1, new(ada.RefreshToken[4:]))
		bad("another user", "FORBIDDEN", ada.User, eve, 1, nil)
	})
}

// TestSessionsOfAnother has an administrator list the sessions of a user.
func TestSessionsOfAnother(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada := f.admin(t, "root"), f.signup(t, accounts.Input{Username: new("ada")})
		ctx := f.As(t, root.AccessToken)
		page, err := f.SessionsOf(ctx, ada.User, first(10, nil))
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Edges) != 1 || page.Edges[0].Node.ID != ada.Session.ID {
			t.Errorf("sessions %+v, want the one of the user", page.Edges)
		}
	})
}
