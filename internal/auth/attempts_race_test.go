package auth_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/password"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestAttemptsRace guesses on two replicas at once, each with 60 hashing slots, by both names. Exactly the allowed number
// of guesses is checked.
func TestAttemptsRace(t *testing.T) {
	t.Parallel()
	const many = 200
	for database, at := range storetest.URLs {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			url := at(t)
			var replicas []parts
			for range 2 {
				s, err := store.Open(t.Context(), url, store.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				replicas = append(replicas, f.newParts(t, domain.Options{
					Store: s, Passwords: password.New(password.Options{CheapForTests: true, Parallel: 60, Queue: many}),
				}))
			}
			f.parts = replicas[0]
			p := f.signupBoth(t)
			login := func(name string) func(n int) error {
				return func(n int) error {
					identifier := name
					if name == "" {
						identifier = []string{"ada", "ada@example.com", "ADA"}[n/2%3]
					}
					_, err := replicas[n%2].Login(t.Context(), signin.LoginInput{Identifier: identifier, Password: "wrong"})
					return err
				}
			}
			for _, tt := range []struct {
				name    string
				guess   func(n int) error
				advance time.Duration
				passed  int
				wait    string
			}{
				{"by both names", login(""), 0, 10, "1s"},
				{"after a second", login(""), time.Second, 1, "2s"},
				{"after an hour", login("ada"), time.Hour, 1, "4s"},
				{"in a session", func(n int) error {
					_, err := replicas[n%2].Reauthenticate(f.As(t, f.sign(t, p.User.ID, p.Session.ID)), signin.ReauthenticateInput{Password: new(password.Plaintext("wrong"))})
					return err
				}, 0, 5, "1s"},
				{"on a known device", func(n int) error {
					in := signin.LoginInput{Identifier: "ada", Password: "wrong", DeviceToken: p.DeviceToken}
					_, err := replicas[n%2].Login(t.Context(), in)
					return err
				}, 0, 5, "1s"},
				{"by an unknown name", login("nobody"), 0, 10, "1s"},
				{"by an unknown name on a device of another account", func(n int) error {
					in := signin.LoginInput{Identifier: "nemo", Password: "wrong", DeviceToken: p.DeviceToken}
					_, err := replicas[n%2].Login(t.Context(), in)
					return err
				}, 0, 10, "1s"},
			} {
				f.Clock.Advance(tt.advance)
				got := map[string]int{}
				var mu sync.Mutex
				var wg sync.WaitGroup
				start := make(chan struct{})
				for n := range many {
					wg.Go(func() {
						<-start
						answer := authtest.Code(tt.guess(n))
						mu.Lock()
						defer mu.Unlock()
						got[answer]++
					})
				}
				close(start)
				wg.Wait()
				if refused := "RATE_LIMITED after " + tt.wait; got[wrong] != tt.passed || got[refused] != many-tt.passed {
					t.Errorf("%s: %v, want %d guesses that pass and %d %q", tt.name, got, tt.passed, many-tt.passed, refused)
				}
			}
		})
	}
}

// heldKey marks the context of an attempt that waits after it was counted.
type heldKey struct{}

// TestAttemptsRaceSuccess clears the counters of an account while as many wrong passwords as possible are being hashed.
// They fail afterwards. Then all counters are used up. At most 100 attempts in a row fail.
func TestAttemptsRaceSuccess(t *testing.T) {
	t.Parallel()
	type success func(t *testing.T, f *fixture, p *signin.AuthPayload)
	for name, tt := range map[string]struct {
		logins, onDevice, reauthentications int // in flight
		clear                               success
	}{
		"login": {9, 5, 5, func(t *testing.T, f *fixture, _ *signin.AuthPayload) { f.login(t, "ada") }},
		"login on a known device": {10, 4, 5, func(t *testing.T, f *fixture, _ *signin.AuthPayload) {
			if got := f.tryLoginOn(t.Context(), f.knownDevice(t), "ada", authtest.Password); got != "" {
				t.Errorf("login on a known device: %q", got)
			}
		}},
		"reauthenticate": {10, 5, 4, func(t *testing.T, f *fixture, p *signin.AuthPayload) {
			if got := f.tryReauthenticate(f.As(t, f.sign(t, p.User.ID, p.Session.ID)), authtest.Password); got != "" {
				t.Errorf("reauthenticate: %q", got)
			}
		}},
		"unlock": {10, 5, 5, func(t *testing.T, f *fixture, p *signin.AuthPayload) {
			if err := f.Unlock(t.Context(), p.User.ID); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				counted, release := make(chan struct{}), make(chan struct{})
				f.Store.After("ReserveAttempt", func(ctx context.Context) error {
					if ctx.Value(heldKey{}) != nil {
						counted <- struct{}{}
						<-release
					}
					return nil
				})
				f.parts = f.newParts(t, domain.Options{
					Limits:    longSessions.Limits,
					Passwords: password.New(password.Options{CheapForTests: true, Parallel: 25}),
				})
				f.signupBoth(t)
				p := f.login(t, "ada")
				session := func() context.Context { return f.As(t, f.sign(t, p.User.ID, p.Session.ID)) }
				var failures atomic.Int64
				guess := func(try func() string) bool {
					got := try()
					if got == wrong {
						failures.Add(1)
					}
					return got != exhausted
				}
				var group sync.WaitGroup
				hold := func(n int, try func() string) {
					for range n {
						group.Go(func() { guess(try) })
						<-counted
					}
				}
				hold(tt.logins, func() string {
					return f.tryLogin(context.WithValue(t.Context(), heldKey{}, true), "ada", "wrong")
				})
				hold(tt.onDevice, func() string {
					return f.tryLoginOn(context.WithValue(t.Context(), heldKey{}, true), *p.DeviceToken, "ada", "wrong")
				})
				hold(tt.reauthentications, func() string {
					return f.tryReauthenticate(context.WithValue(session(), heldKey{}, true), "wrong")
				})
				tt.clear(t, f, p)
				close(release)
				group.Wait()
				if n := failures.Load(); n != int64(tt.logins+tt.onDevice+tt.reauthentications) {
					t.Fatalf("%d attempts were in flight and failed, want %d", n, tt.logins+tt.onDevice+tt.reauthentications)
				}
				for guess(func() string { return f.tryLogin(t.Context(), "ada", "wrong") }) {
					f.Clock.Advance(24 * time.Hour)
				}
				for guess(func() string { return f.tryLoginOn(t.Context(), f.knownDevice(t), "ada", "wrong") }) {
					f.Clock.Advance(24 * time.Hour)
				}
				for guess(func() string { return f.tryReauthenticate(session(), "wrong") }) {
					f.Clock.Advance(24 * time.Hour)
				}
				if n := failures.Load(); n < 80+19 || n > 100 {
					t.Errorf("%d failures in a row, want at most 100", n)
				}
			})
		})
	}
}
