package oauth_test

import (
	"testing"

	"usher/internal/app"
	"usher/internal/claims"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestIntrospectionOfCustomClaims checks that the response has the custom claims next to the standard ones.
func TestIntrospectionOfCustomClaims(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s, func(s *app.Settings) {
			s.OAuthPasswordGrant = true
			s.Claims = claims.Mapping{
				{Name: "https://acme.example/name", Source: "fullName"},
				{Name: "none", Source: "appMetadata", Path: []string{"plan"}},
			}
		})
		for grant, form := range map[string][]string{
			"refresh_token": {"refresh_token", f.user.RefreshToken},
			"password":      {"username", "ada", "password", goodPassword},
		} {
			token, _ := f.issue(t, nil, params(append(form, "grant_type", grant, "resource", api)...))
			got := decode(t, f.send(call{path: "/oauth/introspect", header: f.basic(), form: params("token", token)}))
			if got["https://acme.example/name"] != "Ada Lovelace" || got["active"] != true || got["sub"] != f.user.User.ID.String() {
				t.Errorf("%s: %v", grant, got)
			}
			if _, ok := got["none"]; ok {
				t.Errorf("%s: a claim without a value: %v", grant, got)
			}
		}
		machine, _ := f.issue(t, f.basic(), params("grant_type", "client_credentials", "resource", api))
		if got := decode(t, f.send(call{path: "/oauth/introspect", header: f.basic(), form: params("token", machine)})); got["https://acme.example/name"] != nil {
			t.Errorf("a client: %v", got)
		}
	})
}
