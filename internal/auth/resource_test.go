package auth_test

import (
	"errors"
	"testing"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/sessions"
	"usher/internal/password"
)

// refreshFor refreshes for a resource.
func (f *fixture) refreshFor(t *testing.T, p *signin.AuthPayload, resource string) *signin.AuthPayload {
	t.Helper()
	renewed, err := f.Refresh(t.Context(), signin.RefreshInput{RefreshToken: p.RefreshToken, Resource: &resource})
	if err != nil {
		t.Fatalf("Refresh for %s: %v", resource, err)
	}
	return renewed
}

// audience is the aud of a token.
func (f *fixture) audience(t *testing.T, token string) string {
	t.Helper()
	if claims, err := f.Tokens.VerifyClient(token); err == nil {
		return claims.Audience
	}
	claims, err := f.Tokens.VerifyAny(token)
	if err != nil {
		t.Fatal(err)
	}
	return claims.Audience
}

// TestOwnAudience checks that every access token is for Usher's own API, unless another resource is requested.
func TestOwnAudience(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		client, _ := f.registerFor(t, "Books", new(api))
		signedUp := f.signup(t, "ada")
		refreshed, err := f.Refresh(t.Context(), signin.RefreshInput{RefreshToken: signedUp.RefreshToken})
		if err != nil {
			t.Fatal(err)
		}
		proved, err := f.Reauthenticate(f.As(t, signedUp.AccessToken), signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))})
		if err != nil {
			t.Fatal(err)
		}
		for name, token := range map[string]string{
			"signup": signedUp.AccessToken, "login": f.login(t, "ada").AccessToken, "refresh": refreshed.AccessToken,
			"reauthenticate": proved.AccessToken, "client": f.clientToken(t, client),
			"refresh for the issuer": f.refreshFor(t, f.login(t, "ada"), issuer).AccessToken,
		} {
			if got := f.audience(t, token); got != issuer {
				t.Errorf("%s: the audience is %s", name, got)
			}
		}
	})
}

// TestForeignAudience presents tokens for another API. They have a valid signature and a valid session, and are refused.
func TestForeignAudience(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		client, _ := f.register(t, "Books")
		p := f.admin(t, "root")
		login, err := f.sessions.Login(t.Context(), sessions.LoginInput{Identifier: "root", Password: authtest.Password, Resource: new(otherAPI)})
		if err != nil {
			t.Fatal(err)
		}
		const want = "UNAUTHENTICATED TOKEN_INVALID"
		for resource, token := range map[string]string{
			api:                  f.refreshFor(t, p, api).AccessToken,
			otherAPI:             login.AccessToken,
			api + " of a client": f.clientTokenFor(t, client, new(api)),
		} {
			if got := f.audience(t, token); got == issuer {
				t.Errorf("%s: the audience is %s", resource, got)
			}
			for range 2 { // a verified token would be cached the second time
				ctx := f.As(t, token)
				if _, err := f.Me(ctx); authtest.Code(err) != want {
					t.Errorf("%s: Me: %q, want %q", resource, authtest.Code(err), want)
				}
				for _, check := range []auth.Check{auth.CheckSession, auth.CheckToken} {
					if err := f.Authorize(ctx, &auth.Rule{Requires: auth.Roles, Check: check}, nil); authtest.Code(err) != want {
						t.Errorf("%s: Authorize by %s: %q, want %q", resource, check, authtest.Code(err), want)
					}
				}
			}
		}
		if _, err := f.Me(f.As(t, p.AccessToken)); err != nil {
			t.Errorf("Me with a token for Usher: %v", err)
		}
	})
}

// TestTokenFromBefore presents a token of an older release, which had one audience for everything. The client gets
// UNAUTHENTICATED, and can refresh.
func TestTokenFromBefore(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		p := f.signup(t, "ada")
		old := must(f.signTo(api, p.User.ID, p.Session.ID))
		if _, err := f.Me(f.As(t, old)); authtest.Code(err) != "UNAUTHENTICATED TOKEN_INVALID" {
			t.Errorf("Me: %q", authtest.Code(err))
		}
		ctx := f.As(t, old) // refresh works with any bearer token
		renewed, err := f.Refresh(ctx, signin.RefreshInput{RefreshToken: p.RefreshToken})
		if err != nil {
			t.Fatal(err)
		}
		if me, err := f.Me(f.As(t, renewed.AccessToken)); err != nil || me.ID != p.User.ID {
			t.Errorf("Me after a refresh: %v", err)
		}
	})
}

// TestUnknownResource requests tokens for resources that the server does not issue tokens for. Nothing is used up.
func TestUnknownResource(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		client, _ := f.registerFor(t, "Books", new("https://unlisted.example.com"))
		p := f.signup(t, "ada")
		f.NewEvents(t)
		const want = "BAD_USER_INPUT resource=NOT_FOUND"
		for _, resource := range []string{
			"", " ", "https://unlisted.example.com", api + "/", api + " ", api + "," + otherAPI, "HTTPS://API.EXAMPLE.COM", "\x00", "\xff",
		} {
			in := signin.RefreshInput{RefreshToken: p.RefreshToken, Resource: &resource}
			if _, err := f.Refresh(t.Context(), in); authtest.Code(err) != want || !errors.Is(err, sessions.ErrUnknownResource) {
				t.Errorf("Refresh for %q: %q, want %q", resource, authtest.Code(err), want)
			}
			if _, err := f.sessions.Login(t.Context(), sessions.LoginInput{Identifier: "ada", Password: "wrong", Resource: &resource}); authtest.Code(err) != want {
				t.Errorf("Login for %q: %q, want %q", resource, authtest.Code(err), want)
			}
			if _, err := f.Token(client, &resource); authtest.Code(err) != want {
				t.Errorf("ClientToken for %q: %q, want %q", resource, authtest.Code(err), want)
			}
		}
		f.WantEvents(t)
		// The refresh token is still valid and unused.
		f.Clock.Advance(1)
		state, err := f.Store.RefreshState(t.Context(), p.Session.ID)
		if err != nil || state.Generation != 0 {
			t.Errorf("the refresh token was used up: %v, %v", state, err)
		}
		f.refreshFor(t, p, api)
	})
}
