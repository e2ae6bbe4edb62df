package auth_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth/authtest"
)

func (f *fixture) refresh(ctx context.Context, text string) (*signin.AuthPayload, string) {
	p, err := f.Refresh(ctx, signin.RefreshInput{RefreshToken: &text})
	return p, authtest.Code(err)
}

const ended = "UNAUTHENTICATED SESSION_ENDED"

func TestRefresh(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		chain := []string{*ada.RefreshToken}
		for range 5 {
			f.Clock.Advance(time.Hour)
			p, failed := f.refresh(t.Context(), chain[len(chain)-1])
			if failed != "" {
				t.Fatalf("Refresh: %s", failed)
			}
			v, err := f.Viewer(f.As(t, p.AccessToken))
			if err != nil {
				t.Fatal(err)
			}
			if v.Session.ID != ada.Session.ID || !v.Session.AuthTime.Equal(ada.Session.AuthTime) {
				t.Errorf("session %+v, want the same one, signed in then", v.Session)
			}
			if minute := f.Clock.Now().Truncate(time.Minute); !v.Session.LastUsedAt.Equal(minute) || !p.Session.LastUsedAt.Equal(minute) {
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

// TestReuseAbandoned presents a used token and disconnects. The session ends.
func TestReuseAbandoned(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		first := f.signup(t, "ada")
		second, failed := f.refresh(t.Context(), *first.RefreshToken)
		if failed != "" {
			t.Fatal(failed)
		}
		f.Clock.Advance(time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		f.Store.After("RefreshState", func(context.Context) error { cancel(); return nil })
		_, _ = f.refresh(ctx, *first.RefreshToken)
		f.Store.After("RefreshState", nil)
		if _, failed := f.refresh(t.Context(), *second.RefreshToken); failed != ended {
			t.Errorf("the successor: %q, want the session ended", failed)
		}
	})
}

func TestRefreshRefused(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		valid := *f.signup(t, "ada").RefreshToken
		flipped := []byte(valid)
		flipped[20] ^= 1
		for name, text := range map[string]string{
			"garbage":   "garbage",
			"no prefix": strings.TrimPrefix(valid, "urt_"),
			"flipped":   string(flipped),
			"cut":       valid[:len(valid)-1],
			"longer":    valid + "A",
			"padded":    valid + "==",
			"LF in it":  valid[:20] + "\n" + valid[20:],
			"CRLF":      valid + "\r\n",
			"huge":      "urt_" + strings.Repeat("A", 1<<20),
		} {
			if _, failed := f.refresh(t.Context(), text); failed != "UNAUTHENTICATED TOKEN_INVALID" {
				t.Errorf("%s: %q, want TOKEN_INVALID", name, failed)
			}
		}
		for _, in := range []signin.RefreshInput{{}, {RefreshToken: new("")}} {
			if _, err := f.Refresh(t.Context(), in); authtest.Code(err) != "BAD_USER_INPUT refreshToken=REQUIRED" {
				t.Errorf("no token: %v", err)
			}
		}
		if _, failed := f.refresh(t.Context(), valid); failed != "" {
			t.Errorf("the valid token afterwards: %q", failed)
		}

		reused := f.signup(t, "reused")
		if _, failed := f.refresh(t.Context(), *reused.RefreshToken); failed != "" {
			t.Fatal(failed)
		}
		disable(t, f, reused)
		f.Clock.Advance(time.Hour)
		if _, failed := f.refresh(t.Context(), *reused.RefreshToken); failed != ended {
			t.Errorf("reuse while disabled: %q, want the session ended", failed)
		}

		eve := f.signup(t, "eve")
		disable(t, f, eve)
		if _, failed := f.refresh(t.Context(), *eve.RefreshToken); failed != "UNAUTHENTICATED ACCOUNT_DISABLED" {
			t.Errorf("disabled: %q", failed)
		}
	})
}

func TestSessionLimits(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		idle := f.signup(t, "idle")
		f.Clock.Advance(7*24*time.Hour - time.Second)
		kept, failed := f.refresh(t.Context(), *idle.RefreshToken)
		if failed != "" {
			t.Fatalf("a second before the idle limit: %q", failed)
		}
		f.Clock.Advance(7 * 24 * time.Hour)
		if _, failed := f.refresh(t.Context(), *kept.RefreshToken); failed != ended {
			t.Errorf("at the idle limit: %q", failed)
		}

		busy := f.signup(t, "busy")
		limit := busy.Session.ExpiresAt
		if got := limit.Sub(busy.Session.CreatedAt); got != 30*24*time.Hour {
			t.Errorf("a session is valid for %v, want 30 days", got)
		}
		for f.Clock.Now().Add(24 * time.Hour).Before(limit) {
			f.Clock.Advance(24 * time.Hour)
			if busy, failed = f.refresh(t.Context(), *busy.RefreshToken); failed != "" {
				t.Fatal(failed)
			}
		}
		f.Clock.Advance(limit.Sub(f.Clock.Now()) - time.Second)
		busy, failed = f.refresh(t.Context(), *busy.RefreshToken)
		if failed != "" {
			t.Fatalf("a second before the age limit: %q", failed)
		}
		if busy.ExpiresIn != 1 {
			t.Errorf("the last access token is valid for %d s, want no longer than its session", busy.ExpiresIn)
		}
		f.Clock.Advance(time.Second)
		if _, failed := f.refresh(t.Context(), *busy.RefreshToken); failed != ended {
			t.Errorf("at the age limit: %q", failed)
		}
		if got := authtest.Code(f.Authorize(f.As(t, busy.AccessToken), forUser, nil)); got != ended {
			t.Errorf("its access token at the age limit: %q", got)
		}
		stranger := f.signup(t, "eve")
		if got := authtest.Code(f.Authorize(f.As(t, f.sign(t, stranger.User.ID, busy.Session.ID)), forUser, nil)); got != "UNAUTHENTICATED TOKEN_INVALID" {
			t.Errorf("a token that names another user's session: %q, want TOKEN_INVALID", got)
		}
	})
}

// TestRefreshParallel refreshes in as many tabs as allowed at once.
func TestRefreshParallel(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		text := *f.signup(t, "ada").RefreshToken
		for round := range 3 {
			const n = 1 + 30
			next := f.refreshTogether(t, text, n)
			if len(next) != 1 {
				t.Fatalf("round %d: the answers were %v, want one refresh token %d times", round, next, n)
			}
			for successor := range next {
				text = successor
			}
		}
		if _, failed := f.refresh(t.Context(), text); failed != "" {
			t.Errorf("the last token: %q", failed)
		}
	})
}

// refreshTogether presents a token n times at once, and counts the answers: refresh tokens and errors.
func (f *fixture) refreshTogether(t *testing.T, text string, n int) map[string]int {
	t.Helper()
	answers := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			p, failed := f.refresh(t.Context(), text)
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
