package throttle_test

import (
	"maps"
	"sync"
	"testing"

	"usher/internal/auth"
	"usher/internal/auth/throttle"
)

// meter counts decisions.
type meter struct {
	auth.Uncounted

	mu     sync.Mutex
	counts map[string]int
}

func (m *meter) CountLimit(limit, decision string) { m.add(limit + " " + decision) }

func (m *meter) CountSignIn(method, outcome string) { m.add(method + ": " + outcome) }

func (m *meter) add(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts[what]++
}

// take returns the counts since the last call.
func (m *meter) take() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := m.counts
	m.counts = map[string]int{}
	return counts
}

// TestMeter counts each decision once for each limit, although a limit has counters for several networks.
func TestMeter(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		check := func(what string, want map[string]int) {
			t.Helper()
			if got := f.meter.take(); !maps.Equal(got, want) {
				t.Errorf("%s: counted %v, want %v", what, got, want)
			}
		}
		guess := func(known string) {
			f.admit(at(t, "2001:db8::1"), throttle.Use{Field: login, Account: "ada", DeviceToken: known})
		}
		f.admit(at(t, "192.0.2.1"), throttle.Use{Field: "Query.me"})
		check("a field without limits", map[string]int{})
		admitted := map[string]int{"login admitted": 1, "login-failures admitted": 1, "login-guesses admitted": 1, "login-attack admitted": 1}
		guess("")
		check("a sign-in", admitted)
		guess("device of ada")
		check("a known device", map[string]int{"login admitted": 1})
		for range 3 {
			a, err := f.Admit(at(t, "2001:db8::1"), []throttle.Use{{Field: login, Account: "ada"}})
			if err != nil {
				t.Fatal(err)
			}
			a.Settle(t.Context(), 0, throttle.Guessed)
		}
		f.meter.take()
		guess("")
		check("a challenge", map[string]int{"login-guesses challenged": 1, "password: challenge": 1})
		f.admit(at(t, "2001:db8::1"), throttle.Use{Field: login, Account: "ada", Solution: login + " 1"})
		check("its solution", admitted)
		for range 5 {
			f.admit(at(t, "192.0.2.9"), throttle.Use{Field: signup})
		}
		check("sign-ups", map[string]int{"signup admitted": 5, "signup-flood admitted": 5})
		f.admit(at(t, "192.0.2.9"), throttle.Use{Field: signup})
		check("one too many", map[string]int{"signup refused": 1})
	})
}
