package auth_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"usher/internal/auth"
)

var (
	forUser  = auth.Rule{Requires: []auth.Role{auth.RoleUser}, Check: auth.CheckSession}
	forAdmin = auth.Rule{Requires: []auth.Role{auth.RoleAdmin}, Check: auth.CheckSession}
	byToken  = auth.Rule{Requires: []auth.Role{auth.RoleUser}, Check: auth.CheckToken}
)

func TestAuthorize(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		// prepare changes the world after the user has signed in, and returns the request's token.
		prepare func(t *testing.T, w *world, ada *auth.AuthPayload) string
		rule    auth.Rule
		want    string
	}{
		"user":             {rule: forUser},
		"by token":         {rule: byToken},
		"any of":           {rule: auth.Rule{Requires: []auth.Role{auth.RoleAdmin, auth.RoleUser}, Check: auth.CheckSession}},
		"not an admin":     {rule: forAdmin, want: "FORBIDDEN"},
		"admin by token":   {rule: auth.Rule{Requires: []auth.Role{auth.RoleAdmin}, Check: auth.CheckToken}, want: "FORBIDDEN"},
		"nobody":           {rule: auth.Rule{Check: auth.CheckSession}, want: "FORBIDDEN"},
		"nobody, by token": {rule: auth.Rule{Check: auth.CheckToken}, want: "FORBIDDEN"},
		"unknown check":    {prepare: endSession, rule: auth.Rule{Requires: forUser.Requires, Check: "?"}, want: "UNAUTHENTICATED SESSION_ENDED"},
		"garbage": {
			prepare: func(*testing.T, *world, *auth.AuthPayload) string { return "garbage" },
			rule:    forUser, want: "UNAUTHENTICATED TOKEN_INVALID",
		},
		"garbage by token": {
			prepare: func(*testing.T, *world, *auth.AuthPayload) string { return "garbage" },
			rule:    byToken, want: "UNAUTHENTICATED TOKEN_INVALID",
		},
		"expired":           {prepare: expire, rule: forUser, want: "UNAUTHENTICATED TOKEN_EXPIRED"},
		"expired by token":  {prepare: expire, rule: byToken, want: "UNAUTHENTICATED TOKEN_EXPIRED"},
		"ended":             {prepare: endSession, rule: forUser, want: "UNAUTHENTICATED SESSION_ENDED"},
		"ended by token":    {prepare: endSession, rule: byToken},
		"disabled":          {prepare: disable, rule: forUser, want: "UNAUTHENTICATED ACCOUNT_DISABLED"},
		"disabled by token": {prepare: disable, rule: byToken},
	}
	each(t, func(t *testing.T, w *world) {
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				ada := w.signup(t, "user-"+uniqueName(name))
				bearer := ada.AccessToken
				if tt.prepare != nil {
					bearer = tt.prepare(t, w, ada)
				}
				ctx := w.as(t, bearer)
				if got := kind(w.Authorize(ctx, tt.rule)); got != tt.want {
					t.Errorf("Authorize: %q, want %q", got, tt.want)
				}
			})
		}
	})
}

func uniqueName(s string) string {
	name := []rune(s)
	for i, r := range name {
		if r == ' ' || r == ',' {
			name[i] = '-'
		}
	}
	return string(name)
}

func endSession(t *testing.T, w *world, p *auth.AuthPayload) string {
	t.Helper()
	v, err := w.Viewer(w.as(t, p.AccessToken))
	if err != nil {
		t.Fatal(err)
	}
	if ended, err := w.store.EndSession(t.Context(), v.Session.ID, w.clock.Now()); err != nil || !ended {
		t.Fatal(ended, err)
	}
	return p.AccessToken
}

func disable(t *testing.T, w *world, p *auth.AuthPayload) string {
	t.Helper()
	if err := w.store.SetDisabled(t.Context(), p.User.ID, new(w.clock.Now()), w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	return p.AccessToken
}

func expire(t *testing.T, w *world, p *auth.AuthPayload) string {
	t.Helper()
	w.clock.Advance(16 * time.Minute)
	return p.AccessToken
}

// TestNoCaller checks that a context which no middleware has seen is anonymous.
func TestNoCaller(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for _, rule := range []auth.Rule{forUser, byToken} {
			if got := kind(w.Authorize(t.Context(), rule)); got != "UNAUTHENTICATED NO_TOKEN" {
				t.Errorf("Authorize: %q, want NO_TOKEN", got)
			}
		}
		if _, err := w.Me(t.Context()); kind(err) != "UNAUTHENTICATED NO_TOKEN" {
			t.Errorf("Me: %v, want NO_TOKEN", err)
		}
	})
}

// TestOneLookUp checks that a request asks for its viewer once, however many fields ask at once,
// and the next request asks again.
func TestOneLookUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		bearer := w.signup(t, "ada").AccessToken
		for request := 1; request <= 3; request++ {
			ctx := w.as(t, bearer)
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if err := w.Authorize(ctx, forUser); err != nil {
						t.Error(err)
					}
					if err := w.Authorize(ctx, byToken); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if w.store.viewers != request {
				t.Fatalf("%d look-ups after %d requests", w.store.viewers, request)
			}
		}
		if err := w.Authorize(w.as(t, bearer), byToken); err != nil || w.store.viewers != 3 {
			t.Errorf("a check of the token alone: %v with %d look-ups, want none", err, w.store.viewers-3)
		}
	})
}

// TestFaultsRefuse checks that a fault never admits, nor does asking again after it.
func TestFaultsRefuse(t *testing.T) {
	t.Parallel()
	errGone := errors.New("connection lost")
	tests := map[string]func() error{
		"error": func() error { return errGone },
		"panic": func() error { panic("broken store") },
	}
	each(t, func(t *testing.T, w *world) {
		bearer := w.signup(t, "ada").AccessToken
		for name, fail := range tests {
			t.Run(name, func(t *testing.T) {
				w.store.fail = fail
				defer func() { w.store.fail = nil }()
				ctx := w.as(t, bearer)
				for range 2 {
					if admitted(ctx, w) {
						t.Fatal("a fault admitted the request")
					}
				}
			})
		}
	})
}

func admitted(ctx context.Context, w *world) (ok bool) {
	defer func() { _ = recover() }()
	return w.Authorize(ctx, forUser) == nil
}
