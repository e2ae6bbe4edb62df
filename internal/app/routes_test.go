package app_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/app"
)

// documented is a row of the table of routes in docs/server.md.
type documented struct {
	methods []string
	option  bool // enabled by a setting
}

var row = regexp.MustCompile("(?m)^\\| `([A-Z, ]+) (/[^` ]*)` \\| ([^|]*) \\| [^|]* \\|$")

func readRoutes(t *testing.T) map[string]documented {
	t.Helper()
	text, err := os.ReadFile("../../docs/server.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Routes\n")
	section, _, ended := strings.Cut(section, "\n## ")
	if !found || !ended {
		t.Fatal("docs/server.md has no section for routes")
	}
	rows := map[string]documented{}
	for _, cells := range row.FindAllStringSubmatch(section, -1) {
		rows[cells[2]] = documented{methods: strings.Split(cells[1], ", "), option: cells[3] != "always"}
	}
	return rows
}

// path returns a pattern in the notation of the documentation.
func path(pattern string) string { return strings.TrimSuffix(pattern, "{$}") }

// TestRoutes compares the routes of a server with the documentation and with its responses.
func TestRoutes(t *testing.T) {
	each(t, func(t *testing.T, s app.Settings) {
		least := newApp(t, s, io.Discard)
		s.Console, s.OAuthPasswordGrant = true, true
		s.Providers.Providers = `[{"id": "provider", "name": "Example", "issuer": "https://id.example.com", "clientId": "usher"}]`
		s.Issuer, s.PasskeyOrigins = "https://auth.example.com", []string{"https://auth.example.com", "https://example.org"}
		most := newApp(t, s, io.Discard)
		rows := readRoutes(t)
		patterns := map[string]http.Handler{}
		for pattern, handler := range most.Routes() {
			patterns[path(pattern)] = handler
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(rows)), slices.Sorted(maps.Keys(patterns))); diff != "" {
			t.Errorf("routes (-documented +served):\n%s", diff)
		}
		for path, row := range rows {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
				r := httptest.NewRequest(method, path, nil)
				got := ask(most, r)
				allowed := slices.Contains(row.methods, method)
				switch {
				case patterns[path] == nil || path == "/assets/": // not built, or the path lacks a file name
					if got != http.StatusNotFound {
						t.Errorf("%s %s: %d, want 404", method, path, got)
					}
				case allowed == (got == http.StatusMethodNotAllowed), got == http.StatusNotFound:
					t.Errorf("%s %s: %d, documented: %t", method, path, got, allowed)
				}
				if got := ask(least, r); row.option != (got == http.StatusNotFound) {
					t.Errorf("%s %s without settings: %d", method, path, got)
				}
			}
		}
		for _, path := range []string{"/x", "/oauth", "/oauth/", "/graphql/", "/.well-known/", "/healthz/x", "/debug/pprof/", "/metrics"} {
			if got := ask(most, httptest.NewRequest(http.MethodGet, path, nil)); got != http.StatusNotFound {
				t.Errorf("%s: %d, want 404", path, got)
			}
		}
	})
}

func ask(h http.Handler, r *http.Request) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

var mentioned = regexp.MustCompile("`(?:[A-Z]+ )?(/[a-z][a-z0-9_./{}-]*|/\\.well-known/[a-z.-]+)`")

// notRoutes are paths that the documentation names and the public listener does not serve: files, and the operator's
// listener (internal/admin).
var notRoutes = regexp.MustCompile(`^/(etc|var|run)/|^/metrics$|^/debug/pprof/$`)

// TestRoutesInDocuments checks that every path in the documentation is a route.
func TestRoutesInDocuments(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal("found no documentation", err)
	}
	rows := readRoutes(t)
	found := 0
	for _, file := range append(files, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range mentioned.FindAllStringSubmatch(string(text), -1) {
			found++
			if _, ok := rows[match[1]]; !ok && !notRoutes.MatchString(match[1]) {
				t.Errorf("%s mentions %s, which is not a route", file, match[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("found only %d paths, so the pattern is probably wrong", found)
	}
}
