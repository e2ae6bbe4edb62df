package auth_test

import (
	"sync"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
)

// TestSessionsPerUser exceeds the limit on sessions, also in parallel.
func TestSessionsPerUser(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		first := f.signup(t, "ada")
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() {
				f.Clock.Advance(time.Millisecond)
				if _, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: authtest.Password}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		last, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: authtest.Password})
		if err != nil {
			t.Fatal(err)
		}
		valid, err := f.sessions.List(f.As(t, last.AccessToken), last.User.ID, auth.Page[auth.SessionPosition]{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(valid); n != 50 {
			t.Errorf("%d valid sessions, want 50", n)
		}
		if got := authtest.Code(f.Authorize(f.As(t, first.AccessToken), forUser, nil)); got != ended {
			t.Errorf("the oldest session: %q, want it ended", got)
		}
	})
}

func TestLogout(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		ctx := f.As(t, ada.AccessToken)
		got, err := f.Logout(ctx)
		if err != nil || got.SessionID != ada.Session.ID {
			t.Fatal(got, err)
		}
		if _, err := f.Me(ctx); authtest.Code(err) != ended {
			t.Errorf("the rest of the request: %v", err)
		}
		if got := authtest.Code(f.Authorize(f.As(t, ada.AccessToken), forUser, nil)); got != ended {
			t.Errorf("the next request: %q", got)
		}
		if _, failed := f.refresh(t.Context(), *ada.RefreshToken); failed != ended {
			t.Errorf("refresh: %q", failed)
		}
		if _, err := f.Logout(f.As(t, ada.AccessToken)); authtest.Code(err) != ended {
			t.Errorf("again: %v", err)
		}
	})
}

func TestRevokeSessions(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		eve := f.signup(t, "eve")
		f.signup(t, "ada")
		var p []*signin.AuthPayload
		for range 3 {
			f.Clock.Advance(time.Second)
			payload, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: authtest.Password})
			if err != nil {
				t.Fatal(err)
			}
			p = append(p, payload)
		}
		const missing = "BAD_USER_INPUT sessionId=NOT_FOUND"
		revoke := func(by *signin.AuthPayload, in signin.RevokeSessionInput) string {
			_, err := f.RevokeSession(f.As(t, by.AccessToken), in)
			return authtest.Code(err)
		}
		for name, in := range map[string]signin.RevokeSessionInput{
			"another user's": {SessionID: eve.Session.ID}, "none": {}, "a user's id": {SessionID: eve.User.ID},
		} {
			if got := revoke(p[0], in); got != missing {
				t.Errorf("%s: %q, want %q", name, got, missing)
			}
		}
		for range 2 { // the second time is no error
			if got := revoke(p[0], signin.RevokeSessionInput{SessionID: p[1].Session.ID}); got != "" {
				t.Errorf("one's own: %q", got)
			}
		}
		if got := authtest.Code(f.Authorize(f.As(t, p[1].AccessToken), forUser, nil)); got != ended {
			t.Errorf("the revoked session: %q", got)
		}
		others, err := f.RevokeOtherSessions(f.As(t, p[0].AccessToken))
		if err != nil || others.RevokedCount != 2 { // the session of the sign-up, and the third one
			t.Errorf("RevokeOtherSessions: %v, %v, want 2", others, err)
		}
		for name, payload := range map[string]*signin.AuthPayload{"one's own": p[0], "eve's": eve} {
			if err := f.Authorize(f.As(t, payload.AccessToken), forUser, nil); err != nil {
				t.Errorf("%s session: %v", name, err)
			}
		}
		if got := revoke(p[0], signin.RevokeSessionInput{SessionID: p[0].Session.ID}); got != "" {
			t.Errorf("the session of the request: %q", got)
		}
	})
}

// TestViewerOfAnother replaces the user that a request has looked up. The transaction refuses.
func TestViewerOfAnother(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada, eve := f.signup(t, "ada"), f.signup(t, "eve")
		ctx := f.As(t, eve.AccessToken)
		v, err := f.Viewer(ctx)
		if err != nil {
			t.Fatal(err)
		}
		v.User.ID = ada.User.ID
		if _, err := f.RevokeSession(ctx, signin.RevokeSessionInput{SessionID: ada.Session.ID}); authtest.Code(err) != ended {
			t.Errorf("RevokeSession: %v", err)
		}
		if err := f.Authorize(f.As(t, ada.AccessToken), forUser, nil); err != nil {
			t.Errorf("the other session: %v", err)
		}
	})
}
