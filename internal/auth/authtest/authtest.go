// Package authtest owns the domain on a real database for tests, with a clock that the test sets, a store that fails
// when the test says so, and the audit log in words.
package authtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/domain"
	"usher/internal/passkey"
	"usher/internal/password"
	"usher/internal/provider"
	"usher/internal/seal"
	"usher/internal/seal/sealtest"
	"usher/internal/store"
	"usher/internal/storetest"
	"usher/internal/token"
)

const (
	// Password is a valid password.
	Password = "four small green turtles"
	// Issuer is the server, and the audience of tokens for its own API.
	Issuer = "https://auth.example.com"
	// API is another API that the server issues tokens for.
	API = "https://api.example.com"
	// DeletionGrace is how long after deleteMe an account is deleted.
	DeletionGrace = 14 * 24 * time.Hour
	// OtherAPI is a second one.
	OtherAPI = "https://reports.example.com"
)

// Secrets is the server's secret.
var Secrets = sealtest.Secrets("7e2c3f0b9d1a48c6b5e4f3a2918d7c6b")

// Fixture is the domain on an empty database.
type Fixture struct {
	Domain *domain.Domain
	Store  *storetest.Faults
	Tokens *token.Authority
	Clock  *Clock
	// Mailbox has the mails that were sent. A new domain sends no mail while it is nil.
	Mailbox *Mailbox
	Log     *Log

	reported map[uuid.UUID]bool   // events that NewEvents has returned
	names    map[uuid.UUID]string // of users, deleted ones too
}

// Each runs a test on every kind of database.
func Each(t *testing.T, test func(t *testing.T, f *Fixture)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) { test(t, New(t, s)) })
}

// New returns a Fixture on a store.
func New(t testing.TB, s *store.Store) *Fixture {
	t.Helper()
	f := &Fixture{
		Store:    storetest.NewFaults(s),
		Clock:    NewClock(time.Date(2026, 1, 31, 12, 0, 0, 123456000, time.UTC)),
		Log:      &Log{},
		Mailbox:  NewMailbox(t),
		reported: map[uuid.UUID]bool{},
		names:    map[uuid.UUID]string{},
	}
	key, err := token.NewHMACKey(Secrets)
	if err != nil {
		t.Fatal(err)
	}
	f.Tokens, err = token.New(token.Options{
		Issuer: Issuer, Audience: Issuer, Resources: []string{API, OtherAPI}, Keys: key, TTL: 15 * time.Minute, Now: f.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Domain = f.NewDomain(t, domain.Options{
		Rand: &lockedReader{r: rand.NewChaCha8([32]byte{1})}, DeletionGrace: DeletionGrace,
	})
	return f
}

// NoPasskeys in the options of NewDomain makes a domain in which nobody can use passkeys.
var NoPasskeys = new(passkey.Party)

// ProviderPage is where sign-ins at providers may return to.
const ProviderPage = "https://app.example.com/signed-in"

// ProviderCallback is the URL to which a provider sends browsers back.
func ProviderCallback(id string) string { return Issuer + "/auth/callback/" + id }

// NewDomain returns a domain like the fixture's with other options.
func (f *Fixture) NewDomain(t testing.TB, o domain.Options) *domain.Domain {
	t.Helper()
	if o.Store == nil {
		o.Store = f.Store
	}
	if o.Passwords == nil {
		o.Passwords = password.New(password.Options{CheapForTests: true, Queue: 1000})
	}
	switch o.Mail {
	case nil:
		o.Mail = f.Mailbox.Post()
	case NoMail:
		o.Mail = nil
	}
	if o.Secrets == nil {
		o.Secrets = Secrets
	}
	switch o.Passkeys {
	case NoPasskeys:
		o.Passkeys = nil
	case nil:
		party, err := passkey.New(passkey.Options{ID: "example.com", Name: "Example", Origins: []string{Issuer}})
		if err != nil {
			t.Fatal(err)
		}
		o.Passkeys = party
	}
	if o.Providers == nil {
		var err error
		o.Providers, err = provider.New([]provider.Settings{
			{ID: "example", Name: "Example", Issuer: "https://id.example.com", ClientID: "usher"},
		}, provider.Options{Redirect: ProviderCallback, Now: f.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		o.ProviderRedirects.URLs = []string{ProviderPage}
	}
	o.Tokens, o.Now, o.Log = f.Tokens, f.Clock.Now, slog.New(slog.NewTextHandler(f.Log, nil))
	d, err := domain.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// As returns the context of a new request with a bearer token.
func (f *Fixture) As(t testing.TB, bearer string) context.Context {
	t.Helper()
	return access.WithCaller(t.Context(), f.Domain.Access.Identify(bearer))
}

// AllUsers returns all users, the oldest first.
func (f *Fixture) AllUsers(t testing.TB) []auth.User {
	t.Helper()
	found, err := f.Store.Users(t.Context(), auth.UserQuery{Order: auth.UsersByCreatedAt, Page: auth.Page[auth.UserPosition]{Limit: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	users := make([]auth.User, len(found))
	for i, u := range found {
		users[i] = u.User
	}
	return users
}

// EndSession ends a session past the domain.
func (f *Fixture) EndSession(t testing.TB, s *auth.Session) {
	t.Helper()
	if ended, err := f.Store.EndSession(t.Context(), s.ID, f.Clock.Now()); err != nil || !ended {
		t.Fatal(ended, err)
	}
}

// NewEvents returns the events in the audit log since the last call, in words and sorted.
func (f *Fixture) NewEvents(t testing.TB) []string {
	t.Helper()
	for _, u := range f.AllUsers(t) {
		f.names[u.ID] = *cmp.Or(u.Username, u.Email)
	}
	events, err := f.Store.Events(t.Context(), auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 10000}})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range events {
		if !f.reported[e.ID] {
			f.reported[e.ID] = true
			lines = append(lines, f.Describe(e))
		}
	}
	slices.Sort(lines)
	return lines
}

// WantEvents fails the test unless the audit log has exactly these new events.
func (f *Fixture) WantEvents(t testing.TB, want ...string) {
	t.Helper()
	if diff := gocmp.Diff(want, f.NewEvents(t)); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
}

// Describe returns an event in words, such as "USER_ROLES_CHANGED by root of ada in a session to USER ADMIN".
func (f *Fixture) Describe(e auth.AuditEvent) string {
	s := string(e.Kind)
	if e.ActorID != nil {
		s += " by " + f.names[*e.ActorID]
	}
	if e.Operator {
		s += " by the operator"
	}
	if e.UserID != nil {
		s += " of " + f.names[*e.UserID]
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
	if e.Permissions != nil {
		s += fmt.Sprint(" with ", e.Permissions)
	}
	return s
}

// Code returns the code of an error and what goes with it, such as "BAD_USER_INPUT email=TAKEN"; "" for nil.
func Code(err error) string {
	var e *auth.Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &e):
		return "internal: " + err.Error()
	}
	words := []string{string(e.Code)}
	if e.Reason != "" {
		words = append(words, string(e.Reason))
	}
	if e.UnknownPasskey {
		words = append(words, "unknown passkey")
	}
	for _, f := range e.Fields {
		words = append(words, f.Field+"="+string(f.Code))
	}
	if e.RetryAfter != 0 {
		words = append(words, "after", e.RetryAfter.String())
	}
	return strings.Join(words, " ")
}

// WithOtherSecret returns a refresh token of the same session with another secret. Making one takes the server's key.
func WithOtherSecret(t testing.TB, refreshToken string) string {
	t.Helper()
	key, err := seal.NewKey(Secrets, "usher refresh token")
	if err != nil {
		t.Fatal(err)
	}
	content, ok := key.Open("", strings.TrimPrefix(refreshToken, "urt_"))
	if !ok {
		t.Fatal("the refresh token does not open")
	}
	content[len(content)-1] ^= 1
	return "urt_" + key.Sign("", content)
}

// Clock is a clock that the test sets.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that shows a time.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance sets the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Log is what the server has logged.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// Take returns what was logged since the last call.
func (l *Log) Take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

// lockedReader makes a source of randomness safe for concurrent use.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (r *lockedReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Read(p)
}
