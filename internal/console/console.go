// Package console owns the page for people: it serves what `make console` builds from web/ and this
// package embeds. Nothing on the page comes from another host.
package console

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"embed"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// dist is what the build left: index.html, and under assets/ each file with a hash of its content in
// its name, compressed by brotli and by gzip. It may be empty but for a file that keeps it in git.
//
//go:embed all:dist
var dist embed.FS

// nonceMark stands in index.html for the nonce of each answer.
const nonceMark = "__CSP_NONCE__"

// Page returns the handlers of the page and of its assets, by their paths for http.ServeMux; false
// when the program was built without them.
func Page() (page, assets http.Handler, ok bool) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, nil, false
	}
	return handlers(files)
}

func handlers(files fs.FS) (page, assets http.Handler, ok bool) {
	index, err := fs.ReadFile(files, "index.html")
	if err != nil {
		return nil, nil, false
	}
	return servePage(index), serveAssets(files), true
}

// servePage answers with index.html and a new nonce, which lets the page, and nobody who slips
// something into it, make styles.
func servePage(index []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nonce := rand.Text()
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", strings.ReplaceAll(policy, nonceMark, nonce))
		h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		_, _ = w.Write(bytes.ReplaceAll(index, []byte(nonceMark), []byte(nonce)))
	})
}

// policy is the page's Content Security Policy (CSP Level 3). The editor sets the style attribute of
// elements, which takes style-src-attr, and runs its languages in workers.
const policy = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; " +
	"style-src 'self' 'nonce-" + nonceMark + "'; style-src-attr 'unsafe-inline'; " +
	"font-src 'self' data:; img-src 'self' data:; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// serveAssets answers with a file in an encoding that the client takes. Its name changes with its
// content, so that browsers need never ask again.
func serveAssets(files fs.FS) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		packed, err := fs.ReadFile(files, name+".gz")
		if err != nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		etag := `"` + path.Base(name) + `"`
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("ETag", etag)
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("If-None-Match"), etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", mediaType(name))
		accepted := r.Header.Get("Accept-Encoding")
		if smaller, err := fs.ReadFile(files, name+".br"); err == nil && accepts(accepted, "br") {
			h.Set("Content-Encoding", "br")
			_, _ = w.Write(smaller) //nolint:gosec // The build made it; the request only chose it.
			return
		}
		if accepts(accepted, "gzip") {
			h.Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed) //nolint:gosec // As above.
			return
		}
		unpack(w, packed)
	})
}

// accepts reports whether an Accept-Encoding header names a coding and does not refuse it
// (RFC 9110 §12.5.3).
func accepts(header, coding string) bool {
	for element := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(element), ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			weight = strings.TrimLeft(strings.TrimSpace(weight), "qQ= ")
			return strings.Trim(weight, "0.") != "" || weight == ""
		}
	}
	return false
}

func unpack(w io.Writer, packed []byte) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err == nil {
		_, _ = io.Copy(w, z) //nolint:gosec // The build made it, so it is no bomb.
	}
}

// mediaTypes are those of the files that the build makes. The system's own table may say otherwise.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".map": "application/json",
	".svg": "image/svg+xml", ".ttf": "font/ttf", ".wasm": "application/wasm", ".woff2": "font/woff2",
}

func mediaType(name string) string {
	if t := mediaTypes[path.Ext(name)]; t != "" {
		return t
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}
