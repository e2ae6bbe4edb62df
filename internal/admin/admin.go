// Package admin owns the operator's listener: metrics, a health check and, if it is enabled, profiles of the running
// program. It is apart from the public listener, so that no route of it can be reached by clients.
package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options are what a Server needs. Metrics and Log are required.
type Options struct {
	Metrics prometheus.Gatherer
	// Profiles enables /debug/pprof/.
	Profiles bool
	Log      *slog.Logger
}

const (
	// scrapeTimeout is less than Prometheus's default of 10 s.
	scrapeTimeout = 8 * time.Second
	// maxScrapes at once are enough for two Prometheus servers and a person.
	maxScrapes = 4
	// maxProfile is the duration of the longest profile. The write timeout allows for it.
	maxProfile = 2 * time.Minute
	// shutdownTimeout is how long a scrape may take to finish when the server stops.
	shutdownTimeout = time.Second
)

// Handler returns the handler of the listener.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes, Timeout: scrapeTimeout,
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, `{"status":"alive"}`+"\n") // an error means that the client has disconnected
	})
	if o.Profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		// A browser sends Origin or Sec-Fetch-Site for the requests of a page. No page has business here, and a page of
		// another site must not learn anything by them.
		if site := r.Header.Get("Sec-Fetch-Site"); r.Header.Get("Origin") != "" || site != "" && site != "none" && site != "same-origin" {
			http.Error(w, "pages of other sites are refused", http.StatusForbidden)
			return
		}
		if !allowedHost(r) {
			http.Error(w, "on a loopback address, use the address or localhost as the host of the URL", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// allowedHost reports whether the host of a request may be one of a page. A page of any site can let the name of its own
// host resolve to a loopback address (DNS rebinding). To the browser, its requests are then of the same site. Without TLS
// it sends neither Origin nor Sec-Fetch-Site with them. On other addresses the monitoring may use any name.
func allowedHost(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	at, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return false
	}
	if !at.Addr().Unmap().IsLoopback() {
		return true
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err = netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || strings.EqualFold(host, "localhost")
}

// Serve serves the handler on l until ctx ends, and closes l.
func Serve(ctx context.Context, l net.Listener, o Options) error {
	server := &http.Server{
		Handler: Handler(o), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second,
		WriteTimeout: maxProfile, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 8 << 10,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve metrics: %w", err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) { // a profile runs for longer
		return server.Close()
	} else if err != nil {
		return fmt.Errorf("stop metrics: %w", err)
	}
	return nil
}
