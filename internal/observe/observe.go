// Package observe owns the server's observability: the log, the number of requests in flight, and the
// duration of the steps of a request. Metrics and traces belong here too, so that other packages depend on
// an Observer only.
package observe

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"usher/internal/request"
)

// Options configure an Observer. The zero value is valid.
type Options struct {
	// Log receives everything. Nil means slog.Default.
	Log *slog.Logger
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Observer observes one server. It is safe for concurrent use.
type Observer struct {
	log      *slog.Logger
	now      func() time.Time
	inFlight atomic.Int64
}

// New returns an Observer.
func New(o Options) *Observer {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Observer{log: o.Log, now: o.Now}
}

// Log returns the logger.
func (o *Observer) Log() *slog.Logger { return o.log }

// BeginRequest counts a request as in flight until EndRequest is called for it.
func (o *Observer) BeginRequest() { o.inFlight.Add(1) }

// EndRequest ends what BeginRequest began.
func (o *Observer) EndRequest() { o.inFlight.Add(-1) }

// InFlight returns how many requests are in flight.
func (o *Observer) InFlight() int64 { return o.inFlight.Load() }

// Step measures a step of a request from now until end is called. The step must use the context that Step
// returns. The name must be a constant. At log level debug, end logs the duration and the request's id. At
// other levels Step allocates nothing. A nil Observer does nothing.
func (o *Observer) Step(ctx context.Context, name string) (_ context.Context, end func()) {
	if o == nil || !o.log.Enabled(ctx, slog.LevelDebug) {
		return ctx, unobserved
	}
	start := o.now()
	return ctx, func() {
		o.log.LogAttrs(ctx, slog.LevelDebug, "step",
			slog.String("id", request.From(ctx).ID),
			slog.String("step", name),
			slog.Float64("duration_ms", float64(o.now().Sub(start).Microseconds())/1000))
	}
}

func unobserved() {}
