package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"usher/internal/keyring"
)

// TestMain lets the bench start its other programs from the test binary.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "limit" {
		main()
		return
	}
	os.Exit(m.Run())
}

// buildUsher builds the program and returns its path.
func buildUsher(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "usher")
	build := exec.Command("go", "build", "-C", "..", "-o", program, "./cmd/usher")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func newTestBench(t *testing.T) *bench {
	t.Helper()
	b, err := newBench(t.Context(), options{usher: buildUsher(t), generator: "own", short: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// TestComparedAnswers checks that all compared servers give equal answers to the same users, and that an answer for
// another user is an error.
func TestComparedAnswers(t *testing.T) {
	b := newTestBench(t)
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			ctx := t.Context()
			p, at, err := b.filled(ctx, kind, 130, 3, cheap)
			check(t, err)
			usher, err := b.usherOn(ctx, p, at, keyring.DefaultAlgorithm)
			check(t, err)
			defer func() { check(t, usher.stop()) }()
			refreshes, err := refreshers(ctx, p, usher.process, at, 2, 16)
			check(t, err)
			others, err := b.limitServer(ctx, at)
			check(t, err)
			defer func() { check(t, others.stop()) }()
			compared := map[string]*target{"usher": usher}
			for _, path := range []string{pathMe, pathBare, pathTuned} {
				compared[path], err = b.limitTarget(p, others, path)
				check(t, err)
				for i := range usher.all {
					if !bytes.Equal(usher.all[i].answer, compared[path].all[i].answer) {
						t.Fatalf("user %d: %s and %s", i, usher.all[i].answer, compared[path].all[i].answer)
					}
				}
			}
			type run struct {
				address string
				clients []client
			}
			runs := map[string]run{
				"refresh":        {usher.address, refreshes},
				"refresh, limit": {others.address, newRotations(others.address, p, 2)},
			}
			for name, t := range compared {
				runs[name] = run{t.address, walks(t.all, 4)}
			}
			for name, run := range runs {
				const each = 70
				got, err := load{address: run.address, requests: each}.run(ctx, run.clients)
				if err != nil || len(got.served) != each*len(run.clients) || len(got.refused) != 0 {
					t.Errorf("%s: %d served, %d refused, %v", name, len(got.served), len(got.refused), err)
				}
			}

			for name, of := range compared {
				of.all[0].answer = of.all[1].answer
				_, err := load{address: of.address, requests: 1}.run(ctx, walks(of.all, 2))
				if err == nil || !strings.Contains(err.Error(), `wrong answer: 200 {"data":{"me":{"id":"`+userID(p.some(0)).String()) {
					t.Errorf("%s: error for a wrong answer: %v", name, err)
				}
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestPopulation checks that users and sessions are consistent.
func TestPopulation(t *testing.T) {
	p := population{users: 1000, sessions: 3, at: now()}
	owners := map[string]string{}
	for k := range p.users * p.sessions {
		row := p.sessionRow(k)
		owners[row[0].(string)] = row[1].(string)
	}
	seen := map[int]bool{}
	for i := range p.users {
		n := p.some(i)
		seen[n] = true
		if owner := owners[p.sessionOf(n).String()]; owner != userID(n).String() {
			t.Errorf("a session of user %d belongs to %s", n, owner)
		}
	}
	if len(seen) != p.users {
		t.Errorf("only %d users", len(seen))
	}
	for k := 1; k < p.users*p.sessions; k++ {
		if p.sessionID(k).String() <= p.sessionID(k-1).String() {
			t.Fatalf("session %d sorts before the previous one", k)
		}
	}
}

func TestRedactTokens(t *testing.T) {
	got := redactTokens([]byte(`{"refreshToken":"urt_AbC-1_","accessToken":"eyJh.b-c.d_e","me":{"id":"1"}}`))
	if string(got) != `{"refreshToken":"[redacted]","accessToken":"[redacted]","me":{"id":"1"}}` {
		t.Errorf("got %s", got)
	}
}
