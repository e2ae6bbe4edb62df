package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/auth/access"
)

// issue requests a token and returns it with its refresh token.
func (f *fixture) issue(t *testing.T, header http.Header, form url.Values) (access, refresh string) {
	t.Helper()
	answer := decode(t, f.send(call{path: "/oauth/token", header: header, form: form}))
	access, _ = answer["access_token"].(string)
	refresh, _ = answer["refresh_token"].(string)
	if access == "" || answer["token_type"] != "Bearer" || answer["expires_in"] != float64(900) {
		t.Fatalf("token response: %v", answer)
	}
	return access, refresh
}

// TestResource requests tokens for an API with every grant. This server rejects them as access tokens, but
// revoking them ends their session.
func TestResource(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		byRefresh := params("grant_type", "refresh_token", "refresh_token", f.user.RefreshToken)
		byPassword := params("grant_type", "password", "username", "ada", "password", goodPassword)
		byClient := params("grant_type", "client_credentials")
		with := func(form url.Values, resource string) url.Values {
			form.Set("resource", resource)
			return form
		}
		forAPI, refresh := f.issue(t, nil, with(byRefresh, api))
		forOther, _ := f.issue(t, nil, with(byPassword, otherAPI))
		machine, none := f.issue(t, f.basic(), with(byClient, api))
		if refresh == "" || none != "" {
			t.Errorf("refresh tokens %q and %q", refresh, none)
		}
		for name, token := range map[string]string{"refresh": forAPI, "password": forOther, "client": machine} {
			wantError(t, f.send(call{method: "GET", path: "/userinfo", header: bearer(token)}), http.StatusUnauthorized, "invalid_token")
			if _, err := f.domain.Access.Me(access.WithCaller(t.Context(), f.domain.Access.Identify(token))); err == nil {
				t.Errorf("a token for another API by %s is valid for GraphQL", name)
			}
		}

		// Without a resource, or with the issuer as the resource, a token is for this server.
		for _, resource := range []string{"", issuer} {
			var own string
			own, refresh = f.issue(t, nil, params("grant_type", "refresh_token", "refresh_token", refresh, "resource", resource))
			decode(t, f.send(call{method: "GET", path: "/userinfo", header: bearer(own)}))
		}

		if r := f.send(call{path: "/oauth/revoke", form: params("token", forAPI)}); r.Code != http.StatusOK {
			t.Errorf("revoke: %d %s", r.Code, r.Body)
		}
		wantError(t, f.send(call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh)}), 400, "invalid_grant")
	})
}

// TestIntrospection introspects tokens that the client may introspect, and others. The tests of the domain check
// which tokens those are.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		wantActive := func(token string, want map[string]any) {
			t.Helper()
			got := decode(t, f.send(call{path: "/oauth/introspect", header: f.basic(), form: params("token", token)}))
			for _, name := range []string{"exp", "iat"} {
				if seconds, ok := got[name].(float64); !ok || seconds < float64(time.Now().Add(-time.Hour).Unix()) {
					t.Errorf("%s is %v", name, got[name])
				}
				delete(got, name)
			}
			if got["amr"] != nil { // of a user
				if authTime, _ := got["auth_time"].(float64); authTime != float64(f.user.Session.AuthTime.Unix()) {
					t.Errorf("auth_time is %v, want that of %v", got["auth_time"], f.user.Session.AuthTime)
				}
				delete(got, "auth_time")
			}
			if id, _ := got["jti"].(string); id == "" {
				t.Error("no jti")
			}
			delete(got, "jti")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("introspection (-want +got):\n%s", diff)
			}
		}
		wantInactive := func(name, token string) {
			t.Helper()
			r := f.send(call{path: "/oauth/introspect", header: f.basic(), form: params("token", token)})
			decode(t, r)
			if got := r.Body.String(); got != "{\"active\":false}\n" {
				t.Errorf("%s: %q", name, got)
			}
		}
		user, id := f.user.User.ID.String(), f.client.ID.String()
		forAPI, refresh := f.issue(t, nil, params("grant_type", "refresh_token", "refresh_token", f.user.RefreshToken, "resource", api))
		wantActive(forAPI, map[string]any{
			"active": true, "client_id": "usher", "sub": user, "username": "ada", "roles": []any{"USER"},
			"token_type": "Bearer", "iss": issuer, "aud": []any{api}, "acr": "AAL1", "amr": []any{"pwd"},
		})
		for _, resource := range []string{issuer, api, otherAPI} {
			machine, _ := f.issue(t, f.basic(), params("grant_type", "client_credentials", "resource", resource))
			wantActive(machine, map[string]any{
				"active": true, "client_id": id, "sub": id, "token_type": "Bearer", "iss": issuer, "aud": []any{resource},
			})
		}

		forOther, refresh := f.issue(t, nil, params("grant_type", "refresh_token", "refresh_token", refresh, "resource", otherAPI))
		wantInactive("user's token for Usher", f.user.AccessToken)
		wantInactive("user's token for another API", forOther)
		wantInactive("refresh token", refresh)
		wantInactive("garbage", "garbage")
		wantInactive("secret", f.clientSecret)
		other, secret, err := f.domain.Operator.CreateClient(t.Context(), "Shop", nil)
		if err != nil {
			t.Fatal(err)
		}
		shop := basic(other.ID.String(), secret)
		forUsher, _ := f.issue(t, shop, params("grant_type", "client_credentials"))
		toAPI, _ := f.issue(t, shop, params("grant_type", "client_credentials", "resource", api))
		wantInactive("another client's token for Usher", forUsher)
		wantActive(toAPI, map[string]any{
			"active": true, "client_id": other.ID.String(), "sub": other.ID.String(), "token_type": "Bearer", "iss": issuer, "aud": []any{api},
		})

		f.send(call{path: "/oauth/revoke", form: params("token", forAPI)})
		wantInactive("ended session", forAPI)
		if err := f.store.DeleteClient(t.Context(), other.ID); err != nil {
			t.Fatal(err)
		}
		wantInactive("deleted client", toAPI)
		f.client, f.clientSecret = other, secret
		wantError(t, f.send(call{path: "/oauth/introspect", header: f.basic(), form: params("token", toAPI)}), http.StatusUnauthorized, "invalid_client")
		if strings.Contains(f.log.String(), refresh) {
			t.Error("a token is in the log")
		}
	})
}
