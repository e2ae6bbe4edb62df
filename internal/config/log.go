package config

import (
	"context"
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// Log are the settings of the log.
type Log struct {
	Level  slog.Level `name:"log-level" environ:"USHER_LOG_LEVEL" default:"info" help:"The least severe lines that are logged: debug, info, warn or error."`
	Format string     `name:"log-format" environ:"USHER_LOG_FORMAT" default:"auto" enum:"auto,text,json" help:"Form of the log: text, json, or auto, which is text on a terminal."`
}

// Logger returns a logger that writes to w, in UTC.
func (l Log) Logger(w io.Writer) *slog.Logger {
	return l.logger(isTerminal(w), w, func() {})
}

// Gathered returns a logger like Logger's for one who logs much: its lines go through lines, and from
// a warning on without delay. Close lines at the end.
func (l Log) Gathered(w io.Writer) (log *slog.Logger, lines *Lines) {
	lines = &Lines{to: w}
	return l.logger(isTerminal(w), lines, lines.Flush), lines
}

func (l Log) logger(terminal bool, w io.Writer, flush func()) *slog.Logger {
	o := &slog.HandlerOptions{Level: l.Level}
	if l.Format == "text" || l.Format == "auto" && terminal {
		return slog.New(handler{slog.NewTextHandler(w, o), flush})
	}
	return slog.New(handler{slog.NewJSONHandler(w, o), flush})
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// handler is a handler whose times are in UTC, whatever the machine's zone, and that flushes after
// a line that somebody should see.
type handler struct {
	slog.Handler
	flush func()
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	r.Time = r.Time.UTC()
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
