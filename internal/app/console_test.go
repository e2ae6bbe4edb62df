package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"usher/internal/config"
	"usher/internal/console"
)

// TestConsole checks which settings serve a page. It passes for a program built with or without the console.
func TestConsole(t *testing.T) {
	t.Parallel()
	_, _, built := console.Page(console.Config{})
	for name, tt := range map[string]struct {
		settings config.Server
		schema   bool
		page     bool
	}{
		"neither":     {config.Server{}, false, false},
		"console":     {config.Server{Console: true}, true, built},
		"development": {config.Server{Dev: true}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log strings.Builder
			served, err := newConsole(t.Context(), Settings{Server: tt.settings}, &parts{}, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			page := served.index
			if got := served.schema != nil && served.access != nil; got != tt.schema {
				t.Errorf("schema and access rules are served: %t, want %t", got, tt.schema)
			}
			if got := strings.Contains(log.String(), "built without the console"); got != (tt.schema && !built) {
				t.Errorf("built: %t, and the log says %q", built, log.String())
			}
			if got := page != nil; got != tt.page {
				t.Fatalf("the page is served: %t, want %t", got, tt.page)
			}
			if page == nil {
				return
			}
			w := httptest.NewRecorder()
			page.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") {
				t.Errorf("other pages may frame it: %q", csp)
			}
		})
	}
}
