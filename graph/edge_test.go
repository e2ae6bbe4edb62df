package graph_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"usher/graph"
	"usher/internal/store"
	"usher/internal/storetest"
)

// reply is the answer to a request.
type reply struct {
	status  int
	cookies []*http.Cookie
	body    string
}

// send sends a request to any path.
func (s *server) send(t *testing.T, method, path, body string, header http.Header) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	check(t, err)
	r.Header = header
	response, err := http.DefaultClient.Do(r)
	check(t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	check(t, err)
	s.checkSecrets(t, raw)
	return reply{response.StatusCode, response.Cookies(), string(raw)}
}

// TestTwoAuthorizations sends two Authorization headers through the whole server: neither is used.
func TestTwoAuthorizations(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		server := newServer(t, s, graph.New)
		ada, root := "Bearer "+server.people["ada"], "Bearer "+server.people["root"]
		for _, headers := range [][]string{{ada, root}, {root, ada}, {ada, ada}, {ada, ""}, {"Basic YTpi", ada}} {
			header := http.Header{"Authorization": headers, "Content-Type": {"application/json"}}
			got := server.send(t, http.MethodPost, "/graphql", `{"query":"{ me { username } }"}`, header)
			var answer struct {
				Data   any
				Errors []struct{ Extensions struct{ Code string } }
			}
			if err := json.Unmarshal([]byte(got.body), &answer); err != nil || got.status != http.StatusBadRequest ||
				answer.Data != nil || len(answer.Errors) != 1 || answer.Errors[0].Extensions.Code != "BAD_REQUEST" {
				t.Errorf("/graphql: got %d %s", got.status, got.body)
			}
			got = server.send(t, http.MethodGet, "/userinfo", "", http.Header{"Authorization": headers})
			if got.status != http.StatusBadRequest || !strings.Contains(got.body, `"invalid_request"`) {
				t.Errorf("/userinfo: got %d %s", got.status, got.body)
			}
			for _, path := range []string{"/oauth/token", "/oauth/revoke", "/oauth/introspect"} {
				header := http.Header{"Authorization": headers, "Content-Type": {"application/x-www-form-urlencoded"}}
				form := url.Values{"grant_type": {"client_credentials"}, "token": {"x"}}
				got = server.send(t, http.MethodPost, path, form.Encode(), header)
				if got.status != http.StatusBadRequest || !strings.Contains(got.body, `"invalid_request"`) {
					t.Errorf("%s: got %d %s", path, got.status, got.body)
				}
			}
		}
	})
}

// TestTwoCookies sends two cookies with refresh tokens, one of them good: neither is used, and the
// browser is told to forget them.
func TestTwoCookies(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		server := newServer(t, s, graph.New)
		const name = "__Host-usher_refresh="
		good := name + server.ada.RefreshToken
		refresh := func(cookies ...string) reply {
			return server.send(t, http.MethodPost, "/graphql", `{"query":"mutation { refresh(input: {}) { user { username } } }"}`,
				http.Header{"Content-Type": {"application/json"}, "Cookie": cookies})
		}
		for _, cookies := range [][]string{
			{good + "; " + name + "x"}, {name + "x; " + good}, {good + "; " + good}, {good, good}, {good + "; a=b; " + name},
		} {
			got := refresh(cookies...)
			if !strings.Contains(got.body, `"code":"UNAUTHENTICATED"`) || !strings.Contains(got.body, `"reason":"TOKEN_INVALID"`) {
				t.Errorf("%d cookies: got %s", len(cookies), got.body)
			}
			if set := got.cookies; len(set) != 1 || set[0].Name+"=" != name || set[0].Value != "" || set[0].MaxAge >= 0 {
				t.Errorf("the cookies stay: %v", set)
			}
		}
		if got := refresh(good); !strings.Contains(got.body, `"username":"Ada"`) || len(got.cookies) != 1 {
			t.Errorf("one cookie: got %s", got.body)
		}
	})
}

// TestGETChangesNothing sends GET requests as a browser does for a link on any page: with the cookie. Each
// mutation is refused, and the cookie stays as it is and valid.
func TestGETChangesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		server := newServer(t, s, graph.New)
		header := http.Header{"Cookie": {"__Host-usher_refresh=" + server.ada.RefreshToken}}
		for query, status := range map[string]int{
			`{ me { username } }`:                                      http.StatusOK,
			`mutation { refresh(input: {}) { accessToken } }`:          http.StatusMethodNotAllowed,
			`mutation { logout { sessionId } }`:                        http.StatusMethodNotAllowed,
			`query A { __typename } mutation { logout { sessionId } }`: http.StatusOK,
		} {
			got := server.send(t, http.MethodGet, "/graphql?query="+url.QueryEscape(query), "", header)
			if got.status != status || !strings.Contains(got.body, `"errors"`) || len(got.cookies) != 0 {
				t.Errorf("%s: status %d and cookies %v, want %d and none", query, got.status, got.cookies, status)
			}
		}
		header.Set("Content-Type", "application/json")
		got := server.send(t, http.MethodPost, "/graphql", `{"query":"mutation { refresh(input: {}) { user { username } } }"}`, header)
		if !strings.Contains(got.body, `"username":"Ada"`) {
			t.Errorf("the cookie is no longer valid: %s", got.body)
		}
	})
}

// TestForbiddenIsLogged checks that the log names the caller of what was forbidden, by ids, and of
// nothing else.
func TestForbiddenIsLogged(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		as, query string
		named     bool
	}{
		"forbidden":              {"ada", "{ users { edges { node { id } } } }", true},
		"not the first error":    {"ada", "{ nodes: user(id: \"x\") { id } users { edges { node { id } } } }", true},
		"no role at all":         {"nobody", "{ me { id } }", true},
		"admitted":               {"ada", "{ me { id } }", false},
		"admin":                  {"root", "{ users { edges { node { id } } } }", false},
		"anonymous":              {"", "{ users { edges { node { id } } } }", false},
		"expired":                {"expired", "{ users { edges { node { id } } } }", false},
		"ended":                  {"ended", "{ users { edges { node { id } } } }", false},
		"not a request":          {"ada", "{ nonsense }", false},
		"re-authenticate first":  {"stale", "mutation { deleteUser(input: {userId: \"x\"}) { userId } }", false},
		"userinfo, forbidden":    {"nobody", "", true},
		"userinfo, admitted":     {"ada", "", false},
		"userinfo, ended":        {"ended", "", false},
		"userinfo, unidentified": {"garbage", "", false},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		server := newServer(t, s, graph.New)
		for name, tt := range tests {
			before := len(server.log.String())
			header := http.Header{"Content-Type": {"application/json"}}
			if tt.as != "" {
				header.Set("Authorization", "Bearer "+server.people[tt.as])
			}
			if tt.query == "" {
				server.send(t, http.MethodGet, "/userinfo", "", header)
			} else {
				body, err := json.Marshal(map[string]string{"query": tt.query})
				check(t, err)
				server.send(t, http.MethodPost, "/graphql", string(body), header)
			}
			_, line, _ := strings.Cut(server.log.String()[before:], "msg=request ")
			if line == "" {
				t.Fatalf("%s: the request is not in the log", name)
			}
			if !tt.named {
				if strings.Contains(line, " user=") || strings.Contains(line, " session=") {
					t.Errorf("%s: the log names the caller: %s", name, line)
				}
				continue
			}
			c := server.domain.Access.Identify(server.people[tt.as]).Claims()
			if want := " user=" + c.Subject + " session=" + c.SessionID + "\n"; !strings.HasSuffix(line, want) {
				t.Errorf("%s: the log has %s, want%s", name, line, want)
			}
		}
	})
}
