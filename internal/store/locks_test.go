package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestLocksWriteNothing checks that a lock writes no new row version, which would need an entry in each index.
// ctid is the location of a row version (PostgreSQL documentation, System Columns).
func TestLocksWriteNothing(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.URLs["postgres"](t))
	session := signIn(t, s)
	v, err := s.Viewer(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	const rows = `SELECT users.ctid || ' and ' || sessions.ctid FROM users JOIN sessions ON user_id = users.id`
	var before, after string
	if err := s.Get(t.Context(), &before, rows); err != nil {
		t.Fatal(err)
	}
	for name, lock := range map[string]func(ctx context.Context, tx auth.Store) (bool, error){
		"LockSession": func(ctx context.Context, tx auth.Store) (bool, error) {
			return tx.LockSession(ctx, v.User.ID, session, v.Session.CreatedAt)
		},
	} {
		if err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
			if locked, err := lock(ctx, tx); err != nil || !locked {
				t.Errorf("%s: %t, %v", name, locked, err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Get(t.Context(), &after, rows); err != nil || after != before {
			t.Errorf("%s moved the rows from %s to %s, %v", name, before, after, err)
		}
	}
}

// TestSignInWritesNoIndex checks that a sign-in writes no entry in the indexes of users, which would take longer than
// the rest of the statement. The same holds for changes that leave the user's names as they are.
func TestSignInWritesNoIndex(t *testing.T) {
	t.Parallel()
	const many, changes = 2000, 100
	type row struct{ id, email, emailKey, name, nameKey, metadata any }
	now := time.Now()
	for what, change := range map[string]func(u row) (string, []any){
		"sign-in": func(u row) (string, []any) { return store.RecordSignInStatement, []any{u.id, 0, now} },
		"verification of an address": func(u row) (string, []any) {
			return store.SetEmailStatement, []any{u.id, u.email, u.emailKey, now, nil, now}
		},
		"request for a change of address": func(u row) (string, []any) {
			return store.SetEmailStatement, []any{u.id, u.email, u.emailKey, nil, "next@example.com", now}
		},
		"change of language": func(u row) (string, []any) {
			return store.SetProfileStatement, []any{u.id, u.name, u.nameKey, u.metadata, u.metadata, "pt-BR", now}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := open(t, storetest.URLs["postgres"](t)) // A rollback leaves no free space in the pages.
			fillUsers(t, "postgres", s, many)
			conn, err := s.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			tx, err := conn.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback() }()
			for n := range changes { // of users on different pages
				u := row{id: fmt.Sprintf("01940000-0000-7000-8000-%012d", 1+n*many/changes)}
				const find = `SELECT email, email_key, full_name, full_name_key, metadata FROM users WHERE id = $1`
				if err := tx.QueryRowContext(t.Context(), find, u.id).Scan(&u.email, &u.emailKey, &u.name, &u.nameKey, &u.metadata); err != nil {
					t.Fatal(err)
				}
				statement, args := change(u)
				if _, err := tx.ExecContext(t.Context(), statement, args...); err != nil {
					t.Fatal(err)
				}
			}
			var written, withoutIndex int
			const query = `SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'users'`
			if err := tx.QueryRowContext(t.Context(), query).Scan(&written, &withoutIndex); err != nil {
				t.Fatal(err)
			}
			if written != changes || withoutIndex != written {
				t.Errorf("%d of %d changes wrote no index entry, want %d", withoutIndex, written, changes)
			}
		})
	}
}

// TestPasswordLockOrder has each method that writes a password wait for the user. It must not hold the credential
// meanwhile: a transaction that has locked the user and writes the credential would wait for it, and neither could end.
func TestPasswordLockOrder(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.URLs["postgres"](t))
	session := signIn(t, s)
	v, err := s.Viewer(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	user := v.User.ID
	_, first, err := s.PasswordOf(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	next := *first
	next.Secret = "$next"
	for _, c := range []struct {
		name string
		run  func(ctx context.Context) (bool, error)
	}{
		{"RehashPassword", func(ctx context.Context) (bool, error) {
			return s.RehashPassword(ctx, user, first.Secret, "$rehashed", someTime)
		}},
		{"SetPassword", func(ctx context.Context) (bool, error) { return true, s.SetPassword(ctx, &next) }},
		{"DeletePassword", func(ctx context.Context) (bool, error) { return true, s.DeletePassword(ctx, user) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			waitAndRun(t, s, session, user, c.run, func(ctx context.Context) error {
				return s.Exec(ctx, `SELECT 1 FROM credentials WHERE user_id = $1 FOR UPDATE NOWAIT`, user)
			})
		})
	}
}
