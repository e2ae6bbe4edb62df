package store

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"usher/internal/auth"
)

// orderColumns maps an order to its column. Users with equal values are ordered by ID. IDs are UUIDs of
// version 7 (RFC 9562, section 5.7), so they sort by creation.
var orderColumns = map[auth.UserOrderField]string{
	auth.UsersByCreatedAt: "id",
	auth.UsersByUsername:  "username_order",
	auth.UsersByEmail:     "email_order",
}

// maxSorted is the maximum number of users that a query collects and sorts.
const maxSorted = 1000

// Users implements auth.Store.
//
// Each filter is a union of index ranges. The query reads the ranges of one filter, the leading one: the
// first filter with at most maxSorted users, or else the first filter. It reads a page from each range:
//
//	seek   The index of the range has the page's order.
//	sort   The range has at most maxSorted users. The query collects and sorts them.
//	walk   The range has more users, in another order. The query reads the index of the page's order and
//	       skips users outside of the range.
//
// The other filters become conditions. Planners know neither the arguments nor the correlations between
// columns, and often read every user for a page of 20. So the store counts the users of each range, up to
// maxSorted, and writes queries that have only one sensible plan.
func (s *Store) Users(ctx context.Context, q auth.UserQuery) ([]auth.PlacedUser, error) {
	const doing = "list users"
	if orderColumns[q.Order] == "" {
		return nil, fmt.Errorf("%s: unknown order %q", doing, q.Order)
	}
	var placed []auth.PlacedUser
	err := s.fromStandby(ctx, func(ctx context.Context, from target) error {
		query, args, err := usersQuery(ctx, from, q)
		if err != nil {
			return err
		}
		placed, err = list(ctx, from, doing, placedUserFields(q.Order), query, args...)
		return err
	})
	inListOrder(placed, q.Page)
	for i := range placed {
		placed[i].Position.ID = placed[i].User.ID
	}
	return placed, err
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

// indexRange is a range of an index of users.
type indexRange struct {
	fragment        // the condition for users in the range
	column   string // the column that orders the index
	users    int    // the number of users in the range, counted up to maxSorted+1
}

// count returns the query that counts users.
func (r indexRange) count() fragment {
	return fragment{
		`SELECT count(*) FROM (SELECT 1 FROM users WHERE ` + r.text + ` ORDER BY ` + r.column + ` LIMIT $) AS counted`,
		append(slices.Clip(r.args), maxSorted+1),
	}
}

// userFilters returns the filters of a query. It omits the role USER, which every user has. It also omits
// Disabled: false, which nearly every user matches: listUsers adds that as a condition.
func userFilters(q auth.UserQuery) (filters [][]indexRange) {
	if q.Search != "" {
		var search []indexRange
		// The upper bound is the search followed by the last code point of Unicode.
		args := []any{q.Search, q.Search + string(utf8.MaxRune)}
		for _, column := range []string{"username_order", "email_order", "full_name_key"} {
			search = append(search, indexRange{fragment: fragment{column + ` >= $ AND ` + column + ` < $`, args}, column: column})
		}
		filters = append(filters, search)
	}
	if q.Role != "" && q.Role != auth.RoleUser {
		filters = append(filters, []indexRange{{fragment: fragment{hasRole, []any{roleWord(q.Role)}}, column: "id"}})
	}
	if q.Disabled != nil && *q.Disabled {
		filters = append(filters, []indexRange{{fragment: fragment{`disabled_at IS NOT NULL`, nil}, column: "id"}})
	}
	return filters
}

// usersQuery chooses the leading filter and returns the query.
func usersQuery(ctx context.Context, from target, q auth.UserQuery) (query string, args []any, err error) {
	filters, lead := userFilters(q), 0
	for i, f := range filters {
		total := 0
		for j := range f {
			count := f[j].count()
			if err := from.row(ctx, "count users", []any{&f[j].users}, numbered(count.text), count.args...); err != nil {
				return "", nil, err
			}
			total += f[j].users
		}
		if total <= maxSorted {
			lead = i
			break
		}
	}
	query, args = listUsers(q, filters, lead)
	return query, args, nil
}

func listUsers(q auth.UserQuery, filters [][]indexRange, lead int) (query string, args []any) {
	if len(filters) == 0 {
		filters = [][]indexRange{{{fragment: fragment{`true`, nil}, column: orderColumns[q.Order]}}}
	}
	var others []fragment
	if q.Disabled != nil && !*q.Disabled {
		others = append(others, fragment{`disabled_at IS NULL`, nil})
	}
	for i, f := range filters {
		if i != lead {
			others = append(others, unindexed(f))
		}
	}
	pages := make([]fragment, len(filters[lead]))
	for i, r := range filters[lead] {
		pages[i] = rangePage(q, r, others)
		// SQLite accepts ORDER BY and LIMIT in a part of a UNION only inside of a subquery.
		pages[i].text = `SELECT ` + placedUserColumns.of("page") + ` FROM (` + pages[i].text + `) AS page`
	}
	all := join(pages, ` UNION `)
	return numbered(all.text + userOrder(q)), append(all.args, q.Limit)
}

// rangePage returns the query for a page of the users in a range, restricted by conditions.
func rangePage(q auth.UserQuery, r indexRange, conditions []fragment) fragment {
	switch {
	case r.column == orderColumns[q.Order]: // seek
		return userPage(q, `users`, append([]fragment{r.fragment}, conditions...))
	case r.users <= maxSorted: // sort
		collected := where(append([]fragment{r.fragment}, conditions...))
		page := userPage(q, `collected`, nil)
		return fragment{
			`WITH collected AS MATERIALIZED (SELECT ` + placedUserColumns.of("users") + ` FROM users` + collected.text + `) ` + page.text,
			append(collected.args, page.args...),
		}
	default: // walk
		return userPage(q, `users`, append([]fragment{unindexed([]indexRange{r})}, conditions...))
	}
}

// unindexed returns a condition for users in any of the ranges. The CASE keeps planners from using an index,
// and PostgreSQL estimates that half of the users match.
func unindexed(ranges []indexRange) fragment {
	fragments := make([]fragment, len(ranges))
	for i, r := range ranges {
		fragments[i] = r.fragment
	}
	either := join(fragments, ` OR `)
	return fragment{`CASE WHEN ` + either.text + ` THEN true END`, either.args}
}

// userPage returns the query for a page of the users in a table, restricted by conditions.
func userPage(q auth.UserQuery, table string, conditions []fragment) fragment {
	order := orderOf(q)
	found := where(append(slices.Clip(conditions), between(order, q.Page, func(p *auth.UserPosition) []any {
		if len(order.columns) == 1 {
			return []any{p.ID}
		}
		return []any{p.Key, p.ID}
	})...))
	return fragment{
		`SELECT ` + placedUserColumns.of(table) + ` FROM ` + table + found.text + userOrder(q),
		append(found.args, q.Limit),
	}
}

func userOrder(q auth.UserQuery) string { return orderBy(orderOf(q), q.Page) }

func orderOf(q auth.UserQuery) order {
	o := order{columns: []string{"id"}, descending: q.Descending}
	if column := orderColumns[q.Order]; column != "id" {
		o.columns = []string{column, "id"}
	}
	return o
}
