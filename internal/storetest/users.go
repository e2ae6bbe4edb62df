package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// oldestFirst queries all users in the order of their creation.
var oldestFirst = auth.UserQuery{Order: auth.UsersByCreatedAt, Page: auth.Page[auth.UserPosition]{Limit: math.MaxInt32}}

func listUsers(t *testing.T, s auth.Store, q auth.UserQuery) []auth.PlacedUser {
	t.Helper()
	placed, err := s.Users(t.Context(), q)
	if err != nil {
		t.Fatalf("Users of %+v: %v", q, err)
	}
	return placed
}

func allUsers(t *testing.T, s auth.Store) []auth.User {
	t.Helper()
	var users []auth.User
	for _, placed := range listUsers(t, s, oldestFirst) {
		users = append(users, placed.User)
	}
	return users
}

// numbersOf returns the n of each newAccount that a query finds.
func numbersOf(t *testing.T, s auth.Store, q auth.UserQuery) []int {
	t.Helper()
	numbers := []int{}
	for _, placed := range listUsers(t, s, q) {
		numbers = append(numbers, numberOf(placed.User.ID))
	}
	return numbers
}

// orders has all orders, each with the function that returns an account's sort key.
var orders = map[auth.UserOrderField]func(a *auth.Account) string{
	auth.UsersByCreatedAt: func(*auth.Account) string { return "" },
	auth.UsersByUsername:  func(a *auth.Account) string { return keyOf(a.UsernameKey) },
	auth.UsersByEmail:     func(a *auth.Account) string { return keyOf(a.EmailKey) },
}

func keyOf(key *string) string {
	if key == nil {
		return ""
	}
	return *key
}

func usersEveryColumn(t *testing.T, s auth.Store) {
	want := newAccount(1)
	complete(t, "account", want)
	create(t, s, want)
	for order, key := range orders {
		equal(t, "Users by "+string(order), listUsers(t, s, auth.UserQuery{Order: order, Page: auth.Page[auth.UserPosition]{Limit: 1}}),
			[]auth.PlacedUser{{User: want.User, Position: auth.UserPosition{Key: key(want), ID: want.ID}}})
	}
	if placed, err := s.Users(t.Context(), auth.UserQuery{Order: "AGE", Page: auth.Page[auth.UserPosition]{Limit: 1}}); err == nil {
		t.Errorf("Users with an unknown order: %v, want an error", placed)
	}
}

// listed returns accounts in the order of their creation. Their keys have another order, which is by bytes: "Z"
// sorts before "a", punctuation as in ASCII, and letters with accents last. Accounts without a key have equal
// sort keys.
func listed() []*auth.Account {
	names := []string{"b", "", "Z", "é", "a-b", "", "ab", "a_b", "", "a b", "漢", "a", "z", "😀", "A"}
	accounts := make([]*auth.Account, len(names))
	for i, name := range names {
		a := newAccount(i)
		if *a.UsernameKey = name; name == "" {
			a.Username, a.UsernameKey = nil, nil
		}
		if *a.EmailKey = names[len(names)-1-i]; *a.EmailKey == "" {
			a.Email, a.EmailKey = nil, nil
		}
		accounts[i] = a
	}
	return accounts
}

// sorted returns accounts in the order of a query.
func sorted(accounts []*auth.Account, q auth.UserQuery) []*auth.Account {
	key := orders[q.Order]
	accounts = slices.Clone(accounts)
	slices.SortFunc(accounts, func(a, b *auth.Account) int {
		if c := strings.Compare(key(a), key(b)); c != 0 {
			return c
		}
		return strings.Compare(a.ID.String(), b.ID.String())
	})
	if q.Descending {
		slices.Reverse(accounts)
	}
	return accounts
}

// usersPages reads all pages in every order, in both directions and with every page size, while users are
// created and deleted.
func usersPages(t *testing.T, s auth.Store) {
	accounts := listed()
	for _, i := range []int{2, 0, 1} { // not in the order of their IDs
		for ; i < len(accounts); i += 3 {
			create(t, s, accounts[i])
		}
	}
	n := len(accounts)
	for order := range orders {
		for _, descending := range []bool{false, true} {
			for limit := 1; limit <= n+1; limit++ {
				q := auth.UserQuery{Order: order, Descending: descending, Page: auth.Page[auth.UserPosition]{Limit: limit}}
				want := sorted(accounts, q)
				var got []*auth.Account
				for {
					page := listUsers(t, s, q)
					for _, placed := range page {
						got = append(got, accounts[numberOf(placed.User.ID)])
					}
					if len(page) < limit {
						break
					}
					q.After = &page[limit-1].Position
					// The next page must be the same with and without the last user of this one.
					last := got[len(got)-1]
					if err := s.DeleteUser(t.Context(), last.ID); err != nil {
						t.Fatal(err)
					}
					rest := listUsers(t, s, q)
					create(t, s, last)
					equal(t, "the next page after a deleted user", rest, listUsers(t, s, q))
				}
				equal(t, fmt.Sprintf("Users by %s, descending %v, %d at a time", order, descending, limit), got, want)
			}
			q := auth.UserQuery{Order: order, Descending: descending, Page: auth.Page[auth.UserPosition]{Limit: n}}
			position := func(u auth.PlacedUser) auth.UserPosition { return u.Position }
			checkPages(t, listUsers(t, s, q), position, func(page auth.Page[auth.UserPosition]) []auth.PlacedUser {
				q.Page = page
				return listUsers(t, s, q)
			})
		}
	}
	q := oldestFirst
	q.Limit = 0
	equal(t, "no users", numbersOf(t, s, q), []int{})
	q.Limit, q.After = 10, &auth.UserPosition{ID: uuid.Max}
	equal(t, "users after the last id", numbersOf(t, s, q), []int{})
}

func usersSearch(t *testing.T, s auth.Store) {
	for n, name := range []string{
		"ada", "adam", "bob", `%x`, `_x`, `\x`, `'x`, `"x`, "$1", "-- x", "ädå", "漢字", "😀x", "a\u0300", "zada",
	} {
		a := newAccount(n)
		a.UsernameKey, a.EmailKey, a.FullNameKey = new("u"+name), new("e"+name), new("f"+name)
		switch n % 3 {
		case 0:
			a.UsernameKey = new(name)
		case 1:
			a.EmailKey = new(name)
		case 2:
			a.FullNameKey = new(name)
		}
		create(t, s, a)
	}
	nameless := newAccount(90)
	nameless.Email, nameless.EmailKey, nameless.FullName, nameless.FullNameKey = nil, nil, nil, nil
	nameless.UsernameKey = new("ad")
	create(t, s, nameless)
	for search, want := range map[string][]int{
		"":             {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 90},
		"ada":          {0, 1},
		"ad":           {0, 1, 90},
		"adam":         {1},
		"adama":        {},
		"dam":          {},
		"bob":          {2},
		"Ada":          {}, // Keys are in lower case. The domain converts the search to lower case.
		"%":            {3},
		"_":            {4},
		`\`:            {5},
		"'":            {6},
		`"`:            {7},
		"$":            {8},
		"$1":           {8},
		"-":            {9},
		"ä":            {10},
		"漢":            {11},
		"😀":            {12},
		"a\u0300":      {13},
		"a":            {0, 1, 13, 90},
		"u":            {1, 2, 4, 5, 7, 8, 10, 11, 13, 14},
		"' OR 1=1; --": {},
		"\U0010ffff":   {},
	} {
		for order := range orders {
			q := auth.UserQuery{Order: order, Search: search, Page: auth.Page[auth.UserPosition]{Limit: 100}}
			got := numbersOf(t, s, q)
			slices.Sort(got)
			equal(t, fmt.Sprintf("Users by %s who are found by %q", order, search), got, want)
		}
	}
}

// usersFilters combines all filters, with few and with many matching users, for which a store may use different
// queries. The result must equal that of a loop over all users.
func usersFilters(t *testing.T, s auth.Store) {
	accounts := make([]*auth.Account, 1500)
	for n := range accounts {
		a := newAccount(n)
		name := fmt.Sprintf("a%d", n*7919%len(accounts))
		*a.UsernameKey, *a.EmailKey, *a.FullNameKey = name, name+"@example.com", "c"+name
		if n%5 == 0 {
			*a.FullNameKey = "a name"
		}
		if n%4 == 0 {
			a.DisabledAt = nil
		}
		if n%7 > 1 {
			a.Roles = []auth.Role{auth.RoleUser}
		} else if n%7 == 1 {
			a.Roles = nil
		}
		if n%11 == 0 {
			a.Username, a.UsernameKey = nil, nil
		}
		accounts[n] = a
	}
	if err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
		for _, a := range accounts {
			if err := tx.CreateAccount(ctx, a, newPassword(a)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	passes := func(a *auth.Account, q auth.UserQuery) bool {
		found := slices.ContainsFunc([]*string{a.UsernameKey, a.EmailKey, a.FullNameKey}, func(key *string) bool {
			return key != nil && strings.HasPrefix(*key, q.Search)
		})
		return found && (q.Role != auth.RoleAdmin || slices.Contains(a.Roles, q.Role)) &&
			(q.Disabled == nil || *q.Disabled == (a.DisabledAt != nil))
	}
	descending := false
	for _, search := range []string{"", "a", "a12", "ca"} {
		for _, role := range []auth.Role{"", auth.RoleUser, auth.RoleAdmin} {
			for _, disabled := range []*bool{nil, new(false), new(true)} {
				for order := range orders {
					descending = !descending
					q := auth.UserQuery{Search: search, Role: role, Disabled: disabled, Order: order, Descending: descending, Page: auth.Page[auth.UserPosition]{Limit: 5}}
					want := slices.DeleteFunc(sorted(accounts, q), func(a *auth.Account) bool { return !passes(a, q) })
					checkPage(t, s, q, want)
					middle := len(want) / 2
					q.After = &auth.UserPosition{Key: orders[order](want[middle]), ID: want[middle].ID}
					checkPage(t, s, q, want[middle+1:])
					q.After, q.Before, q.Last = nil, q.After, true
					checkPage(t, s, q, want[max(0, middle-q.Limit):middle])
				}
			}
		}
	}
}

// checkPage fails the test unless a query returns the first accounts of want.
func checkPage(t *testing.T, s auth.Store, q auth.UserQuery, want []*auth.Account) {
	t.Helper()
	numbers := []int{}
	for _, a := range want[:min(q.Limit, len(want))] {
		numbers = append(numbers, numberOf(a.ID))
	}
	equal(t, fmt.Sprintf("Users of %+v", q), numbersOf(t, s, q), numbers)
}

func countUsers(t *testing.T, s auth.Store) {
	for n := range 4 {
		for limit, want := range map[int]int{1: min(n, 1), 3: n, 100_000: n} {
			if got, err := s.CountUsers(t.Context(), limit); err != nil || got != want {
				t.Errorf("CountUsers of %d up to %d: %d, %v, want %d", n, limit, got, err, want)
			}
		}
		create(t, s, newAccount(n))
	}
}

func usersByID(t *testing.T, s auth.Store) {
	var ids []uuid.UUID
	want := map[uuid.UUID]auth.User{}
	for n := range 200 {
		ids = append(ids, newID(n))
		if n%2 == 0 {
			a := newAccount(n)
			create(t, s, a)
			want[a.ID] = a.User
		}
	}
	for _, asked := range [][]uuid.UUID{nil, ids[:1], ids[1:2], ids[10:20], ids, append(ids[:100:100], ids[:100]...)} {
		users, err := s.UsersByID(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		got := map[uuid.UUID]auth.User{}
		for _, u := range users {
			got[u.ID] = u
		}
		if len(got) != len(users) {
			t.Errorf("UsersByID of %d IDs returned %d users, %d of them different", len(asked), len(users), len(got))
		}
		wanted := map[uuid.UUID]auth.User{}
		for _, id := range asked {
			if u, ok := want[id]; ok {
				wanted[id] = u
			}
		}
		equal(t, fmt.Sprintf("UsersByID of %d", len(asked)), got, wanted)
	}
}
