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

// Timeouts limit how long things take. Zero means the default, but for Drain.
type Timeouts struct {
	ReadHeader time.Duration // for a client to send its headers: 5 s
	Read       time.Duration // for a client to send all of a request: 15 s
	Request    time.Duration // after which the context of a request ends: 20 s
	Write      time.Duration // from the headers to the end of the answer: 30 s
	Idle       time.Duration // that a connection is kept without a request: 2 min
	Drain      time.Duration // to go on serving, not ready any more, before the server stops: none
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

// maxHeaderBytes leaves room for the longest token and the cookies of a neighbour.
const maxHeaderBytes = 16 << 10

// Serve answers the requests that come to l until ctx ends, and closes l. It stops in steps. During
// the drain time /readyz answers 503, for a load balancer to see, and every answer closes its
// connection; requests are still served. Then no new request is accepted, and those in flight
// finish. The error is nil unless l fails or requests outlast the shutdown time.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:                      s,
		ConnContext:                  withWire,
		DisableGeneralOptionsHandler: true, // no answer bypasses s
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
	s.log.LogAttrs(ctx, slog.LevelInfo, "stopping", slog.Duration("drain", s.timeouts.Drain))
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
