package httpd

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLoggedPath(t *testing.T) {
	t.Parallel()
	long := "/" + strings.Repeat("x", 200)
	for target, want := range map[string]string{
		"/":                                 "/",
		"/grpahql":                          "/grpahql",
		"/a/../b":                           "/a/../b",
		"/a?access_token=secret":            "/a",
		"/a%3Faccess_token=secret":          "/a",
		"/a%0Alevel=ERROR%1B[31m":           "/alevel=ERROR[31m",
		"/a%FFb%E2%80%AEc":                  "/abc", // not UTF-8, and text from right to left
		"/%C3%A4":                           "/ä",
		long:                                long[:100],
		"/" + strings.Repeat("%C3%A4", 60):  "/" + strings.Repeat("ä", 49),
		"http://ada:secret@example.com/a?b": "/a",
	} {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Pattern = "/{$}"
		if got := (&exchange{status: http.StatusNotFound}).path(r); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
		if got := (&exchange{status: http.StatusOK}).path(r); got != "/" {
			t.Errorf("%s with a route: got %q, want the pattern", target, got)
		}
	}
}

func FuzzLoggedPath(f *testing.F) {
	for _, seed := range []string{"/", "/a?b", "/%0a", "\xff", "*", "/\u202e", "/ä"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := (&exchange{status: http.StatusNotFound}).path(&http.Request{URL: &url.URL{Path: path}})
		if len(got) > 100 || !utf8.ValidString(got) || strings.Contains(got, "?") ||
			strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q became %q", path, got)
		}
	})
}
