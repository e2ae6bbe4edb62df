package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"usher/internal/auth"
)

func inTxCommit(t *testing.T, s auth.Store) {
	a := newAccount(1)
	session := newLiveSession(1, a.ID)
	err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
		if err := tx.CreateAccount(ctx, a, newPassword(a)); err != nil {
			return err
		}
		// The transaction reads its own writes.
		got, err := byUsername(ctx, tx, *a.UsernameKey)
		if err != nil {
			return err
		}
		equal(t, "account inside", got, &a.User)
		if err := tx.CreateSession(ctx, session, digest); err != nil {
			return err
		}
		if _, err := byEmail(ctx, tx, "nobody@example.com"); !errors.Is(err, auth.ErrNotFound) {
			return fmt.Errorf("PasswordByEmail: %w", err)
		}
		_, err = tx.ReserveAttempt(ctx, nameCounter("key"), auth.Attempts{}, epoch)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Viewer(t.Context(), session.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "viewer", v, &auth.Viewer{User: a.User, Session: *session})
	wantAttempts(t, s, nameCounter("key"), auth.Attempts{Count: 1, LastAt: epoch})
}

func inTxError(t *testing.T, s auth.Store) {
	failure := errors.New("failure of the test")
	a := newAccount(1)
	err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
		if err := tx.CreateAccount(ctx, a, newPassword(a)); err != nil {
			return err
		}
		return failure
	})
	wantError(t, "InTx", err, failure)
	noAccount(t, s, a)
	create(t, s, a)
}

func inTxFailedStatement(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	create(t, s, a)
	err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
		if err := tx.CreateAccount(ctx, b, newPassword(b)); err != nil {
			return err
		}
		taken := newAccount(3)
		taken.EmailKey = a.EmailKey
		return tx.CreateAccount(ctx, taken, newPassword(taken))
	})
	wantError(t, "InTx", err, auth.ErrEmailTaken)
	noAccount(t, s, b)
	noAccount(t, s, newAccount(3))
}

func inTxPanic(t *testing.T, s auth.Store) {
	a := newAccount(1)
	func() {
		defer func() {
			if r := recover(); r != "panic of the test" {
				t.Errorf("recovered %v, want what f panicked with", r)
			}
		}()
		_ = s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
			if err := tx.CreateAccount(ctx, a, newPassword(a)); err != nil {
				t.Error(err)
			}
			panic("panic of the test")
		})
		t.Error("InTx returned")
	}()
	noAccount(t, s, a)
	create(t, s, a)
}

func inTxNested(t *testing.T, s auth.Store) {
	a := newAccount(1)
	err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
		if err := tx.CreateAccount(ctx, a, newPassword(a)); err != nil {
			return err
		}
		err := tx.InTx(ctx, func(context.Context, auth.Store) error {
			t.Error("a nested transaction began")
			return nil
		})
		if err == nil {
			t.Error("InTx in a transaction succeeded, want an error")
		}
		return err
	})
	if err == nil {
		t.Error("the outer transaction did not fail")
	}
	noAccount(t, s, a)
}

func inTxIsolation(t *testing.T, s auth.Store) {
	a := newAccount(1)
	err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
		if err := tx.CreateAccount(ctx, a, newPassword(a)); err != nil {
			return err
		}
		// Other transactions do not see the write, and reads do not wait for it.
		noAccount(t, s, a)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := byUsername(t.Context(), s, *a.UsernameKey); err != nil {
		t.Error(err)
	}
}

func inTxCancelled(t *testing.T, s auth.Store) {
	for n, end := range map[int]func(ctx context.Context, tx auth.Store) error{
		1: func(context.Context, auth.Store) error { return nil }, // the commit returns the error
		2: func(ctx context.Context, tx auth.Store) error {
			return tx.CreateAccount(ctx, newAccount(102), newPassword(newAccount(102)))
		},
		3: func(ctx context.Context, tx auth.Store) error { _, err := tx.Users(ctx, oldestFirst); return err },
	} {
		a := newAccount(n)
		ctx, cancel := context.WithCancel(t.Context())
		err := s.InTx(ctx, func(ctx context.Context, tx auth.Store) error {
			if err := tx.CreateAccount(ctx, a, newPassword(a)); err != nil {
				return err
			}
			cancel()
			return end(ctx, tx)
		})
		wantError(t, "InTx", err, context.Canceled)
		if errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("ErrUnavailable after the caller cancelled: %v", err)
		}
		noAccount(t, s, a)
		// The connection can be used again.
		create(t, s, a)
	}
}

// calls has one call for each kind of method.
func calls(a *auth.Account, session *auth.Session) map[string]func(ctx context.Context, s auth.Store) error {
	return map[string]func(ctx context.Context, s auth.Store) error{
		"InTx": func(ctx context.Context, s auth.Store) error {
			return s.InTx(ctx, func(ctx context.Context, tx auth.Store) error { return tx.CreateAccount(ctx, a, newPassword(a)) })
		},
		"CreateAccount": func(ctx context.Context, s auth.Store) error { return s.CreateAccount(ctx, a, newPassword(a)) },
		"Users":         func(ctx context.Context, s auth.Store) error { _, err := s.Users(ctx, oldestFirst); return err },
		"Viewer":        func(ctx context.Context, s auth.Store) error { _, err := s.Viewer(ctx, session.ID); return err },
		"EndSession": func(ctx context.Context, s auth.Store) error {
			ok, err := s.EndSession(ctx, session.ID, epoch)
			if ok {
				err = errors.Join(err, errDone)
			}
			return err
		},
		"Attempts": func(ctx context.Context, s auth.Store) error {
			_, err := s.Attempts(ctx, nameCounter("key"))
			return err
		},
	}
}

func contextCancelled(t *testing.T, s auth.Store) {
	contextEnded(t, s, func(name string, call func(ctx context.Context) error) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := call(ctx)
		wantError(t, name, err, context.Canceled)
		if errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("%s: ErrUnavailable after the caller cancelled: %v", name, err)
		}
	})
}

func contextDeadlineExceeded(t *testing.T, s auth.Store) {
	contextEnded(t, s, func(name string, call func(ctx context.Context) error) {
		ctx, cancel := context.WithDeadline(t.Context(), epoch.Add(-100*365*24*time.Hour))
		defer cancel()
		err := call(ctx)
		wantError(t, name, err, context.DeadlineExceeded)
		wantError(t, name, err, auth.ErrUnavailable)
	})
}

func contextEnded(t *testing.T, s auth.Store, check func(name string, call func(ctx context.Context) error)) {
	t.Helper()
	user, a := newAccount(1), newAccount(2)
	create(t, s, user)
	session := newLiveSession(1, user.ID)
	createSession(t, s, session)
	for name, call := range calls(a, session) {
		check(name, func(ctx context.Context) error { return call(ctx, s) })
	}
	noAccount(t, s, a)
	v, err := s.Viewer(t.Context(), session.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "session", v.Session, *session)
}

func contextCancelledWhileWaiting(t *testing.T, s auth.Store) {
	user := newAccount(1)
	create(t, s, user)
	err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
		if err := tx.SetDisabled(ctx, user.ID, nil, epoch); err != nil {
			return err
		}
		// The first transaction waits for this one, which needs the lock of the first one.
		waiting, cancel := context.WithCancel(t.Context())
		answer := make(chan error, 1)
		go func() { answer <- s.SetDisabled(waiting, user.ID, user.DisabledAt, epoch.Add(time.Hour)) }()
		cancel()
		wantError(t, "SetDisabled", <-answer, context.Canceled)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := byUsername(t.Context(), s, *user.UsernameKey)
	if err != nil {
		t.Fatal(err)
	}
	user.DisabledAt, user.UpdatedAt = nil, epoch
	equal(t, "account", got, &user.User)
}

// manyAtOnce reads and writes in many goroutines. No call may fail because the database is busy.
func manyAtOnce(t *testing.T, s auth.Store) {
	const many, rounds = 100, 5
	for _, err := range together(many, func(n int) error {
		a := newAccount(n)
		err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
			if err := tx.CreateAccount(ctx, a, newPassword(a)); err != nil {
				return err
			}
			return tx.CreateSession(ctx, newLiveSession(n, a.ID), digest)
		})
		if err != nil {
			return err
		}
		var was auth.Attempts
		for range rounds {
			v, err := s.Viewer(t.Context(), newLiveSession(n, a.ID).ID)
			if err != nil {
				return err
			}
			if v.User.ID != a.ID {
				return fmt.Errorf("the viewer is %s, want %s", v.User.ID, a.ID)
			}
			if ok, err := s.ReserveAttempt(t.Context(), counterOf("x", a.ID), was, epoch); !ok {
				return fmt.Errorf("ReserveAttempt: %v, %w", ok, err)
			}
			was = auth.Attempts{Count: was.Count + 1, LastAt: epoch}
			if _, err := byEmail(t.Context(), s, *a.EmailKey); err != nil {
				return err
			}
		}
		if ok, err := s.EndSession(t.Context(), newLiveSession(n, a.ID).ID, epoch); !ok {
			return fmt.Errorf("EndSession: %v, %w", ok, err)
		}
		return nil
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	for n := range many {
		wantAttempts(t, s, counterOf("x", newAccount(n).ID), auth.Attempts{Count: rounds, LastAt: epoch})
	}
	if users := allUsers(t, s); len(users) != many {
		t.Errorf("%d users, want %d", len(users), many)
	}
}
