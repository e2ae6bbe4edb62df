package httpd

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// The paths of Healthz and Readyz. They are requested every few seconds, so their requests are logged at level
// debug.
const (
	HealthPath = "/healthz"
	ReadyPath  = "/readyz"
)

// GraphQLPath is the path of the GraphQL endpoint. Metrics count the operations of its requests.
const GraphQLPath = "/graphql"

const (
	// readyTimeout is the maximum duration of a check.
	readyTimeout = 2 * time.Second
	// readyTTL is how long the result of a check is reused.
	readyTTL = time.Second
)

// Healthz reports that the process is alive.
func (s *Server) Healthz() http.Handler {
	return Get(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeStatus(w, http.StatusOK, "alive")
	}))
}

// Readyz reports whether the server is ready for requests.
func (s *Server) Readyz() http.Handler { return Get(http.HandlerFunc(s.readyz)) }

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if !s.IsReady(r.Context()) {
		writeStatus(w, http.StatusServiceUnavailable, "unavailable")
		return
	}
	writeStatus(w, http.StatusOK, "ready")
}

// IsReady reports whether the server is ready for requests: it is not stopping, and its database accepts writes.
func (s *Server) IsReady(ctx context.Context) bool {
	return !s.draining.Load() && s.ready.check(ctx) == nil
}

// readiness caches the result of ask for readyTTL.
type readiness struct {
	ask func(context.Context) error
	now func() time.Time
	log *slog.Logger

	// mu is held while ask runs. Concurrent checks wait and share the result.
	mu    sync.Mutex
	err   error
	until time.Time
}

func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now().Before(r.until) {
		return r.err
	}
	// Other requests share the result, so it must not be cancelled with this one.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
	defer cancel()
	before := r.err
	r.err = r.ask(ctx)
	r.until = r.now().Add(readyTTL)
	switch {
	case r.err != nil && before == nil:
		r.log.LogAttrs(ctx, slog.LevelError, "not ready", slog.Any("err", r.err))
	case r.err == nil && before != nil:
		r.log.LogAttrs(ctx, slog.LevelInfo, "ready again")
	}
	return r.err
}
