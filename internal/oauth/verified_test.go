package oauth_test

import (
	"testing"

	"usher/internal/app"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestVerifiedEmail uses the endpoints on a server that requires verified addresses, before and after the verification.
func TestVerifiedEmail(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s, func(s *app.Settings) { s.OAuthPasswordGrant, s.RequireVerifiedEmail = true, true })
		refresh, own := f.user.RefreshToken, f.user.AccessToken
		password := params("grant_type", "password", "username", "ada", "password", goodPassword)
		refused := func(name string, c call, status int, code string) {
			t.Helper()
			r := f.send(c)
			t.Log(name)
			wantError(t, r, status, code)
		}
		for range 2 { // the refresh token stays valid
			refused("refresh", call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh, "resource", api)}, 400, "access_denied")
		}
		password.Set("resource", api)
		refused("password", call{path: "/oauth/token", form: password}, 400, "access_denied")
		refused("userinfo", call{method: "GET", path: "/userinfo", header: bearer(own)}, 403, "insufficient_scope")
		f.issue(t, f.basic(), params("grant_type", "client_credentials", "resource", api)) // has no user
		own, refresh = f.issue(t, nil, params("grant_type", "refresh_token", "refresh_token", refresh))

		if _, err := f.domain.Operator.VerifyEmail(t.Context(), f.user.User.ID); err != nil {
			t.Fatal(err)
		}
		f.issue(t, nil, params("grant_type", "refresh_token", "refresh_token", refresh, "resource", api))
		f.issue(t, nil, password)
		if got := decode(t, f.send(call{method: "GET", path: "/userinfo", header: bearer(own)})); got["email_verified"] != true {
			t.Errorf("userinfo: %v", got)
		}
	})
}
