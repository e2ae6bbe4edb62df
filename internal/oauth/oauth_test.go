package oauth_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/oauth"
	"usher/internal/password"
	"usher/internal/store"
	"usher/internal/storetest"
	"usher/internal/token"
)

const (
	issuer       = "https://auth.example.com"
	goodPassword = "four small green turtles"
)

// world is the endpoints on a real database, with a user and a client.
type world struct {
	handler http.Handler
	auth    *auth.Service
	store   *breakable
	log     *strings.Builder

	user         *auth.AuthPayload
	client       *auth.Client
	clientSecret string
}

// breakable is the real store, until it is broken: then the database of sessions and clients is
// out of reach.
type breakable struct {
	auth.Store
	broken atomic.Bool
}

func (b *breakable) fault() error {
	if b.broken.Load() {
		return auth.ErrUnavailable
	}
	return nil
}

func (b *breakable) Viewer(ctx context.Context, id uuid.UUID) (*auth.Viewer, error) {
	if err := b.fault(); err != nil {
		return nil, err
	}
	return b.Store.Viewer(ctx, id)
}

func (b *breakable) RefreshState(ctx context.Context, id uuid.UUID) (*auth.RefreshState, error) {
	if err := b.fault(); err != nil {
		return nil, err
	}
	return b.Store.RefreshState(ctx, id)
}

func (b *breakable) Client(ctx context.Context, id uuid.UUID) (*auth.Client, error) {
	if err := b.fault(); err != nil {
		return nil, err
	}
	return b.Store.Client(ctx, id)
}

func (b *breakable) LoginFailures(ctx context.Context, key string) (auth.LoginFailures, error) {
	if err := b.fault(); err != nil {
		return auth.LoginFailures{}, err
	}
	return b.Store.LoginFailures(ctx, key)
}

// each runs a test on every database, with the password grant.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) { test(t, newWorld(t, s, oauth.Options{PasswordGrant: true})) })
}

func newWorld(t *testing.T, s auth.Store, o oauth.Options) *world {
	t.Helper()
	w := &world{store: &breakable{Store: s}, log: new(strings.Builder)}
	secret := []byte("7e2c3f0b9d1a48c6b5e4f3a2918d7c6b")
	key, err := token.NewHMACKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := token.New(token.Options{Issuer: issuer, Audience: "https://api.example.com", Keys: key, TTL: 15 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	w.auth, err = auth.New(auth.Options{
		Store: w.store, Passwords: password.New(password.Options{CheapForTests: true}), Tokens: tokens, Secret: secret,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Auth, o.Issuer, o.Log = w.auth, issuer, slog.New(slog.NewTextHandler(w.log, nil))
	mux := http.NewServeMux()
	for pattern, handler := range oauth.Routes(o) {
		mux.Handle(pattern, handler)
	}
	w.handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			r = r.WithContext(auth.WithCaller(r.Context(), w.auth.Identify(bearer)))
		}
		mux.ServeHTTP(rw, r)
	})
	w.user = w.signup(t, "ada")
	if w.client, w.clientSecret, err = w.auth.CreateClient(t.Context(), "Books"); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) signup(t *testing.T, username string) *auth.AuthPayload {
	t.Helper()
	p, err := w.auth.Signup(t.Context(), auth.SignupInput{
		Username: &username, Email: new(username + "@example.com"), FullName: new("Ada Lovelace"), Password: goodPassword,
	})
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

// TestFormErrors sends what no endpoint reads.
func TestFormErrors(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		id, secret := w.client.ID.String(), w.clientSecret
		authorized := func(more ...string) http.Header {
			h := w.basic()
			for i := 0; i < len(more); i += 2 {
				h[more[i]] = append(h[more[i]], more[i+1])
			}
			return h
		}
		good := params("grant_type", "client_credentials", "token", "x")
		with := func(pairs ...string) url.Values {
			v := params(pairs...)
			for name, values := range good {
				v[name] = append(values, v[name]...)
			}
			return v
		}
		tests := map[string]struct {
			call   call
			query  string
			status int
			code   string
		}{
			"GET":                    {call: call{method: "GET", header: w.basic()}, status: 405, code: "invalid_request"},
			"OPTIONS":                {call: call{method: "OPTIONS"}, status: 405, code: "invalid_request"},
			"PUT":                    {call: call{method: "PUT", header: w.basic(), form: good}, status: 405, code: "invalid_request"},
			"query":                  {call: call{header: w.basic(), form: good}, query: "?a=b", status: 400, code: "invalid_request"},
			"JSON":                   {call: call{header: authorized("Content-Type", "application/json"), raw: `{"grant_type":"client_credentials"}`}, status: 400, code: "invalid_request"},
			"multipart":              {call: call{header: authorized("Content-Type", "multipart/form-data; boundary=x"), form: good}, status: 400, code: "invalid_request"},
			"no type":                {call: call{header: authorized("Content-Type", ""), form: good}, status: 400, code: "invalid_request"},
			"other charset":          {call: call{header: authorized("Content-Type", "application/x-www-form-urlencoded; charset=utf-16"), form: good}, status: 400, code: "invalid_request"},
			"no form":                {call: call{header: w.basic(), raw: "grant_type=%zz"}, status: 400, code: "invalid_request"},
			"semicolons":             {call: call{header: w.basic(), raw: "grant_type=client_credentials;token=x"}, status: 400, code: "invalid_request"},
			"empty":                  {call: call{header: w.basic()}, status: 400, code: "invalid_request"},
			"too long":               {call: call{header: w.basic(), form: with("pad", strings.Repeat("a", 16<<10))}, status: 413, code: "invalid_request"},
			"twice":                  {call: call{header: w.basic(), form: with("grant_type", "client_credentials")}, status: 400, code: "invalid_request"},
			"unknown twice":          {call: call{header: w.basic(), form: with("a", "1", "a", "1")}, status: 400, code: "invalid_request"},
			"twice, once empty":      {call: call{header: w.basic(), form: with("token", "")}, status: 400, code: "invalid_request"},
			"Basic and form":         {call: call{header: w.basic(), form: with("client_secret", secret)}, status: 400, code: "invalid_request"},
			"Basic and other id":     {call: call{header: w.basic(), form: with("client_id", "usher")}, status: 400, code: "invalid_request"},
			"Basic and assertion":    {call: call{header: w.basic(), form: with("client_assertion", "x")}, status: 400, code: "invalid_request"},
			"form and assertion":     {call: call{form: with("client_id", id, "client_secret", secret, "client_assertion", "x")}, status: 400, code: "invalid_request"},
			"two headers":            {call: call{header: authorized("Authorization", w.basic().Get("Authorization")), form: good}, status: 400, code: "invalid_request"},
			"Basic, wrong secret":    {call: call{header: basic(id, "wrong"), form: good}, status: 401, code: "invalid_client"},
			"Basic, no secret":       {call: call{header: basic(id, ""), form: good}, status: 401, code: "invalid_client"},
			"Basic, nobody":          {call: call{header: basic("", ""), form: good}, status: 401, code: "invalid_client"},
			"Basic, unknown":         {call: call{header: basic(uuid.NewString(), secret), form: good}, status: 401, code: "invalid_client"},
			"Basic, first party":     {call: call{header: basic("usher", secret), form: good}, status: 401, code: "invalid_client"},
			"Basic, garbage":         {call: call{header: http.Header{"Authorization": {"Basic ?"}}, form: good}, status: 401, code: "invalid_client"},
			"Basic, bad escape":      {call: call{header: http.Header{"Authorization": {"Basic JXp6OiV6eg=="}}, form: good}, status: 401, code: "invalid_client"},
			"Bearer":                 {call: call{header: bearer(w.user.AccessToken), form: good}, status: 401, code: "invalid_client"},
			"form, wrong secret":     {call: call{form: with("client_id", id, "client_secret", "wrong")}, status: 401, code: "invalid_client"},
			"form, no secret":        {call: call{form: with("client_id", id)}, status: 401, code: "invalid_client"},
			"form, empty secret":     {call: call{form: with("client_id", id, "client_secret", "")}, status: 401, code: "invalid_client"},
			"form, no id":            {call: call{form: with("client_secret", secret)}, status: 401, code: "invalid_client"},
			"form, unknown":          {call: call{form: with("client_id", "nobody")}, status: 401, code: "invalid_client"},
			"first party, secret":    {call: call{form: with("client_id", "usher", "client_secret", "x")}, status: 401, code: "invalid_client"},
			"assertion":              {call: call{form: with("client_assertion_type", "x", "client_assertion", "x")}, status: 401, code: "invalid_client"},
			"assertion of its id":    {call: call{form: with("client_id", id, "client_assertion", "x")}, status: 401, code: "invalid_client"},
			"secret out of the dump": {call: call{form: with("client_id", id, "client_secret", string(w.client.SecretDigest))}, status: 401, code: "invalid_client"},
		}
		for name, tt := range tests {
			for _, path := range []string{"/oauth/token", "/token", "/oauth/revoke", "/oauth/introspect"} {
				t.Run(name+path, func(t *testing.T) {
					tt.call.path = path + tt.query
					r := w.send(tt.call)
					wantError(t, r, tt.status, tt.code)
					if allow := r.Header().Get("Allow"); (tt.status == 405) != (allow == "POST") {
						t.Errorf("Allow: %q", allow)
					}
				})
			}
		}
		if w.log.Len() > 0 {
			t.Errorf("the client's errors are in the log: %s", w.log)
		}
	})
}

// TestEndpointErrors sends forms that can be read, and are not good there.
func TestEndpointErrors(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		issued, err := w.auth.ClientToken(w.client)
		if err != nil {
			t.Fatal(err)
		}
		eve := w.signup(t, "eve")
		if err := w.auth.SetDisabled(t.Context(), eve.User.ID, true); err != nil {
			t.Fatal(err)
		}
		refresh := *w.user.RefreshToken
		tests := map[string]struct {
			call   call
			status int
			code   string
		}{
			"no grant":              {call{path: "/oauth/token", form: params("refresh_token", refresh)}, 400, "invalid_request"},
			"empty grant":           {call{path: "/oauth/token", form: params("grant_type", "", "refresh_token", refresh)}, 400, "invalid_request"},
			"unknown grant":         {call{path: "/oauth/token", form: params("grant_type", "authorization_code", "code", "x")}, 400, "unsupported_grant_type"},
			"unknown grant, client": {call{path: "/oauth/token", header: w.basic(), form: params("grant_type", "implicit")}, 400, "unsupported_grant_type"},
			"grant in capitals":     {call{path: "/oauth/token", form: params("grant_type", "REFRESH_TOKEN", "refresh_token", refresh)}, 400, "unsupported_grant_type"},

			"refresh, no token":       {call{path: "/oauth/token", form: params("grant_type", "refresh_token")}, 400, "invalid_request"},
			"refresh, garbage":        {call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", "garbage")}, 400, "invalid_grant"},
			"refresh, access token":   {call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", w.user.AccessToken)}, 400, "invalid_grant"},
			"refresh, disabled":       {call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", *eve.RefreshToken)}, 400, "invalid_grant"},
			"refresh, scope":          {call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh, "scope", "admin")}, 400, "invalid_scope"},
			"refresh by a client":     {call{path: "/oauth/token", header: w.basic(), form: params("grant_type", "refresh_token", "refresh_token", refresh)}, 400, "unauthorized_client"},
			"password by a client":    {call{path: "/oauth/token", header: w.basic(), form: params("grant_type", "password", "username", "ada", "password", goodPassword)}, 400, "unauthorized_client"},
			"password, no user":       {call{path: "/oauth/token", form: params("grant_type", "password", "password", goodPassword)}, 400, "invalid_request"},
			"password, none":          {call{path: "/oauth/token", form: params("grant_type", "password", "username", "ada")}, 400, "invalid_request"},
			"password, wrong":         {call{path: "/oauth/token", form: params("grant_type", "password", "username", "ada", "password", "wrong")}, 400, "invalid_grant"},
			"password, unknown user":  {call{path: "/oauth/token", form: params("grant_type", "password", "username", "nobody", "password", "wrong")}, 400, "invalid_grant"},
			"password, disabled":      {call{path: "/oauth/token", form: params("grant_type", "password", "username", "eve", "password", goodPassword)}, 400, "invalid_grant"},
			"password, odd bytes":     {call{path: "/oauth/token", form: params("grant_type", "password", "username", "\x00\xff", "password", "\xff")}, 400, "invalid_grant"},
			"password, scope":         {call{path: "/oauth/token", form: params("grant_type", "password", "username", "ada", "password", goodPassword, "scope", "me")}, 400, "invalid_scope"},
			"client, nobody":          {call{path: "/oauth/token", form: params("grant_type", "client_credentials")}, 401, "invalid_client"},
			"client, first party":     {call{path: "/oauth/token", form: params("grant_type", "client_credentials", "client_id", "usher")}, 401, "invalid_client"},
			"client, scope":           {call{path: "/oauth/token", header: w.basic(), form: params("grant_type", "client_credentials", "scope", "all")}, 400, "invalid_scope"},
			"revoke, no token":        {call{path: "/oauth/revoke", form: params("token_type_hint", "refresh_token")}, 400, "invalid_request"},
			"revoke a user's":         {call{path: "/oauth/revoke", header: w.basic(), form: params("token", refresh)}, 400, "invalid_grant"},
			"revoke a client's":       {call{path: "/oauth/revoke", form: params("token", issued.AccessToken)}, 400, "invalid_grant"},
			"revoke one's own":        {call{path: "/oauth/revoke", header: w.basic(), form: params("token", issued.AccessToken)}, 400, "unsupported_token_type"},
			"introspect, no token":    {call{path: "/oauth/introspect", header: w.basic()}, 400, "invalid_request"},
			"introspect, nobody":      {call{path: "/oauth/introspect", form: params("token", refresh)}, 401, "invalid_client"},
			"introspect, first party": {call{path: "/oauth/introspect", form: params("token", refresh, "client_id", "usher")}, 401, "invalid_client"},

			"userinfo, no token":     {call{method: "GET", path: "/userinfo"}, 401, ""},
			"userinfo, Basic":        {call{method: "GET", path: "/userinfo", header: w.basic()}, 401, ""},
			"userinfo, garbage":      {call{method: "GET", path: "/userinfo", header: bearer("garbage")}, 401, "invalid_token"},
			"userinfo, refresh":      {call{method: "GET", path: "/userinfo", header: bearer(refresh)}, 401, "invalid_token"},
			"userinfo, a client's":   {call{method: "GET", path: "/userinfo", header: bearer(issued.AccessToken)}, 401, "invalid_token"},
			"userinfo, disabled":     {call{method: "GET", path: "/userinfo", header: bearer(eve.AccessToken)}, 401, "invalid_token"},
			"userinfo, in the query": {call{method: "GET", path: "/userinfo?access_token=" + w.user.AccessToken}, 400, "invalid_request"},
			"userinfo, in both": {
				call{method: "GET", path: "/userinfo?access_token=x", header: bearer(w.user.AccessToken)}, 400, "invalid_request",
			},
			"userinfo, POST": {call{path: "/userinfo", header: bearer(w.user.AccessToken)}, 405, "invalid_request"},
			"metadata, POST": {call{path: "/.well-known/openid-configuration"}, 405, "invalid_request"},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				r := w.send(tt.call)
				wantError(t, r, tt.status, tt.code)
				if !strings.HasPrefix(tt.call.path, "/userinfo") || tt.status == http.StatusMethodNotAllowed {
					return
				}
				want := `Bearer error="` + tt.code + `", error_description="`
				if tt.code == "" {
					want = `Bearer realm="usher"`
				}
				got := r.Header().Get("WWW-Authenticate")
				if !strings.HasPrefix(got, want) || tt.code == "" && got != want {
					t.Errorf("WWW-Authenticate: %q, want %q", got, want)
				}
			})
		}
		// None of that has changed anything.
		decode(t, w.send(call{method: "GET", path: "/userinfo", header: bearer(w.user.AccessToken)}))
		decode(t, w.send(call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh)}))
		if w.log.Len() > 0 {
			t.Errorf("the client's errors are in the log: %s", w.log)
		}
	})
}

// TestInsufficientScope asks with a user that has no role.
func TestInsufficientScope(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		user, err := w.auth.CreateUser(t.Context(), auth.SignupInput{Username: new("bot"), Password: goodPassword}, nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := w.auth.Login(t.Context(), auth.LoginInput{Identifier: *user.Username, Password: goodPassword})
		if err != nil {
			t.Fatal(err)
		}
		r := w.send(call{method: "GET", path: "/userinfo", header: bearer(p.AccessToken)})
		wantError(t, r, http.StatusForbidden, "insufficient_scope")
		if got := r.Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, `Bearer error="insufficient_scope"`) {
			t.Errorf("WWW-Authenticate: %q", got)
		}
	})
}

// TestUserFlow signs in, looks, refreshes and signs out.
func TestUserFlow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var refresh string
		user := map[string]any{
			"sub": w.user.User.ID.String(), "preferred_username": "ada", "email": "ada@example.com", "name": "Ada Lovelace",
			"updated_at": float64(w.user.User.UpdatedAt.Unix()),
		}
		use := func(answer map[string]any) {
			t.Helper()
			access, _ := answer["access_token"].(string)
			refresh, _ = answer["refresh_token"].(string)
			if access == "" || refresh == "" || answer["token_type"] != "Bearer" || answer["expires_in"] != float64(900) || len(answer) != 4 {
				t.Fatalf("token answer: %v", answer)
			}
			got := decode(t, w.send(call{method: "GET", path: "/userinfo", header: bearer(access)}))
			if diff := cmp.Diff(user, got); diff != "" {
				t.Errorf("userinfo (-want +got):\n%s", diff)
			}
		}
		form := params("grant_type", "password", "username", "ADA@example.com", "password", goodPassword, "scope", "", "client_id", "", "client_secret", "")
		use(decode(t, w.send(call{path: "/token", form: form, header: http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=UTF-8"}}})))
		use(decode(t, w.send(call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh, "client_id", "usher", "unknown", "x")})))
		use(decode(t, w.send(call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh)})))

		for range 2 { // the second time the token is no longer good, which is fine
			r := w.send(call{path: "/oauth/revoke", form: params("token", refresh, "token_type_hint", "access_token")})
			if r.Code != http.StatusOK || r.Body.Len() != 0 || r.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("revoke: %d %s", r.Code, r.Body)
			}
		}
		wantError(t, w.send(call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh)}), 400, "invalid_grant")
		if r := w.send(call{path: "/oauth/revoke", form: params("token", "unknown")}); r.Code != http.StatusOK {
			t.Errorf("revoke of an unknown token: %d", r.Code)
		}
	})
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		inspect := func(token string) *httptest.ResponseRecorder {
			return w.send(call{path: "/oauth/introspect", header: w.basic(), form: params("token", token)})
		}
		wantActive := func(token string, want map[string]any, times ...string) {
			t.Helper()
			got := decode(t, inspect(token))
			for _, name := range times {
				if seconds, ok := got[name].(float64); !ok || seconds < float64(time.Now().Add(-time.Hour).Unix()) {
					t.Errorf("%s is %v", name, got[name])
				}
				delete(got, name)
			}
			if got["token_type"] != nil {
				if got["jti"] == nil {
					t.Error("no jti")
				}
				delete(got, "jti")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("introspection (-want +got):\n%s", diff)
			}
		}
		wantInactive := func(token string) {
			t.Helper()
			r := inspect(token)
			decode(t, r)
			if got := r.Body.String(); got != "{\"active\":false}\n" {
				t.Errorf("introspection: %q", got)
			}
		}
		user, id := w.user.User.ID.String(), w.client.ID.String()
		aud := []any{"https://api.example.com"}
		wantActive(w.user.AccessToken, map[string]any{
			"active": true, "client_id": "usher", "sub": user, "username": "ada", "roles": []any{"USER"},
			"token_type": "Bearer", "iss": issuer, "aud": aud,
		}, "exp", "iat")
		wantActive(*w.user.RefreshToken, map[string]any{
			"active": true, "client_id": "usher", "sub": user, "username": "ada", "roles": []any{"USER"},
		}, "exp")

		form := params("grant_type", "client_credentials", "client_id", id, "client_secret", w.clientSecret)
		issued := decode(t, w.send(call{path: "/oauth/token", form: form}))
		clientToken, _ := issued["access_token"].(string)
		if clientToken == "" || issued["token_type"] != "Bearer" || issued["expires_in"] != float64(900) || len(issued) != 3 {
			t.Fatalf("token answer: %v", issued)
		}
		wantActive(clientToken, map[string]any{
			"active": true, "client_id": id, "sub": id, "token_type": "Bearer", "iss": issuer, "aud": aud,
		}, "exp", "iat")

		wantInactive("garbage")
		wantInactive(w.clientSecret)
		w.send(call{path: "/oauth/revoke", form: params("token", w.user.AccessToken)})
		wantInactive(w.user.AccessToken)
		wantInactive(*w.user.RefreshToken)

		other, secret, err := w.auth.CreateClient(t.Context(), "Shop")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.store.DeleteClient(t.Context(), w.client.ID); err != nil {
			t.Fatal(err)
		}
		wantError(t, inspect(clientToken), http.StatusUnauthorized, "invalid_client")
		w.client, w.clientSecret = other, secret
		wantInactive(clientToken)
	})
}

// TestRateLimit guesses a password here until log-ins are refused, there too.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		guess := call{path: "/token", form: params("grant_type", "password", "username", "ada", "password", "wrong")}
		for range 10 {
			wantError(t, w.send(guess), http.StatusBadRequest, "invalid_grant")
		}
		r := w.send(guess)
		wantError(t, r, http.StatusTooManyRequests, "temporarily_unavailable")
		if got := r.Header().Get("Retry-After"); got != "1" {
			t.Errorf("Retry-After: %q", got)
		}
		if _, err := w.auth.Login(t.Context(), auth.LoginInput{Identifier: "ada", Password: goodPassword}); err == nil {
			t.Error("the limit does not hold for login")
		}
	})
}

// TestUnavailable loses the database: nothing may look as if it had been done, or as if a token
// were not good.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.store.broken.Store(true)
		secrets := []string{w.user.AccessToken, *w.user.RefreshToken, w.clientSecret, goodPassword}
		for name, c := range map[string]call{
			"refresh":            {path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", *w.user.RefreshToken)},
			"password":           {path: "/oauth/token", form: params("grant_type", "password", "username", "ada", "password", goodPassword)},
			"client":             {path: "/oauth/token", header: w.basic(), form: params("grant_type", "client_credentials")},
			"revoke refresh":     {path: "/oauth/revoke", form: params("token", *w.user.RefreshToken)},
			"revoke access":      {path: "/oauth/revoke", form: params("token", w.user.AccessToken)},
			"introspect refresh": {path: "/oauth/introspect", header: w.basic(), form: params("token", *w.user.RefreshToken)},
			"userinfo":           {method: "GET", path: "/userinfo", header: bearer(w.user.AccessToken)},
		} {
			t.Run(name, func(t *testing.T) {
				w.log.Reset()
				r := w.send(c)
				wantError(t, r, http.StatusServiceUnavailable, "temporarily_unavailable")
				if got := r.Header().Get("Retry-After"); got != "2" {
					t.Errorf("Retry-After: %q", got)
				}
				if lines := strings.Count(w.log.String(), "\n"); lines != 1 {
					t.Errorf("%d lines in the log, want 1: %s", lines, w.log)
				}
				for _, secret := range secrets {
					if strings.Contains(w.log.String(), secret) {
						t.Error("a secret is in the log")
					}
				}
			})
		}
	})
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		secret := []any{"client_secret_basic", "client_secret_post"}
		want := map[string]any{
			"issuer":                                        issuer,
			"token_endpoint":                                issuer + "/oauth/token",
			"revocation_endpoint":                           issuer + "/oauth/revoke",
			"introspection_endpoint":                        issuer + "/oauth/introspect",
			"userinfo_endpoint":                             issuer + "/userinfo",
			"grant_types_supported":                         []any{"refresh_token", "client_credentials", "password"},
			"response_types_supported":                      []any{},
			"subject_types_supported":                       []any{"public"},
			"token_endpoint_auth_methods_supported":         append(secret, "none"),
			"revocation_endpoint_auth_methods_supported":    append(secret, "none"),
			"introspection_endpoint_auth_methods_supported": secret,
		}
		for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
			r := w.send(call{method: "GET", path: path})
			var got map[string]any
			if err := json.Unmarshal(r.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" || r.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s: %s (-want +got):\n%s", path, r.Header().Get("Content-Type"), diff)
			}
		}
	})
}

// TestOptions checks what the options change.
func TestOptions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, oauth.Options{PublishedKeys: true})
		if r := w.send(call{path: "/token"}); r.Code != http.StatusNotFound {
			t.Errorf("/token without the password grant: %d", r.Code)
		}
		form := params("grant_type", "password", "username", "ada", "password", goodPassword)
		wantError(t, w.send(call{path: "/oauth/token", form: form}), http.StatusBadRequest, "unsupported_grant_type")
		var got map[string]any
		r := w.send(call{method: "GET", path: "/.well-known/openid-configuration"})
		if err := json.Unmarshal(r.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{"refresh_token", "client_credentials"}, got["grant_types_supported"]); diff != "" {
			t.Errorf("grant types (-want +got):\n%s", diff)
		}
		if got["jwks_uri"] != issuer+"/.well-known/jwks.json" {
			t.Errorf("jwks_uri is %v", got["jwks_uri"])
		}

		// RFC 8414 §3.1 and OpenID Connect Discovery §4.1 place the path of an issuer differently.
		const below = "https://example.com/auth/"
		routes := oauth.Routes(oauth.Options{Auth: w.auth, Issuer: below})
		handler := routes["/.well-known/oauth-authorization-server/auth"]
		if handler == nil {
			t.Fatal("no metadata for an issuer with a path")
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
		body, _ := io.ReadAll(recorder.Body)
		if !strings.Contains(string(body), `"issuer":"https://example.com/auth/","token_endpoint":"https://example.com/auth/oauth/token"`) {
			t.Errorf("metadata: %s", body)
		}
	})
}
