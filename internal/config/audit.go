package config

import (
	"fmt"
	"time"
)

// Audit are the settings of the audit log. They are part of Server.
type Audit struct {
	AuditRetention time.Duration `name:"audit-retention" environ:"USHER_AUDIT_RETENTION" default:"0s" help:"How long events stay in the audit log, at least 24h. Older ones are deleted for good. On PostgreSQL, the events of a month are deleted together, when the newest of them is old enough. 0s keeps all events."`
}

// Validate reports every invalid setting.
func (a *Audit) Validate() error {
	if a.AuditRetention != 0 && a.AuditRetention < 24*time.Hour {
		return fmt.Errorf("--audit-retention: must be 24h or more, or 0s to keep all events, not %v", a.AuditRetention)
	}
	return nil
}
