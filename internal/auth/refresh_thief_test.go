package auth_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/password"
)

// These tests hold what docs/security.md says about a thief that has copied both tokens of a session. In
// TestRefreshModel the thief takes random steps.

// theft is a session whose tokens a thief has copied.
type theft struct {
	f *fixture
	t *testing.T
	// tokens are the refresh tokens in order, and access are the access tokens issued with them.
	tokens, access []string
	session        *auth.Session
}

func newTheft(t *testing.T, f *fixture, name string) *theft {
	t.Helper()
	p := f.signup(t, name)
	f.NewEvents(t)
	return &theft{f: f, t: t, tokens: []string{*p.RefreshToken}, access: []string{p.AccessToken}, session: p.Session}
}

// presents has a client present the i-th refresh token. It fails the test unless the client gets the wanted error, or its
// successor for "".
func (h *theft) presents(by string, i int, want string) {
	h.t.Helper()
	p, failed := h.f.refresh(client(h.t.Context(), by), h.tokens[i])
	if failed != want {
		h.t.Fatalf("token %d by %s: %q, want %q", i, by, failed, want)
	}
	if failed != "" {
		return
	}
	if i+1 == len(h.tokens) {
		h.tokens, h.access = append(h.tokens, *p.RefreshToken), append(h.access, p.AccessToken)
	}
	if *p.RefreshToken != h.tokens[i+1] {
		h.t.Fatalf("token %d got another successor than before", i)
	}
}

// isOver fails the test unless all tokens of the session are invalid, for every client.
func (h *theft) isOver() {
	h.t.Helper()
	for i := range h.tokens {
		for _, by := range []string{owner, thief} {
			h.presents(by, i, ended)
		}
	}
	for i, access := range h.access {
		if got := authtest.Code(h.f.Authorize(h.f.As(h.t, access), forUser, nil)); got != ended {
			h.t.Errorf("access token %d: %q", i, got)
		}
	}
}

// TestThiefAfterOwner has the thief present a token that the owner has used. The session ends, with an event.
func TestThiefAfterOwner(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		for name, wait := range map[string]time.Duration{"at once": 0, "after a second": time.Second, "later": 10 * time.Minute} {
			h := newTheft(t, f, uniqueName(name))
			h.presents(owner, 0, "")
			f.Clock.Advance(wait)
			h.presents(thief, 0, ended)
			f.WantEvents(t, "REFRESH_REUSE of "+uniqueName(name)+" in a session")
			h.isOver()
		}
	})
}

// TestThiefBeforeOwner has the thief use a token before the owner. The thief can use the session until the owner
// refreshes.
func TestThiefBeforeOwner(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		for name, refreshes := range map[string]int{"once": 1, "more often": 4} {
			h := newTheft(t, f, uniqueName(name))
			for i := range refreshes {
				f.Clock.Advance(time.Minute)
				h.presents(thief, i, "")
			}
			if err := f.Authorize(f.As(t, h.access[refreshes]), forUser, nil); err != nil {
				t.Errorf("the access token of the thief: %v", err)
			}
			f.WantEvents(t)
			h.presents(owner, 0, ended)
			f.WantEvents(t, "REFRESH_REUSE of "+uniqueName(name)+" in a session")
			h.isOver()
		}
	})
}

// TestThiefWithClientOfOwner has a thief whose client looks like the owner's. The thief can follow each refresh of the
// owner, each time with an event. If the thief misses one, the session ends.
func TestThiefWithClientOfOwner(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		h := newTheft(t, f, "ada")
		for i := range 5 {
			f.Clock.Advance(2 * time.Minute)
			h.presents(owner, i, "") // the owner
			f.WantEvents(t)
			h.presents(owner, i, "") // the thief
			f.WantEvents(t, "REFRESH_REPLAYED of ada in a session")
		}
		h.presents(owner, 5, "")
		h.presents(owner, 6, "")
		h.presents(owner, 5, ended) // the thief
		f.WantEvents(t, "REFRESH_REUSE of ada in a session")
		h.isOver()
	})
}

// TestThiefCannotStepUp has the owner re-authenticate. Neither a token copied before nor one from a copied refresh token
// satisfies a rule that requires a recent authentication.
func TestThiefCannotStepUp(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]string{"own client": thief, "client of the owner": owner} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, f *fixture) {
				h := newTheft(t, f, "ada")
				f.Clock.Advance(2 * time.Minute)
				ctx := f.As(t, h.access[0])
				if _, err := f.Reauthenticate(ctx, signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))}); err != nil {
					t.Fatal(err)
				}
				for i := range 3 {
					h.presents(by, i, "")
					f.Clock.Advance(time.Second)
				}
				for i, access := range h.access {
					if got := authtest.Code(f.Authorize(f.As(t, access), recent, nil)); got != "STEP_UP_REQUIRED" {
						t.Errorf("access token %d: %q", i, got)
					}
				}
				if session, _ := f.authTimes(t, h.access[3]); !session.Equal(h.session.AuthTime) {
					t.Errorf("the session reveals that its owner has re-authenticated: %v", session)
				}
			})
		})
	}
}

// TestThiefWatches polls a session with a copied access token. It reveals only the minute of a refresh.
func TestThiefWatches(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		h := newTheft(t, f, "ada")
		poll := func() auth.Session {
			t.Helper()
			me := f.As(t, h.access[0])
			user, err := f.Me(me)
			if err != nil {
				t.Fatal(err)
			}
			found, err := f.sessions.List(me, user.ID, auth.Page[auth.SessionPosition]{Limit: 10})
			if err != nil || len(found) != 1 {
				t.Fatalf("%+v, %v", found, err)
			}
			return found[0]
		}
		before := poll()
		f.Clock.Advance(20 * time.Second) // The sign-in was in this minute.
		h.presents(owner, 0, "")
		if diff := cmp.Diff(before, poll()); diff != "" {
			t.Errorf("the session shows a refresh in the minute of the sign-in:\n%s", diff)
		}
		f.Clock.Advance(50 * time.Second)
		h.presents(owner, 1, "")
		first := poll()
		f.Clock.Advance(20 * time.Second)
		h.presents(owner, 2, "")
		if diff := cmp.Diff(first, poll()); diff != "" {
			t.Errorf("the session shows a second refresh in a minute:\n%s", diff)
		}
		if at := first.LastUsedAt; !at.Equal(at.Truncate(time.Minute)) || !at.After(before.LastUsedAt) {
			t.Errorf("the session was used at %v", at)
		}
	})
}
