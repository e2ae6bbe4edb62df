package oauth_test

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/accounts"
	"usher/internal/auth/domain"
	"usher/internal/auth/sessions"
	"usher/internal/config"
	"usher/internal/store"
	"usher/internal/storetest"
	"usher/internal/token"
)

const (
	issuer       = "https://auth.example.com"
	api          = "https://api.example.com" // which the client serves
	otherAPI     = "https://reports.example.com"
	goodPassword = "four small green turtles"
)

// world is the endpoints on a real database, with a user and a client that serves an API.
type world struct {
	handler http.Handler
	routes  map[string]http.Handler
	domain  *domain.Domain
	store   *storetest.Faults
	log     *strings.Builder // without audit events, which are the domain's

	user         *sessions.Tokens
	client       *auth.Client
	clientSecret string
}

// each runs a test on every database, with the password grant.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		test(t, newWorld(t, s, func(s *app.Settings) { s.OAuthPasswordGrant = true }))
	})
}

func newWorld(t *testing.T, s *store.Store, change func(*app.Settings)) *world {
	t.Helper()
	w := &world{store: storetest.NewFaults(s), log: new(strings.Builder)}
	settings := app.Settings{Server: config.Server{
		Issuer: issuer, Audience: config.Resources{api, otherAPI},
		Keys: config.Keys{
			SecretKey: config.NewSecret("7e2c3f0b9d1a48c6b5e4f3a2918d7c6b"),
			Algorithm: string(token.HS256), KeyMaxAge: time.Hour, AccessTokenTTL: 15 * time.Minute,
		},
	}}
	change(&settings)
	whole, err := app.New(t.Context(), settings, slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelWarn})), app.Overrides{
		Store: w.store, CheapPasswords: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.domain, w.routes = whole.Domain, whole.Routes
	mux := http.NewServeMux() // without the headers that the server gives to every answer
	for pattern, handler := range w.routes {
		if handler != nil {
			mux.Handle(pattern, handler)
		}
	}
	w.handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			r = r.WithContext(access.WithCaller(r.Context(), w.domain.Access.Identify(bearer)))
		}
		mux.ServeHTTP(rw, r)
	})
	w.user = w.signup(t, "ada")
	if w.client, w.clientSecret, err = w.domain.Operator.CreateClient(t.Context(), "Books", new(api)); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) signup(t *testing.T, username string) *sessions.Tokens {
	t.Helper()
	p, err := w.domain.Accounts.Signup(t.Context(), accounts.SignupInput{Input: accounts.Input{
		Username: &username, Email: new(username + "@example.com"), FullName: new("Ada Lovelace"), Password: goodPassword,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// call is a request. Path and headers may be left out.
type call struct {
	method string // POST
	path   string
	header http.Header
	form   url.Values
	raw    string // instead of form
}

func (w *world) send(c call) *httptest.ResponseRecorder {
	body := c.form.Encode()
	if c.raw != "" {
		body = c.raw
	}
	method := c.method
	if method == "" {
		method = http.MethodPost
	}
	r := httptest.NewRequest(method, c.path, strings.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	maps.Copy(r.Header, c.header)
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	return recorder
}

// basic are the headers of a client that authenticates.
func basic(id, secret string) http.Header {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return r.Header
}

func (w *world) basic() http.Header { return basic(w.client.ID.String(), w.clientSecret) }

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

func params(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// decode reads an answer that must have succeeded.
func decode(t *testing.T, r *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	if r.Code != http.StatusOK || r.Header().Get("Cache-Control") != "no-store" || r.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, headers %v, body %s", r.Code, r.Header(), r.Body)
	}
	var answer map[string]any
	if err := json.Unmarshal(r.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// wantError fails the test unless r is that error. The code "" stands for no body.
func wantError(t *testing.T, r *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	var answer struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if r.Body.Len() > 0 {
		if err := json.Unmarshal(r.Body.Bytes(), &answer); err != nil {
			t.Fatalf("body %q: %v", r.Body, err)
		}
		if answer.Description == "" || strings.ContainsAny(answer.Description, "\"\\") {
			t.Errorf("error_description is %q", answer.Description)
		}
	}
	if r.Code != status || answer.Error != code {
		t.Errorf("%d %s, want %d %s", r.Code, r.Body, status, code)
	}
	if got := r.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: %q", got)
	}
	challenge := r.Header().Get("WWW-Authenticate")
	if status == http.StatusUnauthorized && challenge == "" || code == "invalid_client" && challenge != `Basic realm="oauth"` {
		t.Errorf("status %d with WWW-Authenticate %q", status, challenge)
	}
}
