package storetest

import (
	"errors"
	"slices"
	"strconv"
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
	session, other := newLiveSession(1, a.ID), newLiveSession(3, a.ID)
	createSession(t, s, session)
	createSession(t, s, other)
	ended := newSession(2, a.ID)
	createSession(t, s, ended)
	signedIn, now := session.LastUsedAt, epoch.Add(time.Minute)
	for _, c := range []struct {
		name       string
		id         uuid.UUID
		generation uint32
		by         string
		now        time.Time
		want       bool
		usedAt     time.Time // lastUsedAt of the session afterwards
	}{
		{"another generation", session.ID, 1, "x", now, false, signedIn},
		// The sign-in was after the start of the minute.
		{"the first", session.ID, 0, "phone", epoch.Add(10 * time.Millisecond), true, signedIn},
		{"the first again", session.ID, 0, "x", now, false, signedIn},
		{"the second", session.ID, 1, "laptop", now.Add(time.Second), true, now.Add(time.Second).Truncate(time.Minute)},
		{"the third, by a clock that is behind", session.ID, 2, "tablet", now.Add(-time.Minute), true, now.Add(time.Second).Truncate(time.Minute)},
		{"at its age limit", session.ID, 3, "x", session.ExpiresAt, false, now.Truncate(time.Minute)},
		{"of an ended session", ended.ID, 0, "x", now, false, time.Time{}},
		{"of no session", newID(1), 0, "x", now, false, time.Time{}},
	} {
		got, err := s.RotateRefreshToken(t.Context(), c.id, c.generation, c.by, c.now)
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
		if !c.want {
			continue
		}
		session.LastUsedAt = c.usedAt
		wantRefreshState(t, s, c.name, &auth.RefreshState{
			Viewer: auth.Viewer{User: a.User, Session: *session}, SecretDigest: digest,
			Generation: c.generation + 1, RotatedAt: c.now, RotatedBy: &c.by,
		})
	}
	wantRefreshState(t, s, "another session", &auth.RefreshState{
		Viewer: auth.Viewer{User: a.User, Session: *other}, SecretDigest: digest,
	})
}

func wantRefreshState(t *testing.T, s auth.Store, what string, want *auth.RefreshState) {
	t.Helper()
	got, err := s.RefreshState(t.Context(), want.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, what, got, want)
}

func advance(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	session, ended := newLiveSession(1, a.ID), newSession(2, a.ID)
	createSession(t, s, session)
	createSession(t, s, ended)
	now := epoch.Add(time.Minute)
	for _, c := range []struct {
		name     string
		id       uuid.UUID
		from, to uint32
		now      time.Time
		want     bool
	}{
		{"from another generation", session.ID, 1, 3, now, false},
		{"by three", session.ID, 0, 3, now, true},
		{"by three again", session.ID, 0, 3, now, false},
		{"nowhere", session.ID, 3, 3, now, false},
		{"back", session.ID, 3, 2, now, false},
		{"to the last one", session.ID, 3, 1<<32 - 1, now.Add(time.Minute), true},
		{"at its age limit", session.ID, 4, 5, session.ExpiresAt, false},
		{"of an ended session", ended.ID, 0, 1, now, false},
		{"of no session", newID(1), 0, 1, now, false},
	} {
		got, err := s.AdvanceRefreshToken(t.Context(), c.id, c.from, c.to, c.name, c.now)
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
		if c.want {
			session.LastUsedAt = c.now.Truncate(time.Minute)
			wantRefreshState(t, s, c.name, &auth.RefreshState{
				Viewer: auth.Viewer{User: a.User, Session: *session}, SecretDigest: digest,
				Generation: c.to, RotatedAt: c.now, RotatedBy: &c.name,
			})
		}
	}
}

func replay(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	session, ended := newLiveSession(1, a.ID), newSession(2, a.ID)
	createSession(t, s, session)
	createSession(t, s, ended)
	now := epoch.Add(time.Minute)
	replays := func() int {
		t.Helper()
		state, err := s.RefreshState(t.Context(), session.ID)
		if err != nil {
			t.Fatal(err)
		}
		return state.Replays
	}
	for _, c := range []struct {
		name       string
		id         uuid.UUID
		generation uint32
		limit      int
		now        time.Time
		want       bool
		replays    int
	}{
		{"the first", session.ID, 0, 2, now, true, 1},
		{"of another generation", session.ID, 1, 2, now, false, 1},
		{"the second", session.ID, 0, 2, now, true, 2},
		{"beyond the limit", session.ID, 0, 2, now, false, 2},
		{"at its age limit", session.ID, 0, 9, session.ExpiresAt, false, 2},
		{"of an ended session", ended.ID, 0, 2, now, false, 2},
		{"of no session", newID(1), 0, 2, now, false, 2},
	} {
		got, err := s.ReplayRefreshToken(t.Context(), c.id, c.generation, c.limit, c.now)
		if err != nil || got != c.want || replays() != c.replays {
			t.Errorf("%s: %v, %v, and %d are counted, want %v and %d", c.name, got, err, replays(), c.want, c.replays)
		}
	}
	// Each rotation resets the count.
	if ok, err := s.RotateRefreshToken(t.Context(), session.ID, 0, "x", now); !ok || err != nil || replays() != 0 {
		t.Errorf("RotateRefreshToken: %v, %v, and %d are counted", ok, err, replays())
	}
	if ok, err := s.ReplayRefreshToken(t.Context(), session.ID, 1, 2, now); !ok || err != nil || replays() != 1 {
		t.Errorf("ReplayRefreshToken: %v, %v, and %d are counted", ok, err, replays())
	}
	if ok, err := s.AdvanceRefreshToken(t.Context(), session.ID, 1, 5, "x", now); !ok || err != nil || replays() != 0 {
		t.Errorf("AdvanceRefreshToken: %v, %v, and %d are counted", ok, err, replays())
	}
}

func replayOfMany(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	session := newLiveSession(1, a.ID)
	createSession(t, s, session)
	const n, limit = 50, 30
	replayed := make([]bool, n)
	errs := together(n, func(i int) (err error) {
		replayed[i], err = s.ReplayRefreshToken(t.Context(), session.ID, 0, limit, epoch.Add(time.Minute))
		return err
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := count(replayed); got != limit {
		t.Errorf("%d of %d replays were counted, want %d", got, n, limit)
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
		rotated[i], err = s.RotateRefreshToken(t.Context(), session.ID, 0, strconv.Itoa(i), epoch.Add(time.Minute))
		return err
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := count(rotated); got != 1 {
		t.Fatalf("%d of %d rotated one token, want 1", got, n)
	}
	state, err := s.RefreshState(t.Context(), session.ID)
	if err != nil || *state.RotatedBy != strconv.Itoa(slices.Index(rotated, true)) {
		t.Errorf("client %s is recorded, %v, but client %d rotated", *state.RotatedBy, err, slices.Index(rotated, true))
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
		session.CreatedAt = epoch.Add(time.Duration(i/2) * time.Second) // two sessions each second
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

	position := func(session auth.Session) auth.SessionPosition {
		return auth.SessionPosition{CreatedAt: session.CreatedAt, ID: session.ID}
	}
	checkPages(t, want, position, func(page auth.Page[auth.SessionPosition]) []auth.Session {
		t.Helper()
		got, err := s.Sessions(t.Context(), a.ID, epoch, idleSince, page)
		if err != nil {
			t.Fatal(err)
		}
		return got
	})
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
	// Idle sessions do not count toward the limit.
	for i := range 3 {
		idle := newLiveSession(50+i, a.ID)
		idle.LastUsedAt = idleSince
		idle.CreatedAt = epoch.Add(time.Minute)
		createSession(t, s, idle)
	}
	live := func() (got []uuid.UUID) {
		t.Helper()
		sessions, err := s.Sessions(t.Context(), a.ID, now, idleSince, auth.Page[auth.SessionPosition]{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, session := range sessions {
			got = append([]uuid.UUID{session.ID}, got...)
		}
		return got
	}
	for i := range 2 {
		n, err := s.EndOldestSessions(t.Context(), a.ID, 4, now, idleSince)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "ended by EndOldestSessions", n, 2-2*i)
		equal(t, "living after EndOldestSessions", live(), ids[2:])
	}
	for _, want := range []int{3 + 3, 0} { // including the idle ones
		n, err := s.EndOtherSessions(t.Context(), a.ID, ids[3], now)
		if err != nil || n != want {
			t.Errorf("EndOtherSessions: %d, %v, want %d", n, err, want)
		}
		equal(t, "living after EndOtherSessions", live(), ids[3:4])
	}
	// The zero ID excludes no session.
	for _, want := range []int{1, 0} {
		n, err := s.EndOtherSessions(t.Context(), a.ID, uuid.Nil, now)
		if err != nil || n != want {
			t.Errorf("EndOtherSessions except the zero ID: %d, %v, want %d", n, err, want)
		}
		equal(t, "living after EndOtherSessions but the zero id", live(), nil)
	}
	if v, err := s.Viewer(t.Context(), foreign.ID); err != nil || v.Session.EndedAt != nil {
		t.Errorf("another user's session ended: %v", err)
	}
}

func recordSignIn(t *testing.T, s auth.Store) {
	enabled, never, disabled := newAccount(1), newAccount(2), newAccount(3)
	enabled.DisabledAt, never.DisabledAt, never.LastSignInAt = nil, nil, nil
	for _, a := range []*auth.Account{enabled, never, disabled} {
		create(t, s, a)
	}
	now := epoch.Add(time.Hour)
	version := enabled.CredentialsVersion
	for id, want := range map[uuid.UUID]bool{enabled.ID: true, never.ID: true, disabled.ID: false, newID(9): false} {
		if got, err := s.RecordSignIn(t.Context(), id, version, now); err != nil || got != want {
			t.Errorf("RecordSignIn: %v, %v, want %v", got, err, want)
		}
	}
	for _, other := range []int{version - 1, version + 1} {
		if got, err := s.RecordSignIn(t.Context(), enabled.ID, other, now.Add(time.Hour)); err != nil || got {
			t.Errorf("RecordSignIn with another version of the credentials: %v, %v, want false", got, err)
		}
	}
	enabled.LastSignInAt, never.LastSignInAt = &now, &now
	equal(t, "users", allUsers(t, s), []auth.User{enabled.User, never.User, disabled.User})
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
		t.Errorf("a live session was swept: %v", err)
	}
}
