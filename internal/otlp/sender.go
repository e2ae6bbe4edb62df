package otlp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// logInterval is how often lost spans are logged.
const logInterval = time.Minute

// sender is the exporter of the library with a log of what is lost. The library would write that to the standard log,
// with the URL and the answer of the collector.
type sender struct {
	sdk.SpanExporter
	attempts *attempts
	log      *slog.Logger
	now      func() time.Time

	stopped context.Context //nolint:containedctx // It ends all exports when the server stops.
	abort   context.CancelFunc
	ended   chan struct{} // closed when there are no more exports

	mu     sync.Mutex
	lost   int    // since the last line
	reason string // of the last loss
	logged time.Time
}

func newSender(exporter sdk.SpanExporter, a *attempts, log *slog.Logger, now func() time.Time) *sender {
	s := &sender{SpanExporter: exporter, attempts: a, log: log, now: now, ended: make(chan struct{})}
	s.stopped, s.abort = context.WithCancel(context.Background())
	return s
}

// ExportSpans sends a batch of spans. It always returns nil, because it has logged the error.
func (s *sender) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.stopped, cancel)() //nolint:contextcheck // Both contexts end the export.
	err := s.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	reason := s.attempts.failure()
	switch {
	case s.stopped.Err() != nil && reason == "":
		reason = "the server has stopped before the collector answered"
	case errors.Is(err, context.DeadlineExceeded) && reason == "":
		reason = "no answer in time"
	case reason == "": // The text of the error may quote the request or the answer.
		reason = "the collector has not accepted all of them"
	}
	s.lose(ctx, len(spans), reason)
	return nil
}

func (s *sender) lose(ctx context.Context, spans int, reason string) {
	s.mu.Lock()
	s.lost, s.reason = s.lost+spans, reason
	soon := !s.logged.IsZero() && s.now().Sub(s.logged) < logInterval
	s.mu.Unlock()
	if !soon {
		s.report(ctx)
	}
}

// report logs the spans that were lost since the last line.
func (s *sender) report(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == 0 {
		return
	}
	s.log.WarnContext(ctx, "spans not exported", "spans", s.lost, "reason", s.reason)
	s.lost, s.logged = 0, s.now()
}

// Shutdown is called after the last export.
func (s *sender) Shutdown(ctx context.Context) error {
	defer close(s.ended)
	return s.SpanExporter.Shutdown(ctx)
}

// attempts sends requests and remembers how the last one failed.
type attempts struct {
	http.RoundTripper

	mu   sync.Mutex
	last string // why the last attempt failed; empty if it has not
}

// RoundTrip implements http.RoundTripper.
func (a *attempts) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := a.RoundTripper.RoundTrip(r)
	failure := ""
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		failure = "no answer in time"
	case err != nil:
		failure = err.Error() // It has no URL and no header: http.Client adds the URL.
	case response.StatusCode < 200 || response.StatusCode > 299:
		failure = "the collector has answered with status " + strconv.Itoa(response.StatusCode)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = failure
	return response, err
}

func (a *attempts) failure() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last
}
