package admin_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"usher/internal/admin"
)

// TestPages sends what browsers send for pages, also for a page whose host resolves to this machine.
func TestPages(t *testing.T) {
	t.Parallel()
	h := admin.Handler(admin.Options{Metrics: prometheus.NewRegistry(), Profiles: true, Log: slog.New(slog.DiscardHandler)})
	const loopback, other = "127.0.0.1:9090", "10.0.0.5:9090"
	for _, c := range []struct {
		local, host, header, value string
		want                       int
	}{
		{loopback, "127.0.0.1:9090", "", "", 200},
		{loopback, "localhost:9090", "", "", 200},
		{loopback, "LOCALHOST", "", "", 200},
		{"[::1]:9090", "[::1]:9090", "", "", 200},
		{"[::1]:9090", "[::1]", "", "", 200},
		{"[::ffff:127.0.0.1]:9090", "evil.example:9090", "", "", 421},
		{loopback, "evil.example:9090", "", "", 421},
		{loopback, "localhost.evil.example", "", "", 421},
		{loopback, "127.0.0.1.evil.example", "", "", 421},
		{loopback, "evil.example:9090", "Sec-Fetch-Site", "same-origin", 421},
		{loopback, "", "", "", 421},
		{other, "usher-1.internal.example:9090", "", "", 200},
		{other, "usher:9090", "", "", 200},
		{other, "usher:9090", "Origin", "http://usher:9090", 403},
		{loopback, "127.0.0.1:9090", "Origin", "null", 403},
		{loopback, "127.0.0.1:9090", "Sec-Fetch-Site", "cross-site", 403},
		{loopback, "127.0.0.1:9090", "Sec-Fetch-Site", "same-site", 403},
		{loopback, "127.0.0.1:9090", "Sec-Fetch-Site", "none", 200},
	} {
		local, err := net.ResolveTCPAddr("tcp", c.local)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/metrics", "/healthz", "/debug/pprof/cmdline"} {
			r := httptest.NewRequestWithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, local), http.MethodGet, path, nil)
			r.Host = c.host
			if c.header != "" {
				r.Header.Set(c.header, c.value)
			}
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != c.want {
				t.Errorf("%s at %s, Host: %s, %s: %s: %d, want %d", path, c.local, c.host, c.header, c.value, w.Code, c.want)
			}
		}
	}
}
