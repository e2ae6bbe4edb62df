package console

import (
	"net/http"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql/playground"
)

// TestFallback serves the GraphiQL page of the dependency. It fails if a new version of the page makes the
// changes ineffective.
func TestFallback(t *testing.T) {
	t.Parallel()
	w := get(t, Fallback(playground.Handler("Usher", "/graphql")), "/")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("status %d, Content-Type %q", w.Code, w.Header().Get("Content-Type"))
	}
	if csp := w.Header().Get("Content-Security-Policy"); csp != "frame-ancestors 'none'" {
		t.Errorf("the policy is %q", csp)
	}
	page := w.Body.String()
	for _, want := range []string{"shouldPersistHeaders: false", "sessionStorage.setItem", "location.host + \"/graphql\""} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, unwanted := range []string{"shouldPersistHeaders: true", "localStorage"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("the page has %s", unwanted)
		}
	}
}
