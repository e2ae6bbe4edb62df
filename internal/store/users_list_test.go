package store_test

import (
	"os"
	"strconv"
	"testing"

	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// BenchmarkUsers measures pages of 20 of USHER_BENCH_USERS users. It fails if a query reads all users. If
// there are fewer than 10,000 pages, it measures the last one instead of the 10,000th.
func BenchmarkUsers(b *testing.B) {
	many := 20_000
	if text := os.Getenv("USHER_BENCH_USERS"); text != "" {
		var err error
		if many, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	for kind, at := range storetest.URLs {
		b.Run(kind, func(b *testing.B) {
			s := open(b, at(b))
			fillUsers(b, kind, s, many)
			if kind == "postgres" {
				exec(b, s, `VACUUM ANALYZE users`)
			}
			for _, order := range []auth.UserOrderField{auth.UsersByCreatedAt, auth.UsersByUsername, auth.UsersByEmail} {
				first := auth.UserQuery{Order: order, Page: auth.Page[auth.UserPosition]{Limit: 20}}
				before := first
				before.Limit = min(9_999*first.Limit, many-first.Limit)
				placed, err := s.Users(b.Context(), before)
				if err != nil {
					b.Fatal(err)
				}
				for _, c := range []struct {
					name   string
					change func(q *auth.UserQuery)
				}{
					{"first page", func(*auth.UserQuery) {}},
					{"last page", func(q *auth.UserQuery) { q.Descending = true }},
					{"10000th page", func(q *auth.UserQuery) { q.After = &placed[len(placed)-1].Position }},
					{"search without results", func(q *auth.UserQuery) { q.Search = "nobody" }},
					{"search with few results", func(q *auth.UserQuery) { q.Search = "user1234" }},
					{"search for a user name", func(q *auth.UserQuery) { q.Search = "user" }},
					{"search for an address", func(q *auth.UserQuery) { q.Search = "mail99" }},
					{"search for a name", func(q *auth.UserQuery) { q.Search = "name 1" }},
					{"administrators", func(q *auth.UserQuery) { q.Role = auth.RoleAdmin }},
					{"disabled", func(q *auth.UserQuery) { q.Disabled = new(true) }},
					{"enabled", func(q *auth.UserQuery) { q.Disabled = new(false) }},
				} {
					q := first
					c.change(&q)
					b.Run(string(order)+"/"+c.name, func(b *testing.B) { benchmarkUsers(b, kind, s, q) })
				}
			}
		})
	}
}

func benchmarkUsers(b *testing.B, kind string, s *store.Store, q auth.UserQuery) {
	queries, err := s.UserQueries(b.Context(), q)
	if err != nil {
		b.Fatal(err)
	}
	for _, query := range queries {
		for _, step := range plan(b, s, kind, query) {
			if wholeTable[kind].MatchString(step) {
				b.Fatalf("%s\n%s", step, query.Text)
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Users(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}
