// Package console owns the web console. It embeds and serves the files that `make console` builds from web/.
// The page loads nothing from other hosts.
package console

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"embed"
	"html"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// dist is the output of the build: index.html, and the files below assets/, each with a hash of its content
// in its name and compressed with brotli and gzip. In a program without the console it has only .gitkeep.
//
//go:embed all:dist
var dist embed.FS

// nonceMark is the placeholder in index.html for the nonce of a response.
const nonceMark = "__CSP_NONCE__"

// minLengthMark is the placeholder in index.html for Config.PasswordMinLength.
const minLengthMark = "__PASSWORD_MIN_LENGTH__"

// trustedMark is the placeholder in index.html for Config.OnlyTrusted: "only" or nothing.
const trustedMark = "__TRUSTED_DOCUMENTS__"

// mailboxMark is the placeholder in index.html for Config.Mailbox: "here" or nothing.
const mailboxMark = "__MAILBOX__"

// mailMark is the placeholder in index.html for Config.Mail: "on" or nothing.
const mailMark = "__MAIL__"

// passkeysMark is the placeholder in index.html for Config.Passkeys.
const passkeysMark = "__PASSKEYS__"

// Config is what the page must know of the server before a user signs in.
type Config struct {
	// PasswordMinLength is the minimum length of a new password in characters. The sign-up form shows it.
	PasswordMinLength int
	// OnlyTrusted means that the server rejects documents that are not trusted, except from administrators. The
	// editor says so.
	OnlyTrusted bool
	// Mailbox means that the server keeps mails instead of sending them. The page has a view for them.
	Mailbox bool
	// Mail means that there is mail, sent or kept. Otherwise the page does not offer to sign in by mail.
	Mail bool
	// Passkeys is the domain that passkeys belong to, or empty if the server has none.
	Passkeys string
}

// Manifest returns the manifest of the documents that the page sends. It returns false if the program was built
// without the console.
func Manifest() ([]byte, bool) {
	manifest, err := dist.ReadFile("dist/persisted-documents.json")
	return manifest, err == nil
}

// Page returns the handlers of the page and of its assets. It returns false if the program was built without
// the console.
func Page(c Config) (page, assets http.Handler, ok bool) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, nil, false
	}
	return handlers(files, c)
}

func handlers(files fs.FS, c Config) (page, assets http.Handler, ok bool) {
	index, err := fs.ReadFile(files, "index.html")
	if err != nil {
		return nil, nil, false
	}
	index = bytes.ReplaceAll(index, []byte(minLengthMark), strconv.AppendInt(nil, int64(c.PasswordMinLength), 10))
	mode, box, post, frames := "", "", "", ""
	if c.OnlyTrusted {
		mode = "only"
	}
	if c.Mailbox {
		box, frames = "here", "; frame-src 'self'" // the HTML part of a mail, which has a policy of its own
	}
	if c.Mail {
		post = "on"
	}
	for mark, value := range map[string]string{
		trustedMark: mode, mailboxMark: box, mailMark: post, passkeysMark: html.EscapeString(c.Passkeys),
	} {
		index = bytes.ReplaceAll(index, []byte(mark), []byte(value))
	}
	return servePage(index, policy+frames), serveAssets(files), true
}

// servePage serves index.html with a new nonce. The nonce allows the page's own styles and no injected ones.
func servePage(index []byte, policy string) http.Handler {
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

// policy is the page's Content Security Policy (CSP Level 3). The editor sets style attributes, which needs
// style-src-attr, and runs language services in workers.
const policy = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; " +
	"style-src 'self' 'nonce-" + nonceMark + "'; style-src-attr 'unsafe-inline'; " +
	"font-src 'self' data:; img-src 'self' data:; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// serveAssets serves a file in an encoding that the client accepts. A file's name changes with its content,
// so browsers may cache it forever.
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
			_, _ = w.Write(smaller) //nolint:gosec // The content is from the build. The request only selects the file.
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

// accepts reports whether an Accept-Encoding header lists a coding with a weight other than 0
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
		_, _ = io.Copy(w, z) //nolint:gosec // The content is from the build, so it is not a decompression bomb.
	}
}

// mediaTypes are the media types of the build's files. They take precedence over the system's table.
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
