package auth_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/authtest"
	"usher/internal/auth/recovery"
	"usher/internal/password"
	"usher/internal/request"
)

// Clients, as the server can tell them apart. A thief has their own client, or looks like the owner's: behind the same
// NAT, with the same User-Agent.
const (
	owner = "192.0.2.7 Test/1.0"
	thief = "198.51.100.9 Test/1.0"
)

// client returns the context of a request with the address and the User-Agent of a client.
func client(ctx context.Context, name string) context.Context {
	address, userAgent, _ := strings.Cut(name, " ")
	return request.With(ctx, &request.Exchange{Info: request.Info{Client: netip.MustParseAddr(address), UserAgent: userAgent}})
}

// modelState is a second implementation of the rules: the state of a session's refresh tokens.
type modelState struct {
	unused    int // the number of the token that is not used yet
	rotatedAt time.Time
	rotatedBy string
	replays   int
	usedAt    time.Time
	endedAt   *time.Time
}

// modelSession is a session with its owner and a thief.
type modelSession struct {
	modelState
	earlier   []modelState // before each change, the last one last; a failover may restore them
	user, id  uuid.UUID
	access    string
	expiresAt time.Time

	tokens []string // all issued tokens, by number
	held   int      // the number of the owner's token
	stolen []int    // the numbers of the thief's tokens

	// honest says that only the owner has presented tokens so far, only the one they hold, and within the limits.
	honest bool
	// events are the expected events about the tokens.
	events map[auth.AuditEventKind]int
}

func (m *modelSession) live(now time.Time) bool {
	return m.endedAt == nil && now.Before(m.expiresAt) && now.Before(m.usedAt.Add(7*24*time.Hour))
}

// refresh reports whether presenting the i-th token returns its successor, and updates the state.
func (m *modelSession) refresh(i int, by string, now time.Time) bool {
	replay := i == m.unused-1 && by == m.rotatedBy && now.Before(m.rotatedAt.Add(time.Hour)) && m.replays < 30
	if i < m.unused && !replay {
		m.end(now, auth.EventRefreshReuse)
		return false
	}
	if !m.live(now) {
		return false
	}
	m.earlier = append(m.earlier, m.modelState)
	if replay {
		m.replays++
		m.events[auth.EventRefreshReplayed]++
		return true
	}
	m.unused, m.rotatedAt, m.rotatedBy, m.replays = i+1, now, by, 0
	if minute := now.Truncate(time.Minute); minute.After(m.usedAt) {
		m.usedAt = minute
	}
	return true
}

func (m *modelSession) end(now time.Time, why auth.AuditEventKind) {
	if m.endedAt != nil || !now.Before(m.expiresAt) {
		return
	}
	m.endWithOthers(now)
	m.events[why]++
}

// endWithOthers is end without an event of the session's own.
func (m *modelSession) endWithOthers(now time.Time) {
	if m.endedAt != nil || !now.Before(m.expiresAt) {
		return
	}
	m.earlier = append(m.earlier, m.modelState)
	m.endedAt = &now
}

// TestRefreshModel takes random steps, in sequence and in parallel, and compares every answer with the model. The owner
// loses answers. A thief copies tokens at any time and uses them from their own client or from the owner's. Failovers lose
// commits. The test also asserts what docs/security.md says about these cases.
func TestRefreshModel(t *testing.T) {
	t.Parallel()
	eachDatabaseWithSQL(t, func(t *testing.T, f *fixture, db *sql.DB) {
		users := 0 // Each run has its own user, below the limit on sessions.
		rapid.Check(t, func(r *rapid.T) {
			users++
			name := fmt.Sprintf("ada-%d", users)
			f.signupEmail(t, name, name+"@example.com")
			(&model{f: f, db: db, user: name, password: authtest.Password}).run(r)
		})
	})
}

type model struct {
	f        *fixture
	db       *sql.DB
	user     string
	password password.Plaintext
	sessions []*modelSession
}

func (m *model) run(r *rapid.T) {
	m.login(r)
	r.Repeat(map[string]func(*rapid.T){
		"login": m.login,
		"the owner refreshes": func(r *rapid.T) {
			s := m.some(r)
			m.own(r, s, s.held)
		},
		"the owner presents an older token": func(r *rapid.T) {
			s := m.some(r)
			s.honest = false
			m.own(r, s, rapid.IntRange(0, s.held).Draw(r, "token"))
		},
		"the thief copies the token of the owner": func(r *rapid.T) {
			s := m.some(r)
			s.stolen = append(s.stolen, s.held)
		},
		"the thief refreshes": m.steal,
		"failover":            m.failover,
		"log out": func(r *rapid.T) {
			s := m.some(r)
			if _, err := m.f.Logout(access.WithCaller(r.Context(), m.f.Identify(s.access))); err == nil {
				s.end(m.f.Clock.Now(), auth.EventLogout)
				s.honest = false
			}
		},
		"change the password": m.changePassword,
		"reset the password":  m.resetPassword,
		"wait": func(r *rapid.T) {
			m.f.Clock.Advance(rapid.SampledFrom([]time.Duration{
				time.Second, 30 * time.Second, 15 * time.Minute, 59 * time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
			}).Draw(r, "time"))
		},
		"": m.check, // after each of the above
	})
	m.checkEvents(r)
}

func (m *model) some(r *rapid.T) *modelSession {
	return rapid.SampledFrom(m.sessions).Draw(r, "session")
}

func (m *model) login(r *rapid.T) {
	if len(m.sessions) == 4 {
		return
	}
	p, err := m.f.Login(client(r.Context(), owner), signin.LoginInput{Identifier: m.user, Password: m.password})
	if err != nil {
		r.Fatal(err)
	}
	m.sessions = append(m.sessions, &modelSession{
		modelState: modelState{usedAt: m.f.Clock.Now()},
		user:       p.User.ID, id: p.Session.ID, access: p.AccessToken, expiresAt: p.Session.ExpiresAt,
		tokens: []string{*p.RefreshToken}, honest: true, events: map[auth.AuditEventKind]int{},
	})
}

// nextPassword returns the one of two passwords that is not the current one.
func (m *model) nextPassword() password.Plaintext {
	if m.password == otherPassword {
		return authtest.Password
	}
	return otherPassword
}

// endAll ends all sessions but one.
func (m *model) endAll(except *modelSession) {
	for _, s := range m.sessions {
		if s != except {
			s.endWithOthers(m.f.Clock.Now())
			s.honest = false
		}
	}
}

// changePassword has the owner change the password in a session. The others end.
func (m *model) changePassword(r *rapid.T) {
	s, next := m.some(r), m.nextPassword()
	bearer, err := m.f.signFor(s.user, s.id)
	if err != nil {
		r.Fatal(err)
	}
	want := ""
	if !s.live(m.f.Clock.Now()) {
		want = ended
	}
	if got := m.f.changePassword(access.WithCaller(r.Context(), m.f.Identify(bearer)), m.password, next); got != want {
		r.Fatalf("changePassword: %q, want %q", got, want)
	}
	if want == "" {
		m.password = next
		m.endAll(s)
	}
}

// resetPassword has the owner reset the password by mail, unless they have got too many mails. All sessions end.
func (m *model) resetPassword(r *rapid.T) {
	p, err := m.f.RequestPasswordReset(r.Context(), recovery.RequestPasswordResetInput{Identifier: m.user})
	if err == nil {
		err = m.f.Domain.Outbox.Deliver(r.Context())
	}
	if err != nil {
		r.Fatal(err)
	}
	for _, mail := range m.f.Mailbox.Take() {
		if mail.Template != "reset-password" {
			continue
		}
		in := withToken(mail, m.nextPassword())
		if rapid.Bool().Draw(r, "by code") {
			in = withCode(p.Flow, mail.Code, m.nextPassword())
		}
		if got := m.f.reset(r.Context(), in); got != "" {
			r.Fatalf("resetPassword: %q", got)
		}
		m.password = m.nextPassword()
		m.endAll(nil)
	}
}

// own has the owner present a token, in one or several tabs. The answers may be lost.
func (m *model) own(r *rapid.T, s *modelSession, i int) {
	before := s.modelState
	now, n := m.f.Clock.Now(), rapid.SampledFrom([]int{1, 1, 1, 2, 8, 33}).Draw(r, "requests")
	if !s.live(now) || i < s.unused && !now.Before(s.rotatedAt.Add(time.Hour)) || s.replays+n > 30 {
		s.honest = false // beyond the limits
	}
	got := m.present(r, s, i, owner, n)
	if s.honest && got != n {
		r.Fatalf("an honest owner with token %d of %+v was refused", i, before)
	}
	if i < before.unused && before.rotatedBy == thief && got > 0 {
		r.Fatalf("the thief used token %d, the owner followed, and the session is still valid", i)
	}
	if got > 0 && !rapid.Bool().Draw(r, "lost") {
		s.held = max(s.held, i+1)
	}
}

// steal has the thief present a copied token.
func (m *model) steal(r *rapid.T) {
	s := m.some(r)
	if len(s.stolen) == 0 {
		return
	}
	i, by := rapid.SampledFrom(s.stolen).Draw(r, "token"), rapid.SampledFrom([]string{thief, owner}).Draw(r, "client")
	s.honest = false
	before, now := s.modelState, m.f.Clock.Now()
	got := m.present(r, s, i, by, 1)
	if got > 0 {
		s.stolen = append(s.stolen, i+1)
	}
	switch used := i < before.unused; {
	case !used: // The thief is first, and does what the owner could.
	case by == thief && before.rotatedBy == owner && s.live(now):
		r.Fatalf("a thief with another client presents token %d after its use, and the session is still valid", i)
	case got > 0 && (i < before.unused-1 || before.rotatedBy != by):
		r.Fatalf("a thief got the successor of token %d of %+v", i, before)
	case got == 0 && s.live(now):
		r.Fatalf("a thief was refused with the used token %d, and the session is still valid", i)
	}
}

// present refreshes with the i-th token n times at once, and returns how many calls got its successor.
func (m *model) present(r *rapid.T, s *modelSession, i int, by string, n int) int {
	type answer struct {
		payload *signin.AuthPayload
		failed  string
	}
	answers := make([]answer, n)
	var wg sync.WaitGroup
	for k := range n {
		wg.Go(func() { answers[k].payload, answers[k].failed = m.f.refresh(client(r.Context(), by), s.tokens[i]) })
	}
	wg.Wait()
	want, got := 0, 0
	for range n {
		if s.refresh(i, by, m.f.Clock.Now()) {
			want++
		}
	}
	for _, a := range answers {
		if a.failed != "" {
			if a.failed != ended {
				r.Fatalf("token %d: %q", i, a.failed)
			}
			continue
		}
		got++
		s.access = a.payload.AccessToken
		switch successor := *a.payload.RefreshToken; {
		case i+1 == len(s.tokens):
			s.tokens = append(s.tokens, successor)
		case successor != s.tokens[i+1]:
			r.Fatalf("token %d got another successor than before", i)
		}
	}
	if got != want {
		r.Fatalf("token %d of %d by %s, %d times: %d got its successor, want %d", i, len(s.tokens), by, n, got, want)
	}
	return got
}

// failover restores the database to the state before some of the last changes to a session.
func (m *model) failover(r *rapid.T) {
	s := m.some(r)
	if len(s.earlier) == 0 {
		return
	}
	lost := rapid.IntRange(1, min(4, len(s.earlier))).Draw(r, "commits")
	s.modelState = s.earlier[len(s.earlier)-lost]
	s.earlier = s.earlier[:len(s.earlier)-lost]
	var rotatedAt, rotatedBy any
	if s.unused > 0 {
		rotatedAt, rotatedBy = s.rotatedAt, noteOf(client(r.Context(), s.rotatedBy), s.unused)
	}
	result, err := m.db.ExecContext(r.Context(), `
		UPDATE sessions SET refresh_generation = $2, rotated_at = $3, rotated_by = $4, refresh_replays = $5,
			last_used_at = $6, ended_at = $7
		WHERE id = $1`, s.id.String(), s.unused, rotatedAt, rotatedBy, s.replays, s.usedAt, s.endedAt)
	if err != nil {
		r.Fatal(err)
	}
	if n, err := result.RowsAffected(); n != 1 || err != nil {
		r.Fatal(n, err)
	}
}

func (m *model) check(r *rapid.T) {
	for _, s := range m.sessions {
		bearer, err := m.f.signFor(s.user, s.id) // s.access may have expired
		if err != nil {
			r.Fatal(err)
		}
		err = m.f.Authorize(access.WithCaller(r.Context(), m.f.Identify(bearer)), forUser, nil)
		if live := s.live(m.f.Clock.Now()); (err == nil) != live {
			r.Fatalf("the guard returned %v, and in the model the session is valid: %t", err, live)
		}
	}
}

// checkEvents compares the audit log with the model. The failovers of this test lose no events.
func (m *model) checkEvents(r *rapid.T) {
	for _, kind := range []auth.AuditEventKind{auth.EventRefreshReplayed, auth.EventRefreshReuse, auth.EventLogout} {
		events, err := m.f.Store.Events(r.Context(), auth.AuditEventQuery{Kinds: []auth.AuditEventKind{kind}, Page: auth.Page[uuid.UUID]{Limit: 2000}})
		if err != nil {
			r.Fatal(err)
		}
		for _, s := range m.sessions {
			got := 0
			for _, e := range events {
				if *e.SessionID != s.id {
					continue
				}
				got++
				if kind != auth.EventLogout && !slices.Contains([]string{owner, thief}, *e.IPAddress+" "+*e.UserAgent) {
					r.Fatalf("%s does not say by which client", kind)
				}
			}
			if diff := gocmp.Diff(s.events[kind], got); diff != "" {
				r.Fatalf("events of kind %s (-want +got):\n%s", kind, diff)
			}
		}
	}
}
