package auth_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
)

// TestRefreshReplay repeats a refresh as after a lost answer.
func TestRefreshReplay(t *testing.T) {
	t.Parallel()
	const (
		home     = "192.0.2.7 Browser/1.0"
		homeIPv6 = "2001:db8:0:1::7 Browser/1.0"
	)
	tests := map[string]struct {
		by, again string        // the first client and the second
		wait      time.Duration // between the two
		use       bool          // the successor is used in between
		want      string
	}{
		"at once":                         {by: home, again: home},
		"after a nap":                     {by: home, again: home, wait: time.Hour - time.Microsecond},
		"too late":                        {by: home, again: home, wait: time.Hour, want: ended},
		"successor was used":              {by: home, again: home, use: true, want: ended},
		"too late and successor was used": {by: home, again: home, wait: 2 * time.Hour, use: true, want: ended},
		"another address":                 {by: home, again: "192.0.2.8 Browser/1.0", want: ended},
		"another name":                    {by: home, again: "192.0.2.7 Browser/1.1", want: ended},
		"no name":                         {by: home, again: "192.0.2.7", want: ended},
		"a mapped address":                {by: home, again: "::ffff:192.0.2.7 Browser/1.0"},
		"the same network":                {by: homeIPv6, again: "2001:db8:0:1:a:b:c:d Browser/1.0"},
		"another network":                 {by: homeIPv6, again: "2001:db8:0:2::7 Browser/1.0", want: ended},
		"another kind of network":         {by: homeIPv6, again: home, want: ended},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				first := f.signup(t, "user-"+uniqueName(name))
				other, err := f.Login(t.Context(), signin.LoginInput{Identifier: *first.User.Username, Password: authtest.Password})
				if err != nil {
					t.Fatal(err)
				}
				second, failed := f.refresh(client(t.Context(), tt.by), *first.RefreshToken)
				if failed != "" {
					t.Fatal(failed)
				}
				if tt.use {
					if _, failed := f.refresh(client(t.Context(), tt.by), *second.RefreshToken); failed != "" {
						t.Fatal(failed)
					}
				}
				f.Clock.Advance(tt.wait)
				f.NewEvents(t)
				again, failed := f.refresh(client(t.Context(), tt.again), *first.RefreshToken)
				if failed != tt.want {
					t.Fatalf("Refresh: %q, want %q", failed, tt.want)
				}
				user := *first.User.Username
				if tt.want == "" {
					if *again.RefreshToken != *second.RefreshToken {
						t.Error("the same token got two successors")
					}
					f.WantEvents(t, "REFRESH_REPLAYED of "+user+" in a session")
					return
				}
				f.WantEvents(t, "REFRESH_REUSE of "+user+" in a session")
				// The session is over, and only that one.
				for _, text := range []string{*first.RefreshToken, *second.RefreshToken} {
					if _, failed := f.refresh(client(t.Context(), tt.by), text); failed != ended {
						t.Errorf("a token of the ended session: %q", failed)
					}
				}
				if got := authtest.Code(f.Authorize(f.As(t, second.AccessToken), forUser, nil)); got != ended && tt.wait < 15*time.Minute {
					t.Errorf("its access token: %q", got)
				}
				if _, failed := f.refresh(t.Context(), *other.RefreshToken); failed != "" {
					t.Errorf("another session of the user: %q", failed)
				}
			})
		}
	})
}

// TestRefreshReplayEvent checks that the event of a replay has the address and the User-Agent of the client.
func TestRefreshReplayEvent(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		text := *f.signup(t, "ada").RefreshToken
		for range 2 {
			if _, failed := f.refresh(client(t.Context(), "2001:db8::7 Browser/1.0"), text); failed != "" {
				t.Fatal(failed)
			}
		}
		found, err := f.AuditEvents(f.As(t, root.AccessToken), &admin.AuditEventFilter{Kind: new(auth.EventRefreshReplayed)}, auth.Page[uuid.UUID]{Limit: 10})
		if err != nil || len(found) != 1 {
			t.Fatalf("%+v, %v, want one event", found, err)
		}
		if e := found[0]; *e.IPAddress != "2001:db8::7" || *e.UserAgent != "Browser/1.0" || e.ActorID != nil {
			t.Errorf("event %+v", e)
		}
	})
}

// TestRefreshReplayLost loses the database between the count of a replay and its event. Neither is kept, and the client
// gets no token.
func TestRefreshReplayLost(t *testing.T) {
	t.Parallel()
	errLost := errors.New("connection lost")
	eachDatabase(t, func(t *testing.T, f *fixture) {
		first := f.signup(t, "ada")
		if _, failed := f.refresh(t.Context(), *first.RefreshToken); failed != "" {
			t.Fatal(failed)
		}
		f.NewEvents(t)
		f.Store.After("AddEvent", func(context.Context) error { return errLost })
		if p, err := f.Refresh(t.Context(), signin.RefreshInput{RefreshToken: first.RefreshToken}); !errors.Is(err, errLost) || p != nil {
			t.Errorf("Refresh: %v, %v", p, err)
		}
		f.Store.After("AddEvent", nil)
		state, err := f.Store.RefreshState(t.Context(), first.Session.ID)
		if err != nil || state.Replays != 0 {
			t.Errorf("%d replays are counted, %v", state.Replays, err)
		}
		f.WantEvents(t)
	})
}

// TestRefreshReplayRace presents a used token from one client more often than allowed, all at once.
func TestRefreshReplayRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		first := f.signup(t, "ada")
		second, failed := f.refresh(t.Context(), *first.RefreshToken)
		if failed != "" {
			t.Fatal(failed)
		}
		f.NewEvents(t)
		answers := f.refreshTogether(t, *first.RefreshToken, 80)
		want := map[string]int{*second.RefreshToken: 30, ended: 50}
		if diff := cmp.Diff(want, answers); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		events := map[string]int{}
		for _, line := range f.NewEvents(t) {
			events[line]++
		}
		want = map[string]int{"REFRESH_REPLAYED of ada in a session": 30, "REFRESH_REUSE of ada in a session": 1}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if _, failed := f.refresh(t.Context(), *second.RefreshToken); failed != ended {
			t.Errorf("the successor: %q", failed)
		}
	})
}

// TestRefreshOfOlderServer replays tokens that a server of an older release rotated, which notes no client.
func TestRefreshOfOlderServer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		wait time.Duration
		want string
	}{
		"at once":      {0, ""},
		"just in time": {10*time.Second - time.Microsecond, ""},
		"too late":     {10 * time.Second, ended},
	}
	// as that release does, for all sessions
	const older = `UPDATE sessions SET refresh_generation = refresh_generation + 1, rotated_at = $1, last_used_at = $1`
	eachDatabaseWithSQL(t, func(t *testing.T, f *fixture, db *sql.DB) {
		for name, tt := range tests {
			for _, before := range []string{"nobody", owner} { // the note of the rotation before
				p := f.signup(t, uniqueName(name)+"-"+before[:3])
				if before == owner {
					var failed string
					if p, failed = f.refresh(client(t.Context(), owner), *p.RefreshToken); failed != "" {
						t.Fatal(failed)
					}
				}
				if _, err := db.ExecContext(t.Context(), older, f.Clock.Now()); err != nil {
					t.Fatal(err)
				}
				f.Clock.Advance(tt.wait)
				again, failed := f.refresh(client(t.Context(), thief), *p.RefreshToken)
				if failed != tt.want {
					t.Errorf("%s, after %s: %q, want %q", name, before, failed, tt.want)
				}
				if failed == "" {
					if _, failed := f.refresh(client(t.Context(), thief), *again.RefreshToken); failed != "" {
						t.Errorf("%s, after %s: the successor: %q", name, before, failed)
					}
				}
			}
		}
	})
}

// TestRefreshAfterLostCommits restores an earlier state of the database, as a failover that loses commits does. The
// session continues from the client's token.
func TestRefreshAfterLostCommits(t *testing.T) {
	t.Parallel()
	eachDatabaseWithSQL(t, func(t *testing.T, f *fixture, db *sql.DB) {
		p := f.signup(t, "ada")
		chain := []string{*p.RefreshToken}
		for range 5 {
			p, failed := f.refresh(client(t.Context(), owner), chain[len(chain)-1])
			if failed != "" {
				t.Fatal(failed)
			}
			chain = append(chain, *p.RefreshToken)
		}
		if _, err := db.ExecContext(t.Context(), `UPDATE sessions SET refresh_generation = 2`); err != nil {
			t.Fatal(err)
		}
		f.Log.Take()
		// Two tabs, and then a third one that lost its answer.
		for round := range 3 {
			got, failed := f.refresh(client(t.Context(), owner), chain[4])
			if failed != "" || *got.RefreshToken != chain[5] {
				t.Fatalf("round %d: %q, want the successor that the token has had before", round, failed)
			}
		}
		if logged := f.Log.Take(); strings.Count(logged, "level=WARN") != 1 || !strings.Contains(logged, "presented=4 stored=2") {
			t.Errorf("the log says:\n%s", logged)
		}
		last, failed := f.refresh(client(t.Context(), owner), chain[5])
		if failed != "" {
			t.Fatal(failed)
		}
		// Older tokens, which were unused in the restored state, stay invalid.
		if _, failed := f.refresh(client(t.Context(), owner), chain[2]); failed != ended {
			t.Errorf("a used token from before: %q", failed)
		}
		if _, failed := f.refresh(client(t.Context(), owner), *last.RefreshToken); failed != ended {
			t.Errorf("the session: %q", failed)
		}

		// An ended session stays ended.
		over := f.signup(t, "eve")
		if _, failed := f.refresh(t.Context(), *over.RefreshToken); failed != "" {
			t.Fatal(failed)
		}
		endSession(t, f, over)
		if _, err := db.ExecContext(t.Context(), `UPDATE sessions SET refresh_generation = 0`); err != nil {
			t.Fatal(err)
		}
		if _, failed := f.refresh(t.Context(), *over.RefreshToken); failed != ended {
			t.Errorf("a token of a session that has ended: %q", failed)
		}
	})
}
