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
	o := &slog.HandlerOptions{Level: l.Level}
	if l.Format == "text" || l.Format == "auto" && isTerminal(w) {
		return slog.New(utc{slog.NewTextHandler(w, o)})
	}
	return slog.New(utc{slog.NewJSONHandler(w, o)})
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// utc is a handler whose times are in UTC, whatever the machine's zone.
type utc struct{ slog.Handler }

func (h utc) Handle(ctx context.Context, r slog.Record) error {
	r.Time = r.Time.UTC()
	return h.Handler.Handle(ctx, r)
}

func (h utc) WithAttrs(attrs []slog.Attr) slog.Handler { return utc{h.Handler.WithAttrs(attrs)} }

func (h utc) WithGroup(name string) slog.Handler { return utc{h.Handler.WithGroup(name)} }
