package httpd

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"usher/internal/auth/access"
)

// BenchmarkServeHTTP measures the cost of a request without its handler.
func BenchmarkServeHTTP(b *testing.B) {
	s := New(Options{
		Routes:   routes(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }, nil),
		Identify: func(string) *access.Caller { return nil },
		Ready:    ready,
		Observer: logTo(slog.NewJSONHandler(discard{}, nil)),
	})
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/graphql", http.NoBody)
	r.Header.Set("Authorization", "Bearer abc.def.ghi")
	r.Header.Set("User-Agent", "curl/8.0")
	w := discard{}
	b.ReportAllocs()
	for b.Loop() {
		clear(w)
		s.ServeHTTP(w, r)
	}
}

// discard is an http.ResponseWriter that keeps nothing but the headers.
type discard http.Header

func (d discard) Header() http.Header       { return http.Header(d) }
func (discard) WriteHeader(int)             {}
func (discard) Write(p []byte) (int, error) { return len(p), nil }
