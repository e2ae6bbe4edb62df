package throttle_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/throttle"
	"usher/internal/ratelimit"
	"usher/internal/request"
	"usher/internal/store"
	"usher/internal/storetest"
	"usher/internal/token"
)

// replicas returns services of servers of their own on one new database.
func replicas(t *testing.T, url string, n int, rules map[string][]throttle.Rule) (all []*fixture) {
	t.Helper()
	for range n {
		s, err := store.Open(t.Context(), url, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		f := newFixture(s)
		f.rules = rules
		f.Service = f.replica()
		all = append(all, f)
	}
	return all
}

// passed runs a number of calls at once and returns how many of them were admitted. No other error than refusals may
// happen.
func passed(t *testing.T, n int, call func(n int) string) int {
	t.Helper()
	var all sync.WaitGroup
	var admitted atomic.Int64
	begin := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-begin
			switch got := call(i); {
			case got == "":
				admitted.Add(1)
			case got[:min(12, len(got))] != "RATE_LIMITED" && got != "CHALLENGE_REQUIRED":
				t.Error(got)
			}
		})
	}
	close(begin)
	all.Wait()
	return int(admitted.Load())
}

// TestRace sends 500 requests at once to two replicas. Without slack, exactly as many as the limit allows are admitted. With
// slack, at least these and at most the slack of each replica more.
func TestRace(t *testing.T) {
	t.Parallel()
	const many, servers = 500, 2
	for database, at := range storetest.URLs {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			all := rules()
			for _, most := range []int{9, 100} {
				field := fmt.Sprint("Mutation.race", most)
				all[field] = []throttle.Rule{{Cost: 1, Limit: &throttle.Limit{
					Name: field, By: []throttle.Key{throttle.KeyUser}, Max: most, Per: time.Hour, Counts: throttle.CountCalls, Exceeded: throttle.Refuse,
				}}}
			}
			fixtures := replicas(t, at(t), servers, all)
			for _, most := range []int{9, 100} {
				got := passed(t, many, func(n int) string {
					ctx := from(t.Context(), sender{user: "ada"})
					return fixtures[n%servers].admit(ctx, throttle.Use{Field: fmt.Sprint("Mutation.race", most)})
				})
				slack := int(ratelimit.Slack(int64(most)))
				if t.Logf("%d of %d were let through, limit %d", got, many, most); got < most || got > most+servers*slack {
					t.Errorf("%d of %d were let through, limit %d and slack %d", got, many, most, slack)
				}
			}
			got := passed(t, many, func(n int) string {
				use := throttle.Use{Field: mail, Recipient: "ada@example.com", Solution: mail + " once"}
				return fixtures[n%servers].admit(from(t.Context(), sender{}), use)
			})
			if got != 2+1 { // two need no solution
				t.Errorf("%d mails to one recipient, want 3", got)
			}
			got = passed(t, many, func(n int) string {
				ctx := from(t.Context(), sender{address: "192.0.2.1"})
				return fixtures[n%servers].attempt(ctx, throttle.Use{Field: login, Solution: fmt.Sprint(login, " ", n)}, true)
			})
			if got != 8 {
				t.Errorf("%d guesses from one address, want 8", got)
			}
		})
	}
}

// TestKilled stops servers in the middle, again and again. Each takes with it no more than its slack.
func TestKilled(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		const lives, most = 5, 100 // 10 of slack
		ctx, admitted := at(t, "192.0.2.1"), 0
		for range lives {
			service := f.replica()
			for range 25 {
				if _, err := service.Admit(ctx, several(1, throttle.Use{Field: login, DeviceToken: "device of ada", Account: "ada"})); err == nil {
					admitted++
				}
			}
		}
		if admitted <= most || admitted > most+lives*most/10 {
			t.Errorf("%d were let through by %d servers, limit %d", admitted, lives, most)
		}
	})
}

// TestStatements counts the statements of sign-ins far below all limits.
func TestStatements(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		for n := range 10 {
			ctx := at(t, fmt.Sprintf("192.0.%d.1", n))
			for range 10 {
				want(t, "login", f.attempt(ctx, throttle.Use{Field: login}, false), "")
			}
		}
		// login-failures allows 8 and has no slack: the first sign-in of each address writes, and the others use what it
		// has reserved.
		if n := f.store.Calls("AddUses"); n != 10 {
			t.Errorf("%d statements for 100 sign-ins of 10 addresses, want 10", n)
		}
		f.rules[login][1].Max = 100
		f.Service = f.replica()
		for n := range 10 {
			ctx := at(t, fmt.Sprintf("198.51.%d.1", n))
			for range 10 {
				want(t, "login", f.attempt(ctx, throttle.Use{Field: login}, false), "")
			}
		}
		if n := f.store.Calls("AddUses"); n != 10 {
			t.Errorf("%d statements for 100 sign-ins with the limits of the schema, want none", n-10)
		}
	})
}

// schemaLogin are the limits of login as in the schema.
func schemaLogin() []throttle.Rule {
	login := rules()[login]
	for i, most := range []int{1 << 30, 1 << 30, 20, 100} { // as far below the limit as most requests are
		login[i].Max = most
	}
	return login
}

// BenchmarkAdmit measures Admit and Settle of a sign-in far below the limits.
func BenchmarkAdmit(b *testing.B) {
	f := newFixture(nil)
	service := throttle.New(throttle.Options{
		Rules: map[string][]throttle.Rule{login: schemaLogin()}, Store: &memory{}, Now: time.Now, Log: discard, Digest: plain,
		Challenges: f.challenges, Device: knownDevice,
	})
	ctx := from(context.Background(), sender{address: "192.0.2.1"})
	b.Run("login", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			a, err := service.Admit(ctx, []throttle.Use{{Field: login, Account: "ada"}})
			if err != nil {
				b.Fatal(err)
			}
			a.Settle(ctx, 0, throttle.Done)
		}
	})
	b.Run("no limit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := service.Admit(ctx, []throttle.Use{{Field: "Query.me"}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSettle measures the statement with which a counter is settled.
func BenchmarkSettle(b *testing.B) {
	for database, at := range storetest.URLs {
		b.Run(database, func(b *testing.B) {
			s, err := store.Open(b.Context(), at(b), store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			for b.Loop() {
				if _, err := s.AddUses(b.Context(), auth.RateLimitUses{Key: make([]byte, 32), Period: 7, Count: 1, ExpiresAt: start}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzCanonical gives any names to the limits. Two uses of the same one share a counter, whatever it is.
func FuzzCanonical(f *testing.F) {
	for _, name := range []string{"ada", "Ada@Example.com", "@", "a b", "\xff", "ａ", "", "a\x00b"} {
		f.Add(name, "user")
	}
	f.Fuzz(func(t *testing.T, name, user string) {
		rule := throttle.Rule{Cost: 1, Limit: &throttle.Limit{
			Name: "limit", By: []throttle.Key{throttle.KeyRecipient, throttle.KeyUser}, Max: 1, Per: time.Hour,
			Counts: throttle.CountCalls, Exceeded: throttle.Refuse,
		}}
		service := throttle.New(throttle.Options{
			Rules: map[string][]throttle.Rule{mail: {rule}}, Store: &memory{}, Now: func() time.Time { return start }, Log: discard, Digest: plain,
		})
		ctx := caller.With(request.With(t.Context(), &request.Exchange{}), caller.Of(&token.Claims{Subject: user}))
		uses := several(1, throttle.Use{Field: mail, Recipient: name})
		if _, err := service.Admit(ctx, uses); err != nil {
			t.Fatal(err)
		}
		if _, err := service.Admit(ctx, uses); (err != nil) != (name != "" && user != "") {
			t.Errorf("the second use of %q by %q: %v", name, user, err)
		}
	})
}
