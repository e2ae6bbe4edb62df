// Package logging owns the format and the output of the log: text or JSON, times in UTC, ids of the trace, buffered or not.
package logging

import (
	"context"
	"io"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/term"
)

// Options set the level and the format of a log.
type Options struct {
	// Level is the minimum level. A *slog.LevelVar can change while the program runs. Nil means slog.LevelInfo.
	Level slog.Leveler
	// Format is text, json or auto. With auto, it is text on a terminal and JSON elsewhere.
	Format string
}

// New returns a logger that writes to w.
func New(w io.Writer, o Options) *slog.Logger {
	return newLogger(w, o, isTerminal(w), func() {})
}

// NewBuffered returns a logger for a program that logs many lines. It collects lines for a short time and
// writes them together. Warnings and errors are written at once. Call flush before other output that
// must follow the lines, and stop before the program ends.
func NewBuffered(w io.Writer, o Options) (log *slog.Logger, flush, stop func()) {
	b := &buffer{to: w}
	return newLogger(b, o, isTerminal(w), b.flush), b.flush, b.stop
}

func newLogger(w io.Writer, o Options, terminal bool, flush func()) *slog.Logger {
	options := &slog.HandlerOptions{Level: o.Level}
	if o.Format == "text" || o.Format == "auto" && terminal {
		return slog.New(handler{slog.NewTextHandler(w, options), flush})
	}
	return slog.New(handler{slog.NewJSONHandler(w, options), flush})
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// handler converts times to UTC, adds the ids of the trace and the span, if there are any, and flushes after warnings and
// errors.
type handler struct {
	slog.Handler
	flush func()
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	r.Time = r.Time.UTC()
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	err := h.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		h.flush()
	}
	return err
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.flush}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.flush}
}
