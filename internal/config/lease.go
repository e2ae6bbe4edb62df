package config

import (
	"errors"
	"time"
)

// Lease is the setting of the database lease. It is part of Server.
type Lease struct {
	DatabaseLease time.Duration `environ:"USHER_DATABASE_LEASE" default:"0s" help:"How long PostgreSQL may be used after it confirmed a commit. Usher commits an empty transaction four times in this time. If synchronous replication no longer confirms, requests fail, because another server may have been promoted. Requires synchronous replication, connections without PgBouncer, and the same value on all replicas. The server starts this much later. 1s to 1m. 0s turns it off. See docs/high-availability.md."`
}

// Validate reports an invalid setting.
func (l *Lease) Validate() error {
	if l.DatabaseLease != 0 && (l.DatabaseLease < time.Second || l.DatabaseLease > time.Minute) {
		return errors.New("--database-lease: must be 0s or 1s to 1m, not " + l.DatabaseLease.String())
	}
	return nil
}
