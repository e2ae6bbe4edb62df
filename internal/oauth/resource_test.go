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

// issue asks for a token and returns it, and the refresh token that comes with it.
func (w *world) issue(t *testing.T, header http.Header, form url.Values) (access, refresh string) {
	t.Helper()
	answer := decode(t, w.send(call{path: "/oauth/token", header: header, form: form}))
	access, _ = answer["access_token"].(string)
	refresh, _ = answer["refresh_token"].(string)
	if access == "" || answer["token_type"] != "Bearer" || answer["expires_in"] != float64(900) {
		t.Fatalf("token answer: %v", answer)
	}
	return access, refresh
}

// TestResource asks for tokens for an API by every grant. They are refused at Usher's own, and end
// their session all the same.
func TestResource(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		byRefresh := params("grant_type", "refresh_token", "refresh_token", w.user.RefreshToken)
		byPassword := params("grant_type", "password", "username", "ada", "password", goodPassword)
		byClient := params("grant_type", "client_credentials")
		with := func(form url.Values, resource string) url.Values {
			form.Set("resource", resource)
			return form
		}
		forAPI, refresh := w.issue(t, nil, with(byRefresh, api))
		forOther, _ := w.issue(t, nil, with(byPassword, otherAPI))
		machine, none := w.issue(t, w.basic(), with(byClient, api))
		if refresh == "" || none != "" {
			t.Errorf("refresh tokens %q and %q", refresh, none)
		}
		for name, token := range map[string]string{"refresh": forAPI, "password": forOther, "client": machine} {
			wantError(t, w.send(call{method: "GET", path: "/userinfo", header: bearer(token)}), http.StatusUnauthorized, "invalid_token")
			if _, err := w.domain.Access.Me(access.WithCaller(t.Context(), w.domain.Access.Identify(token))); err == nil {
				t.Errorf("a token for another API by %s is good for GraphQL", name)
			}
		}

		// Without a resource, and with that of Usher itself, a token is for Usher.
		for _, resource := range []string{"", issuer} {
			var own string
			own, refresh = w.issue(t, nil, params("grant_type", "refresh_token", "refresh_token", refresh, "resource", resource))
			decode(t, w.send(call{method: "GET", path: "/userinfo", header: bearer(own)}))
		}

		if r := w.send(call{path: "/oauth/revoke", form: params("token", forAPI)}); r.Code != http.StatusOK {
			t.Errorf("revoke: %d %s", r.Code, r.Body)
		}
		wantError(t, w.send(call{path: "/oauth/token", form: params("grant_type", "refresh_token", "refresh_token", refresh)}), 400, "invalid_grant")
	})
}

// TestIntrospection asks as the client about tokens that it may know of, and about others. Which those
// are is tested with the domain.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		wantActive := func(token string, want map[string]any) {
			t.Helper()
			got := decode(t, w.send(call{path: "/oauth/introspect", header: w.basic(), form: params("token", token)}))
			for _, name := range []string{"exp", "iat"} {
				if seconds, ok := got[name].(float64); !ok || seconds < float64(time.Now().Add(-time.Hour).Unix()) {
					t.Errorf("%s is %v", name, got[name])
				}
				delete(got, name)
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
			r := w.send(call{path: "/oauth/introspect", header: w.basic(), form: params("token", token)})
			decode(t, r)
			if got := r.Body.String(); got != "{\"active\":false}\n" {
				t.Errorf("%s: %q", name, got)
			}
		}
		user, id := w.user.User.ID.String(), w.client.ID.String()
		forAPI, refresh := w.issue(t, nil, params("grant_type", "refresh_token", "refresh_token", w.user.RefreshToken, "resource", api))
		wantActive(forAPI, map[string]any{
			"active": true, "client_id": "usher", "sub": user, "username": "ada", "roles": []any{"USER"},
			"token_type": "Bearer", "iss": issuer, "aud": []any{api},
		})
		for _, resource := range []string{issuer, api, otherAPI} {
			machine, _ := w.issue(t, w.basic(), params("grant_type", "client_credentials", "resource", resource))
			wantActive(machine, map[string]any{
				"active": true, "client_id": id, "sub": id, "token_type": "Bearer", "iss": issuer, "aud": []any{resource},
			})
		}

		forOther, refresh := w.issue(t, nil, params("grant_type", "refresh_token", "refresh_token", refresh, "resource", otherAPI))
		wantInactive("user's token for Usher", w.user.AccessToken)
		wantInactive("user's token for another API", forOther)
		wantInactive("refresh token", refresh)
		wantInactive("garbage", "garbage")
		wantInactive("secret", w.clientSecret)
		other, secret, err := w.domain.Operator.CreateClient(t.Context(), "Shop", nil)
		if err != nil {
			t.Fatal(err)
		}
		shop := basic(other.ID.String(), secret)
		forUsher, _ := w.issue(t, shop, params("grant_type", "client_credentials"))
		toAPI, _ := w.issue(t, shop, params("grant_type", "client_credentials", "resource", api))
		wantInactive("another client's token for Usher", forUsher)
		wantActive(toAPI, map[string]any{
			"active": true, "client_id": other.ID.String(), "sub": other.ID.String(), "token_type": "Bearer", "iss": issuer, "aud": []any{api},
		})

		w.send(call{path: "/oauth/revoke", form: params("token", forAPI)})
		wantInactive("ended session", forAPI)
		if err := w.store.DeleteClient(t.Context(), other.ID); err != nil {
			t.Fatal(err)
		}
		wantInactive("deleted client", toAPI)
		w.client, w.clientSecret = other, secret
		wantError(t, w.send(call{path: "/oauth/introspect", header: w.basic(), form: params("token", toAPI)}), http.StatusUnauthorized, "invalid_client")
		if strings.Contains(w.log.String(), refresh) {
			t.Error("a token is in the log")
		}
	})
}
