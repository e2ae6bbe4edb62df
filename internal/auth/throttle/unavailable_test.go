package throttle_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"usher/internal/auth"
	"usher/internal/auth/throttle"
)

// TestUnavailable stops the database. Uses that need no statement go on.
func TestUnavailable(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		down := func(context.Context) error { return fmt.Errorf("add uses: %w", auth.ErrUnreachable) }
		f.store.Before("AddUses", down)
		ctx := from(t.Context(), sender{"192.0.2.1", "ada", "s"})
		for range 3 {
			if _, err := f.Admit(ctx, several(1, throttle.Use{Field: update})); !errors.Is(err, auth.ErrUnavailable) {
				t.Errorf("a small limit: %v", err)
			}
		}
		f.store.Before("AddUses", nil)
		for range 4 { // nothing has counted
			want(t, "afterwards", f.admit(ctx, throttle.Use{Field: update}), "")
		}
		want(t, "over the limit", f.admit(ctx, throttle.Use{Field: update}), "RATE_LIMITED after 1h15m0.001s")

		f.store.Before("UseChallenge", down)
		use := throttle.Use{Field: mail, Recipient: "ada"}
		for range 2 {
			want(t, "mail", f.admit(ctx, use), "")
		}
		use.Solution = mail + " 1"
		if _, err := f.Admit(ctx, several(1, use)); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("a solution: %v", err)
		}
		f.store.Before("UseChallenge", nil)
		want(t, "the same solution afterwards", f.admit(ctx, use), "")
	})
}

// TestNoChallenges is a server without proof of work. It refuses what would need that.
func TestNoChallenges(t *testing.T) {
	t.Parallel()
	f := newFixture(nil)
	f.Service = throttle.New(throttle.Options{Rules: f.rules, Store: &memory{}, Now: f.clock.Now, Log: discard, Digest: plain})
	ctx := at(t, "192.0.2.1")
	for range 3 {
		want(t, "a guess", f.attempt(ctx, throttle.Use{Field: login}, true), "")
	}
	want(t, "one more", f.attempt(ctx, throttle.Use{Field: login, Solution: login + " 1"}, true), "RATE_LIMITED after 1h20m0.001s")
}
