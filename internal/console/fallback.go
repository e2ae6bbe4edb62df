package console

import (
	"bytes"
	"net/http"
)

// Fallback returns the development page of a program without the console: GraphiQL as graphiql serves it,
// with two changes. It stores nothing beyond the tab, because users type passwords and tokens there. No page
// may frame it.
func Fallback(graphiql http.Handler) http.Handler {
	page := &response{header: http.Header{}}
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

// response is an http.ResponseWriter that keeps the body.
type response struct {
	bytes.Buffer
	header http.Header
}

func (r *response) Header() http.Header { return r.header }

func (r *response) WriteHeader(int) {}
