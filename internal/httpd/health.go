package httpd

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// The paths of Healthz and Readyz. Their requests come every few seconds, so the log has them at level
// debug only.
const (
	HealthPath = "/healthz"
	ReadyPath  = "/readyz"
)

const (
	// readyTimeout is how long a check may take, and readyFor how long its result holds.
	readyTimeout = 2 * time.Second
	readyFor     = time.Second
)

// Healthz answers that the process is alive.
func (s *Server) Healthz() http.Handler {
	return Get(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeStatus(w, http.StatusOK, "alive")
	}))
}

// Readyz answers whether requests should be sent here.
func (s *Server) Readyz() http.Handler { return Get(http.HandlerFunc(s.readyz)) }

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() || s.ready.check(r.Context()) != nil {
		writeStatus(w, http.StatusServiceUnavailable, "unavailable")
		return
	}
	writeStatus(w, http.StatusOK, "ready")
}

// readiness remembers the answer of ask for a while. The zero time makes the first one ask.
type readiness struct {
	ask func(context.Context) error
	now func() time.Time
	log *slog.Logger

	// mu is held while ask runs: who comes meanwhile waits and shares the answer.
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
	// The answer is not for this request only, so it must not depend on its client's patience.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
	defer cancel()
	before := r.err
	r.err = r.ask(ctx)
	r.until = r.now().Add(readyFor)
	switch {
	case r.err != nil && before == nil:
		r.log.LogAttrs(ctx, slog.LevelError, "not ready", slog.Any("err", r.err))
	case r.err == nil && before != nil:
		r.log.LogAttrs(ctx, slog.LevelInfo, "ready again")
	}
	return r.err
}
