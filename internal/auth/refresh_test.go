package auth_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/graph/signin"
)

func (w *world) refresh(ctx context.Context, text string) (*signin.AuthPayload, string) {
	p, err := w.Refresh(ctx, signin.RefreshInput{RefreshToken: &text})
	return p, kind(err)
}

const ended = "UNAUTHENTICATED SESSION_ENDED"

func TestRefresh(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ada := w.signup(t, "ada")
		chain := []string{*ada.RefreshToken}
		for range 5 {
			w.clock.Advance(time.Hour)
			p, failed := w.refresh(t.Context(), chain[len(chain)-1])
			if failed != "" {
				t.Fatalf("Refresh: %s", failed)
			}
			v, err := w.Viewer(w.as(t, p.AccessToken))
			if err != nil {
				t.Fatal(err)
			}
			if v.Session.ID != ada.Session.ID || !v.Session.AuthTime.Equal(ada.Session.AuthTime) {
				t.Errorf("session %+v, want the same one, signed in then", v.Session)
			}
			if minute := w.clock.Now().Truncate(time.Minute); !v.Session.LastUsedAt.Equal(minute) || !p.Session.LastUsedAt.Equal(minute) {
				t.Errorf("used at %v, and %v in the answer, want %v", v.Session.LastUsedAt, p.Session.LastUsedAt, minute)
			}
			chain = append(chain, *p.RefreshToken)
		}
		seen := map[string]bool{}
		for _, text := range chain {
			if seen[text] || len(text) < 40 {
				t.Errorf("refresh token %q is short or came twice", text)
			}
			seen[text] = true
		}
	})
}

// TestReuseAbandoned presents a used token and goes away: the session ends all the same.
func TestReuseAbandoned(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		first := w.signup(t, "ada")
		second, failed := w.refresh(t.Context(), *first.RefreshToken)
		if failed != "" {
			t.Fatal(failed)
		}
		w.clock.Advance(time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		w.store.After("RefreshState", func(context.Context) error { cancel(); return nil })
		_, _ = w.refresh(ctx, *first.RefreshToken)
		w.store.After("RefreshState", nil)
		if _, failed := w.refresh(t.Context(), *second.RefreshToken); failed != ended {
			t.Errorf("the successor: %q, want the session ended", failed)
		}
	})
}

func TestRefreshRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		good := *w.signup(t, "ada").RefreshToken
		flipped := []byte(good)
		flipped[20] ^= 1
		for name, text := range map[string]string{
			"garbage":   "garbage",
			"no prefix": strings.TrimPrefix(good, "urt_"),
			"flipped":   string(flipped),
			"cut":       good[:len(good)-1],
			"longer":    good + "A",
			"padded":    good + "==",
			"LF in it":  good[:20] + "\n" + good[20:],
			"CRLF":      good + "\r\n",
			"huge":      "urt_" + strings.Repeat("A", 1<<20),
		} {
			if _, failed := w.refresh(t.Context(), text); failed != "UNAUTHENTICATED TOKEN_INVALID" {
				t.Errorf("%s: %q, want TOKEN_INVALID", name, failed)
			}
		}
		for _, in := range []signin.RefreshInput{{}, {RefreshToken: new("")}} {
			if _, err := w.Refresh(t.Context(), in); kind(err) != "BAD_USER_INPUT refreshToken=REQUIRED" {
				t.Errorf("no token: %v", err)
			}
		}
		if _, failed := w.refresh(t.Context(), good); failed != "" {
			t.Errorf("the good token after all that: %q", failed)
		}

		reused := w.signup(t, "reused")
		if _, failed := w.refresh(t.Context(), *reused.RefreshToken); failed != "" {
			t.Fatal(failed)
		}
		disable(t, w, reused)
		w.clock.Advance(time.Hour)
		if _, failed := w.refresh(t.Context(), *reused.RefreshToken); failed != ended {
			t.Errorf("reuse while disabled: %q, want the session ended", failed)
		}

		eve := w.signup(t, "eve")
		disable(t, w, eve)
		if _, failed := w.refresh(t.Context(), *eve.RefreshToken); failed != "UNAUTHENTICATED ACCOUNT_DISABLED" {
			t.Errorf("disabled: %q", failed)
		}
	})
}

func TestSessionLimits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		idle := w.signup(t, "idle")
		w.clock.Advance(7*24*time.Hour - time.Second)
		kept, failed := w.refresh(t.Context(), *idle.RefreshToken)
		if failed != "" {
			t.Fatalf("a second before the idle limit: %q", failed)
		}
		w.clock.Advance(7 * 24 * time.Hour)
		if _, failed := w.refresh(t.Context(), *kept.RefreshToken); failed != ended {
			t.Errorf("at the idle limit: %q", failed)
		}

		busy := w.signup(t, "busy")
		limit := busy.Session.ExpiresAt
		if got := limit.Sub(busy.Session.CreatedAt); got != 30*24*time.Hour {
			t.Errorf("a session lives %v, want 30 days", got)
		}
		for w.clock.Now().Add(24 * time.Hour).Before(limit) {
			w.clock.Advance(24 * time.Hour)
			if busy, failed = w.refresh(t.Context(), *busy.RefreshToken); failed != "" {
				t.Fatal(failed)
			}
		}
		w.clock.Advance(limit.Sub(w.clock.Now()) - time.Second)
		busy, failed = w.refresh(t.Context(), *busy.RefreshToken)
		if failed != "" {
			t.Fatalf("a second before the age limit: %q", failed)
		}
		if busy.ExpiresIn != 1 {
			t.Errorf("the last access token lives %d s, want no longer than its session", busy.ExpiresIn)
		}
		w.clock.Advance(time.Second)
		if _, failed := w.refresh(t.Context(), *busy.RefreshToken); failed != ended {
			t.Errorf("at the age limit: %q", failed)
		}
		if got := kind(w.Authorize(w.as(t, busy.AccessToken), forUser, nil)); got != ended {
			t.Errorf("its access token at the age limit: %q", got)
		}
		stranger := w.signup(t, "eve")
		if got := kind(w.Authorize(w.as(t, w.sign(t, stranger.User.ID, busy.Session.ID)), forUser, nil)); got != "UNAUTHENTICATED TOKEN_INVALID" {
			t.Errorf("a token that names another user's session: %q, want TOKEN_INVALID", got)
		}
	})
}

// TestRefreshParallel is as many tabs as may refresh at once.
func TestRefreshParallel(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		text := *w.signup(t, "ada").RefreshToken
		for round := range 3 {
			const n = 1 + 30
			next := w.refreshTogether(t, text, n)
			if len(next) != 1 {
				t.Fatalf("round %d: the answers were %v, want one refresh token %d times", round, next, n)
			}
			for successor := range next {
				text = successor
			}
		}
		if _, failed := w.refresh(t.Context(), text); failed != "" {
			t.Errorf("the last token: %q", failed)
		}
	})
}

// refreshTogether presents a token n times at once, and returns how often each answer came: a refresh token or
// an error.
func (w *world) refreshTogether(t *testing.T, text string, n int) map[string]int {
	t.Helper()
	answers := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			p, failed := w.refresh(t.Context(), text)
			if answers[i] = failed; failed == "" {
				answers[i] = *p.RefreshToken
			}
		})
	}
	wg.Wait()
	counts := map[string]int{}
	for _, a := range answers {
		counts[a]++
	}
	return counts
}
