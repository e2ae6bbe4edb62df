//go:build unix

package pgtest

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

var (
	prepared atomic.Int64
	kept     *pgx.Conn // a session that prepare did not close
	filled   = Template(func(ctx context.Context, url string) (err error) {
		prepared.Add(1)
		if kept, err = pgx.Connect(ctx, url); err != nil {
			return err
		}
		_, err = kept.Exec(ctx, "CREATE TABLE word (word text); INSERT INTO word VALUES ('first')")
		return err
	})
)

func TestURLIsEmptyAndDropped(t *testing.T) {
	var at string
	t.Run("use", func(t *testing.T) {
		at = URL(t)
		conn := connect(t, at)
		var tables int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables); err != nil {
			t.Fatal(err)
		}
		if tables != 0 {
			t.Errorf("%d tables in a new database", tables)
		}
	})
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	if exists(t, s, at) {
		t.Error("the database outlived its test")
	}
}

// TestTemplateCopies checks that each of many concurrent copies contains the prepared data and nothing else.
func TestTemplateCopies(t *testing.T) {
	t.Run("at once", func(t *testing.T) {
		for range 16 {
			t.Run("copy", func(t *testing.T) {
				t.Parallel()
				conn := connect(t, filled(t))
				var words int
				err := conn.QueryRow(t.Context(),
					"WITH added AS (INSERT INTO word VALUES ('second')) SELECT count(*) FROM word").Scan(&words)
				if err != nil || words != 1 {
					t.Errorf("%d words in a copy, %v", words, err)
				}
			})
		}
	})
	if n := prepared.Load(); n != 1 {
		t.Errorf("prepared %d times", n)
	}
}

// TestNoGoroutines checks that the server needs no goroutine, so that tests can look for leaked goroutines.
func TestNoGoroutines(t *testing.T) {
	t.Run("use", func(t *testing.T) { URL(t); filled(t) })
	goleak.VerifyNone(t)
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s, err := Start(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.CreateDatabase(b.Context(), ""); err != nil {
			b.Fatal(err)
		}
		if err := s.Stop(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTemplate(b *testing.B) {
	s, err := shared()
	if err != nil {
		b.Fatal(err)
	}
	template := filled(b)
	for b.Loop() {
		at, err := s.CreateDatabase(b.Context(), template)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.DropDatabase(b.Context(), at); err != nil {
			b.Fatal(err)
		}
	}
}
