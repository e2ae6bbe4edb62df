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

// send sends a request, and returns the answer and its body.
func (s *server) send(t *testing.T, method, path, body string, header http.Header) (*http.Response, string) {
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
	return response, string(raw)
}

// TestTwoAuthorizations sends two Authorization headers through the whole server: neither is used.
func TestTwoAuthorizations(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		server := newServer(t, s, graph.New)
		ada, root := "Bearer "+server.people["ada"], "Bearer "+server.people["root"]
		for _, headers := range [][]string{{ada, root}, {root, ada}, {ada, ada}, {ada, ""}, {"Basic YTpi", ada}} {
			header := http.Header{"Authorization": headers, "Content-Type": {"application/json"}}
			response, body := server.send(t, http.MethodPost, "/graphql", `{"query":"{ me { username } }"}`, header)
			var answer struct {
				Data   any
				Errors []struct{ Extensions struct{ Code string } }
			}
			if err := json.Unmarshal([]byte(body), &answer); err != nil || response.StatusCode != http.StatusBadRequest ||
				answer.Data != nil || len(answer.Errors) != 1 || answer.Errors[0].Extensions.Code != "BAD_REQUEST" {
				t.Errorf("/graphql: got %d %s", response.StatusCode, body)
			}
			response, body = server.send(t, http.MethodGet, "/userinfo", "", http.Header{"Authorization": headers})
			if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, `"invalid_request"`) {
				t.Errorf("/userinfo: got %d %s", response.StatusCode, body)
			}
			for _, path := range []string{"/oauth/token", "/oauth/revoke", "/oauth/introspect"} {
				header := http.Header{"Authorization": headers, "Content-Type": {"application/x-www-form-urlencoded"}}
				form := url.Values{"grant_type": {"client_credentials"}, "token": {"x"}}
				response, body = server.send(t, http.MethodPost, path, form.Encode(), header)
				if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, `"invalid_request"`) {
					t.Errorf("%s: got %d %s", path, response.StatusCode, body)
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
		good := name + *server.ada.RefreshToken
		refresh := func(cookies ...string) (*http.Response, string) {
			return server.send(t, http.MethodPost, "/graphql", `{"query":"mutation { refresh(input: {}) { user { username } } }"}`,
				http.Header{"Content-Type": {"application/json"}, "Cookie": cookies})
		}
		for _, cookies := range [][]string{
			{good + "; " + name + "x"}, {name + "x; " + good}, {good + "; " + good}, {good, good}, {good + "; a=b; " + name},
		} {
			response, body := refresh(cookies...)
			if !strings.Contains(body, `"code":"UNAUTHENTICATED"`) || !strings.Contains(body, `"reason":"TOKEN_INVALID"`) {
				t.Errorf("%d cookies: got %s", len(cookies), body)
			}
			if set := response.Cookies(); len(set) != 1 || set[0].Name+"=" != name || set[0].Value != "" || set[0].MaxAge >= 0 {
				t.Errorf("the cookies stay: %v", set)
			}
		}
		if response, body := refresh(good); !strings.Contains(body, `"username":"Ada"`) || len(response.Cookies()) != 1 {
			t.Errorf("one cookie: got %s", body)
		}
	})
}
