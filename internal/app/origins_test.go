package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"usher/internal/app"
	"usher/internal/callback"
	"usher/internal/config"
)

// TestOrigins signs up from pages of other origins. It checks which settings let a page send its headers, read
// the response and get the cookie.
func TestOrigins(t *testing.T) {
	each(t, func(t *testing.T, s app.Settings) {
		for name, tt := range map[string]struct {
			change  func(s *app.Settings)
			origin  string
			headers string
			allowed bool
		}{
			"default":         {func(*app.Settings) {}, "http://localhost:5173", "content-type", false},
			"development":     {func(s *app.Settings) { s.Dev = true }, "http://localhost:5173", "baggage,content-type,sentry-trace", true},
			"rebinding":       {func(s *app.Settings) { s.Dev = true }, "http://localhost.evil.example:5173", "content-type", false},
			"allowed origin":  {func(s *app.Settings) { s.AllowedOrigins = config.Origins{"https://app.example.com"} }, "https://app.example.com", "content-type", true},
			"header, default": {func(s *app.Settings) { s.Dev = true }, "http://localhost:5173", "content-type,x-tenant", false},
			"allowed header": {func(s *app.Settings) {
				s.Dev, s.AllowedHeaders = true, config.HeaderNames{"X-Tenant"}
			}, "http://localhost:5173", "content-type,x-tenant", true},
		} {
			t.Run(name, func(t *testing.T) {
				s := s
				s.Issuer = "http://127.0.0.1:8080"
				tt.change(&s)
				a := newApp(t, s, io.Discard)
				send := func(method, body string, header map[string]string) *httptest.ResponseRecorder {
					r := httptest.NewRequest(method, "http://127.0.0.1:8080/graphql", strings.NewReader(body))
					r.Header.Set("Origin", tt.origin)
					r.Header.Set("Sec-Fetch-Site", "same-site")
					for name, value := range header {
						r.Header.Set(name, value)
					}
					w := httptest.NewRecorder()
					a.ServeHTTP(w, r)
					return w
				}
				preflight := send(http.MethodOptions, "", map[string]string{
					"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": tt.headers,
				})
				if strings.Contains(preflight.Body.String(), "POST") {
					t.Errorf("the preflight is answered with %s", preflight.Body)
				}
				h := preflight.Header()
				allowed := h.Get("Access-Control-Allow-Origin") == tt.origin && h.Get("Access-Control-Allow-Headers") == tt.headers
				if allowed != tt.allowed {
					t.Fatalf("the preflight allows the request: %t, want %t; %d %v", allowed, tt.allowed, preflight.Code, h)
				}
				if h.Get("Access-Control-Allow-Origin") != "" && !allowed {
					return // only the header is refused
				}
				w := send(http.MethodPost, `{"query":"mutation { signup(input: {username: \"`+strings.ReplaceAll(strings.ReplaceAll(name, " ", ""), ",", "")+
					`\", password: \"four small green turtles\", session: COOKIE}) { refreshToken } }"}`, map[string]string{"Content-Type": "application/json"})
				shared := w.Header().Get("Access-Control-Allow-Origin") == tt.origin
				if cookie := w.Header().Get("Set-Cookie") != ""; shared != tt.allowed || cookie != tt.allowed {
					t.Errorf("response shared: %t, cookie set: %t, want %t; %s", shared, cookie, tt.allowed, w.Body)
				}
			})
		}
	})
}

// TestPagesOfOthers sends what a page of another origin can make a browser send without asking first, to every route that
// accepts POST, except the callback of providers (see TestProviders). Nothing of it runs or counts.
func TestPagesOfOthers(t *testing.T) {
	each(t, func(t *testing.T, s app.Settings) {
		s.OAuthPasswordGrant = true
		s.AllowedOrigins = config.Origins{"https://app.example.com"}
		a := newApp(t, s, io.Discard)
		tried := 0
		for path, row := range readRoutes(t) {
			if !slices.Contains(row.methods, http.MethodPost) || path == callback.Pattern { // to which providers send their answers
				continue
			}
			for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
				for origin, others := range map[string]bool{"https://evil.example": true, "null": true, "https://app.example.com": false, "": false} {
					tried++
					body := "grant_type=password&username=ada&password=x"
					if path == "/graphql" {
						body = `{"query": "mutation { login(input: {identifier: \"ada\", password: \"x\"}) { tokenType } }"}`
					}
					r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
					r.Header.Set("Content-Type", contentType)
					if origin != "" {
						r.Header.Set("Origin", origin)
						r.Header.Set("Sec-Fetch-Site", "cross-site")
					}
					w := httptest.NewRecorder()
					a.ServeHTTP(w, r)
					refused := w.Code == http.StatusForbidden || w.Code == http.StatusUnsupportedMediaType
					if others && (!refused || w.Header().Get("RateLimit") != "") || !others && w.Code == http.StatusForbidden {
						t.Errorf("%s as %s from %q: %d %v %s", path, contentType, origin, w.Code, w.Header(), w.Body)
					}
				}
			}
		}
		if tried < 5*3*4 { // GraphQL, two paths for tokens, and two for what clients ask about them
			t.Errorf("%d requests", tried)
		}
	})
}
