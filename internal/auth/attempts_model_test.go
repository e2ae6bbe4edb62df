package auth_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"usher/internal/auth/authtest"
)

// modelCounter is a second implementation of the limits: a counter with the list of its waits.
type modelCounter struct {
	waits []time.Duration
	count int
	last  time.Time
}

// attempt returns the expected answer to an attempt with a wrong password, and whether one with the right password
// would succeed.
func (m *modelCounter) attempt(now time.Time) (answer string, through bool) {
	if m.count == len(m.waits) {
		return exhausted, false
	}
	if wait := m.last.Add(m.waits[m.count]).Sub(now); m.waits[m.count] > 0 && wait > 0 {
		return "RATE_LIMITED after " + wait.String(), false
	}
	m.count++
	m.last = now
	return wrong, true
}

// TestAttemptsModel tries passwords in every way, and for a name that no account has, in any mix, over years, with the
// sweeper running. It compares every answer with the model. In every mix, at most 80 guesses in a row are checked.
func TestAttemptsModel(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.parts = f.newParts(t, longSessions)
		f.signupBoth(t)
		rapid.Check(t, func(r *rapid.T) { runAttemptsModel(t, r, f) })
	})
}

func runAttemptsModel(t *testing.T, r *rapid.T, f *fixture) {
	p := f.login(t, "ada") // works after every run, see the end
	login, device, session := &modelCounter{waits: loginWaits}, &modelCounter{waits: deviceWaits}, &modelCounter{waits: reauthenticateWaits}
	name := rapid.StringMatching(`[a-z]{12}`).Draw(r, "name")
	unknown := &modelCounter{waits: loginWaits}
	inARow := 0

	check := func(r *rapid.T, what, got, want string) {
		if got != want {
			r.Fatalf("%s: %q, want %q", what, got, want)
		}
	}
	success := func() { login.count, device.count, session.count, inARow = 0, 0, 0, 0 }
	byName := func(r *rapid.T) string {
		return rapid.SampledFrom([]string{"ada", "Ada", "ada@example.com"}).Draw(r, "name")
	}
	bearer := func() string { return f.sign(t, p.User.ID, p.Session.ID) }
	// guess tries wrong passwords, and waits between them as long as the answer says.
	guess := func(r *rapid.T, m *modelCounter, what string, many int, try func() string) {
		for range rapid.SampledFrom([]int{1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, many}).Draw(r, "times") {
			want, through := m.attempt(f.Clock.Now())
			check(r, what, try(), want)
			if through && m != unknown {
				inARow++
			}
			if inARow > 80 {
				r.Fatal("more than 80 guesses in a row")
			}
			if wait := m.last.Add(m.waits[min(m.count, len(m.waits)-1)]).Sub(f.Clock.Now()); wait > 0 {
				f.Clock.Advance(wait)
			}
		}
	}
	right := func(r *rapid.T, m *modelCounter, what string, try func() string) {
		want, through := m.attempt(f.Clock.Now())
		if through {
			want = ""
			success()
		}
		check(r, what+" with the right password", try(), want)
	}
	r.Repeat(map[string]func(*rapid.T){
		"guess by a name": func(r *rapid.T) {
			n := byName(r)
			guess(r, login, "login", 40, func() string { return f.tryLogin(r.Context(), n, "wrong") })
		},
		"guess on a known device": func(r *rapid.T) {
			n := byName(r)
			guess(r, device, "known device", 18, func() string { return f.tryLoginOn(r.Context(), f.knownDevice(t), n, "wrong") })
		},
		"guess in a session": func(r *rapid.T) {
			guess(r, session, "reauthenticate", 15, func() string { return f.tryReauthenticate(f.As(t, bearer()), "wrong") })
		},
		"guess by an unknown name": func(r *rapid.T) {
			guess(r, unknown, "unknown", 15, func() string { return f.tryLogin(r.Context(), name, "wrong") })
		},
		"sign in": func(r *rapid.T) {
			if rapid.IntRange(0, 9).Draw(r, "rarely") == 0 {
				right(r, login, "login", func() string { return f.tryLogin(r.Context(), byName(r), authtest.Password) })
			}
		},
		"sign in on a known device": func(r *rapid.T) {
			if rapid.IntRange(0, 9).Draw(r, "rarely") == 0 {
				right(r, device, "known device", func() string {
					return f.tryLoginOn(r.Context(), f.knownDevice(t), byName(r), authtest.Password)
				})
			}
		},
		"reauthenticate": func(r *rapid.T) {
			if rapid.IntRange(0, 9).Draw(r, "rarely") == 0 {
				right(r, session, "reauthenticate", func() string { return f.tryReauthenticate(f.As(t, bearer()), authtest.Password) })
			}
		},
		"wait": func(r *rapid.T) {
			f.Clock.Advance(rapid.SampledFrom([]time.Duration{
				time.Second, time.Minute, time.Hour, 24 * time.Hour, 48*time.Hour + 1000, 30 * 24 * time.Hour, year,
			}).Draw(r, "time"))
		},
		"sweep": func(r *rapid.T) {
			if err := f.Sweep(r.Context()); err != nil {
				r.Fatal(err)
			}
			// The only difference between a known and an unknown name.
			if f.Clock.Now().Sub(unknown.last) > 48*time.Hour {
				unknown.count = 0
			}
		},
	})
	if err := f.Unlock(r.Context(), p.User.ID); err != nil {
		r.Fatal(err)
	}
}
