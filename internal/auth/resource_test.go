package auth_test

import (
	"errors"
	"testing"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/sessions"
)

// refreshFor refreshes for a resource.
func (w *world) refreshFor(t *testing.T, p *signin.AuthPayload, resource string) *signin.AuthPayload {
	t.Helper()
	renewed, err := w.Refresh(t.Context(), signin.RefreshInput{RefreshToken: p.RefreshToken, Resource: &resource})
	if err != nil {
		t.Fatalf("Refresh for %s: %v", resource, err)
	}
	return renewed
}

// audience is the aud of a token.
func (w *world) audience(t *testing.T, token string) string {
	t.Helper()
	if claims, err := w.tokens.VerifyClient(token); err == nil {
		return claims.Audience
	}
	claims, err := w.tokens.VerifyAny(token)
	if err != nil {
		t.Fatal(err)
	}
	return claims.Audience
}

// TestOwnAudience has every way to an access token give one for Usher's own API, if nothing else is
// asked for.
func TestOwnAudience(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		client, _ := w.registerFor(t, "Books", new(api))
		signedUp := w.signup(t, "ada")
		refreshed, err := w.Refresh(t.Context(), signin.RefreshInput{RefreshToken: signedUp.RefreshToken})
		if err != nil {
			t.Fatal(err)
		}
		proved, err := w.Reauthenticate(w.as(t, signedUp.AccessToken), signin.ReauthenticateInput{Password: goodPassword})
		if err != nil {
			t.Fatal(err)
		}
		for name, token := range map[string]string{
			"signup": signedUp.AccessToken, "login": w.login(t, "ada").AccessToken, "refresh": refreshed.AccessToken,
			"reauthenticate": proved.AccessToken, "client": w.clientToken(t, client),
			"refresh for the issuer": w.refreshFor(t, w.login(t, "ada"), issuer).AccessToken,
		} {
			if got := w.audience(t, token); got != issuer {
				t.Errorf("%s: the audience is %s", name, got)
			}
		}
	})
}

// TestForeignAudience presents tokens for another API. They are signed as Usher's own are, name a live
// session, and admit nobody.
func TestForeignAudience(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		client, _ := w.register(t, "Books")
		p := w.admin(t, "root")
		login, err := w.sessions.Login(t.Context(), sessions.LoginInput{Identifier: "root", Password: goodPassword, Resource: new(otherAPI)})
		if err != nil {
			t.Fatal(err)
		}
		const want = "UNAUTHENTICATED TOKEN_INVALID"
		for resource, token := range map[string]string{
			api:                  w.refreshFor(t, p, api).AccessToken,
			otherAPI:             login.AccessToken,
			api + " of a client": w.clientTokenFor(t, client, new(api)),
		} {
			if got := w.audience(t, token); got == issuer {
				t.Errorf("%s: the audience is %s", resource, got)
			}
			for range 2 { // the second time, a good token would be remembered
				ctx := w.as(t, token)
				if _, err := w.Me(ctx); kind(err) != want {
					t.Errorf("%s: Me: %q, want %q", resource, kind(err), want)
				}
				for _, check := range []auth.Check{auth.CheckSession, auth.CheckToken} {
					if err := w.Authorize(ctx, &auth.Rule{Requires: auth.Roles, Check: check}, nil); kind(err) != want {
						t.Errorf("%s: Authorize by %s: %q, want %q", resource, check, kind(err), want)
					}
				}
			}
		}
		if _, err := w.Me(w.as(t, p.AccessToken)); err != nil {
			t.Errorf("Me with a token for Usher: %v", err)
		}
	})
}

// TestTokenFromBefore presents a token as a server with one audience for everything made it. Its
// client gets UNAUTHENTICATED, and a refresh helps.
func TestTokenFromBefore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		p := w.signup(t, "ada")
		old := must(w.signTo(api, p.User.ID, p.Session.ID))
		if _, err := w.Me(w.as(t, old)); kind(err) != "UNAUTHENTICATED TOKEN_INVALID" {
			t.Errorf("Me: %q", kind(err))
		}
		ctx := w.as(t, old) // refresh is for everyone, whatever token the request bears
		renewed, err := w.Refresh(ctx, signin.RefreshInput{RefreshToken: p.RefreshToken})
		if err != nil {
			t.Fatal(err)
		}
		if me, err := w.Me(w.as(t, renewed.AccessToken)); err != nil || me.ID != p.User.ID {
			t.Errorf("Me after a refresh: %v", err)
		}
	})
}

// TestUnknownResource asks for tokens for what no tokens are issued for. Nothing is used up by that.
func TestUnknownResource(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		client, _ := w.registerFor(t, "Books", new("https://unlisted.example.com"))
		p := w.signup(t, "ada")
		b := &browser{token: *w.signup(t, "eve").RefreshToken}
		cookie := b.token
		w.newEvents(t)
		const want = "BAD_USER_INPUT resource=NOT_FOUND"
		for _, resource := range []string{
			"", " ", "https://unlisted.example.com", api + "/", api + " ", api + "," + otherAPI, "HTTPS://API.EXAMPLE.COM", "\x00", "\xff",
		} {
			in := signin.RefreshInput{RefreshToken: p.RefreshToken, Resource: &resource}
			if _, err := w.Refresh(t.Context(), in); kind(err) != want || !errors.Is(err, sessions.ErrUnknownResource) {
				t.Errorf("Refresh for %q: %q, want %q", resource, kind(err), want)
			}
			if _, err := w.Refresh(b.context(t, w, ""), signin.RefreshInput{Session: signin.TransportCookie, Resource: &resource}); kind(err) != want || b.token != cookie {
				t.Errorf("Refresh by cookie for %q: %q, want %q", resource, kind(err), want)
			}
			if _, err := w.sessions.Login(t.Context(), sessions.LoginInput{Identifier: "ada", Password: "wrong", Resource: &resource}); kind(err) != want {
				t.Errorf("Login for %q: %q, want %q", resource, kind(err), want)
			}
			if _, err := w.Token(client, &resource); kind(err) != want {
				t.Errorf("ClientToken for %q: %q, want %q", resource, kind(err), want)
			}
		}
		w.wantEvents(t)
		// The token is still good, and no successor of it was used.
		w.clock.Advance(1)
		state, err := w.store.RefreshState(t.Context(), p.Session.ID)
		if err != nil || state.Generation != 0 {
			t.Errorf("the refresh token was used up: %v, %v", state, err)
		}
		w.refreshFor(t, p, api)
	})
}
