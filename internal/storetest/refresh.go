package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

func refreshState(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	want := newSession(1, a.ID)
	createSession(t, s, newSession(2, a.ID))
	createSession(t, s, want)
	got, err := s.RefreshState(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "RefreshState", got, &auth.RefreshState{
		Viewer: auth.Viewer{User: a.User, Session: *want}, SecretDigest: digest,
	})
	_, err = s.RefreshState(t.Context(), newID(1))
	wantError(t, "RefreshState of no session", err, auth.ErrNotFound)
}

func rotate(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	session := newLiveSession(1, a.ID)
	createSession(t, s, session)
	ended := newSession(2, a.ID)
	createSession(t, s, ended)
	now := epoch.Add(time.Minute)
	for _, c := range []struct {
		name       string
		id         uuid.UUID
		generation uint32
		now        time.Time
		want       bool
	}{
		{"another generation", session.ID, 1, now, false},
		{"the first", session.ID, 0, now, true},
		{"the first again", session.ID, 0, now, false},
		{"the second", session.ID, 1, now.Add(time.Second), true},
		{"at its age limit", session.ID, 2, session.ExpiresAt, false},
		{"of an ended session", ended.ID, 0, now, false},
		{"of no session", newID(1), 0, now, false},
	} {
		got, err := s.RotateRefreshToken(t.Context(), c.id, c.generation, c.now)
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
	state, err := s.RefreshState(t.Context(), session.ID)
	if err != nil {
		t.Fatal(err)
	}
	used := now.Add(time.Second)
	if state.Generation != 2 || !state.RotatedAt.Equal(used) || !state.Session.LastUsedAt.Equal(used) {
		t.Errorf("generation %d, rotated at %v, last used at %v; want 2 and twice %v",
			state.Generation, state.RotatedAt, state.Session.LastUsedAt, used)
	}
}

func rotateOfMany(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	session := newLiveSession(1, a.ID)
	createSession(t, s, session)
	const n = 50
	rotated := make([]bool, n)
	errs := together(n, func(i int) (err error) {
		rotated[i], err = s.RotateRefreshToken(t.Context(), session.ID, 0, epoch.Add(time.Minute))
		return err
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := count(rotated); got != 1 {
		t.Errorf("%d of %d rotated one token, want 1", got, n)
	}
}

func count(of []bool) (n int) {
	for _, b := range of {
		if b {
			n++
		}
	}
	return n
}

func sessionsPages(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	create(t, s, a)
	create(t, s, b)
	idleSince := epoch.Add(-time.Hour)
	var want []auth.Session // the newest first
	for i := range 5 {
		session := newLiveSession(i, a.ID)
		session.CreatedAt = epoch.Add(time.Duration(i/2) * time.Second) // two of them at a time
		createSession(t, s, session)
		want = append([]auth.Session{*session}, want...)
	}
	createSession(t, s, newSession(10, a.ID)) // ended
	createSession(t, s, newLiveSession(11, b.ID))
	expired := newLiveSession(12, a.ID)
	expired.ExpiresAt = epoch
	createSession(t, s, expired)
	idle := newLiveSession(13, a.ID)
	idle.LastUsedAt = idleSince
	createSession(t, s, idle)

	list := func(after *auth.SessionPosition, limit int) []auth.Session {
		t.Helper()
		got, err := s.Sessions(t.Context(), a.ID, epoch, idleSince, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	equal(t, "all", list(nil, 100), want)
	equal(t, "first page", list(nil, 2), want[:2])
	for i := range want {
		at := &auth.SessionPosition{CreatedAt: want[i].CreatedAt, ID: want[i].ID}
		equal(t, "after one", append([]auth.Session{}, list(at, 2)...), append([]auth.Session{}, want[i+1:min(i+3, len(want))]...))
	}
}

func endMany(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	create(t, s, a)
	create(t, s, b)
	foreign := newLiveSession(100, b.ID)
	createSession(t, s, foreign)
	var ids []uuid.UUID
	for i := range 6 {
		session := newLiveSession(i, a.ID)
		session.CreatedAt = epoch.Add(time.Duration(i) * time.Second)
		createSession(t, s, session)
		ids = append(ids, session.ID)
	}
	now, idleSince := epoch.Add(time.Minute), epoch.Add(-time.Hour)
	// Sessions that are idle too long take no place.
	for i := range 3 {
		idle := newLiveSession(50+i, a.ID)
		idle.LastUsedAt = idleSince
		idle.CreatedAt = epoch.Add(time.Minute)
		createSession(t, s, idle)
	}
	live := func() (got []uuid.UUID) {
		t.Helper()
		sessions, err := s.Sessions(t.Context(), a.ID, now, idleSince, nil, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, session := range sessions {
			got = append([]uuid.UUID{session.ID}, got...)
		}
		return got
	}
	for range 2 {
		if err := s.EndOldestSessions(t.Context(), a.ID, 4, now, idleSince); err != nil {
			t.Fatal(err)
		}
		equal(t, "living after EndOldestSessions", live(), ids[2:])
	}
	for _, want := range []int{3 + 3, 0} { // the idle ones, too
		n, err := s.EndOtherSessions(t.Context(), a.ID, ids[3], now)
		if err != nil || n != want {
			t.Errorf("EndOtherSessions: %d, %v, want %d", n, err, want)
		}
		equal(t, "living after EndOtherSessions", live(), ids[3:4])
	}
	// The zero id spares none.
	for _, want := range []int{1, 0} {
		n, err := s.EndOtherSessions(t.Context(), a.ID, uuid.Nil, now)
		if err != nil || n != want {
			t.Errorf("EndOtherSessions but the zero id: %d, %v, want %d", n, err, want)
		}
		equal(t, "living after EndOtherSessions but the zero id", live(), nil)
	}
	if v, err := s.Viewer(t.Context(), foreign.ID); err != nil || v.Session.EndedAt != nil {
		t.Errorf("another user's session ended: %v", err)
	}
}

func lockUser(t *testing.T, s auth.Store) {
	open, shut := newAccount(1), newAccount(2)
	open.DisabledAt = nil
	create(t, s, open)
	create(t, s, shut)
	for id, want := range map[uuid.UUID]bool{open.ID: true, shut.ID: false, newID(9): false} {
		if got, err := s.LockUser(t.Context(), id, epoch); err != nil || got != want {
			t.Errorf("LockUser: %v, %v, want %v", got, err, want)
		}
	}
}

func sweep(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	live, ended, expired := newLiveSession(1, a.ID), newSession(2, a.ID), newLiveSession(3, a.ID)
	expired.ExpiresAt = epoch.Add(time.Minute)
	for _, session := range []*auth.Session{live, ended, expired} {
		createSession(t, s, session)
	}
	before := epoch.Add(10 * time.Minute)
	for _, want := range []int{1, 1, 0} {
		if n, err := s.SweepSessions(t.Context(), before, 1); err != nil || n != want {
			t.Errorf("SweepSessions: %d, %v, want %d", n, err, want)
		}
	}
	if _, err := s.Viewer(t.Context(), live.ID); err != nil {
		t.Errorf("a living session was swept: %v", err)
	}
}
