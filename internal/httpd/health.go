package httpd

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const (
	healthPath = "/healthz"
	readyPath  = "/readyz"

	// readyTimeout is how long a check may take, and readyFor how long its result holds.
	readyTimeout = 2 * time.Second
	readyFor     = time.Second
)

// alive answers that the process is.
func alive(w http.ResponseWriter, _ *http.Request) {
	writeStatus(w, http.StatusOK, "alive")
}

// readyz answers whether requests should be sent here.
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
