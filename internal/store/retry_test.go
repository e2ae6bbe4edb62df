package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// named returns a profile with a full name only.
func named(name *string) auth.Profile { return auth.Profile{FullName: auth.FullName{Text: name}} }

var someTime = time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)

// TestRetryBounded counts the runs of a transaction that is rolled back every time.
func TestRetryBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		user := newUser(t, s, "ada")
		for code, want := range map[string]int{
			"40001": 4, "40P01": 4, "40000": 4,
			"40003": 1, // It may have been committed.
			"57P01": 1, "23505": 1, "": 1,
		} {
			runs := 0
			failure := error(&pgconn.PgError{Code: code})
			err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
				runs++
				if err := tx.SetProfile(ctx, user, named(new(code)), someTime); err != nil {
					return err
				}
				return fmt.Errorf("wrapped: %w", failure)
			})
			if !errors.Is(err, failure) || runs != want {
				t.Errorf("%q: %d runs and %v, want %d and the failure", code, runs, err, want)
			}
			if u, err := s.User(t.Context(), user); err != nil || u.FullName != nil {
				t.Errorf("%q left something behind: %v, %v", code, u, err)
			}
		}

		ctx, cancel := context.WithCancel(t.Context())
		runs := 0
		err := s.InTx(ctx, func(context.Context, auth.Store) error {
			runs++
			cancel()
			return &pgconn.PgError{Code: "40001"}
		})
		if err == nil || runs != 1 {
			t.Errorf("%d runs after the caller cancelled, %v", runs, err)
		}
	})
}

// TestRetryDeadlock makes two transactions lock two rows in opposite order. PostgreSQL rolls one of them back.
func TestRetryDeadlock(t *testing.T) {
	t.Parallel()
	s := open(t, with(t, storetest.URLs["postgres"](t), "deadlock_timeout", "10ms"))
	a, b := newUser(t, s, "ada"), newUser(t, s, "bob")
	runs, errs := meet(s, t, func(i int) func(ctx context.Context, tx auth.Store, met func()) error {
		first, second := a, b
		if i == 1 {
			first, second = b, a
		}
		name := fmt.Sprint("by ", i)
		return func(ctx context.Context, tx auth.Store, met func()) error {
			if err := tx.SetProfile(ctx, first, named(&name), someTime); err != nil {
				return err
			}
			met()
			return tx.SetProfile(ctx, second, named(&name), someTime)
		}
	})
	if err := errors.Join(errs...); err != nil || runs < 3 {
		t.Errorf("%d runs, want both to succeed and one of them to need a second run: %v", runs, err)
	}
	wantNames(t, s, a, b)
}

// TestRetrySerialization makes two transactions read a row before either writes it, at an isolation level that
// an operator may have set.
func TestRetrySerialization(t *testing.T) {
	t.Parallel()
	s := open(t, with(t, storetest.URLs["postgres"](t), "default_transaction_isolation", "serializable"))
	user := newUser(t, s, "ada")
	runs, errs := meet(s, t, func(i int) func(ctx context.Context, tx auth.Store, met func()) error {
		return func(ctx context.Context, tx auth.Store, met func()) error {
			u, err := tx.User(ctx, user)
			if err != nil {
				return err
			}
			met()
			name := fmt.Sprint("by ", i)
			if u.FullName != nil {
				name = *u.FullName + ", " + name
			}
			return tx.SetProfile(ctx, user, named(&name), someTime)
		}
	})
	if err := errors.Join(errs...); err != nil || runs < 3 {
		t.Errorf("%d runs, want both to succeed and one of them to need a second run: %v", runs, err)
	}
	u, err := s.User(t.Context(), user)
	if err != nil || *u.FullName != "by 0, by 1" && *u.FullName != "by 1, by 0" {
		t.Errorf("the name is %q, %v: one of them did not see the other", *u.FullName, err)
	}
}

// TestRetryStatement makes single statements wait for a transaction that changes their row. This rolls the
// statements back.
func TestRetryStatement(t *testing.T) {
	t.Parallel()
	s := open(t, with(t, storetest.URLs["postgres"](t), "default_transaction_isolation", "serializable"))
	session := signIn(t, s)
	state, err := s.RefreshState(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	now := state.Session.LastUsedAt.Add(time.Minute)
	for _, c := range []struct {
		name string
		run  func(ctx context.Context) (bool, error)
	}{
		{"SetProfile", func(ctx context.Context) (bool, error) {
			return true, s.SetProfile(ctx, state.User.ID, named(new("Ada")), now)
		}},
		{"RotateRefreshToken", func(ctx context.Context) (bool, error) {
			return s.RotateRefreshToken(ctx, session, state.Generation, "phone", now)
		}},
		{"EndOtherSessions", func(ctx context.Context) (bool, error) {
			n, err := s.EndOtherSessions(ctx, state.User.ID, uuid.Nil, now)
			return n == 1, err
		}},
	} {
		t.Run(c.name, func(t *testing.T) { waitAndRun(t, s, session, state.User.ID, c.run, nil) })
	}
}

// waitAndRun runs a statement while a transaction holds the rows that it writes, and calls waiting, if it is not nil, once
// the statement waits for them.
func waitAndRun(
	t *testing.T, s *store.Store, session, user uuid.UUID,
	statement func(ctx context.Context) (bool, error), waiting func(ctx context.Context) error,
) {
	t.Helper()
	type answer struct {
		done bool
		err  error
	}
	answers := make(chan answer, 1)
	err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
		if _, err := tx.LockSession(ctx, user, session, someTime); err != nil {
			return err
		}
		if err := tx.SetProfile(ctx, user, named(new("somebody")), someTime); err != nil {
			return err
		}
		go func() {
			done, err := statement(t.Context())
			answers <- answer{done, err}
		}()
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		for waits := 0; waits == 0; {
			const query = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
			if err := s.Get(ctx, &waits, query); err != nil {
				return err
			}
		}
		if waiting == nil {
			return nil
		}
		return waiting(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-answers; !got.done || got.err != nil {
		t.Errorf("%v, %v, want it done", got.done, got.err)
	}
}

// meet runs two transactions at once. In its first run, each calls met to wait until the other one has called
// it too. meet returns the number of runs and the errors.
func meet(s *store.Store, t *testing.T, transaction func(i int) func(ctx context.Context, tx auth.Store, met func()) error) (int, []error) {
	t.Helper()
	var (
		runs    atomic.Int64
		arrived sync.WaitGroup
		done    sync.WaitGroup
		errs    = make([]error, 2)
	)
	arrived.Add(2)
	for i := range 2 {
		done.Go(func() {
			do, first := transaction(i), true
			errs[i] = s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
				runs.Add(1)
				return do(ctx, tx, func() {
					if first {
						first = false
						arrived.Done()
						arrived.Wait()
					}
				})
			})
		})
	}
	done.Wait()
	return int(runs.Load()), errs
}

// wantNames fails the test unless all users have the same name: one transaction wrote all of them last.
func wantNames(t *testing.T, s *store.Store, users ...uuid.UUID) {
	t.Helper()
	var names []string
	for _, id := range users {
		u, err := s.User(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, *u.FullName)
	}
	if names[0] != names[1] {
		t.Errorf("the names are %q: a transaction was kept in part", names)
	}
}

func newUser(t *testing.T, s *store.Store, name string) uuid.UUID {
	t.Helper()
	a := &auth.Account{
		User:        auth.User{ID: uuid.New(), Username: &name, Roles: []auth.Role{auth.RoleUser}, CreatedAt: someTime, UpdatedAt: someTime},
		UsernameKey: &name,
	}
	if err := s.CreateAccount(t.Context(), a, newPassword(a)); err != nil {
		t.Fatal(err)
	}
	return a.ID
}

func newPassword(a *auth.Account) *auth.Credential {
	return &auth.Credential{
		ID: a.ID, UserID: a.ID, Kind: auth.CredentialPassword, Secret: "$argon2id$", CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
}
