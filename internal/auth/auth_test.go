package auth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/password"
	"usher/internal/request"
	"usher/internal/store"
	"usher/internal/storetest"
	"usher/internal/token"
)

var secret = []byte("7e2c3f0b9d1a48c6b5e4f3a2918d7c6b")

const goodPassword = "four small green turtles"

// world is a Service on a real database with a clock that tests move.
type world struct {
	*auth.Service
	store  *watched
	tokens *token.Authority
	clock  *clock
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// watched is the real store, with a count of the viewer look-ups and a way to make one fail.
type watched struct {
	auth.Store
	mu      sync.Mutex
	viewers int
	fail    func() error

	onLoginFailures, onRefreshState func()
}

func (w *watched) RefreshState(ctx context.Context, id uuid.UUID) (*auth.RefreshState, error) {
	state, err := w.Store.RefreshState(ctx, id)
	if w.onRefreshState != nil {
		w.onRefreshState()
	}
	return state, err
}

func (w *watched) LoginFailures(ctx context.Context, key string) (auth.LoginFailures, error) {
	if w.onLoginFailures != nil {
		w.onLoginFailures()
	}
	return w.Store.LoginFailures(ctx, key)
}

func (w *watched) Viewer(ctx context.Context, id uuid.UUID) (*auth.Viewer, error) {
	w.mu.Lock()
	w.viewers++
	fail := w.fail
	w.mu.Unlock()
	if fail != nil {
		if err := fail(); err != nil {
			return nil, err
		}
	}
	return w.Store.Viewer(ctx, id)
}

// each runs a test on every database.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, store *store.Store) {
		test(t, newWorld(t, store))
	})
}

func newWorld(t *testing.T, store auth.Store) *world {
	t.Helper()
	w := &world{
		store: &watched{Store: store},
		clock: &clock{now: time.Date(2026, 1, 31, 12, 0, 0, 123456000, time.UTC)},
	}
	key, err := token.NewHMACKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	w.tokens, err = token.New(token.Options{
		Issuer: "https://auth.example.com", Audience: "https://api.example.com", Keys: key,
		TTL: 15 * time.Minute, Now: w.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Service, err = auth.New(auth.Options{
		Store:     w.store,
		Passwords: password.New(password.Options{CheapForTests: true, Queue: 1000}),
		Tokens:    w.tokens,
		Secret:    secret,
		Now:       w.clock.Now,
		Rand:      &reader{r: rand.NewChaCha8([32]byte{1})},
		Log:       slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// reader makes a source of randomness safe for concurrent use.
type reader struct {
	mu sync.Mutex
	r  io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Read(p)
}

func (w *world) signup(t *testing.T, username string) *auth.AuthPayload {
	t.Helper()
	payload, err := w.Signup(device(t.Context()), auth.SignupInput{Username: &username, Password: goodPassword})
	if err != nil {
		t.Fatalf("Signup: %v", err)
	}
	return payload
}

// as returns the context of a new request that bears the token.
func (w *world) as(t *testing.T, bearer string) context.Context {
	t.Helper()
	return auth.WithCaller(t.Context(), w.Identify(bearer))
}

// sign makes a good token for any user and session.
func (w *world) sign(t *testing.T, user, session uuid.UUID) string {
	t.Helper()
	bearer, err := w.signFor(user, session)
	if err != nil {
		t.Fatal(err)
	}
	return bearer
}

func (w *world) signFor(user, session uuid.UUID) (string, error) {
	return w.tokens.Sign(token.Claims{
		Subject: user.String(), SessionID: session.String(), ClientID: "usher", AuthTime: w.clock.Now(),
		Roles: []string{"USER"},
	})
}

func (w *world) users(t *testing.T) []auth.User {
	t.Helper()
	users, err := w.store.Users(t.Context(), uuid.Nil, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return users
}

// device is a request's context, as a browser sends it.
func device(ctx context.Context) context.Context {
	return request.With(ctx, &request.Info{ID: "r1", Client: netip.MustParseAddr("192.0.2.7"), UserAgent: "Test/1.0"})
}

// kind is an error in one line: its code and what goes with it, empty for none.
func kind(err error) string {
	var e *auth.Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &e):
		return "internal: " + err.Error()
	}
	s := string(e.Code)
	if e.Reason != "" {
		s += " " + string(e.Reason)
	}
	for _, f := range e.Fields {
		s += fmt.Sprintf(" %s=%s", f.Path[len(f.Path)-1], f.Code)
	}
	if e.RetryAfter != 0 {
		s += " after " + e.RetryAfter.String()
	}
	return s
}
