// Package observe owns the server's observability: the log, the number of requests in flight, metrics, and the
// duration of the steps of a request, which are also the spans of its trace. Other packages depend on an Observer
// only. internal/otlp exports the spans.
package observe

import (
	"log/slog"
	"sync/atomic"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Options configure an Observer. The zero value is valid.
type Options struct {
	// Log receives everything. Nil means slog.Default.
	Log *slog.Logger
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Metrics counts requests and steps. Nil means that nothing is counted.
	Metrics *Metrics

	// Tracer makes spans. Nil means that there are no traces.
	Tracer trace.Tracer
	// Propagate continues the traces of trusted senders, see Continue.
	Propagate bool
	// Database is the kind of database as spans name it (db.system.name): sqlite or postgresql.
	Database string
}

// Observer observes one server. It is safe for concurrent use. A nil Observer observes nothing.
type Observer struct {
	log      *slog.Logger
	now      func() time.Time
	metrics  *Metrics
	tracing  tracing
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
	return &Observer{log: o.Log, now: o.Now, metrics: o.Metrics, tracing: tracing{
		tracer: o.Tracer, propagate: o.Propagate, database: trace.WithAttributes(semconv.DBSystemNameKey.String(o.Database)),
	}}
}

// Log returns the logger.
func (o *Observer) Log() *slog.Logger {
	if o == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.log
}

// Metrics returns the metrics; nil for none.
func (o *Observer) Metrics() *Metrics {
	if o == nil {
		return nil
	}
	return o.metrics
}

// Now returns the time on the observer's clock.
func (o *Observer) Now() time.Time { return o.now() }

// BeginRequest counts a request as in flight until EndRequest is called for it.
func (o *Observer) BeginRequest() { o.inFlight.Add(1) }

// EndRequest ends what BeginRequest began.
func (o *Observer) EndRequest() { o.inFlight.Add(-1) }

// InFlight returns how many requests are in flight.
func (o *Observer) InFlight() int64 {
	if o == nil {
		return 0
	}
	return o.inFlight.Load()
}
