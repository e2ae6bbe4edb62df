package console

import (
	"bytes"
	"net/http"
)

// Fallback returns the page for development without a console: GraphiQL as graphiql serves it, but it
// keeps nothing beyond the tab, for passwords and tokens are typed there, and no page may frame it.
func Fallback(graphiql http.Handler) http.Handler {
	page := &answer{header: http.Header{}}
	graphiql.ServeHTTP(page, &http.Request{Method: http.MethodGet})
	content := bytes.ReplaceAll(page.Bytes(), []byte("shouldPersistHeaders: true"), []byte("shouldPersistHeaders: false"))
	content = bytes.ReplaceAll(content, []byte("localStorage"), []byte("sessionStorage"))
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "frame-ancestors 'none'")
		h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
		_, _ = w.Write(content)
	})
}

// answer keeps what a handler writes.
type answer struct {
	bytes.Buffer
	header http.Header
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(int) {}
