package oauth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/auth/sessions"
	"usher/internal/store"
	"usher/internal/storetest"
	"usher/internal/token"
)

// TestUserFlow signs in, gets userinfo, refreshes and signs out.
func TestUserFlow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		var refresh string
		user := map[string]any{
			"sub": f.user.User.ID.String(), "preferred_username": "ada", "email": "ada@example.com", "email_verified": false, "name": "Ada Lovelace",
			"updated_at": float64(f.user.User.UpdatedAt.Unix()),
		}
		use := func(answer map[string]any, members int) {
			t.Helper()
			access, _ := answer["access_token"].(string)
			refresh, _ = answer["refresh_token"].(string)
			if access == "" || refresh == "" || answer["token_type"] != "Bearer" || answer["expires_in"] != float64(900) || len(answer) != members {
				t.Fatalf("token response: %v", answer)
			}
			got := decode(t, f.send(call{method: "GET", path: "/userinfo", header: bearer(access)}))
			if diff := cmp.Diff(user, got); diff != "" {
				t.Errorf("userinfo (-want +got):\n%s", diff)
			}
		}
		form := params("grant_type", "password", "username", "ADA@example.com", "password", goodPassword, "scope", "", "client_id", "", "client_secret", "")
		use(decode(t, f.send(call{path: "/token", form: form, header: http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=UTF-8"}}})), 5) // with device_token
		use(decode(t, f.send(call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh, "client_id", "usher", "unknown", "x")})), 4)
		use(decode(t, f.send(call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh)})), 4)

		for range 2 { // the second time the token is invalid already, which is no error
			r := f.send(call{path: "/oauth/revoke", form: params("token", refresh, "token_type_hint", "access_token")})
			if r.Code != http.StatusOK || r.Body.Len() != 0 || r.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("revoke: %d %s", r.Code, r.Body)
			}
		}
		wantError(t, f.send(call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh)}), 400, "invalid_grant")
		if r := f.send(call{path: "/oauth/revoke", form: params("token", "unknown")}); r.Code != http.StatusOK {
			t.Errorf("revoke of an unknown token: %d", r.Code)
		}
	})
}

// TestRateLimit guesses a password here until sign-ins are rejected, also through the domain.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		guess := call{path: "/token", form: params("grant_type", "password", "username", "ada", "password", "wrong")}
		for range 10 {
			wantError(t, f.send(guess), http.StatusBadRequest, "invalid_grant")
		}
		r := f.send(guess)
		wantError(t, r, http.StatusTooManyRequests, "temporarily_unavailable")
		if got := r.Header().Get("Retry-After"); got != "1" {
			t.Errorf("Retry-After: %q", got)
		}
		if _, err := f.domain.Sessions.Login(t.Context(), sessions.LoginInput{Identifier: "ada", Password: goodPassword}); err == nil {
			t.Error("the limit does not apply to login")
		}
	})
}

// TestDeviceToken uses up the free attempts of strangers, and signs in with the device token of an earlier sign-in.
func TestDeviceToken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		right := []string{"grant_type", "password", "username", "ada", "password", goodPassword}
		first, _ := decode(t, f.send(call{path: "/oauth/token", form: params(right...)}))["device_token"].(string)
		if first == "" {
			t.Fatal("the token response has no device_token")
		}
		guess := call{path: "/oauth/token", form: params("grant_type", "password", "username", "ada", "password", "wrong")}
		for range 10 {
			wantError(t, f.send(guess), http.StatusBadRequest, "invalid_grant")
		}
		for _, device := range [][]string{nil, {"device_token", ""}, {"device_token", "x"}} {
			r := f.send(call{path: "/oauth/token", form: params(append(slices.Clone(right), device...)...)})
			wantError(t, r, http.StatusTooManyRequests, "temporarily_unavailable")
		}
		answer := decode(t, f.send(call{path: "/oauth/token", form: params(append(right, "device_token", first)...)}))
		if next, _ := answer["device_token"].(string); next == "" || next == first {
			t.Errorf("the device token is %q after %q", next, first)
		}
	})
}

// TestUnavailable disconnects the database. No response may report success or an invalid token.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		for _, method := range []string{"Viewer", "RefreshState", "Client", "ReserveAttempt"} {
			f.store.Before(method, func(context.Context) error { return auth.ErrUnavailable })
		}
		secrets := []string{f.user.AccessToken, f.user.RefreshToken, f.clientSecret, goodPassword}
		for name, c := range map[string]call{
			"refresh":            {path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", f.user.RefreshToken)},
			"password":           {path: "/oauth/token", form: params("grant_type", "password", "username", "ada", "password", goodPassword)},
			"client":             {path: "/oauth/token", header: f.basic(), form: params("grant_type", "client_credentials")},
			"revoke refresh":     {path: "/oauth/revoke", form: params("token", f.user.RefreshToken)},
			"revoke access":      {path: "/oauth/revoke", form: params("token", f.user.AccessToken)},
			"introspect refresh": {path: "/oauth/introspect", header: f.basic(), form: params("token", f.user.RefreshToken)},
			"userinfo":           {method: "GET", path: "/userinfo", header: bearer(f.user.AccessToken)},
		} {
			t.Run(name, func(t *testing.T) {
				f.log.Reset()
				r := f.send(c)
				wantError(t, r, http.StatusServiceUnavailable, "temporarily_unavailable")
				if got := r.Header().Get("Retry-After"); got != "2" {
					t.Errorf("Retry-After: %q", got)
				}
				if lines := strings.Count(f.log.String(), "\n"); lines != 1 {
					t.Errorf("%d lines in the log, want 1: %s", lines, f.log)
				}
				for _, secret := range secrets {
					if strings.Contains(f.log.String(), secret) {
						t.Error("a secret is in the log")
					}
				}
			})
		}
	})
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
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
			"acr_values_supported":                          []any{"AAL1", "AAL2"},
			"claims_supported": []any{
				"sub", "preferred_username", "name", "email", "email_verified", "updated_at", "auth_time", "acr", "amr",
			},
		}
		for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
			r := f.send(call{method: "GET", path: path})
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

// TestOptions checks the effects of the options.
func TestOptions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s, func(s *app.Settings) { s.Algorithm = string(token.EdDSA) })
		if r := f.send(call{path: "/token"}); r.Code != http.StatusNotFound {
			t.Errorf("/token without the password grant: %d", r.Code)
		}
		form := params("grant_type", "password", "username", "ada", "password", goodPassword)
		wantError(t, f.send(call{path: "/oauth/token", form: form}), http.StatusBadRequest, "unsupported_grant_type")
		var got map[string]any
		r := f.send(call{method: "GET", path: "/.well-known/openid-configuration"})
		if err := json.Unmarshal(r.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{"refresh_token", "client_credentials"}, got["grant_types_supported"]); diff != "" {
			t.Errorf("grant types (-want +got):\n%s", diff)
		}
		if got["jwks_uri"] != issuer+"/.well-known/jwks.json" {
			t.Errorf("jwks_uri is %v", got["jwks_uri"])
		}
	})
}

// TestIssuerWithPath finds the metadata at the paths of RFC 8414 §3.1 and OpenID Connect Discovery §4.1, which
// put the path of an issuer in different places.
func TestIssuerWithPath(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		below := newFixture(t, s, func(s *app.Settings) { s.Issuer = "https://example.com/auth/" })
		for _, path := range []string{"/.well-known/oauth-authorization-server/auth", "/.well-known/oauth-authorization-server"} {
			r := below.send(call{method: "GET", path: path})
			if !strings.Contains(r.Body.String(), `"issuer":"https://example.com/auth/","token_endpoint":"https://example.com/auth/oauth/token"`) {
				t.Errorf("%s: %d %s", path, r.Code, r.Body)
			}
		}
	})
}

// TestPasswordGrantAfterChange changes the password after the old one was verified, and before the session begins.
func TestPasswordGrantAfterChange(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.store.Before("InTx", func(ctx context.Context) error {
			f.store.Before("InTx", nil)
			return f.domain.Operator.SetPassword(ctx, f.user.User, "five large purple whales")
		})
		send := func(password string) *httptest.ResponseRecorder {
			return f.send(call{path: "/oauth/token", form: params("grant_type", "password", "username", "ada", "password", password)})
		}
		if got := send(goodPassword); got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), `"invalid_grant"`) {
			t.Errorf("the password before: status %d, %s", got.Code, got.Body)
		}
		decode(t, send("five large purple whales"))
	})
}
