package auth_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"usher/internal/auth"
)

// modelSession is what the rules of refresh say of a session, written down a second time, from the
// side of a client: every refresh token it was ever given, and which of them is the valid one.
type modelSession struct {
	tokens    []string // in the order of rotation; the last is the valid one
	user, id  uuid.UUID
	access    string
	rotatedAt time.Time
	usedAt    time.Time
	expiresAt time.Time
	ended     bool
}

func (m *modelSession) live(now time.Time) bool {
	return !m.ended && now.Before(m.expiresAt) && now.Before(m.usedAt.Add(7*24*time.Hour))
}

// refresh returns what presenting the i-th token has to answer now, the successor's number or an
// error, and notes what it changes.
func (m *modelSession) refresh(i int, now time.Time) (successor int, failed string) {
	last := len(m.tokens) - 1
	switch {
	case !m.live(now):
		return 0, ended
	case i == last:
		m.usedAt, m.rotatedAt = now, now
		return last + 1, ""
	case i == last-1 && now.Before(m.rotatedAt.Add(10*time.Second)):
		return last, ""
	default:
		m.ended = true
		return 0, ended
	}
}

// TestRefreshModel does random things, one after the other and in parallel, and compares every
// answer with the model. A client that crashes, or never sees an answer, shows as one that presents
// a token again.
func TestRefreshModel(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.signup(t, "ada")
		rapid.Check(t, func(r *rapid.T) { runModel(r, w) })
	})
}

func runModel(r *rapid.T, w *world) {
	ctx := r.Context()
	var sessions []*modelSession
	login := func(r *rapid.T) {
		if len(sessions) == 5 {
			return
		}
		p, err := w.Login(ctx, auth.LoginInput{Identifier: "ada", Password: goodPassword})
		if err != nil {
			r.Fatal(err)
		}
		sessions = append(sessions, &modelSession{
			tokens: []string{*p.RefreshToken}, user: p.User.ID, id: p.Session.ID, access: p.AccessToken,
			usedAt: w.clock.Now(), expiresAt: p.Session.ExpiresAt,
		})
	}
	login(r)
	some := func(r *rapid.T) *modelSession { return rapid.SampledFrom(sessions).Draw(r, "session") }

	// present refreshes with the i-th token, n times at once.
	present := func(r *rapid.T, m *modelSession, i, n int) {
		type answer struct {
			payload *auth.AuthPayload
			failed  string
		}
		answers := make([]answer, n)
		var wg sync.WaitGroup
		for k := range n {
			wg.Go(func() { answers[k].payload, answers[k].failed = w.refresh(ctx, m.tokens[i]) })
		}
		wg.Wait()
		successor, failed := m.refresh(i, w.clock.Now())
		for _, a := range answers {
			if a.failed != failed {
				r.Fatalf("token %d of %d: %q, want %q", i, len(m.tokens), a.failed, failed)
			}
			if failed != "" {
				continue
			}
			m.access = a.payload.AccessToken
			if got := *a.payload.RefreshToken; successor == len(m.tokens) {
				m.tokens = append(m.tokens, got)
			} else if got != m.tokens[successor] {
				r.Fatalf("token %d got another successor than before", i)
			}
		}
	}
	r.Repeat(map[string]func(*rapid.T){
		"login": login,
		"refresh": func(r *rapid.T) {
			m := some(r)
			present(r, m, len(m.tokens)-1, 1)
		},
		"refresh in parallel": func(r *rapid.T) {
			m := some(r)
			present(r, m, len(m.tokens)-1, rapid.IntRange(2, 8).Draw(r, "requests"))
		},
		"refresh with an older token": func(r *rapid.T) {
			m := some(r)
			present(r, m, rapid.IntRange(0, len(m.tokens)-1).Draw(r, "token"), rapid.IntRange(1, 3).Draw(r, "requests"))
		},
		"log out": func(r *rapid.T) {
			m := some(r)
			_, err := w.Logout(auth.WithCaller(ctx, w.Identify(m.access)))
			if err == nil {
				m.ended = true
			}
		},
		"wait": func(r *rapid.T) {
			w.clock.Advance(rapid.SampledFrom([]time.Duration{
				time.Second, 9 * time.Second, 10 * time.Second, time.Minute, 24 * time.Hour, 7 * 24 * time.Hour,
			}).Draw(r, "time"))
		},
		"": func(r *rapid.T) { // after each of the above
			for _, m := range sessions {
				bearer, err := w.signFor(m.user, m.id) // m.access may have expired
				if err != nil {
					r.Fatal(err)
				}
				err = w.Authorize(auth.WithCaller(ctx, w.Identify(bearer)), forUser, nil)
				if live := m.live(w.clock.Now()); (err == nil) != live {
					r.Fatalf("the guard says %v, and the model that the session lives: %v", err, live)
				}
			}
		},
	})
}
