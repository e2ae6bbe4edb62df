package store_test

import (
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestAuditEventsAppendOnly tries to change and delete audit events with SQL.
func TestAuditEventsAppendOnly(t *testing.T) {
	others := map[string]string{
		"sqlite":   `INSERT OR REPLACE INTO audit_events (id, at, kind) SELECT id, at, 'LOGOUT' FROM audit_events`,
		"postgres": `TRUNCATE audit_events`,
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		e := &auth.AuditEvent{
			ID: uuid.MustParse("01940000-0000-7000-8000-000000000001"), Kind: auth.EventLogin,
			At: time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC),
		}
		if err := s.AddEvent(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		statements := []string{
			`UPDATE audit_events SET kind = 'LOGOUT'`,
			`UPDATE audit_events SET ip_address = NULL WHERE kind = 'LOGIN'`,
			`DELETE FROM audit_events`,
			`DELETE FROM audit_events WHERE kind = 'LOGIN'`,
			others[path.Base(t.Name())],
		}
		if path.Base(t.Name()) == "postgres" {
			var partitions string
			if err := s.Get(t.Context(), &partitions, `SELECT string_agg(partition, ' ') FROM audit_events_partitions()`); err != nil {
				t.Fatal(err)
			}
			for partition := range strings.FieldsSeq(partitions) {
				statements = append(statements, `TRUNCATE `+partition)
				if partition == "audit_events_old" { // has the event
					statements = append(statements, `DELETE FROM `+partition, `UPDATE `+partition+` SET kind = 'LOGOUT'`,
						`UPDATE audit_events SET id = '01ffffff-0000-7000-8000-000000000001'`) // of another partition
				}
			}
			if len(statements) < 5+3+3 {
				t.Errorf("few partitions: %s", partitions)
			}
		}
		for _, statement := range statements {
			if err := s.Exec(t.Context(), statement); err == nil {
				t.Errorf("%s succeeded, want an error", statement)
			}
		}
		events, err := s.Events(t.Context(), auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 10}})
		if err != nil || len(events) != 1 || events[0].Kind != auth.EventLogin {
			t.Errorf("Events: %v, %v, want one unchanged event", events, err)
		}
	})
}
