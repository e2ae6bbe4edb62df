//go:build ha

package ha

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// connect opens a session of the superuser from a database server to itself.
func (c *cluster) connect(ctx context.Context, t *testing.T, name, database string) (*pgx.Conn, error) {
	t.Helper()
	var password string
	for _, variable := range environment(file(t, "patroni.env", "", "")) {
		if value, ok := strings.CutPrefix(variable, "PATRONI_SUPERUSER_PASSWORD="); ok {
			password = value
		}
	}
	config, err := pgx.ParseConfig(fmt.Sprintf("postgres://postgres:%s@127.0.0.1/%s?sslmode=disable&connect_timeout=2", password, database))
	if err != nil {
		return nil, err
	}
	config.DialFunc = c.machines[name].dial
	return pgx.ConnectConfig(ctx, config)
}

// monitor watches which servers are primaries.
type monitor struct {
	mu       sync.Mutex
	promoted map[string]time.Time // when each server last became a primary
}

func (c *cluster) watch(t *testing.T) *monitor {
	t.Helper()
	m := &monitor{promoted: map[string]time.Time{}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var watchers sync.WaitGroup
	for _, name := range databases {
		watchers.Go(func() {
			primary := false
			for ctx.Err() == nil {
				c.watchOne(ctx, t, name, func(now bool) {
					if now && !primary {
						m.mu.Lock()
						m.promoted[name] = time.Now()
						m.mu.Unlock()
					}
					primary = now
				})
			}
		})
	}
	t.Cleanup(func() { cancel(); watchers.Wait() })
	return m
}

// watchOne reports the state of a server every 20 ms until the session ends.
func (c *cluster) watchOne(ctx context.Context, t *testing.T, name string, report func(primary bool)) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	<-ticker.C
	conn, err := c.connect(ctx, t, name, "postgres")
	if err != nil {
		return
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for ; ctx.Err() == nil; <-ticker.C {
		var primary bool
		if conn.QueryRow(ctx, `SELECT NOT pg_is_in_recovery()`).Scan(&primary) != nil {
			return
		}
		report(primary)
	}
}

// promotion returns the first server that became a primary after a time.
func (m *monitor) promotion(after time.Time) (name string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for server, when := range m.promoted {
		if when.After(after) && (at.IsZero() || when.Before(at)) {
			name, at = server, when
		}
	}
	return name, at
}

// lost returns the acknowledged writes that the primary does not have.
func (c *cluster) lost(t *testing.T, l *load) (lost []string) {
	t.Helper()
	var conn *pgx.Conn
	await(t, 60*time.Second, "primary", func(ctx context.Context) (err error) {
		for _, name := range databases {
			if err = c.holdsLock(ctx, name); err == nil {
				conn, err = c.connect(ctx, t, name, "usher")
				break
			}
		}
		return err
	})
	defer conn.Close(t.Context())
	l.mu.Lock()
	defer l.mu.Unlock()
	ended := make([]string, 0, len(l.ended))
	for _, r := range l.ended {
		ended = append(ended, r.Session.ID)
	}
	for what, check := range map[string]struct {
		query string
		all   []string
	}{
		"sign-up":    {`SELECT want FROM unnest($1::text[]) want WHERE NOT EXISTS (SELECT FROM users WHERE username = want)`, l.signups},
		"session":    {`SELECT want FROM unnest($1::text[]) want WHERE NOT EXISTS (SELECT FROM sessions WHERE id::text = want)`, l.sessions},
		"revocation": {`SELECT want FROM unnest($1::text[]) want WHERE NOT EXISTS (SELECT FROM sessions WHERE id::text = want AND ended_at IS NOT NULL)`, ended},
	} {
		rows, err := conn.Query(t.Context(), check.query, check.all)
		if err != nil {
			t.Fatal(err)
		}
		missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range missing {
			lost = append(lost, what+" "+one)
		}
	}
	return lost
}
