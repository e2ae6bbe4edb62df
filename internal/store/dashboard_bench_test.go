package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/storetest"
)

// BenchmarkDashboard measures what an administrator looks at, with a million users, and a million events on 90 days.
// An operation is one statement.
func BenchmarkDashboard(b *testing.B) {
	const many = 1_000_000
	today := time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC)
	times := make([]time.Time, 91)
	for i := range times {
		times[i] = today.AddDate(0, 0, i-90)
	}
	hex := map[string]string{"sqlite": `printf('%012x', ms)`, "postgres": `lpad(to_hex(ms), 12, '0')`}
	at := map[string]string{
		"sqlite":   `strftime('%Y-%m-%d %H:%M:%S+00:00', ms / 1000, 'unixepoch')`,
		"postgres": `to_timestamp(ms / 1000)`,
	}
	id := map[string]string{
		"sqlite":   `substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-7000-8000-' || printf('%012d', n)`,
		"postgres": `CAST(substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-7000-8000-' || lpad('' || n, 12, '0') AS uuid)`,
	}
	for kind, url := range storetest.URLs {
		b.Run(kind, func(b *testing.B) {
			s := open(b, url(b))
			fillUsers(b, kind, s, many)
			// An event of 50 is a sign-up, and one of 5 is a failed sign-in.
			if err := s.Exec(b.Context(), numbers+`
				INSERT INTO audit_events (id, at, kind, user_id, actor_id)
				SELECT `+id[kind]+`, at, CASE WHEN n % 50 = 0 THEN 'SIGNUP' WHEN n % 5 = 1 THEN 'LOGIN_FAILED' ELSE 'LOGIN' END, subject, subject
				FROM (SELECT n, `+hex[kind]+` AS h, `+at[kind]+` AS at, `+ids[kind]+` AS subject
				FROM (SELECT n, $2 + n * 7776 AS ms FROM numbers) moments) events`, many, times[0].UnixMilli()); err != nil {
				b.Fatal(err)
			}
			exec(b, s, map[string]string{"sqlite": `ANALYZE`, "postgres": `VACUUM ANALYZE`}[kind])
			user := uuid.MustParse("01940000-0000-7000-8000-000000000042")
			for _, kind := range []auth.AuditEventKind{auth.EventSignup, auth.EventLoginFailed, auth.EventLogin} {
				for _, days := range []int{1, 30, 90} {
					b.Run(fmt.Sprintf("count/%s/%d days", kind, days), func(b *testing.B) {
						for b.Loop() {
							counts, err := s.CountEvents(b.Context(), kind, times[90-days:])
							if err != nil || counts[days-1] == 0 {
								b.Fatal(counts, err)
							}
						}
					})
				}
			}
			b.Run("count/users", func(b *testing.B) {
				for b.Loop() {
					if n, err := s.CountUsers(b.Context(), 100_000); err != nil || n != 100_000 {
						b.Fatal(n, err)
					}
				}
			})
			for name, q := range map[string]auth.AuditEventQuery{
				"all":                {},
				"two kinds":          {Kinds: []auth.AuditEventKind{auth.EventSignup, auth.EventLogin}},
				"kinds without any":  {Kinds: []auth.AuditEventKind{auth.EventLogout, auth.EventUserDeleted}},
				"an actor":           {ActorID: &user},
				"an early day":       {From: &times[3], To: &times[4]},
				"a kind on that day": {Kinds: []auth.AuditEventKind{auth.EventSignup}, From: &times[3], To: &times[4]},
				"before everything":  {To: &times[0]},
			} {
				q.Limit = 101
				b.Run("events/"+name, func(b *testing.B) {
					for b.Loop() {
						if _, err := s.Events(b.Context(), q); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}
