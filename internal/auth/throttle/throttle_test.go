package throttle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/throttle"
)

// TestKeys uses up the limit of one sender and then sends as another.
func TestKeys(t *testing.T) {
	t.Parallel()
	const (
		client, user, session = throttle.KeyClient, throttle.KeyUser, throttle.KeySession
		account, recipient    = throttle.KeyAccount, throttle.KeyRecipient
	)
	ada := sender{"192.0.2.1", "ada", "s1"}
	for _, tt := range []struct {
		by       []throttle.Key
		one, two sender
		use, and throttle.Use
		shared   bool
	}{
		{by: []throttle.Key{client}, one: ada, two: sender{"192.0.2.1", "bob", "s2"}, shared: true},
		{by: []throttle.Key{client}, one: ada, two: sender{address: "192.0.2.2"}},
		{by: []throttle.Key{client}, one: ada, two: sender{address: "::ffff:192.0.2.1"}, shared: true},
		{by: []throttle.Key{client}, one: sender{address: "2001:db8::1"}, two: sender{address: "2001:db8::ffff:1"}, shared: true},
		{by: []throttle.Key{client}, one: sender{address: "2001:db8::1"}, two: sender{address: "2001:db8:0:1::1"}},
		{by: []throttle.Key{client}, one: sender{address: "fe80::1%eth0"}, two: sender{address: "fe80::1%eth1"}, shared: true},
		{by: []throttle.Key{client}, one: sender{address: "127.0.0.1"}, two: sender{address: "127.0.0.1"}, shared: true},
		{by: []throttle.Key{client}, one: sender{address: "::1"}, two: sender{address: "::1"}, shared: true},
		{by: []throttle.Key{client}}, // a command has no address
		{by: []throttle.Key{user}, one: ada, two: sender{"203.0.113.1", "ada", "s2"}, shared: true},
		{by: []throttle.Key{user}, one: ada, two: sender{"192.0.2.1", "bob", "s1"}},
		{by: []throttle.Key{user}, one: sender{address: "192.0.2.1"}, two: sender{address: "192.0.2.1"}},
		{by: []throttle.Key{session}, one: ada, two: sender{"203.0.113.1", "ada", "s1"}, shared: true},
		{by: []throttle.Key{session}, one: ada, two: sender{"192.0.2.1", "ada", "s2"}},
		{by: []throttle.Key{throttle.KeyGlobal}, one: ada, two: sender{}, shared: true},
		{by: []throttle.Key{account}, use: throttle.Use{Account: "Ada"}, and: throttle.Use{Account: "ａda"}, shared: true},
		{by: []throttle.Key{account}, use: throttle.Use{Account: "Ada@Example.com"}, and: throttle.Use{Account: "ada@example.COM"}, shared: true},
		{by: []throttle.Key{account}, use: throttle.Use{Account: "ada"}, and: throttle.Use{Account: "bob"}},
		{by: []throttle.Key{account}, use: throttle.Use{Account: "no name"}, and: throttle.Use{Account: "no name"}, shared: true},
		{by: []throttle.Key{account}, use: throttle.Use{Account: strings.Repeat("a", 1<<20)}, and: throttle.Use{Account: strings.Repeat("a", 1<<21)}, shared: true},
		{by: []throttle.Key{account}, use: throttle.Use{Recipient: "ada"}, and: throttle.Use{Recipient: "ada"}},
		{by: []throttle.Key{recipient}, use: throttle.Use{Recipient: "ada"}, and: throttle.Use{Recipient: "Ada", Account: "bob"}, shared: true},
		{by: []throttle.Key{account, client}, one: ada, two: ada, use: throttle.Use{Account: "ada"}, and: throttle.Use{Account: "bob"}},
		{by: []throttle.Key{account, client}, one: ada, two: sender{address: "203.0.113.1"}, use: throttle.Use{Account: "ada"}, and: throttle.Use{Account: "ada"}},
		{by: []throttle.Key{account, client}, one: ada, two: ada, use: throttle.Use{Account: "ada"}, and: throttle.Use{Account: "ada"}, shared: true},
		{by: []throttle.Key{account, recipient}, use: throttle.Use{Account: "ab", Recipient: "c"}, and: throttle.Use{Account: "a", Recipient: "bc"}},
	} {
		f := newFixture(nil)
		f.rules[login] = []throttle.Rule{{Cost: 10, Limit: &throttle.Limit{
			Name: "limit", By: tt.by, Max: 100, Per: time.Hour, Counts: throttle.CountCalls, Exceeded: throttle.Refuse,
		}}}
		store := &memory{}
		f.Service = throttle.New(throttle.Options{Rules: f.rules, Store: store, Now: f.clock.Now, Log: discard, Digest: plain, Device: knownDevice})
		tt.use.Field, tt.and.Field = login, login
		for n := range 10 {
			want(t, fmt.Sprintf("use %d of %v", n, tt), f.admit(from(t.Context(), tt.one), tt.use), "")
		}
		expected := ""
		if tt.shared {
			expected = string(auth.CodeRateLimited)
		}
		got, _, _ := strings.Cut(f.admit(from(t.Context(), tt.two), tt.and), " ")
		want(t, fmt.Sprintf("%v", tt), got, expected)
	}
}

// TestNetworks uses many addresses of one network.
func TestNetworks(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.rules[signup] = f.rules[signup][:1] // 5 for each address
		for _, addresses := range []string{"192.0.2.%d", "2001:db8:7:%x::1"} {
			passed := 0
			for n := range 200 {
				if f.admit(at(t, fmt.Sprintf(addresses, n)), throttle.Use{Field: signup}) == "" {
					passed++
				}
			}
			if passed != 4*5 {
				t.Errorf("%d uses from %s, want 20", passed, addresses)
			}
		}
		want(t, "the next network", f.admit(at(t, "192.0.3.1"), throttle.Use{Field: signup}), "")
		want(t, "the next network", f.admit(at(t, "2001:db8:8::1"), throttle.Use{Field: signup}), "")
	})
}

// TestRefusal names the use that is over its limit.
func TestRefusal(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		uses := []throttle.Use{{Field: login, Account: "ada"}}
		for range 6 { // 5 for each address
			uses = append(uses, throttle.Use{Field: signup})
		}
		_, err := f.Admit(at(t, "192.0.2.1"), uses)
		var refusal *throttle.Refusal
		if !errors.As(err, &refusal) || uses[refusal.Use].Field != signup || refusal.Err.Code != auth.CodeRateLimited {
			t.Errorf("got %v", err)
		}
	})
}

// TestFailures signs in with right and wrong passwords.
func TestFailures(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ctx, use := at(t, "192.0.2.1"), throttle.Use{Field: login, Account: "ada"}
		for range 30 {
			want(t, "a right password", f.attempt(ctx, use, false), "")
		}
		for range 3 {
			want(t, "a wrong password", f.attempt(ctx, use, true), "")
		}
		want(t, "the fourth attempt", f.attempt(ctx, use, false), "CHALLENGE_REQUIRED")
		for n := range 5 {
			use.Solution = fmt.Sprint(login, " ", n)
			want(t, "a wrong password with a solution", f.attempt(ctx, use, true), "")
		}
		use.Solution = login + " next"
		want(t, "the ninth attempt", f.attempt(ctx, use, false), "RATE_LIMITED after 1h7m30.001s")
		want(t, "on a known device", f.attempt(ctx, throttle.Use{Field: login, Account: "Ada", DeviceToken: "device of ada"}, true), "")
		want(t, "on the device of another", f.attempt(ctx, throttle.Use{Field: login, Account: "bob", DeviceToken: "device of ada"}, true), "RATE_LIMITED after 1h7m30.001s")
		want(t, "from another address", f.attempt(at(t, "203.0.113.1"), throttle.Use{Field: login, Account: "ada"}, false), "")

		f.clock.Advance(10 * time.Hour)
		for range 8 { // as if the server stops in between
			want(t, "not settled", f.admit(ctx, throttle.Use{Field: login}), "")
		}
		want(t, "after 8 that were not settled", f.admit(ctx, throttle.Use{Field: login}), "RATE_LIMITED after 1h7m30.001s")
	})
}

// TestDisconnected guesses and ends its requests before the answers. A client that closes only its side of the connection
// still reads them.
func TestDisconnected(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		for range 3 {
			ctx, disconnect := context.WithCancel(at(t, "192.0.2.1"))
			a, err := f.Admit(ctx, several(1, throttle.Use{Field: login}))
			want(t, "a guess", code(err), "")
			disconnect()
			a.Settle(ctx, 0, throttle.Guessed)
		}
		want(t, "after three guesses", f.admit(at(t, "192.0.2.1"), throttle.Use{Field: login}), "CHALLENGE_REQUIRED")
		if logged := f.log.Take(); strings.Count(logged, "\n") != 1 { // that the limit is exceeded
			t.Errorf("the log:\n%s", logged)
		}
	})
}

// TestNotSignedIn uses the access token of a session that has ended. It takes nothing from the user's limit.
func TestNotSignedIn(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ctx := from(t.Context(), sender{"192.0.2.1", "ada", "ended"})
		for range 10 {
			a, err := f.Admit(ctx, several(2, throttle.Use{Field: update}))
			if want(t, "after the session", code(err), ""); err == nil {
				a.Settle(ctx, 0, throttle.NotSignedIn)
				a.Settle(ctx, 1, throttle.NotSignedIn)
				a.Settle(ctx, 1, throttle.NotSignedIn) // again
			}
		}
		ctx = from(t.Context(), sender{"192.0.2.2", "ada", "s"})
		for range 4 {
			a, err := f.Admit(ctx, several(1, throttle.Use{Field: update}))
			if want(t, "in another session", code(err), ""); err == nil {
				a.Settle(ctx, 0, throttle.Done)
			}
		}
		want(t, "a fifth", f.admit(ctx, throttle.Use{Field: update}), "RATE_LIMITED after 1h15m0.001s")

		ctx = at(t, "192.0.2.3") // what counts by address goes on
		for range 5 {
			a, err := f.Admit(ctx, several(1, throttle.Use{Field: signup}))
			if want(t, "by address", code(err), ""); err == nil {
				a.Settle(ctx, 0, throttle.NotSignedIn)
			}
		}
		want(t, "a sixth", f.admit(ctx, throttle.Use{Field: signup}), "RATE_LIMITED after 1h12m0.001s")
	})
}

// TestKnownDevice stays under the limit of calls.
func TestKnownDevice(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		use := throttle.Use{Field: login, Account: "ada", DeviceToken: "device of ada"}
		for range 100 {
			want(t, "on a known device", f.attempt(at(t, "192.0.2.1"), use, true), "")
		}
		want(t, "after 100", f.attempt(at(t, "192.0.2.1"), use, true), "RATE_LIMITED after 1h0m36.001s")
		want(t, "elsewhere", f.attempt(at(t, "203.0.113.1"), throttle.Use{Field: login, Account: "ada"}, true), "")
	})
}

// TestOperations uses several fields, and fields several times, in one operation.
func TestOperations(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ctx, use := at(t, "192.0.2.1"), throttle.Use{Field: signup}
		want(t, "six at once", f.admit(ctx, several(6, use)...), "RATE_LIMITED after 1h12m0.001s")
		want(t, "too many beside another field", f.admit(ctx, append(several(4, throttle.Use{Field: login}), several(6, use)...)...), "RATE_LIMITED after 1h12m0.001s")
		if limits := names(ctx); !strings.Contains(limits, "login 100/100") {
			t.Errorf("a refused operation has counted: %s", limits)
		}
		want(t, "five at once", f.admit(ctx, several(5, use)...), "")
		want(t, "a sixth", f.admit(ctx, use), "RATE_LIMITED after 1h12m0.001s")
		want(t, "a field without a limit", f.admit(ctx, throttle.Use{Field: "Query.me"}, throttle.Use{Field: "Mutation.logout"}), "")
		if f.Limited("Query.me") || !f.Limited(login) {
			t.Error("Limited")
		}
		var nothing throttle.Service
		a, err := nothing.Admit(ctx, several(3, use))
		if want(t, "without rules", code(err), ""); err == nil {
			a.Settle(ctx, 2, throttle.Guessed)
		}

		f.clock.Advance(10 * time.Hour)
		a, err = f.Admit(ctx, several(3, throttle.Use{Field: login}))
		if err != nil {
			t.Fatal(err)
		}
		for i, guess := range []bool{true, false, true} {
			a.Settle(ctx, i, result(guess))
			a.Settle(ctx, i, result(guess)) // again
		}
		a, err = f.Admit(ctx, several(1, throttle.Use{Field: login})) // two guesses so far
		if err != nil {
			t.Fatal(err)
		}
		a.Settle(ctx, 0, throttle.Guessed)
		want(t, "after three guesses", f.admit(ctx, throttle.Use{Field: login}), "CHALLENGE_REQUIRED")
	})
}

// TestChallenges sends solutions.
func TestChallenges(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		use := throttle.Use{Field: mail, Recipient: "ada@example.com"}
		send := func(what, solution, code string) {
			t.Helper()
			use.Solution = solution
			want(t, what, f.admit(at(t, "192.0.2.1"), use), code)
		}
		send("the first", mail+" 1", "")
		send("the second", "", "")
		send("the third", "", "CHALLENGE_REQUIRED")
		send("with that of another field", signup+" 1", "CHALLENGE_REQUIRED")
		send("with one that was not needed", mail+" 1", "")
		send("with it again", mail+" 1", "CHALLENGE_REQUIRED")
		send("with another", mail+" 2", "")
		use.Solution = mail + " 3"
		other := use
		want(t, "one solution for two", f.admit(at(t, "192.0.2.1"), use, other), "CHALLENGE_REQUIRED")
		other.Solution = mail + " 4"
		want(t, "two solutions for two", f.admit(at(t, "192.0.2.1"), use, other), "")
		want(t, "another recipient", f.admit(at(t, "192.0.2.1"), throttle.Use{Field: mail, Recipient: "bob@example.com"}), "")
		if n := f.store.Calls("UseChallenge"); n != 5 {
			t.Errorf("%d solutions were looked up, want 5", n)
		}
		f.Service = f.replica() // as after a restart
		send("used before a restart", mail+" 2", "CHALLENGE_REQUIRED")
	})
}

// TestPrice asks for the price of a challenge under growing pressure.
func TestPrice(t *testing.T) {
	t.Parallel()
	f := newFixture(nil)
	f.Service = throttle.New(throttle.Options{
		Rules: f.rules, Store: &memory{}, Now: f.clock.Now, Log: discard, Digest: plain, Challenges: f.challenges,
	})
	n := 0
	fail := func(times int, guess bool) {
		for range times {
			n++
			want(t, "with a solution", f.attempt(at(t, fmt.Sprintf("10.%d.%d.1", n/250, n%250)), throttle.Use{Field: login, Solution: fmt.Sprint(login, " ", n)}, guess), "")
		}
	}
	price := func(ctx context.Context, field string) int64 {
		t.Helper()
		var required *auth.Error
		_, err := f.Admit(ctx, several(1, throttle.Use{Field: field}))
		if !errors.As(err, &required) || required.Challenge == nil {
			t.Fatalf("%v", err)
		}
		return required.Challenge.MaxNumber
	}
	is := func(what string, got, want int64) {
		t.Helper()
		if got != want {
			t.Errorf("%s: the price is %d, want %d", what, got, want)
		}
	}
	for range 8 {
		want(t, "signup", f.admit(at(t, fmt.Sprintf("198.51.%d.1", f.clock.Now().Second())), throttle.Use{Field: signup}), "")
		f.clock.Advance(time.Second)
	}
	is("just over", price(at(t, "203.0.113.1"), signup), 1)
	for n := range 24 {
		want(t, "with a solution", f.admit(at(t, fmt.Sprintf("198.18.%d.1", n)), throttle.Use{Field: signup, Solution: fmt.Sprint(signup, " ", n)}), "")
	}
	is("four times the limit", price(at(t, "203.0.113.1"), signup), 4)
	for n := range 200 {
		want(t, "with a solution", f.admit(at(t, fmt.Sprintf("198.19.%d.1", n)), throttle.Use{Field: signup, Solution: fmt.Sprint(signup, " 1", n)}), "")
	}
	is("30 times", price(at(t, "203.0.113.1"), signup), 16)

	f.clock.Advance(10 * time.Hour)
	fail(100, false)
	fail(100, true)
	fail(100, true)
	is("two thirds of all sign-ins fail", price(at(t, "203.0.113.1"), login), 2) // the limit is reached, times 2
	fail(200, true)
	is("four fifths of all fail", price(at(t, "203.0.113.1"), login), 6) // twice the limit, times 2.8
	f.clock.Advance(10 * time.Minute)
	is("ten minutes later", price(at(t, "203.0.113.1"), login), 2)
}

// TestLimits are for the headers.
func TestLimits(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ctx := at(t, "192.0.2.1")
		want(t, "login", f.attempt(ctx, throttle.Use{Field: login}, true), "")
		want(t, "limits", names(ctx), "login 99/100 1h0m0s;")
		f.clock.Advance(20 * time.Minute)
		want(t, "both", f.admit(ctx, throttle.Use{Field: login}, throttle.Use{Field: signup}), "")
		want(t, "limits of both", names(ctx), "signup 4/5 40m0s;login 98/100 40m0s;")
		for n := range 4 {
			want(t, "from the network", f.admit(at(t, fmt.Sprintf("192.0.2.%d", n+2)), several(4, throttle.Use{Field: signup, Solution: "x"})[:1+n%2]...), "")
		}
		ctx = at(t, "192.0.2.99")
		want(t, "from the network", f.admit(ctx, throttle.Use{Field: signup}), "")
		want(t, "limits of a new address", names(ctx), "signup 12/20 40m0s;")
		ctx = at(t, "203.0.113.9")
		want(t, "nine sign-ins", f.admit(ctx, several(3, throttle.Use{Field: login})...), "")
		for range 5 {
			_ = f.admit(ctx, throttle.Use{Field: login, Solution: fmt.Sprint(login, " ", f.clock.Now())})
		}
		want(t, "refused", f.admit(ctx, throttle.Use{Field: login}), "RATE_LIMITED after 47m30.001s")
		want(t, "limits of a refused use", names(ctx), "login-failures 0/8 47m30.001s;login 92/100 40m0s;")
	})
}

// TestLog has one line for a counter that begins to refuse, and no names. A limit for all names no network.
func TestLog(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		for range 50 {
			_ = f.admit(from(t.Context(), sender{"192.0.2.77", "ada", "secret-session"}), throttle.Use{Field: update, Account: "ada@example.com"})
			_ = f.admit(at(t, "192.0.2.77"), throttle.Use{Field: mail, Recipient: "ada@example.com"})
		}
		logged := f.log.Take()
		if lines := strings.Count(logged, "\n"); lines != 2 ||
			!strings.Contains(logged, `level=WARN msg="rate limit exceeded" limit=update action=REFUSE network=192.0.2.0/24`) ||
			!strings.Contains(logged, `limit=mail-recipient action=CHALLENGE network=192.0.2.0/24`) ||
			strings.Contains(logged, "ada") || strings.Contains(logged, "192.0.2.77") || strings.Contains(logged, "secret") {
			t.Errorf("logged:\n%s", logged)
		}

		for n := range 12 {
			_ = f.admit(at(t, fmt.Sprintf("198.51.%d.1", n)), throttle.Use{Field: signup})
		}
		if logged = f.log.Take(); !strings.HasSuffix(logged, `level=WARN msg="rate limit exceeded" limit=signup-flood action=CHALLENGE`+"\n") ||
			strings.Count(logged, "\n") != 1 {
			t.Errorf("a limit for all logged:\n%s", logged)
		}
	})
}
