package connection_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/graph/connection"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
)

func name(u *auth.User) string {
	if u.Username != nil {
		return *u.Username
	}
	return *u.Email
}

func TestUsers(t *testing.T) {
	t.Parallel()
	ascending, descending := admin.Ascending, admin.Descending
	tests := map[string]struct {
		filter *admin.UserFilter
		order  *admin.UserOrder
		want   string
	}{
		"everybody":    {nil, nil, "zoe Bob Babbage@example.com ada Eve root"},
		"empty filter": {&admin.UserFilter{}, nil, "zoe Bob Babbage@example.com ada Eve root"},
		"oldest first": {nil, &admin.UserOrder{Field: auth.UsersByCreatedAt, Direction: ascending}, "root Eve ada Babbage@example.com Bob zoe"},
		"newest first": {nil, &admin.UserOrder{Field: auth.UsersByCreatedAt, Direction: descending}, "zoe Bob Babbage@example.com ada Eve root"},
		"by name":      {nil, &admin.UserOrder{Field: auth.UsersByUsername, Direction: ascending}, "Babbage@example.com ada Bob Eve root zoe"},
		"by name, Z-A": {nil, &admin.UserOrder{Field: auth.UsersByUsername, Direction: descending}, "zoe root Eve Bob ada Babbage@example.com"},
		"by address":   {nil, &admin.UserOrder{Field: auth.UsersByEmail, Direction: ascending}, "root Eve zoe Bob Babbage@example.com ada"},
		"by address, Z-A": {
			nil, &admin.UserOrder{Field: auth.UsersByEmail, Direction: descending}, "ada Babbage@example.com Bob zoe Eve root",
		},

		"empty search":       {&admin.UserFilter{Search: new("")}, nil, "zoe Bob Babbage@example.com ada Eve root"},
		"blank search":       {&admin.UserFilter{Search: new(" \t")}, nil, "zoe Bob Babbage@example.com ada Eve root"},
		"search":             {&admin.UserFilter{Search: new("ADA")}, nil, "ada Eve"},
		"search an address":  {&admin.UserFilter{Search: new("babbage@EX")}, nil, "Babbage@example.com"},
		"search a full name": {&admin.UserFilter{Search: new("countess of  l")}, nil, "ada"},
		"search the middle":  {&admin.UserFilter{Search: new("ovelace")}, nil, ""},
		"search full width":  {&admin.UserFilter{Search: new("ｒｏｏｔ")}, nil, "root"},
		"wildcards":          {&admin.UserFilter{Search: new("%")}, nil, ""},
		"quote":              {&admin.UserFilter{Search: new("ada'")}, nil, "Eve"},
		"longest search":     {&admin.UserFilter{Search: new(strings.Repeat("ä", 200))}, nil, ""},
		"invalid UTF-8":      {&admin.UserFilter{Search: new("ro\xffot")}, nil, "root"},

		"administrators":         {&admin.UserFilter{Role: new(auth.RoleAdmin)}, nil, "zoe root"},
		"users":                  {&admin.UserFilter{Role: new(auth.RoleUser)}, nil, "zoe Bob Babbage@example.com ada Eve root"},
		"disabled":               {&admin.UserFilter{Disabled: new(true)}, nil, "zoe Bob"},
		"enabled":                {&admin.UserFilter{Disabled: new(false)}, nil, "Babbage@example.com ada Eve root"},
		"all of it":              {&admin.UserFilter{Search: new("z"), Role: new(auth.RoleAdmin), Disabled: new(true)}, nil, "zoe"},
		"all of it and not them": {&admin.UserFilter{Search: new("z"), Role: new(auth.RoleAdmin), Disabled: new(false)}, nil, ""},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.signupUsers(t)
		ctx := f.As(t, root.AccessToken)
		for test, tt := range tests {
			for _, size := range []int{1, 2, 5, 6, 100} {
				var got []string
				var after *string
				for pages := 1; ; pages++ {
					page, err := f.Users(ctx, first(size, after), tt.filter, tt.order)
					if err != nil {
						t.Fatalf("%s: %v", test, err)
					}
					for _, e := range page.Edges {
						got = append(got, name(e.Node))
					}
					if n := len(page.Edges); n > size || n < size && page.PageInfo.HasNextPage {
						t.Errorf("%s: %d users on a page of %d", test, n, size)
					}
					wantEnds(t, page.PageInfo, pages > 1, len(page.Edges), func(i int) string { return page.Edges[i].Cursor })
					if !page.PageInfo.HasNextPage {
						break
					}
					after = page.PageInfo.EndCursor
				}
				if got := strings.Join(got, " "); got != tt.want {
					t.Errorf("%s, by %d: %s, want %s", test, size, got, tt.want)
				}
			}
		}
	})
}

// wantEnds checks the page info of a page of n edges.
func wantEnds(t *testing.T, got connection.PageInfo, previous bool, n int, cursor func(i int) string) {
	t.Helper()
	if previous && n == 0 {
		t.Error("a page was promised and is empty")
	}
	want := connection.PageInfo{HasNextPage: got.HasNextPage, HasPreviousPage: previous}
	if n > 0 {
		want.StartCursor, want.EndCursor = new(cursor(0)), new(cursor(n-1))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("page info (-want +got):\n%s", diff)
	}
}

// TestUsersAmid pages through the list while users are created and deleted. Every other user is listed once.
func TestUsersAmid(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.signupUsers(t)
		ctx := f.As(t, root.AccessToken)
		order := &admin.UserOrder{Field: auth.UsersByUsername, Direction: admin.Ascending}
		start, err := f.Users(ctx, first(3, nil), nil, order) // Babbage, ada, Bob
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Store.DeleteUser(ctx, start.Edges[2].Node.ID); err != nil { // the user of the cursor
			t.Fatal(err)
		}
		f.signup(t, accounts.Input{Username: new("aaron")})
		f.signup(t, accounts.Input{Username: new("carol")})
		next, err := f.Users(ctx, first(3, start.PageInfo.EndCursor), nil, order)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range next.Edges {
			got = append(got, name(e.Node))
		}
		if want := "[carol Eve root]"; fmt.Sprint(got) != want {
			t.Errorf("the second page has %v, want %s", got, want)
		}
	})
}

func TestUsersBadInput(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.signupUsers(t)
		ctx := f.As(t, root.AccessToken)
		order := func(by auth.UserOrderField, direction admin.OrderDirection) *admin.UserOrder {
			return &admin.UserOrder{Field: by, Direction: direction}
		}
		cursor := func(order *admin.UserOrder) *string {
			page, err := f.Users(ctx, first(1, nil), nil, order)
			if err != nil {
				t.Fatal(err)
			}
			return page.PageInfo.EndCursor
		}
		ofRoot, err := f.SessionsOf(ctx, root.User, first(1, nil))
		if err != nil {
			t.Fatal(err)
		}
		events, err := f.AuditEvents(ctx, first(1, nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		tests := map[string]struct {
			first  int
			after  *string
			search *string
			want   string
		}{
			"none":                     {0, nil, nil, "first=INVALID_FORMAT"},
			"less than none":           {-1, nil, nil, "first=INVALID_FORMAT"},
			"too many":                 {101, nil, nil, "first=INVALID_FORMAT"},
			"no cursor":                {1, new(""), nil, "after=INVALID_FORMAT"},
			"garbage":                  {1, new("garbage"), nil, "after=INVALID_FORMAT"},
			"cursor of another order":  {1, cursor(order(auth.UsersByEmail, admin.Ascending)), nil, "after=INVALID_FORMAT"},
			"cursor of the other way":  {1, cursor(order(auth.UsersByUsername, admin.Descending)), nil, "after=INVALID_FORMAT"},
			"cursor of the first list": {1, cursor(nil), nil, "after=INVALID_FORMAT"},
			"cursor of sessions":       {1, ofRoot.PageInfo.EndCursor, nil, "after=INVALID_FORMAT"},
			"cursor of events":         {1, events.PageInfo.EndCursor, nil, "after=INVALID_FORMAT"},
			"refresh token":            {1, new(root.RefreshToken[4:]), nil, "after=INVALID_FORMAT"},
			"long search":              {1, nil, new(strings.Repeat("a", 201)), "search=TOO_LONG"},
			"NUL":                      {1, nil, new("a\x00"), "search=INVALID_FORMAT"},
		}
		for name, tt := range tests {
			page, err := f.Users(ctx, first(tt.first, tt.after), &admin.UserFilter{Search: tt.search}, order(auth.UsersByUsername, admin.Ascending))
			if page != nil {
				t.Errorf("%s: a page", name)
			}
			if got := authtest.Code(err); got != "BAD_USER_INPUT "+tt.want {
				t.Errorf("%s: %q, want %q", name, got, tt.want)
			}
		}
		for name, order := range map[string]*admin.UserOrder{
			"field": order("PASSWORD", admin.Ascending), "direction": order(auth.UsersByEmail, "UP"),
		} {
			_, err := f.Users(ctx, first(1, nil), nil, order)
			if got, want := authtest.Code(err), "BAD_USER_INPUT "+name+"=INVALID_FORMAT"; got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	})
}

// TestSearchLongName finds names with search keys many times as long as the names.
func TestSearchLongName(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		long := strings.Repeat("\ufdfa", 200) // 18 code points each
		if _, err := f.Domain.Admin.UpdateUser(f.As(t, root.AccessToken), admin.UpdateUserInput{UserID: f.signup(t, accounts.Input{Username: new("ada")}).User.ID, FullName: &long}); err != nil {
			t.Fatal(err)
		}
		for _, search := range []string{long[:3], long[:60], long} {
			page, err := f.Users(f.As(t, root.AccessToken), first(10, nil), &admin.UserFilter{Search: &search}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Edges) != 1 || *page.Edges[0].Node.FullName != long {
				t.Errorf("%d users found by %d bytes of the name, want one", len(page.Edges), len(search))
			}
		}
	})
}
