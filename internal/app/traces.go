package app

import (
	"context"
	"log/slog"
	"time"

	"usher/internal/otlp"
)

// maxFlush limits how long the server waits for the collector when it stops. With the defaults of --shutdown-delay and
// --shutdown-timeout it stays below the 30 s after which Kubernetes kills a container.
const maxFlush = 5 * time.Second

// traces returns the exporter of spans; nil if the settings have none.
func traces(ctx context.Context, s *Settings, log *slog.Logger, now func() time.Time) (*otlp.Exporter, error) {
	if !s.TracesEnabled() {
		return nil, nil
	}
	settings, err := s.Traces()
	if err != nil {
		return nil, err
	}
	return otlp.New(ctx, otlp.Settings(settings), otlp.Options{
		Version: s.Version, Flush: min(s.ShutdownTimeout, maxFlush), Log: log, Now: now,
	})
}

// databaseSystem is the kind of database as spans name it.
func databaseSystem(s *Settings) string {
	if s.URL.IsSQLite() {
		return "sqlite"
	}
	return "postgresql"
}
