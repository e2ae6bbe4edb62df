package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"usher/bench/scaling"
)

// watch reads what PostgreSQL counts.
type watch struct {
	at   string
	conn *pgx.Conn
}

func openWatch(ctx context.Context, at string) (*watch, error) {
	conn, err := pgx.Connect(ctx, at)
	if err != nil {
		return nil, errors.New("cannot connect") // the cause may contain a password
	}
	w := &watch{at, conn}
	if err := w.exec(ctx, `CREATE EXTENSION pg_stat_statements`); err != nil {
		return nil, errors.Join(err, w.close(ctx))
	}
	if err := w.exec(ctx, `CREATE EXTENSION pg_walinspect`); err != nil {
		return nil, errors.Join(fmt.Errorf("needs PostgreSQL 15 or newer: %w", err), w.close(ctx))
	}
	return w, nil
}

func (w *watch) close(ctx context.Context) error { return w.conn.Close(context.WithoutCancel(ctx)) }

// exec executes statements that are separated by semicolons. Each is a transaction of its own.
func (w *watch) exec(ctx context.Context, statements string) error {
	for statement := range bytes.SplitSeq([]byte(statements), []byte(";")) {
		if _, err := w.conn.Exec(ctx, string(statement)); err != nil {
			return err
		}
	}
	return nil
}

// size is the bytes of a table and its rows.
type size struct{ heap, indexes, rows float64 }

// sizeOf returns the size of a table, with its partitions.
func (w *watch) sizeOf(ctx context.Context, table string) (s size, err error) {
	err = w.conn.QueryRow(ctx, `SELECT sum(pg_table_size(oid))::float8, sum(pg_indexes_size(oid))::float8 FROM pg_class
		WHERE oid = $1::text::regclass OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = $1::text::regclass)`, table).Scan(&s.heap, &s.indexes)
	if err == nil {
		err = w.conn.QueryRow(ctx, `SELECT count(*)::float8 FROM `+pgx.Identifier{table}.Sanitize()).Scan(&s.rows)
	}
	return s, err
}

// rows measures the rows of users and sessions.
func (w *watch) rows(ctx context.Context, m *scaling.Measured) error {
	users, err1 := w.sizeOf(ctx, "users")
	credentials, err2 := w.sizeOf(ctx, "credentials")
	sessions, err3 := w.sizeOf(ctx, "sessions")
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	m.User = scaling.Row{Heap: (users.heap + credentials.heap) / users.rows, Indexes: (users.indexes + credentials.indexes) / users.rows}
	m.Session = scaling.Row{Heap: sessions.heap / sessions.rows, Indexes: sessions.indexes / sessions.rows}
	return nil
}

// copiedEvents is the number of events by which the rows of the audit log are measured.
const copiedEvents = 100_000

// events measures the rows of the audit log: it writes copies of an event of a sign-in, with ids of a later time and other users.
func (w *watch) events(ctx context.Context, p population, m *scaling.Measured) error {
	before, err := w.sizeOf(ctx, "audit_events")
	if err != nil {
		return err
	}
	//nolint:unqueryvet // all columns are copied
	err = w.exec(ctx, `CREATE TEMPORARY TABLE one AS SELECT * FROM audit_events WHERE session_id IS NOT NULL ORDER BY id DESC LIMIT 1;
		CREATE TEMPORARY TABLE many AS SELECT one.*, n FROM one, generate_series(1, `+strconv.Itoa(copiedEvents)+`) AS n;
		UPDATE many SET id = (left(id::text, 24) || lpad(to_hex(n), 12, '0'))::uuid,
			user_id = ('01940000-0000-7000-8000-' || lpad((n::bigint * 2654435761 % `+strconv.Itoa(p.users)+`)::text, 12, '0'))::uuid;
		ALTER TABLE many DROP COLUMN n;
		INSERT INTO audit_events SELECT * FROM many ORDER BY id`)
	if err != nil {
		return err
	}
	after, err := w.sizeOf(ctx, "audit_events")
	n := after.rows - before.rows
	m.Event = scaling.Row{Heap: (after.heap - before.heap) / n, Indexes: (after.indexes - before.indexes) / n}
	return err
}

// counters count rows since the database was made.
type counters struct{ dead, events float64 }

func (w *watch) counters(ctx context.Context) (c counters, err error) {
	// Updates that stay in their page (HOT) need no vacuum: the next access removes the old row.
	err = w.conn.QueryRow(ctx, `SELECT (SELECT coalesce(sum(n_tup_upd - n_tup_hot_upd + n_tup_del), 0)::float8 FROM pg_stat_user_tables),
		(SELECT count(*)::float8 FROM audit_events)`).Scan(&c.dead, &c.events)
	return c, err
}

// round measures the cost of requests. The server and PostgreSQL do nothing else.
func (w *watch) round(ctx context.Context, server *process, l load, clients []client) (c scaling.Cost, err error) {
	if err := w.exec(ctx, `CHECKPOINT; SELECT pg_stat_statements_reset()`); err != nil {
		return c, err
	}
	var start string
	if err := w.conn.QueryRow(ctx, `SELECT pg_current_wal_insert_lsn()::text`).Scan(&start); err != nil {
		return c, err
	}
	pids, err := w.backends(ctx)
	if err != nil {
		return c, err
	}
	usherBefore, err1 := cpuTime(server.cmd.Process.Pid)
	databaseBefore, err2 := runTime(pids)
	t, err3 := l.run(ctx, clients)
	usherAfter, err4 := cpuTime(server.cmd.Process.Pid)
	databaseAfter, err5 := runTime(pids)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return c, err
	}
	// Statements of this connection are not those of the server.
	err = w.conn.QueryRow(ctx, `SELECT coalesce(sum(calls), 0)::float8, coalesce(sum(shared_blks_hit + shared_blks_read), 0)::float8
		FROM pg_stat_statements JOIN pg_database ON oid = dbid
		WHERE datname = current_database() AND query NOT LIKE '%pg_stat%' AND query NOT LIKE '%pg_current_wal%'`).
		Scan(&c.Statements, &c.Buffers)
	if err != nil {
		return c, err
	}
	images, err := w.wal(ctx, start, &c)
	if err != nil {
		return c, err
	}
	n := float64(l.requests)
	c.Statements, c.Buffers, c.WAL, c.WALAfterCheckpoint = c.Statements/n, c.Buffers/n, c.WAL/n, (c.WAL+images)/n
	c.Usher = time.Duration(float64(usherAfter-usherBefore) / n)
	c.Database = time.Duration(float64(databaseAfter-databaseBefore) / n)
	c.Latency = percentile(t.served, 50)
	return c, nil
}

// wal reads the bytes of WAL since a position, without images of pages, and returns those of the images. Its message makes
// PostgreSQL write all of the WAL to disk before. It has less than 200 bytes, for all requests of a round.
func (w *watch) wal(ctx context.Context, start string, c *scaling.Cost) (images float64, err error) {
	if err := w.exec(ctx, `SELECT pg_logical_emit_message(true, 'bench', '')`); err != nil {
		return 0, err
	}
	err = w.conn.QueryRow(ctx, `SELECT coalesce(sum(record_size), 0)::float8, coalesce(sum(fpi_size), 0)::float8
		FROM pg_get_wal_stats($1::text::pg_lsn, pg_current_wal_flush_lsn())`, start).Scan(&c.WAL, &images)
	return images, err
}

// backends returns the processes of PostgreSQL: those of connections, and those in the background.
func (w *watch) backends(ctx context.Context) ([]int, error) {
	rows, err := w.conn.Query(ctx, `SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int])
}

// runTime returns the processor time of processes with one thread each. It is more precise than cpuTime.
func runTime(pids []int) (sum time.Duration, err error) {
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		if err != nil {
			return 0, errNoUsage
		}
		run, _, _ := bytes.Cut(text, []byte(" "))
		ns, err := strconv.ParseInt(string(run), 10, 64)
		if err != nil {
			return 0, errNoUsage
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}
