package oauth_test

import (
	"encoding/json"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
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
	"usher/internal/request"
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

// fixture is a server on a real database, with a user and a client that serves an API.
type fixture struct {
	handler http.Handler
	routes  map[string]http.Handler
	domain  *domain.Domain
	store   *storetest.Faults
	log     *strings.Builder // warnings and errors, without audit events

	user         *sessions.Tokens
	client       *auth.Client
	clientSecret string
}

// each runs a test on every database with the password grant enabled.
func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		test(t, newFixture(t, s, func(s *app.Settings) { s.OAuthPasswordGrant = true }))
	})
}

func newFixture(t *testing.T, s *store.Store, change func(*app.Settings)) *fixture {
	t.Helper()
	f := &fixture{store: storetest.NewFaults(s), log: new(strings.Builder)}
	settings := app.Settings{Server: config.Server{
		Issuer: issuer, Audience: config.Resources{api, otherAPI},
		Keys: config.Keys{
			SecretKey: config.NewSecret("7e2c3f0b9d1a48c6b5e4f3a2918d7c6b"),
			Algorithm: string(token.HS256), KeyMaxAge: time.Hour, AccessTokenTTL: 15 * time.Minute,
		},
	}}
	change(&settings)
	whole, err := app.New(t.Context(), settings, slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelWarn})), app.Overrides{
		Store: f.store, CheapPasswords: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.domain, f.routes = whole.Domain, whole.Routes()
	mux := http.NewServeMux() // without the headers that httpd adds to every response
	for pattern, handler := range f.routes {
		if handler != nil {
			mux.Handle(pattern, handler)
		}
	}
	f.handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			r = r.WithContext(access.WithCaller(r.Context(), f.domain.Access.Identify(bearer)))
		}
		x := &request.Exchange{Info: request.Info{Client: netip.MustParseAddr("192.0.2.1")}}
		mux.ServeHTTP(rw, r.WithContext(request.With(r.Context(), x)))
		if x.Outcome.RetryAfter > 0 { // httpd sends it as a header
			rw.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(x.Outcome.RetryAfter.Seconds()))))
		}
	})
	f.user = f.signup(t, "ada")
	if f.client, f.clientSecret, err = f.domain.Operator.CreateClient(t.Context(), "Books", new(api)); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) signup(t *testing.T, username string) *sessions.Tokens {
	t.Helper()
	p, err := f.domain.Accounts.Signup(t.Context(), accounts.SignupInput{Input: accounts.Input{
		Username: &username, Email: new(username + "@example.com"), FullName: new("Ada Lovelace"), Password: goodPassword,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// call is a request. Only the path is required.
type call struct {
	method string // default POST
	path   string
	header http.Header
	form   url.Values
	raw    string // instead of form
}

func (f *fixture) send(c call) *httptest.ResponseRecorder {
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
	f.handler.ServeHTTP(recorder, r)
	return recorder
}

// basic returns the headers of a client that authenticates.
func basic(id, secret string) http.Header {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return r.Header
}

func (f *fixture) basic() http.Header { return basic(f.client.ID.String(), f.clientSecret) }

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

func params(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// decode decodes a response and fails the test unless it is a success.
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

// wantError fails the test unless r has the status and the error code. The code "" means no body.
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
