package store

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"usher/internal/auth"
)

// orderColumns are what users are ordered by before their id. The order of ids alone is the order
// of creation, since they are UUIDs of version 7.
var orderColumns = map[auth.UserOrderField]string{
	auth.UsersByCreatedAt: "id",
	auth.UsersByUsername:  "username_order",
	auth.UsersByEmail:     "email_order",
}

// few is how many users are soon collected and sorted.
const few = 1000

// Users implements auth.Store.
//
// There are two ways to a page. When a filter lets only a few users through, its index finds them,
// and they are sorted. Otherwise the index of the order is walked until enough users have passed,
// which is soon since many do. A planner that does not know the arguments, or the data, takes one
// for the other and reads every user for twenty. So the store counts first and leaves it no choice.
func (s *Store) Users(ctx context.Context, q auth.UserQuery) ([]auth.PlacedUser, error) {
	const doing = "list users"
	if orderColumns[q.Order] == "" {
		return nil, fmt.Errorf("%s: no order %q", doing, q.Order)
	}
	query, args, err := s.usersQuery(ctx, q)
	if err != nil {
		return nil, fault(ctx, doing, err)
	}
	placed, err := list(ctx, s.read, doing, placedUserFields(q.Order), query, args...)
	for i := range placed {
		placed[i].Position.ID = placed[i].User.ID
	}
	return placed, err
}

// usersQuery counts, and composes the query.
func (s *Store) usersQuery(ctx context.Context, q auth.UserQuery) (query string, args []any, err error) {
	filters := userFilters(q)
	for i, f := range filters {
		query, args := f.countQuery()
		if err := s.read.QueryRowxContext(ctx, query, args...).Scan(f.counts()...); err != nil {
			return "", nil, err
		}
		if f.isScarce() {
			filters[0], filters[i] = f, filters[0] // The first one finds the users.
			break
		}
	}
	query, args = listUsers(q, filters)
	return query, args, nil
}

var placedUserColumns = slices.Concat(userColumns, columns{"username_order", "email_order"})

func placedUserFields(order auth.UserOrderField) func(p *auth.PlacedUser) []any {
	return func(p *auth.PlacedUser) []any {
		var username, email any = new(any), new(any)
		switch order {
		case auth.UsersByUsername:
			username = &p.Position.Key
		case auth.UsersByEmail:
			email = &p.Position.Key
		}
		return append(userFields(&p.User), username, email)
	}
}

// filter lets a user through who is in one of its ranges.
type filter []indexRange

// indexRange is a part of an index: what holds for its users, and the column that orders them.
type indexRange struct {
	fragment
	column string
	count  int // of its users, up to few and one
}

// userFilters returns the filters of a query. The role USER is none, since every account holds it.
// Neither is an open account, see listUsers.
func userFilters(q auth.UserQuery) (filters []filter) {
	if q.Search != "" {
		var search filter
		// Nothing that begins with the search comes after it and the last code point of Unicode.
		args := []any{q.Search, q.Search + string(utf8.MaxRune)}
		for _, column := range []string{"username_order", "email_order", "full_name_key"} {
			search = append(search, indexRange{fragment: fragment{column + ` >= $ AND ` + column + ` < $`, args}, column: column})
		}
		filters = append(filters, search)
	}
	if q.Role != "" && q.Role != auth.RoleUser {
		filters = append(filters, filter{{fragment: fragment{hasRole, []any{roleWord(q.Role)}}, column: "id"}})
	}
	if q.Disabled != nil && *q.Disabled {
		filters = append(filters, filter{{fragment: fragment{`disabled_at IS NOT NULL`, nil}, column: "id"}})
	}
	return filters
}

// countQuery returns a query for the counts of the filter's ranges.
func (f filter) countQuery() (query string, args []any) {
	counts := make([]fragment, len(f))
	for i, r := range f {
		counts[i] = fragment{
			`(SELECT count(*) FROM (SELECT 1 FROM users WHERE ` + r.text + ` ORDER BY ` + r.column + ` LIMIT $) AS counted)`,
			append(slices.Clip(r.args), few+1),
		}
	}
	all := join(counts, `, `)
	return numbered(`SELECT ` + all.text), all.args
}

// counts points to where the columns of countQuery go.
func (f filter) counts() []any {
	counts := make([]any, len(f))
	for i := range f {
		counts[i] = &f[i].count
	}
	return counts
}

func (f filter) isScarce() bool {
	total := 0
	for _, r := range f {
		total += r.count
	}
	return total <= few
}

// condition holds for the users whom the filter lets through. Inside of CASE it is not looked for in
// any index, and PostgreSQL expects that half of the users pass.
func (f filter) condition() fragment {
	ranges := make([]fragment, len(f))
	for i, r := range f {
		ranges[i] = r.fragment
	}
	one := join(ranges, ` OR `)
	return fragment{`CASE WHEN ` + one.text + ` THEN true END`, one.args}
}

// listUsers composes the query of a page. Of the filters, the first one finds the users: it makes a
// page of each of its ranges, and a page out of those.
func listUsers(q auth.UserQuery, filters []filter) (query string, args []any) {
	var rest []fragment
	if q.Disabled != nil && !*q.Disabled {
		rest = append(rest, fragment{`disabled_at IS NULL`, nil})
	}
	if len(filters) == 0 {
		page := userPage(q, `users`, rest)
		return numbered(page.text), page.args
	}
	for _, f := range filters[1:] {
		rest = append(rest, f.condition())
	}
	var pages []fragment
	for _, r := range filters[0] {
		pages = append(pages, rangePage(q, r, rest))
	}
	if len(pages) == 1 {
		return numbered(pages[0].text), pages[0].args
	}
	for i := range pages {
		pages[i].text = `SELECT ` + placedUserColumns.of("page") + ` FROM (` + pages[i].text + `) AS page`
	}
	all := join(pages, ` UNION `)
	return numbered(all.text + userOrder(q)), append(all.args, q.Limit)
}

// rangePage returns the query for a page of the users in a range for whom the rest holds, too.
func rangePage(q auth.UserQuery, r indexRange, rest []fragment) fragment {
	switch {
	case r.column == orderColumns[q.Order]: // its index is that of the order
		return userPage(q, `users`, append([]fragment{r.fragment}, rest...))
	case r.count > few: // the index of the order is walked
		return userPage(q, `users`, append([]fragment{filter{r}.condition()}, rest...))
	}
	// All of them are collected and sorted.
	found := where(append([]fragment{r.fragment}, rest...))
	page := userPage(q, `found`, nil)
	return fragment{
		`WITH found AS MATERIALIZED (SELECT ` + placedUserColumns.of("users") + ` FROM users` + found.text + `) ` + page.text,
		append(found.args, page.args...),
	}
}

// userPage returns the query for a page of the users in a table for whom the conditions hold.
func userPage(q auth.UserQuery, table string, conditions []fragment) fragment {
	column := orderColumns[q.Order]
	if q.After != nil {
		beyond := `>`
		if q.Descending {
			beyond = `<`
		}
		after := fragment{`(` + column + `, id) ` + beyond + ` ($, $)`, []any{q.After.Key, q.After.ID}}
		if column == "id" {
			after = fragment{`id ` + beyond + ` $`, []any{q.After.ID}}
		}
		conditions = append(slices.Clip(conditions), after)
	}
	found := where(conditions)
	return fragment{
		`SELECT ` + placedUserColumns.of(table) + ` FROM ` + table + found.text + userOrder(q),
		append(found.args, q.Limit),
	}
}

func userOrder(q auth.UserQuery) string {
	direction := ``
	if q.Descending {
		direction = ` DESC`
	}
	if column := orderColumns[q.Order]; column != "id" {
		return ` ORDER BY ` + column + direction + `, id` + direction + ` LIMIT $`
	}
	return ` ORDER BY id` + direction + ` LIMIT $`
}
