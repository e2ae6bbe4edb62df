package console

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

const script = "console.log('usher')"

func files(t *testing.T) fstest.MapFS {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(script)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{
		"index.html":          {Data: []byte(`<meta property="csp-nonce" nonce="__CSP_NONCE__"><style nonce="__CSP_NONCE__"></style><meta content="__PASSWORD_MIN_LENGTH__"><meta name="mode" content="__TRUSTED_DOCUMENTS__"><meta name="mail" content="__MAILBOX__"><meta name="post" content="__MAIL__"><meta name="keys" content="__PASSKEYS__">`)},
		"assets/a-1x.js.gz":   {Data: packed.Bytes()},
		"assets/a-1x.js.br":   {Data: []byte("brotli")},
		"assets/b-2y.ttf.gz":  {Data: packed.Bytes()},
		"secret.gz":           {Data: packed.Bytes()},
		"assets/c-3z.html.br": {Data: []byte("no gzip")},
	}
}

func get(t *testing.T, h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPage(t *testing.T) {
	t.Parallel()
	page, _, ok := handlers(files(t), Config{PasswordMinLength: 15})
	if !ok {
		t.Fatal("the page is not served")
	}
	nonces := map[string]bool{}
	for range 3 {
		w := get(t, page, "/")
		csp := w.Header().Get("Content-Security-Policy")
		found := regexp.MustCompile(`style-src 'self' 'nonce-(\w{20,})'`).FindStringSubmatch(csp)
		if found == nil {
			t.Fatalf("the policy has no nonce for styles: %s", csp)
		}
		nonces[found[1]] = true
		if n := strings.Count(w.Body.String(), found[1]); n != 2 || strings.Contains(w.Body.String(), nonceMark) {
			t.Errorf("the page has the nonce %d times, want 2: %s", n, w.Body)
		}
		if !strings.Contains(w.Body.String(), `<meta content="15">`) {
			t.Errorf("the page does not have the minimum length of a password: %s", w.Body)
		}
		for _, directive := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'", "connect-src 'self'"} {
			if !strings.Contains(csp, directive) {
				t.Errorf("the policy lacks %s: %s", directive, csp)
			}
		}
	}
	if len(nonces) != 3 {
		t.Errorf("%d different nonces in 3 responses", len(nonces))
	}
}

func TestPageOfTrustedDocuments(t *testing.T) {
	t.Parallel()
	for only, want := range map[bool]string{true: `<meta name="mode" content="only">`, false: `<meta name="mode" content="">`} {
		page, _, _ := handlers(files(t), Config{OnlyTrusted: only})
		if body := get(t, page, "/").Body.String(); !strings.Contains(body, want) {
			t.Errorf("only %t: the page does not have %s: %s", only, want, body)
		}
	}
}

func TestPageOfMailbox(t *testing.T) {
	t.Parallel()
	for here, want := range map[bool]string{true: `<meta name="mail" content="here">`, false: `<meta name="mail" content="">`} {
		page, _, _ := handlers(files(t), Config{Mailbox: here})
		w := get(t, page, "/")
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("mailbox %t: the page does not have %s: %s", here, want, w.Body)
		}
		if csp := w.Header().Get("Content-Security-Policy"); strings.Contains(csp, "frame-src 'self'") != here || strings.Contains(csp, nonceMark) {
			t.Errorf("mailbox %t: %s", here, csp)
		}
	}
}

func TestPageOfMailAndPasskeys(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]Config{
		`<meta name="post" content="on"><meta name="keys" content="example.com">`: {Mail: true, Passkeys: "example.com"},
		`<meta name="post" content=""><meta name="keys" content="">`:              {},
	} {
		page, _, _ := handlers(files(t), c)
		if body := get(t, page, "/").Body.String(); !strings.Contains(body, want) {
			t.Errorf("%+v: the page does not have %s: %s", c, want, body)
		}
	}
}

func TestNotBuilt(t *testing.T) {
	t.Parallel()
	if _, _, ok := handlers(fstest.MapFS{".gitkeep": {}}, Config{}); ok {
		t.Error("a page that was not built is served")
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	_, assets, _ := handlers(files(t), Config{PasswordMinLength: 15})
	for name, tt := range map[string]struct {
		path, accept string
		status       int
		encoding     string
		body         string // not checked if empty
		media        string
	}{
		"brotli":          {"/assets/a-1x.js", "gzip, deflate, br", 200, "br", "brotli", "text/javascript; charset=utf-8"},
		"gzip":            {"/assets/a-1x.js", "gzip", 200, "gzip", "", "text/javascript; charset=utf-8"},
		"rejected brotli": {"/assets/a-1x.js", "br;q=0, gzip;q=0.5", 200, "gzip", "", "text/javascript; charset=utf-8"},
		"weighted brotli": {"/assets/a-1x.js", "gzip;q=1.0, BR; q=0.1", 200, "br", "brotli", "text/javascript; charset=utf-8"},
		"neither":         {"/assets/a-1x.js", "", 200, "", script, "text/javascript; charset=utf-8"},
		"both rejected":   {"/assets/a-1x.js", "gzip;q=0.000, br;q=0", 200, "", script, "text/javascript; charset=utf-8"},
		"no brotli there": {"/assets/b-2y.ttf", "br, gzip", 200, "gzip", "", "font/ttf"},
		"not there":       {"/assets/x.js", "gzip", 404, "", "", ""},
		"packed name":     {"/assets/a-1x.js.gz", "gzip", 404, "", "", ""},
		"folder":          {"/assets/", "gzip", 404, "", "", ""},
		"no gzip there":   {"/assets/c-3z.html", "br", 404, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := get(t, assets, tt.path, "Accept-Encoding", tt.accept)
			if w.Code != tt.status || w.Header().Get("Content-Encoding") != tt.encoding {
				t.Fatalf("status %d, encoding %q, want %d, %q", w.Code, w.Header().Get("Content-Encoding"), tt.status, tt.encoding)
			}
			if tt.body != "" && w.Body.String() != tt.body {
				t.Errorf("body %q, want %q", w.Body, tt.body)
			}
			if tt.status != http.StatusOK {
				return
			}
			if got := w.Header().Get("Content-Type"); got != tt.media {
				t.Errorf("Content-Type %q, want %q", got, tt.media)
			}
			if got := w.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") || w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("Cache-Control %q, Vary %q", got, w.Header().Get("Vary"))
			}
			again := get(t, assets, tt.path, "If-None-Match", w.Header().Get("ETag"))
			if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
				t.Errorf("second request: status %d with %d bytes", again.Code, again.Body.Len())
			}
		})
	}
	r := httptest.NewRequest(http.MethodPost, "/assets/a-1x.js", nil)
	w := httptest.NewRecorder()
	assets.ServeHTTP(w, r)
	if w.Code != http.StatusNotFound {
		t.Errorf("POST: status %d", w.Code)
	}
}
