package httpd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Timeouts are the timeouts of a Server. Zero means the default, which follows each comment.
type Timeouts struct {
	ReadHeader time.Duration // to read the headers of a request: 5 s
	Read       time.Duration // to read a whole request: 15 s
	Request    time.Duration // until the context of a request ends: 20 s
	Write      time.Duration // from the end of the headers to the end of the response: 30 s
	Idle       time.Duration // until an idle connection is closed: 2 min
	Drain      time.Duration // to keep serving before the server stops, while it is not ready: 0 s
	Shutdown   time.Duration // for requests in flight to finish when the server stops: 10 s
}

func (t Timeouts) orDefaults() Timeouts {
	return Timeouts{
		ReadHeader: cmp.Or(t.ReadHeader, 5*time.Second),
		Read:       cmp.Or(t.Read, 15*time.Second),
		Request:    cmp.Or(t.Request, 20*time.Second),
		Write:      cmp.Or(t.Write, 30*time.Second),
		Idle:       cmp.Or(t.Idle, 2*time.Minute),
		Drain:      t.Drain,
		Shutdown:   cmp.Or(t.Shutdown, 10*time.Second),
	}
}

// maxHeaderBytes allows for the longest token and for cookies of other applications on the same host.
const maxHeaderBytes = 16 << 10

// Serve serves requests on l until ctx ends, and closes l. It stops in two steps. During the drain timeout it
// keeps serving requests, but /readyz answers 503 for load balancers, and every response closes its connection.
// Then it accepts no new requests and waits for those in flight. The error is nil unless l fails or the
// shutdown timeout ends first.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:                      s.handler,
		ConnContext:                  withWire,
		DisableGeneralOptionsHandler: true, // s handles every request
		ReadHeaderTimeout:            s.timeouts.ReadHeader,
		ReadTimeout:                  s.timeouts.Read,
		WriteTimeout:                 s.timeouts.Write,
		IdleTimeout:                  s.timeouts.Idle,
		MaxHeaderBytes:               maxHeaderBytes,
		ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(wires{l}) }()

	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	s.log.LogAttrs(ctx, slog.LevelInfo, "stopping", slog.Int64("drain_ms", s.timeouts.Drain.Milliseconds()))
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-time.After(s.timeouts.Drain):
	}

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeouts.Shutdown)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("shutdown with requests in flight: %w", err), server.Close())
	}
	return nil
}
