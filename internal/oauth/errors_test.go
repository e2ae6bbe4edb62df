package oauth_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"usher/internal/auth/accounts"
	"usher/internal/auth/sessions"
)

// TestFormErrors sends requests that every endpoint rejects.
func TestFormErrors(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		id, secret := f.client.ID.String(), f.clientSecret
		authorized := func(more ...string) http.Header {
			h := f.basic()
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
			"GET":                    {call: call{method: "GET", header: f.basic()}, status: 405, code: "invalid_request"},
			"OPTIONS":                {call: call{method: "OPTIONS"}, status: 405, code: "invalid_request"},
			"PUT":                    {call: call{method: "PUT", header: f.basic(), form: good}, status: 405, code: "invalid_request"},
			"query":                  {call: call{header: f.basic(), form: good}, query: "?a=b", status: 400, code: "invalid_request"},
			"JSON":                   {call: call{header: authorized("Content-Type", "application/json"), raw: `{"grant_type":"client_credentials"}`}, status: 400, code: "invalid_request"},
			"multipart":              {call: call{header: authorized("Content-Type", "multipart/form-data; boundary=x"), form: good}, status: 400, code: "invalid_request"},
			"no type":                {call: call{header: authorized("Content-Type", ""), form: good}, status: 400, code: "invalid_request"},
			"other charset":          {call: call{header: authorized("Content-Type", "application/x-www-form-urlencoded; charset=utf-16"), form: good}, status: 400, code: "invalid_request"},
			"no form":                {call: call{header: f.basic(), raw: "grant_type=%zz"}, status: 400, code: "invalid_request"},
			"semicolons":             {call: call{header: f.basic(), raw: "grant_type=client_credentials;token=x"}, status: 400, code: "invalid_request"},
			"empty":                  {call: call{header: f.basic()}, status: 400, code: "invalid_request"},
			"too long":               {call: call{header: f.basic(), form: with("pad", strings.Repeat("a", 16<<10))}, status: 413, code: "invalid_request"},
			"twice":                  {call: call{header: f.basic(), form: with("grant_type", "client_credentials")}, status: 400, code: "invalid_request"},
			"unknown twice":          {call: call{header: f.basic(), form: with("a", "1", "a", "1")}, status: 400, code: "invalid_request"},
			"twice, once empty":      {call: call{header: f.basic(), form: with("token", "")}, status: 400, code: "invalid_request"},
			"Basic and form":         {call: call{header: f.basic(), form: with("client_secret", secret)}, status: 400, code: "invalid_request"},
			"Basic and other id":     {call: call{header: f.basic(), form: with("client_id", "usher")}, status: 400, code: "invalid_request"},
			"Basic and assertion":    {call: call{header: f.basic(), form: with("client_assertion", "x")}, status: 400, code: "invalid_request"},
			"form and assertion":     {call: call{form: with("client_id", id, "client_secret", secret, "client_assertion", "x")}, status: 400, code: "invalid_request"},
			"two headers":            {call: call{header: authorized("Authorization", f.basic().Get("Authorization")), form: good}, status: 400, code: "invalid_request"},
			"Basic, wrong secret":    {call: call{header: basic(id, "wrong"), form: good}, status: 401, code: "invalid_client"},
			"Basic, no secret":       {call: call{header: basic(id, ""), form: good}, status: 401, code: "invalid_client"},
			"Basic, nobody":          {call: call{header: basic("", ""), form: good}, status: 401, code: "invalid_client"},
			"Basic, unknown":         {call: call{header: basic(uuid.NewString(), secret), form: good}, status: 401, code: "invalid_client"},
			"Basic, first party":     {call: call{header: basic("usher", secret), form: good}, status: 401, code: "invalid_client"},
			"Basic, garbage":         {call: call{header: http.Header{"Authorization": {"Basic ?"}}, form: good}, status: 401, code: "invalid_client"},
			"Basic, bad escape":      {call: call{header: http.Header{"Authorization": {"Basic JXp6OiV6eg=="}}, form: good}, status: 401, code: "invalid_client"},
			"Bearer":                 {call: call{header: bearer(f.user.AccessToken), form: good}, status: 401, code: "invalid_client"},
			"form, wrong secret":     {call: call{form: with("client_id", id, "client_secret", "wrong")}, status: 401, code: "invalid_client"},
			"form, no secret":        {call: call{form: with("client_id", id)}, status: 401, code: "invalid_client"},
			"form, empty secret":     {call: call{form: with("client_id", id, "client_secret", "")}, status: 401, code: "invalid_client"},
			"form, no id":            {call: call{form: with("client_secret", secret)}, status: 401, code: "invalid_client"},
			"form, unknown":          {call: call{form: with("client_id", "nobody")}, status: 401, code: "invalid_client"},
			"first party, secret":    {call: call{form: with("client_id", "usher", "client_secret", "x")}, status: 401, code: "invalid_client"},
			"assertion":              {call: call{form: with("client_assertion_type", "x", "client_assertion", "x")}, status: 401, code: "invalid_client"},
			"assertion of its id":    {call: call{form: with("client_id", id, "client_assertion", "x")}, status: 401, code: "invalid_client"},
			"secret out of the dump": {call: call{form: with("client_id", id, "client_secret", string(f.client.SecretDigest))}, status: 401, code: "invalid_client"},
		}
		for name, tt := range tests {
			for _, path := range []string{"/oauth/token", "/token", "/oauth/revoke", "/oauth/introspect"} {
				t.Run(name+path, func(t *testing.T) {
					tt.call.path = path + tt.query
					r := f.send(tt.call)
					wantError(t, r, tt.status, tt.code)
					if allow := r.Header().Get("Allow"); (tt.status == 405) != (allow == "POST") {
						t.Errorf("Allow: %q", allow)
					}
				})
			}
		}
		if f.log.Len() > 0 {
			t.Errorf("the client's errors are in the log: %s", f.log)
		}
	})
}

// TestEndpointErrors sends valid forms that the endpoint rejects.
func TestEndpointErrors(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		issued, err := f.domain.Clients.Token(f.client, nil)
		if err != nil {
			t.Fatal(err)
		}
		eve := f.signup(t, "eve")
		if err := f.domain.Operator.SetDisabled(t.Context(), eve.User.ID, true); err != nil {
			t.Fatal(err)
		}
		refresh := f.user.RefreshToken
		tests := map[string]struct {
			call   call
			status int
			code   string
		}{
			"no grant":              {call{path: "/oauth/token", form: params("refresh_token", refresh)}, 400, "invalid_request"},
			"empty grant":           {call{path: "/oauth/token", form: params("grant_type", "", "refresh_token", refresh)}, 400, "invalid_request"},
			"unknown grant":         {call{path: "/oauth/token", form: params("grant_type", "authorization_code", "code", "x")}, 400, "unsupported_grant_type"},
			"unknown grant, client": {call{path: "/oauth/token", header: f.basic(), form: params("grant_type", "implicit")}, 400, "unsupported_grant_type"},
			"grant in capitals":     {call{path: "/oauth/token", form: params("grant_type", "REFRESH_TOKEN", "refresh_token", refresh)}, 400, "unsupported_grant_type"},

			"refresh, no token":      {call{path: "/oauth/token", form: params("grant_type", "refresh_token")}, 400, "invalid_request"},
			"refresh, garbage":       {call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", "garbage")}, 400, "invalid_grant"},
			"refresh, access token":  {call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", f.user.AccessToken)}, 400, "invalid_grant"},
			"refresh, disabled":      {call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", eve.RefreshToken)}, 400, "invalid_grant"},
			"refresh, scope":         {call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh, "scope", "admin")}, 400, "invalid_scope"},
			"refresh by a client":    {call{path: "/oauth/token", header: f.basic(), form: params("grant_type", "refresh_token", "refresh_token", refresh)}, 400, "unauthorized_client"},
			"password by a client":   {call{path: "/oauth/token", header: f.basic(), form: params("grant_type", "password", "username", "ada", "password", goodPassword)}, 400, "unauthorized_client"},
			"password, no user":      {call{path: "/oauth/token", form: params("grant_type", "password", "password", goodPassword)}, 400, "invalid_request"},
			"password, none":         {call{path: "/oauth/token", form: params("grant_type", "password", "username", "ada")}, 400, "invalid_request"},
			"password, wrong":        {call{path: "/oauth/token", form: params("grant_type", "password", "username", "ada", "password", "wrong")}, 400, "invalid_grant"},
			"password, unknown user": {call{path: "/oauth/token", form: params("grant_type", "password", "username", "nobody", "password", "wrong")}, 400, "invalid_grant"},
			"password, disabled":     {call{path: "/oauth/token", form: params("grant_type", "password", "username", "eve", "password", goodPassword)}, 400, "invalid_grant"},
			"password, odd bytes":    {call{path: "/oauth/token", form: params("grant_type", "password", "username", "\x00\xff", "password", "\xff")}, 400, "invalid_grant"},
			"password, scope":        {call{path: "/oauth/token", form: params("grant_type", "password", "username", "ada", "password", goodPassword, "scope", "me")}, 400, "invalid_scope"},
			"client, nobody":         {call{path: "/oauth/token", form: params("grant_type", "client_credentials")}, 401, "invalid_client"},
			"client, first party":    {call{path: "/oauth/token", form: params("grant_type", "client_credentials", "client_id", "usher")}, 401, "invalid_client"},
			"client, scope":          {call{path: "/oauth/token", header: f.basic(), form: params("grant_type", "client_credentials", "scope", "all")}, 400, "invalid_scope"},
			"refresh, unknown resource": {
				call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh, "resource", "https://other.example")}, 400, "invalid_target",
			},
			"refresh, two resources": {
				call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh, "resource", api, "resource", otherAPI)}, 400, "invalid_target",
			},
			"refresh, one resource twice": {
				call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh, "resource", api, "resource", api)}, 400, "invalid_target",
			},
			"refresh, resource in capitals": {
				call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh, "resource", strings.ToUpper(api))}, 400, "invalid_target",
			},
			"refresh, resource with a slash": {
				call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh, "resource", api+"/")}, 400, "invalid_target",
			},
			"refresh, line break behind": {
				call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh+"\r\n")}, 400, "invalid_grant",
			},
			"password, unknown resource": {
				call{path: "/oauth/token", form: params("grant_type", "password", "username", "ada", "password", "wrong", "resource", "nothing")}, 400, "invalid_target",
			},
			"client, unknown resource": {
				call{path: "/oauth/token", header: f.basic(), form: params("grant_type", "client_credentials", "resource", "nothing")}, 400, "invalid_target",
			},
			"unknown grant, resource": {call{path: "/oauth/token", form: params("grant_type", "x", "resource", api)}, 400, "unsupported_grant_type"},
			"revoke, no token":        {call{path: "/oauth/revoke", form: params("token_type_hint", "refresh_token")}, 400, "invalid_request"},
			"revoke a user's":         {call{path: "/oauth/revoke", header: f.basic(), form: params("token", refresh)}, 400, "invalid_grant"},
			"revoke a client's":       {call{path: "/oauth/revoke", form: params("token", issued.AccessToken)}, 400, "invalid_grant"},
			"revoke own":              {call{path: "/oauth/revoke", header: f.basic(), form: params("token", issued.AccessToken)}, 400, "unsupported_token_type"},
			"introspect, no token":    {call{path: "/oauth/introspect", header: f.basic()}, 400, "invalid_request"},
			"introspect, nobody":      {call{path: "/oauth/introspect", form: params("token", refresh)}, 401, "invalid_client"},
			"introspect, first party": {call{path: "/oauth/introspect", form: params("token", refresh, "client_id", "usher")}, 401, "invalid_client"},

			"userinfo, no token":     {call{method: "GET", path: "/userinfo"}, 401, ""},
			"userinfo, Basic":        {call{method: "GET", path: "/userinfo", header: f.basic()}, 401, ""},
			"userinfo, garbage":      {call{method: "GET", path: "/userinfo", header: bearer("garbage")}, 401, "invalid_token"},
			"userinfo, refresh":      {call{method: "GET", path: "/userinfo", header: bearer(refresh)}, 401, "invalid_token"},
			"userinfo, a client's":   {call{method: "GET", path: "/userinfo", header: bearer(issued.AccessToken)}, 401, "invalid_token"},
			"userinfo, disabled":     {call{method: "GET", path: "/userinfo", header: bearer(eve.AccessToken)}, 401, "invalid_token"},
			"userinfo, in the query": {call{method: "GET", path: "/userinfo?access_token=" + f.user.AccessToken}, 400, "invalid_request"},
			"userinfo, in both": {
				call{method: "GET", path: "/userinfo?access_token=x", header: bearer(f.user.AccessToken)}, 400, "invalid_request",
			},
			"userinfo, POST": {call{path: "/userinfo", header: bearer(f.user.AccessToken)}, 405, "invalid_request"},
			"metadata, POST": {call{path: "/.well-known/openid-configuration"}, 405, "invalid_request"},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				r := f.send(tt.call)
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
		// None of these requests has changed anything.
		decode(t, f.send(call{method: "GET", path: "/userinfo", header: bearer(f.user.AccessToken)}))
		decode(t, f.send(call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh)}))
		if f.log.Len() > 0 {
			t.Errorf("the client's errors are in the log: %s", f.log)
		}
	})
}

// TestInsufficientScope sends the access token of a user without roles.
func TestInsufficientScope(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		user, err := f.domain.Operator.CreateUser(t.Context(), accounts.Input{Username: new("bot"), Password: goodPassword}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.store.SetRoles(t.Context(), user.ID, nil, user.UpdatedAt); err != nil { // no operation does this
			t.Fatal(err)
		}
		p, err := f.domain.Sessions.Login(t.Context(), sessions.LoginInput{Identifier: *user.Username, Password: goodPassword})
		if err != nil {
			t.Fatal(err)
		}
		r := f.send(call{method: "GET", path: "/userinfo", header: bearer(p.AccessToken)})
		wantError(t, r, http.StatusForbidden, "insufficient_scope")
		if got := r.Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, `Bearer error="insufficient_scope"`) {
			t.Errorf("WWW-Authenticate: %q", got)
		}
	})
}

// TestTwoAuthorizationHeaders sends two Authorization headers to every route. Every route of the package must
// be in the table, so that a new route that reads the header is tested too.
func TestTwoAuthorizationHeaders(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		tests := map[string]struct {
			method string
			form   url.Values
			status int
		}{
			"/oauth/token":      {http.MethodPost, params("grant_type", "client_credentials"), 400},
			"/token":            {http.MethodPost, params("grant_type", "client_credentials"), 400},
			"/oauth/revoke":     {http.MethodPost, params("token", f.user.RefreshToken), 400},
			"/oauth/introspect": {http.MethodPost, params("token", f.user.RefreshToken), 400},
			"/userinfo":         {http.MethodGet, nil, 400},
			// These do not read the header.
			"/.well-known/openid-configuration":       {http.MethodGet, nil, 200},
			"/.well-known/oauth-authorization-server": {http.MethodGet, nil, 200},
		}
		elsewhere := []string{"/graphql", "/healthz", "/readyz", "/.well-known/jwks.json"}
		for path, handler := range f.routes {
			if _, ok := tests[path]; !ok && handler != nil && !slices.Contains(elsewhere, path) {
				t.Errorf("%s is not in the table", path)
			}
		}
		user, client := bearer(f.user.AccessToken)["Authorization"][0], f.basic()["Authorization"][0]
		for path, tt := range tests {
			for name, headers := range map[string][]string{
				"a user, twice":       {user, user},
				"a client, twice":     {client, client},
				"a user and a client": {user, client},
				"a client and a user": {client, user},
				"a user and nothing":  {user, ""},
			} {
				t.Run(path+"/"+name, func(t *testing.T) {
					r := f.send(call{method: tt.method, path: path, form: tt.form, header: http.Header{"Authorization": headers}})
					if tt.status == http.StatusOK {
						if r.Code != tt.status {
							t.Errorf("got %d %s", r.Code, r.Body)
						}
						return
					}
					wantError(t, r, tt.status, "invalid_request")
					if got := r.Header().Get("WWW-Authenticate"); path == "/userinfo" && !strings.HasPrefix(got, `Bearer error="invalid_request"`) {
						t.Errorf("WWW-Authenticate: %q", got)
					}
				})
			}
		}
		if v, failed := f.domain.Sessions.Refresh(t.Context(), sessions.RefreshInput{RefreshToken: f.user.RefreshToken}); failed != nil || v == nil {
			t.Errorf("a rejected request revoked the token: %v", failed)
		}
	})
}
