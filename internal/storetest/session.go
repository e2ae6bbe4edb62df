package storetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

func sessionEveryColumn(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	create(t, s, a)
	create(t, s, b)
	want := newSession(1, b.ID)
	complete(t, "session", want)
	createSession(t, s, newSession(2, a.ID))
	createSession(t, s, want)
	createSession(t, s, newSession(3, b.ID))
	got, err := s.Viewer(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "Viewer", got, &auth.Viewer{User: b.User, Session: *want})
}

func sessionNoValues(t *testing.T, s auth.Store) {
	a := newAccount(1)
	a.Username, a.UsernameKey, a.FullName, a.Roles, a.DisabledAt = nil, nil, nil, nil, nil
	create(t, s, a)
	session := newSession(1, a.ID)
	session.EndedAt, session.IPAddress, session.UserAgent = nil, nil, nil
	createSession(t, s, session)
	got, err := s.Viewer(t.Context(), session.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "Viewer", got, &auth.Viewer{User: a.User, Session: *session})
}

func sessionNotFound(t *testing.T, s auth.Store) {
	create(t, s, newAccount(1))
	createSession(t, s, newSession(1, newID(1)))
	for _, id := range []uuid.UUID{uuid.Nil, uuid.Max, newID(1), newSession(2, newID(1)).ID} {
		_, err := s.Viewer(t.Context(), id)
		wantError(t, "Viewer", err, auth.ErrNotFound)
	}
}

func sessionRefused(t *testing.T, s auth.Store) {
	create(t, s, newAccount(1))
	createSession(t, s, newSession(1, newID(1)))
	if err := s.CreateSession(t.Context(), newSession(1, newID(1)), digest); err == nil {
		t.Error("two sessions have the same ID")
	}
	wantError(t, "CreateSession of nobody", s.CreateSession(t.Context(), newSession(2, newID(2)), digest), auth.ErrNotFound)
	_, err := s.Viewer(t.Context(), newSession(2, newID(2)).ID)
	wantError(t, "Viewer of nobody's session", err, auth.ErrNotFound)

	long := newSession(3, newID(1))
	long.UserAgent = new(strings.Repeat("a", 1<<20))
	if err := s.CreateSession(t.Context(), long, digest); err == nil {
		t.Error("a user agent of unlimited length was stored")
	}
}

// viewerOfMany looks up sessions in parallel while some of them end. Each call must get its own session. A
// session that ended before the call must be returned as ended.
func viewerOfMany(t *testing.T, s auth.Store) {
	const users, sessions, rounds = 20, 60, 4
	for i := range users {
		create(t, s, newAccount(i+1))
	}
	var all sync.WaitGroup
	for i := range sessions {
		want := newLiveSession(i+1, newID(i%users+1))
		createSession(t, s, want)
		all.Go(func() {
			for range rounds {
				v, err := s.Viewer(t.Context(), want.ID)
				if err != nil || v.Session.ID != want.ID || v.User.ID != want.UserID || v.Session.EndedAt != nil {
					t.Errorf("Viewer of session %d: %+v, %v", i, v, err)
					return
				}
				v.User.Roles, v.Session.EndedAt = nil, &epoch // A caller may modify its result.
			}
			if ended, err := s.EndSession(t.Context(), want.ID, epoch); !ended || err != nil {
				t.Errorf("EndSession: %v, %v", ended, err)
			}
			if v, err := s.Viewer(t.Context(), want.ID); err != nil || v.Session.EndedAt == nil {
				t.Errorf("Viewer of session %d, which had ended: %+v, %v", i, v, err)
			}
			_, err := s.Viewer(t.Context(), newID(10_000+i))
			wantError(t, "Viewer of no session", err, auth.ErrNotFound)
		})
	}
	all.Wait()
}

func endSession(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	created := 0
	for _, c := range []struct {
		name         string
		expires, now time.Time
		want         bool
	}{
		{"long before it expires", epoch.Add(time.Hour), epoch, true},
		{"a microsecond before", epoch.Add(time.Microsecond), epoch, true},
		{"when it expires", epoch, epoch, false},
		{"a microsecond after", epoch, epoch.Add(time.Microsecond), false},
		// A store that keeps times as text has texts of different lengths here.
		{"in the second before", epoch.Truncate(time.Second), epoch.Truncate(time.Second).Add(-time.Microsecond), true},
		{"with fewer digits, before", epoch.Add(30 * time.Millisecond), epoch.Add(29_999 * time.Microsecond), true},
		{"with fewer digits, after", epoch.Add(29_999 * time.Microsecond), epoch.Add(30 * time.Millisecond), false},
		{"whole second before a fraction", epoch, epoch.Truncate(time.Second), true},
		{"whole second after a fraction", epoch, epoch.Truncate(time.Second).Add(time.Second), false},
		// The time zone does not matter.
		{"before, in the east", epoch.Add(time.Hour), epoch.In(time.FixedZone("", 14*3600)), true},
		{"after, in the west", epoch, epoch.Add(time.Hour).In(time.FixedZone("", -12*3600)), false},
		{"before, of one in the west", epoch.Add(time.Hour).In(time.FixedZone("", -12*3600)), epoch, true},
	} {
		created++
		session := newLiveSession(created, a.ID)
		session.ExpiresAt = c.expires
		createSession(t, s, session)
		session.ExpiresAt = c.expires.UTC()
		if ok, err := s.EndSession(t.Context(), session.ID, c.now); ok != c.want || err != nil {
			t.Errorf("EndSession %s: %v, %v, want %v", c.name, ok, err, c.want)
		}
		if c.want {
			session.EndedAt = new(c.now.UTC())
		}
		// A second call does nothing and keeps the time of the first one.
		if ok, err := s.EndSession(t.Context(), session.ID, c.now.Add(time.Microsecond)); ok || err != nil {
			t.Errorf("a second EndSession %s: %v, %v, want false", c.name, ok, err)
		}
		v, err := s.Viewer(t.Context(), session.ID)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, c.name, v.Session, *session)
	}

	other := newLiveSession(created+1, a.ID)
	createSession(t, s, other)
	if ok, err := s.EndSession(t.Context(), newSession(created+2, a.ID).ID, epoch); ok || err != nil {
		t.Errorf("EndSession of an unknown session: %v, %v, want false", ok, err)
	}
	v, err := s.Viewer(t.Context(), other.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "another session", v.Session, *other)
}

func endSessionOfMany(t *testing.T, s auth.Store) {
	create(t, s, newAccount(1))
	session := newLiveSession(1, newID(1))
	createSession(t, s, session)
	ended := 0
	for i, err := range together(50, func(i int) error {
		ok, err := s.EndSession(t.Context(), session.ID, epoch.Add(time.Duration(i)*time.Second))
		if ok {
			err = errors.Join(err, errDone)
		}
		return err
	}) {
		switch {
		case errors.Is(err, errDone):
			ended++
			session.EndedAt = new(epoch.Add(time.Duration(i) * time.Second))
		case err != nil:
			t.Error(err)
		}
	}
	if ended != 1 {
		t.Errorf("a session was ended %d times at once, want 1", ended)
	}
	v, err := s.Viewer(t.Context(), session.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "session", v.Session, *session)
}

func lockSession(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	live, other, ended, expired := newLiveSession(1, a.ID), newLiveSession(2, a.ID), newSession(3, a.ID), newLiveSession(4, a.ID)
	now := epoch.Add(time.Minute)
	expired.ExpiresAt = now
	for _, session := range []*auth.Session{live, other, ended, expired} {
		createSession(t, s, session)
	}
	for _, c := range []struct {
		name string
		id   uuid.UUID
		want bool
	}{
		{"one that lives", live.ID, true},
		{"one that was ended", ended.ID, false},
		{"one that expires now", expired.ID, false},
		{"none", newID(9), false},
	} {
		if got, err := s.LockSession(t.Context(), a.ID, c.id, now); got != c.want || err != nil {
			t.Errorf("LockSession of %s: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
	for _, want := range []*auth.Session{live, other, ended, expired} {
		v, err := s.Viewer(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "session", v.Session, *want)
	}
}

// lockSessionAndEnd locks a session in several transactions while another one ends it. No transaction may get the
// lock after the session has ended.
func lockSessionAndEnd(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	session := newLiveSession(1, a.ID)
	createSession(t, s, session)
	lockAndRevoke(t, s,
		func(ctx context.Context, tx auth.Store) (bool, error) {
			return tx.LockSession(ctx, a.ID, session.ID, epoch)
		},
		func(ctx context.Context, tx auth.Store) (bool, error) { return tx.EndSession(ctx, session.ID, epoch) })
}

// recordSignInAndDisable is lockSessionAndEnd for a sign-in and a transaction that disables its user.
func recordSignInAndDisable(t *testing.T, s auth.Store) {
	a := newAccount(1)
	a.DisabledAt = nil
	create(t, s, a)
	lockAndRevoke(t, s,
		func(ctx context.Context, tx auth.Store) (bool, error) {
			return tx.RecordSignIn(ctx, a.ID, a.CredentialsVersion, epoch)
		},
		func(ctx context.Context, tx auth.Store) (bool, error) {
			return true, tx.SetDisabled(ctx, a.ID, new(epoch), epoch)
		})
}

// recordSignInAndSetPassword is lockSessionAndEnd for a sign-in and a transaction that changes the user's password.
func recordSignInAndSetPassword(t *testing.T, s auth.Store) {
	a := newAccount(1)
	a.DisabledAt = nil
	create(t, s, a)
	next := newPassword(a)
	next.Secret = "$new"
	lockAndRevoke(t, s,
		func(ctx context.Context, tx auth.Store) (bool, error) {
			return tx.RecordSignIn(ctx, a.ID, a.CredentialsVersion, epoch)
		},
		func(ctx context.Context, tx auth.Store) (bool, error) { return true, tx.SetPassword(ctx, next) })
}

// lockAndRevoke calls lock in many transactions and revoke in one. revoke reports whether it had an effect.
func lockAndRevoke(t *testing.T, s auth.Store, lock, revoke func(ctx context.Context, tx auth.Store) (bool, error)) {
	t.Helper()
	const n = 20
	var revoked atomic.Bool // set in the transaction that revokes, while it holds the lock
	errs := together(n, func(i int) error {
		return s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
			if i == n/2 {
				done, err := revoke(ctx, tx)
				revoked.Store(done)
				return err
			}
			valid, err := lock(ctx, tx)
			if err == nil && valid && revoked.Load() {
				err = errors.New("lock reports a revoked object as valid")
			}
			return err
		})
	})
	if err := errors.Join(errs...); err != nil || !revoked.Load() {
		t.Error(revoked.Load(), err)
	}
}
