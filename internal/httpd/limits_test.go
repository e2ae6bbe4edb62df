package httpd

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/request"
)

func TestLimitHeaders(t *testing.T) {
	t.Parallel()
	login := request.Limit{Name: "login", Max: 100, Per: time.Minute, Remaining: 99, Reset: 59_001 * time.Millisecond}
	mail := request.Limit{Name: "mail-recipient", Max: 5, Per: time.Hour, Remaining: -1, Reset: time.Second / 2}
	tests := map[string]struct {
		outcome                   request.Outcome
		retryAfter, limit, policy string
	}{
		"nothing":        {},
		"negative":       {outcome: request.Outcome{RetryAfter: -time.Second}},
		"rounded up":     {outcome: request.Outcome{RetryAfter: 1001 * time.Millisecond}, retryAfter: "2"},
		"less than one":  {outcome: request.Outcome{RetryAfter: time.Nanosecond}, retryAfter: "1"},
		"one limit":      {outcome: request.Outcome{Limits: []request.Limit{login}}, limit: `"login";r=99;t=60`, policy: `"login";q=100;w=60`},
		"over its limit": {outcome: request.Outcome{Limits: []request.Limit{mail}}, limit: `"mail-recipient";r=0;t=1`, policy: `"mail-recipient";q=5;w=3600`},
		"all": {
			outcome:    request.Outcome{RetryAfter: time.Hour, Limits: []request.Limit{mail, login}},
			retryAfter: "3600", limit: `"mail-recipient";r=0;t=1, "login";r=99;t=60`, policy: `"mail-recipient";q=5;w=3600, "login";q=100;w=60`,
		},
	}
	for name, tt := range tests {
		for begins, begin := range map[string]func(w http.ResponseWriter){
			"status": func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
			"body":   func(w http.ResponseWriter) { _, _ = w.Write([]byte("{}")) },
			"flush":  func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
			"empty":  func(http.ResponseWriter) {},
			"panic":  func(http.ResponseWriter) { panic("canary") },
		} {
			t.Run(name+"/"+begins, func(t *testing.T) {
				t.Parallel()
				server := New(testOptions(t, func(w http.ResponseWriter, r *http.Request) {
					*request.OutcomeOf(r.Context()) = tt.outcome
					begin(w)
				}))
				w := httptest.NewRecorder()
				server.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/graphql", nil))
				h := w.Result().Header
				got := []string{h.Get("Retry-After"), h.Get("RateLimit"), h.Get("RateLimit-Policy")}
				if diff := cmp.Diff([]string{tt.retryAfter, tt.limit, tt.policy}, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestLimitHeadersAreExposed lets pages of allowed origins read the headers.
func TestLimitHeadersAreExposed(t *testing.T) {
	t.Parallel()
	o := testOptions(t, ok)
	o.AllowedOrigins = []string{"https://app.example.com"}
	r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
	r.Header.Set("Origin", "https://app.example.com")
	w := httptest.NewRecorder()
	New(o).ServeHTTP(w, r)
	const want = "X-Request-Id, Retry-After, Ratelimit, Ratelimit-Policy"
	if got := strings.Join(w.Result().Header["Access-Control-Expose-Headers"], ", "); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
