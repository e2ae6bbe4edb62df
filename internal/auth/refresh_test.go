package auth_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/auth"
)

func (w *world) refresh(ctx context.Context, text string) (*auth.AuthPayload, string) {
	p, err := w.Refresh(ctx, auth.RefreshInput{RefreshToken: &text})
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
			if v.Session.ID != ada.Session.ID || !v.Session.LastUsedAt.Equal(w.clock.Now()) || !v.Session.AuthTime.Equal(ada.Session.AuthTime) {
				t.Errorf("session %+v, want the same one, used now, signed in then", v.Session)
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

// TestRefreshGrace repeats a refresh as after a lost answer.
func TestRefreshGrace(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		wait     time.Duration
		use      bool // the successor is used in between
		want     string
		sameNext bool
	}{
		"at once":              {sameNext: true},
		"just in time":         {wait: 10*time.Second - time.Microsecond, sameNext: true},
		"too late":             {wait: 10 * time.Second, want: ended},
		"successor was used":   {use: true, want: ended},
		"too late and used it": {wait: time.Hour, use: true, want: ended},
	}
	each(t, func(t *testing.T, w *world) {
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				first := w.signup(t, "user-"+uniqueName(name))
				other, err := w.Login(t.Context(), auth.LoginInput{Identifier: *first.User.Username, Password: goodPassword})
				if err != nil {
					t.Fatal(err)
				}
				second, failed := w.refresh(t.Context(), *first.RefreshToken)
				if failed != "" {
					t.Fatal(failed)
				}
				if tt.use {
					if _, failed := w.refresh(t.Context(), *second.RefreshToken); failed != "" {
						t.Fatal(failed)
					}
				}
				w.clock.Advance(tt.wait)
				again, failed := w.refresh(t.Context(), *first.RefreshToken)
				if failed != tt.want {
					t.Fatalf("Refresh: %q, want %q", failed, tt.want)
				}
				if tt.sameNext {
					if *again.RefreshToken != *second.RefreshToken {
						t.Error("the same token got two successors")
					}
					return
				}
				// The session is over, and only that one.
				for _, text := range []string{*first.RefreshToken, *second.RefreshToken} {
					if _, failed := w.refresh(t.Context(), text); failed != ended {
						t.Errorf("a token of the ended session: %q", failed)
					}
				}
				if got := kind(w.Authorize(w.as(t, second.AccessToken), forUser, nil)); got != ended && tt.wait < 15*time.Minute {
					t.Errorf("its access token: %q", got)
				}
				if _, failed := w.refresh(t.Context(), *other.RefreshToken); failed != "" {
					t.Errorf("another session of the user: %q", failed)
				}
			})
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
		w.clock.Advance(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		w.store.onRefreshState = cancel
		_, _ = w.refresh(ctx, *first.RefreshToken)
		w.store.onRefreshState = nil
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
			"huge":      "urt_" + strings.Repeat("A", 1<<20),
		} {
			if _, failed := w.refresh(t.Context(), text); failed != "UNAUTHENTICATED TOKEN_INVALID" {
				t.Errorf("%s: %q, want TOKEN_INVALID", name, failed)
			}
		}
		for _, in := range []auth.RefreshInput{{}, {RefreshToken: new("")}} {
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

// TestRefreshParallel is a hundred tabs that refresh at once.
func TestRefreshParallel(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		text := *w.signup(t, "ada").RefreshToken
		for round := range 3 {
			const n = 100
			var mu sync.Mutex
			next := map[string]int{}
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					p, failed := w.refresh(t.Context(), text)
					mu.Lock()
					defer mu.Unlock()
					if failed != "" {
						next[failed]++
						return
					}
					next[*p.RefreshToken]++
				})
			}
			wg.Wait()
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

// TestSessionsPerUser signs in too often, also in parallel.
func TestSessionsPerUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		first := w.signup(t, "ada")
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() {
				w.clock.Advance(time.Millisecond)
				if _, err := w.Login(t.Context(), auth.LoginInput{Identifier: "ada", Password: goodPassword}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		last, err := w.Login(t.Context(), auth.LoginInput{Identifier: "ada", Password: goodPassword})
		if err != nil {
			t.Fatal(err)
		}
		page, err := w.SessionsOf(w.as(t, last.AccessToken), last.User, 100, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(page.Edges); n != 50 {
			t.Errorf("%d sessions live, want 50", n)
		}
		if got := kind(w.Authorize(w.as(t, first.AccessToken), forUser, nil)); got != ended {
			t.Errorf("the oldest session: %q, want it ended", got)
		}
	})
}

func TestLogout(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ada := w.signup(t, "ada")
		ctx := w.as(t, ada.AccessToken)
		got, err := w.Logout(ctx)
		if err != nil || got.SessionID != ada.Session.ID {
			t.Fatal(got, err)
		}
		if _, err := w.Me(ctx); kind(err) != ended {
			t.Errorf("the rest of the request: %v", err)
		}
		if got := kind(w.Authorize(w.as(t, ada.AccessToken), forUser, nil)); got != ended {
			t.Errorf("the next request: %q", got)
		}
		if _, failed := w.refresh(t.Context(), *ada.RefreshToken); failed != ended {
			t.Errorf("refresh: %q", failed)
		}
		if _, err := w.Logout(w.as(t, ada.AccessToken)); kind(err) != ended {
			t.Errorf("again: %v", err)
		}
	})
}

func TestRevokeSessions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		eve := w.signup(t, "eve")
		w.signup(t, "ada")
		var p []*auth.AuthPayload
		for range 3 {
			w.clock.Advance(time.Second)
			payload, err := w.Login(t.Context(), auth.LoginInput{Identifier: "ada", Password: goodPassword})
			if err != nil {
				t.Fatal(err)
			}
			p = append(p, payload)
		}
		const missing = "BAD_USER_INPUT sessionId=NOT_FOUND"
		revoke := func(by *auth.AuthPayload, in auth.RevokeSessionInput) string {
			_, err := w.RevokeSession(w.as(t, by.AccessToken), in)
			return kind(err)
		}
		for name, in := range map[string]auth.RevokeSessionInput{
			"somebody else's": {SessionID: eve.Session.ID}, "none": {}, "a user's id": {SessionID: eve.User.ID},
		} {
			if got := revoke(p[0], in); got != missing {
				t.Errorf("%s: %q, want %q", name, got, missing)
			}
		}
		for range 2 { // again is fine
			if got := revoke(p[0], auth.RevokeSessionInput{SessionID: p[1].Session.ID}); got != "" {
				t.Errorf("one's own: %q", got)
			}
		}
		if got := kind(w.Authorize(w.as(t, p[1].AccessToken), forUser, nil)); got != ended {
			t.Errorf("the revoked session: %q", got)
		}
		others, err := w.RevokeOtherSessions(w.as(t, p[0].AccessToken))
		if err != nil || others.RevokedCount != 2 { // that of sign-up, and the third
			t.Errorf("RevokeOtherSessions: %v, %v, want 2", others, err)
		}
		for name, payload := range map[string]*auth.AuthPayload{"one's own": p[0], "eve's": eve} {
			if err := w.Authorize(w.as(t, payload.AccessToken), forUser, nil); err != nil {
				t.Errorf("%s session: %v", name, err)
			}
		}
		if got := revoke(p[0], auth.RevokeSessionInput{SessionID: p[0].Session.ID}); got != "" {
			t.Errorf("the session of the request: %q", got)
		}
	})
}

func TestSessionPages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		eve := w.signup(t, "eve")
		ada := w.signup(t, "ada")
		for range 6 {
			w.clock.Advance(time.Second)
			var err error
			if ada, err = w.Login(t.Context(), auth.LoginInput{Identifier: "ada", Password: goodPassword}); err != nil {
				t.Fatal(err)
			}
		}
		ctx := w.as(t, ada.AccessToken)
		var got []string
		var after *string
		for pages := 1; ; pages++ {
			page, err := w.SessionsOf(ctx, ada.User, 3, after)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Edges {
				got = append(got, fmt.Sprint(e.Node.CreatedAt.Second(), e.Node.Current(ctx)))
			}
			if page.PageInfo.HasPreviousPage != (pages > 1) || page.PageInfo.HasNextPage != (pages < 3) {
				t.Errorf("page %d: %+v", pages, page.PageInfo)
			}
			if !page.PageInfo.HasNextPage {
				break
			}
			after = page.PageInfo.EndCursor
		}
		if want := "[6 true 5 false 4 false 3 false 2 false 1 false 0 false]"; fmt.Sprint(got) != want {
			t.Errorf("sessions %v, want %v", got, want)
		}

		bad := func(name, want string, user *auth.User, as *auth.AuthPayload, first int, after *string) {
			t.Helper()
			if _, err := w.SessionsOf(w.as(t, as.AccessToken), user, first, after); kind(err) != want {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
		bad("none", "BAD_USER_INPUT first=INVALID_FORMAT", ada.User, ada, 0, nil)
		bad("too many", "BAD_USER_INPUT first=INVALID_FORMAT", ada.User, ada, 101, nil)
		bad("no cursor", "BAD_USER_INPUT after=INVALID_FORMAT", ada.User, ada, 1, new(""))
		bad("garbage", "BAD_USER_INPUT after=INVALID_FORMAT", ada.User, ada, 1, new("garbage"))
		bad("another's cursor", "BAD_USER_INPUT after=INVALID_FORMAT", eve.User, eve, 1, after)
		bad("a refresh token", "BAD_USER_INPUT after=INVALID_FORMAT", ada.User, ada, 1, new((*ada.RefreshToken)[4:]))
		bad("another user", "FORBIDDEN", ada.User, eve, 1, nil)
	})
}
