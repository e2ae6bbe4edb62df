package auth_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/claims"
	"usher/internal/jsonobject"
	"usher/internal/password"
)

// withClaims gives the fixture a domain with custom claims.
func (f *fixture) withClaims(t *testing.T, mapping string) {
	t.Helper()
	var m claims.Mapping
	if err := m.UnmarshalText([]byte(mapping)); err != nil {
		t.Fatal(err)
	}
	f.Domain = f.NewDomain(t, domain.Options{Claims: m})
	f.parts = partsOf(f.Domain)
}

// customClaims returns the claims of an access token that Usher does not set itself.
func customClaims(t *testing.T, bearer string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(bearer, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	members, err := jsonobject.Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, own := range []string{"iss", "aud", "sub", "sid", "client_id", "iat", "exp", "jti", "auth_time", "acr", "amr", "roles"} {
		if _, ok := members[own]; !ok {
			t.Errorf("the token has no %s", own)
		}
		delete(members, own)
	}
	return members
}

// TestClaims reads the custom claims of every access token of a user, and those of introspection.
func TestClaims(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.withClaims(t, "https://acme.example/plan=appMetadata.plan,role_names=roles,permissions=permissions,"+
			"preferred_username=username,email=email,name=fullName,locale=metadata.locale,seats=appMetadata.limits.seats")
		root := f.admin(t, "root")
		if diff := cmp.Diff(map[string]any{
			"role_names": []any{"USER", "ADMIN"}, "permissions": []any{"audit:read"}, "preferred_username": "root",
		}, customClaims(t, root.AccessToken)); diff != "" {
			t.Errorf("an administrator (-want +got):\n%s", diff)
		}
		want := map[string]any{"role_names": []any{"USER"}, "permissions": []any{}, "preferred_username": "ada", "name": "Ada", "locale": "en"}
		check := func(name, bearer string) {
			t.Helper()
			if diff := cmp.Diff(want, customClaims(t, bearer)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if bearer := f.As(t, bearer); name != "for another API" {
				if _, err := f.Me(bearer); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		ada, err := f.Signup(t.Context(), signin.SignupInput{
			Username: new("ada"), FullName: new("Ada"), Password: authtest.Password, Metadata: new(jsonobject.Object(`{"locale":"en"}`)),
		})
		if err != nil {
			t.Fatal(err)
		}
		check("signup", ada.AccessToken)
		if _, err := f.UpdateUser(f.As(t, root.AccessToken), admin.UpdateUserInput{
			UserID: ada.User.ID, AppMetadata: new(jsonobject.Object(`{"plan":"pro","limits":{"seats":9007199254740993}}`)),
		}); err != nil {
			t.Fatal(err)
		}
		want["https://acme.example/plan"], want["seats"] = "pro", json.Number("9007199254740993")
		check("login", f.login(t, "ada").AccessToken)
		again, err := f.Reauthenticate(f.As(t, ada.AccessToken), signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))})
		if err != nil {
			t.Fatal(err)
		}
		check("reauthenticate", again.AccessToken)
		if _, err := f.UpdateMe(f.As(t, ada.AccessToken), accounts.UpdateMeInput{Metadata: new(jsonobject.Object(`{"locale":null}`))}); err != nil {
			t.Fatal(err)
		}
		delete(want, "locale")
		forAPI := f.refreshFor(t, ada, api)
		check("for another API", forAPI.AccessToken)

		client, _ := f.registerFor(t, "books", new(api))
		if _, err := f.UpdateMe(f.As(t, ada.AccessToken), accounts.UpdateMeInput{Metadata: new(jsonobject.Object(`{"locale":"fr"}`))}); err != nil {
			t.Fatal(err)
		}
		in, err := f.Introspect(t.Context(), client, forAPI.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		if string(in.Custom["locale"]) != `"fr"` || string(in.Custom["https://acme.example/plan"]) != `"pro"` || len(in.Custom) != len(want)+1 {
			t.Errorf("introspection: %s", in.Custom)
		}
	})
}

// TestClaimsTooLarge checks that a user who writes too much loses only the claims that users choose, and that the log
// says so without the values.
func TestClaimsTooLarge(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.withClaims(t, "bio=metadata.bio,suspended=appMetadata.suspended")
		root, ada := f.admin(t, "root"), f.signup(t, "ada")
		for name, in := range map[string]admin.UpdateUserInput{
			"bio":       {Metadata: new(jsonobject.Object(`{"bio":"` + strings.Repeat("x", claims.MaxSize) + `"}`))},
			"suspended": {AppMetadata: new(jsonobject.Object(`{"suspended":true}`))},
		} {
			in.UserID = ada.User.ID
			if _, err := f.UpdateUser(f.As(t, root.AccessToken), in); err != nil {
				t.Fatal(name, err)
			}
		}
		f.Log.Take()
		if diff := cmp.Diff(map[string]any{"suspended": true}, customClaims(t, f.login(t, "ada").AccessToken)); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
		log := f.Log.Take()
		if !strings.Contains(log, "custom claims are larger than 2 KiB") || !strings.Contains(log, ada.User.ID.String()) ||
			!strings.Contains(log, "omitted=[bio]") || strings.Contains(log, "xxx") {
			t.Errorf("log: %s", log)
		}
	})
}

// TestPermissionsOfRoles checks the claim for roles that share permissions.
func TestPermissionsOfRoles(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.withClaims(t, "permissions=permissions")
		for _, roles := range [][]auth.Role{{auth.RoleAdmin}, auth.Roles} {
			name := "admin" + strings.ToLower(string(roles[0]))
			if _, err := f.CreateUser(t.Context(), accounts.Input{Username: &name, Password: authtest.Password}, roles); err != nil {
				t.Fatal(err)
			}
			if got := customClaims(t, f.login(t, name).AccessToken)["permissions"]; !cmp.Equal(got, []any{"audit:read"}) {
				t.Errorf("%v: %v", roles, got)
			}
		}
	})
}
