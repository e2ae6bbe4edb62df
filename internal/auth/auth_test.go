package auth_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/connection"
	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/clients"
	"usher/internal/auth/domain"
	"usher/internal/auth/operator"
	"usher/internal/auth/sessions"
	"usher/internal/password"
	"usher/internal/request"
	"usher/internal/store"
	"usher/internal/storetest"
	"usher/internal/token"
)

var secret = []byte("7e2c3f0b9d1a48c6b5e4f3a2918d7c6b")

const (
	goodPassword = "four small green turtles"
	issuer       = "https://auth.example.com"

	// Other APIs that tokens are issued for.
	api      = "https://api.example.com"
	otherAPI = "https://reports.example.com"
)

// The services under names of their own, so that world can have them all.
type (
	accessService   = access.Service
	accountService  = accounts.Service
	adminService    = admin.Service
	clientService   = clients.Service
	operatorService = operator.Service
	signinService   = signin.Service
)

// parts are the whole domain, with those parts of the edge around it that keep refresh tokens and page lists.
type parts struct {
	*accessService
	*accountService
	*adminService
	*clientService
	*operatorService
	*signinService
	*connection.Lists
	sessions *sessions.Service
}

// Of two parts with the same verb, tests mean the one at the edge.

func (p parts) Users(ctx context.Context, first int, after *string, filter *admin.UserFilter, order *admin.UserOrder) (*connection.UserConnection, error) {
	return p.Lists.Users(ctx, first, after, filter, order)
}

func (p parts) AuditEvents(ctx context.Context, first int, after *string, filter *admin.AuditEventFilter) (*connection.AuditEventConnection, error) {
	return p.Lists.AuditEvents(ctx, first, after, filter)
}

func (p parts) Signup(ctx context.Context, in signin.SignupInput) (*signin.AuthPayload, error) {
	return p.signinService.Signup(ctx, in)
}

// These settle the cookie, as the edge does after each mutation.

func (p parts) Logout(ctx context.Context) (*signin.LogoutPayload, error) {
	defer p.Settle(ctx)
	return p.signinService.Logout(ctx)
}

func (p parts) RevokeSession(ctx context.Context, in signin.RevokeSessionInput) (*signin.RevokeSessionPayload, error) {
	defer p.Settle(ctx)
	return p.signinService.RevokeSession(ctx, in)
}

func (p parts) RevokeUserSessions(ctx context.Context, in admin.RevokeUserSessionsInput) (*admin.RevokeUserSessionsPayload, error) {
	defer p.Settle(ctx)
	return p.adminService.RevokeUserSessions(ctx, in)
}

func (p parts) DisableUser(ctx context.Context, in admin.DisableUserInput) (*admin.DisableUserPayload, error) {
	defer p.Settle(ctx)
	return p.adminService.DisableUser(ctx, in)
}

func (p parts) DeleteUser(ctx context.Context, in admin.DeleteUserInput) (*admin.DeleteUserPayload, error) {
	defer p.Settle(ctx)
	return p.adminService.DeleteUser(ctx, in)
}

// current reports whether a session is that of the request.
func current(ctx context.Context, s *auth.Session) bool {
	claims := access.CallerFrom(ctx).Claims()
	return claims != nil && claims.SessionID == s.ID.String()
}

// world is the domain on a real database with a clock that tests move.
type world struct {
	parts
	store  *storetest.Faults
	tokens *token.Authority
	clock  *clock
	log    *buffer

	seen  map[uuid.UUID]bool   // events that newEvents has told of
	names map[uuid.UUID]string // of users, those that are gone too
}

// buffer is what the server has logged.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// take returns what was logged since the last time.
func (b *buffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.b.Reset()
	return b.b.String()
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

// each runs a test on every database.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, store *store.Store) {
		test(t, newWorld(t, store))
	})
}

func newWorld(t testing.TB, store *store.Store) *world {
	t.Helper()
	w := &world{
		store: storetest.NewFaults(store),
		clock: &clock{now: time.Date(2026, 1, 31, 12, 0, 0, 123456000, time.UTC)},
		log:   &buffer{},
		seen:  map[uuid.UUID]bool{},
		names: map[uuid.UUID]string{},
	}
	key, err := token.NewHMACKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	w.tokens, err = token.New(token.Options{
		Issuer: issuer, Audience: issuer, Resources: []string{api, otherAPI}, Keys: key,
		TTL: 15 * time.Minute, Now: w.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.parts = w.service(t, domain.Options{Rand: rand.NewChaCha8([32]byte{1})})
	return w
}

// service makes a domain like that of the world, but for what o says.
func (w *world) service(t testing.TB, o domain.Options) parts {
	t.Helper()
	if o.Store == nil {
		o.Store = w.store
	}
	if o.Passwords == nil {
		o.Passwords = password.New(password.Options{CheapForTests: true, Queue: 1000})
	}
	if o.Rand != nil {
		o.Rand = &reader{r: o.Rand}
	}
	o.Tokens, o.Secret, o.Now, o.Log = w.tokens, secret, w.clock.Now, slog.New(slog.NewTextHandler(w.log, nil))
	d, err := domain.New(o)
	if err != nil {
		t.Fatal(err)
	}
	lists, err := connection.New(d.Admin, d.Sessions, secret)
	if err != nil {
		t.Fatal(err)
	}
	return parts{d.Access, d.Accounts, d.Admin, d.Clients, d.Operator, signin.New(d.Accounts, d.Sessions), lists, d.Sessions}
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

func (w *world) signup(t *testing.T, username string) *signin.AuthPayload {
	t.Helper()
	payload, err := w.Signup(device(t.Context()), signin.SignupInput{Username: &username, Password: goodPassword})
	if err != nil {
		t.Fatalf("Signup: %v", err)
	}
	return payload
}

func (w *world) login(t *testing.T, username string) *signin.AuthPayload {
	t.Helper()
	payload, err := w.Login(t.Context(), signin.LoginInput{Identifier: username, Password: goodPassword})
	if err != nil {
		t.Fatalf("Login: %v", err)
	}
	return payload
}

// admin creates an administrator and signs them in.
func (w *world) admin(t *testing.T, username string) *signin.AuthPayload {
	t.Helper()
	if _, err := w.CreateUser(t.Context(), accounts.Input{Username: &username, Password: goodPassword}, auth.Roles); err != nil {
		t.Fatalf("CreateUser: %v", err)
	}
	return w.login(t, username)
}

// newEvents returns the lines that the audit log got since the last time, sorted.
func (w *world) newEvents(t *testing.T) []string {
	t.Helper()
	for _, u := range w.users(t) {
		w.names[u.ID] = *cmp.Or(u.Username, u.Email)
	}
	events, err := w.store.Events(t.Context(), auth.AuditEventQuery{Limit: 10000})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range events {
		if !w.seen[e.ID] {
			w.seen[e.ID] = true
			lines = append(lines, w.line(e))
		}
	}
	slices.Sort(lines)
	return lines
}

// line is an event in words, such as "USER_ROLES_CHANGED by root of ada in a session to USER ADMIN".
func (w *world) line(e auth.AuditEvent) string {
	s := string(e.Kind)
	if e.ActorID != nil {
		s += " by " + w.names[*e.ActorID]
	}
	if e.Operator {
		s += " by the operator"
	}
	if e.UserID != nil {
		s += " of " + w.names[*e.UserID]
	}
	if e.SessionID != nil {
		s += " in a session"
	}
	if e.ClientID != nil {
		s += " of a client"
	}
	if e.Roles != nil {
		s += fmt.Sprint(" to ", e.Roles)
	}
	return s
}

// wantEvents fails the test unless the audit log got just these lines since the last time.
func (w *world) wantEvents(t *testing.T, want ...string) {
	t.Helper()
	if diff := gocmp.Diff(want, w.newEvents(t)); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
}

// as returns the context of a new request that bears the token.
func (w *world) as(t *testing.T, bearer string) context.Context {
	t.Helper()
	return access.WithCaller(t.Context(), w.Identify(bearer))
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
	return w.signTo(issuer, user, session)
}

// signTo makes a good token for an audience.
func (w *world) signTo(audience string, user, session uuid.UUID) (string, error) {
	return w.tokens.Sign(token.Claims{
		Audience: audience, Subject: user.String(), SessionID: session.String(), ClientID: "usher", AuthTime: w.clock.Now(),
		Roles: []string{"USER"},
	})
}

func (w *world) users(t *testing.T) []auth.User {
	t.Helper()
	placed, err := w.store.Users(t.Context(), auth.UserQuery{Order: auth.UsersByCreatedAt, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	users := make([]auth.User, len(placed))
	for i, p := range placed {
		users[i] = p.User
	}
	return users
}

// device is a request's context, as a browser sends it.
func device(ctx context.Context) context.Context {
	return request.With(ctx, &request.Exchange{Info: request.Info{ID: "r1", Client: netip.MustParseAddr("192.0.2.7"), UserAgent: "Test/1.0"}})
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
		s += fmt.Sprintf(" %s=%s", f.Field, f.Code)
	}
	if e.RetryAfter != 0 {
		s += " after " + e.RetryAfter.String()
	}
	return s
}
