package throttle_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/throttle"
	"usher/internal/request"
	"usher/internal/store"
	"usher/internal/storetest"
	"usher/internal/token"
)

const (
	login  = "Mutation.login"
	signup = "Mutation.signup"
	mail   = "Mutation.requestSignup"
	update = "Mutation.updateMe"
)

// rules returns rules like those of the schema, with other numbers.
func rules() map[string][]throttle.Rule {
	client, global := []throttle.Key{throttle.KeyClient}, []throttle.Key{throttle.KeyGlobal}
	calls := func(name string, by []throttle.Key, most int) throttle.Rule {
		return throttle.Rule{Cost: 1, Limit: &throttle.Limit{
			Name: name, By: by, Max: most, Per: time.Hour, Counts: throttle.CountCalls, Exceeded: throttle.Refuse,
		}}
	}
	with := func(r throttle.Rule, counts throttle.Count, exceeded throttle.Action) throttle.Rule {
		r.Counts, r.Exceeded = counts, exceeded
		return r
	}
	return map[string][]throttle.Rule{
		login: {
			calls("login", client, 100),
			with(calls("login-failures", client, 8), throttle.CountFailures, throttle.Refuse),
			with(calls("login-guesses", client, 3), throttle.CountFailures, throttle.Challenge),
			with(calls("login-attack", global, 200), throttle.CountFailures, throttle.Challenge),
		},
		signup: {calls("signup", client, 5), with(calls("signup-flood", global, 8), throttle.CountCalls, throttle.Challenge)},
		mail: {
			calls("mail", client, 30),
			with(calls("mail-recipient", []throttle.Key{throttle.KeyRecipient}, 2), throttle.CountCalls, throttle.Challenge),
		},
		update: {calls("update", []throttle.Key{throttle.KeyUser}, 4)},
	}
}

// challenger is a Challenger without work: the solution of challenge 7 for a field is "field 7". It expires after an hour.
type challenger struct {
	mu     sync.Mutex
	issued int
}

func (c *challenger) Issue(field string, factor int) (*auth.Challenge, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.issued++
	return &auth.Challenge{Salt: field + " " + strconv.Itoa(c.issued), MaxNumber: int64(factor)}, nil
}

func (c *challenger) Verify(field, solution string) (string, time.Time, bool) {
	id, ok := strings.CutPrefix(solution, field+" ")
	return id, start.Add(time.Hour), ok && id != ""
}

// knownDevice knows the token "device of NAME" for the name.
func knownDevice(token, account string) bool { return token == "device of "+account }

var start = time.Date(2030, 1, 2, 3, 0, 0, 0, time.UTC)

// fixture is a service on a database.
type fixture struct {
	*throttle.Service
	store      *storetest.Faults
	clock      *authtest.Clock
	log        *authtest.Log
	challenges *challenger
	meter      *meter
	rules      map[string][]throttle.Rule
}

func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) { test(t, newFixture(s)) })
}

func newFixture(s *store.Store) *fixture {
	f := &fixture{store: storetest.NewFaults(s), clock: authtest.NewClock(start), log: &authtest.Log{}, challenges: &challenger{}, meter: &meter{counts: map[string]int{}}, rules: rules()}
	f.Service = f.replica()
	return f
}

// replica returns another service on the same database, or the same one after a restart.
func (f *fixture) replica() *throttle.Service {
	return throttle.New(throttle.Options{
		Rules: f.rules, Store: f.store, Now: f.clock.Now, Log: slog.New(slog.NewTextHandler(f.log, nil)),
		Digest:     func(b []byte) []byte { sum := sha256.Sum256(b); return sum[:] },
		Challenges: f.challenges, Device: knownDevice, Meter: f.meter,
	})
}

// sender is who sends a request.
type sender struct{ address, user, session string }

// from returns the context of a new request.
func from(ctx context.Context, s sender) context.Context {
	x := &request.Exchange{}
	if s.address != "" {
		x.Info.Client = netip.MustParseAddr(s.address)
	}
	c := caller.Anonymous(auth.ReasonNoToken)
	if s.user != "" {
		c = caller.Of(&token.Claims{Subject: s.user, SessionID: s.session})
	}
	return caller.With(request.With(ctx, x), c)
}

// at is from for an anonymous client.
func at(t *testing.T, address string) context.Context {
	return from(t.Context(), sender{address: address})
}

func result(guess bool) throttle.Result {
	if guess {
		return throttle.Guessed
	}
	return throttle.Done
}

// code returns the code of an error and what belongs to it.
func code(err error) string { return authtest.Code(err) }

// admit admits uses of an operation and returns the code.
func (f *fixture) admit(ctx context.Context, uses ...throttle.Use) string {
	_, err := f.Admit(ctx, uses)
	return code(err)
}

// attempt signs in and returns the code. The password is wrong if guess is set.
func (f *fixture) attempt(ctx context.Context, u throttle.Use, guess bool) string {
	a, err := f.Admit(ctx, []throttle.Use{u})
	if err == nil {
		a.Settle(ctx, 0, result(guess))
	}
	return code(err)
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// several returns as many uses of a field.
func several(n int, u throttle.Use) []throttle.Use { return slices.Repeat([]throttle.Use{u}, n) }

// names returns the limits of a request as text.
func names(ctx context.Context) (text string) {
	for _, l := range request.OutcomeOf(ctx).Limits {
		text += fmt.Sprintf("%s %d/%d %v;", l.Name, l.Remaining, l.Max, l.Reset)
	}
	return text
}
