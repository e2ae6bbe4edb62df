package oauth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/config"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestRateLimits mixes GraphQL and OAuth. Both count in the same counters, and a token that is renewed in one way counts
// in the other.
func TestRateLimits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s, func(s *app.Settings) {
			s.OAuthPasswordGrant = true
			s.RateLimits = config.RateLimits{
				"login": {Max: 3, Per: time.Hour}, "refresh": {Max: 2, Per: time.Hour}, "login-failures": {}, "login-guesses": {}, "login-attack": {},
			}
		})
		password := func(path, password string) *httptest.ResponseRecorder {
			return f.send(call{path: path, form: params("grant_type", "password", "username", "ada", "password", password)})
		}
		refresh := func() *httptest.ResponseRecorder {
			return f.send(call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", f.user.RefreshToken)})
		}
		const login = `mutation { login(input: {identifier: "ada", password: "four small green turtles"}) { tokenType } }`

		decode(t, password("/oauth/token", goodPassword))
		wantError(t, password("/token", "wrong"), http.StatusBadRequest, "invalid_grant")
		wantError(t, f.send(call{path: "/token", form: params("grant_type", "password", "username", "ada")}), http.StatusBadRequest, "invalid_request")
		if got := f.graphQL(t, login); !strings.Contains(got, `"tokenType":"Bearer"`) {
			t.Errorf("the third sign-in: %s", got)
		}
		if got := f.graphQL(t, login); !strings.Contains(got, `"RATE_LIMITED"`) {
			t.Errorf("the fourth sign-in: %s", got)
		}
		for _, path := range []string{"/oauth/token", "/token"} {
			r := password(path, goodPassword)
			wantError(t, r, http.StatusTooManyRequests, "temporarily_unavailable")
			if got := r.Header().Get("Retry-After"); got == "" || got == "0" {
				t.Errorf("%s: Retry-After %q", path, got)
			}
		}

		wantError(t, f.send(call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", "urt_x")}), http.StatusBadRequest, "invalid_grant")
		decode(t, refresh())
		wantError(t, refresh(), http.StatusTooManyRequests, "temporarily_unavailable")
		if got := f.graphQL(t, `mutation { refresh(input: {refreshToken: "`+f.user.RefreshToken+`"}) { tokenType } }`); !strings.Contains(got, `"RATE_LIMITED"`) {
			t.Errorf("a refresh over the limit: %s", got)
		}
	})
}

// TestFailuresAreLimited counts the wrong passwords of both ways in, and no right ones.
func TestFailuresAreLimited(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s, func(s *app.Settings) {
			s.OAuthPasswordGrant = true
			s.RateLimits = config.RateLimits{"login-failures": {Max: 3, Per: time.Hour}, "login-guesses": {}, "login-attack": {}}
		})
		grant := func(username, password string) *httptest.ResponseRecorder {
			return f.send(call{path: "/token", form: params("grant_type", "password", "username", username, "password", password)})
		}
		for range 5 {
			decode(t, grant("ada", goodPassword))
		}
		wantError(t, grant("ada", "wrong"), http.StatusBadRequest, "invalid_grant")
		wantError(t, grant("nobody", "wrong"), http.StatusBadRequest, "invalid_grant")
		if got := f.graphQL(t, `mutation { login(input: {identifier: "nobody else", password: "wrong"}) { tokenType } }`); !strings.Contains(got, `"INVALID_CREDENTIALS"`) {
			t.Errorf("the third failure: %s", got)
		}
		wantError(t, grant("ada", goodPassword), http.StatusTooManyRequests, "temporarily_unavailable")
		if got := f.graphQL(t, `mutation { login(input: {identifier: "ada", password: "four small green turtles"}) { tokenType } }`); !strings.Contains(got, `"RATE_LIMITED"`) {
			t.Errorf("after three failures: %s", got)
		}
	})
}

// graphQL sends a document from the same address as send, and returns the response.
func (f *fixture) graphQL(t *testing.T, document string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": document})
	if err != nil {
		t.Fatal(err)
	}
	return f.send(call{path: "/graphql", raw: string(body), header: http.Header{"Content-Type": {"application/json"}}}).Body.String()
}

// TestChallenge answers with a challenge that the client can solve.
func TestChallenge(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		challenge := &auth.Challenge{Algorithm: "SHA-256", Challenge: "c0ffee", Salt: "5a17", MaxNumber: 1000, Signature: "516e"}
		f.store.Before("ReserveAttempt", func(context.Context) error {
			return &auth.Error{Code: auth.CodeChallengeRequired, Challenge: challenge}
		})
		r := f.send(call{path: "/token", form: params("grant_type", "password", "username", "ada", "password", "x")})
		wantError(t, r, http.StatusTooManyRequests, "temporarily_unavailable")
		const want = `"challenge":{"algorithm":"SHA-256","challenge":"c0ffee","salt":"5a17","maxnumber":1000,"signature":"516e"}`
		if !strings.Contains(r.Body.String(), want) || r.Header().Get("Retry-After") != "" {
			t.Errorf("%v %s", r.Header(), r.Body)
		}
	})
}
