package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/clients"
)

// register makes a client that serves no API and returns it with its secret.
func (w *world) register(t *testing.T, name string) (*auth.Client, string) {
	t.Helper()
	return w.registerFor(t, name, nil)
}

func (w *world) registerFor(t *testing.T, name string, resource *string) (*auth.Client, string) {
	t.Helper()
	c, secret, err := w.CreateClient(t.Context(), name, resource)
	if err != nil {
		t.Fatalf("CreateClient: %v", err)
	}
	return c, secret
}

func (w *world) clientToken(t *testing.T, c *auth.Client) string {
	t.Helper()
	return w.clientTokenFor(t, c, nil)
}

func (w *world) clientTokenFor(t *testing.T, c *auth.Client, resource *string) string {
	t.Helper()
	issued, err := w.Token(c, resource)
	if err != nil {
		t.Fatalf("ClientToken: %v", err)
	}
	return issued.AccessToken
}

func TestCreateClient(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for _, name := range []string{"", "  ", "a\nb", "\xff", strings.Repeat("a", 201)} {
			if _, _, err := w.CreateClient(t.Context(), name, nil); kind(err) != "BAD_USER_INPUT name=INVALID_FORMAT" {
				t.Errorf("CreateClient(%q): %q", name, kind(err))
			}
		}
		books, secret := w.register(t, "Books")
		w.clock.Advance(time.Millisecond)
		shop, other := w.registerFor(t, "Books", new(api)) // a name is only for people
		stored, err := w.store.Clients(t.Context(), uuid.Nil, 10)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]auth.Client{*books, *shop}, stored); diff != "" {
			t.Errorf("clients (-want +got):\n%s", diff)
		}
		if strings.Contains(string(stored[0].SecretDigest), secret) || len(secret) < 40 || secret == other {
			t.Error("secrets are stored, short, or the same")
		}
	})
}

func TestAuthenticateClient(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		books, secret := w.register(t, "Books")
		_, other := w.register(t, "Shop")
		id := books.ID.String()
		const refused = "INVALID_CREDENTIALS"
		for name, tt := range map[string]struct{ id, secret, want string }{
			"right":             {id, secret, ""},
			"no secret":         {id, "", refused},
			"secret of another": {id, other, refused},
			"part of it":        {id, secret[:len(secret)-1], refused},
			"digest of it":      {id, string(books.SecretDigest), refused},
			"unknown client":    {uuid.NewString(), secret, refused},
			"first party":       {auth.FirstPartyClientID, secret, refused},
			"no client":         {"", secret, refused},
			"other spelling":    {strings.ToUpper(id), secret, refused},
			"urn":               {"urn:uuid:" + id, secret, refused},
			"NUL":               {"\x00", secret, refused},
		} {
			t.Run(name, func(t *testing.T) {
				c, err := w.Authenticate(t.Context(), tt.id, tt.secret)
				if kind(err) != tt.want {
					t.Fatalf("AuthenticateClient: %q, want %q", kind(err), tt.want)
				}
				if err == nil && c.ID != books.ID {
					t.Errorf("the client is %s, want %s", c.ID, books.ID)
				}
			})
		}
		if err := w.store.DeleteClient(t.Context(), books.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Authenticate(t.Context(), id, secret); kind(err) != refused {
			t.Errorf("after it was deleted: %q", kind(err))
		}
	})
}

// TestClientTokenIsNobody checks that no guard takes a client for a user.
func TestClientTokenIsNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		c, _ := w.register(t, "Books")
		ctx := w.as(t, w.clientToken(t, c))
		const want = "UNAUTHENTICATED TOKEN_INVALID"
		if _, err := w.Me(ctx); kind(err) != want {
			t.Errorf("Me: %q, want %q", kind(err), want)
		}
		for _, check := range []auth.Check{auth.CheckSession, auth.CheckToken} {
			if err := w.Authorize(ctx, &auth.Rule{Requires: auth.Roles, Check: check}, nil); kind(err) != want {
				t.Errorf("Authorize by %s: %q, want %q", check, kind(err), want)
			}
		}
	})
}

func TestRevokeToken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		client, _ := w.register(t, "Books")
		another, _ := w.register(t, "Shop")
		tests := map[string]struct {
			by    *auth.Client
			token func(p *signin.AuthPayload) string
			want  error
			ends  bool
		}{
			"refresh token": {nil, func(p *signin.AuthPayload) string { return *p.RefreshToken }, nil, true},
			"access token":  {nil, func(p *signin.AuthPayload) string { return p.AccessToken }, nil, true},
			"for an API": {nil, func(p *signin.AuthPayload) string {
				forAPI, err := w.signTo(api, p.User.ID, p.Session.ID)
				if err != nil {
					t.Fatal(err)
				}
				return forAPI
			}, nil, true},
			"of a client":    {nil, func(*signin.AuthPayload) string { return w.clientToken(t, client) }, clients.ErrForeignToken, false},
			"by its client":  {client, func(*signin.AuthPayload) string { return w.clientToken(t, client) }, clients.ErrTokenNotRevocable, false},
			"by another":     {another, func(*signin.AuthPayload) string { return w.clientToken(t, client) }, clients.ErrForeignToken, false},
			"client, access": {client, func(p *signin.AuthPayload) string { return p.AccessToken }, clients.ErrForeignToken, false},
			"client, refresh": {
				client, func(p *signin.AuthPayload) string { return *p.RefreshToken }, clients.ErrForeignToken, false,
			},
			"garbage": {nil, func(*signin.AuthPayload) string { return "garbage" }, nil, false},
			"forged":  {nil, func(p *signin.AuthPayload) string { return (*p.RefreshToken)[:40] + "AAAA" + (*p.RefreshToken)[44:] }, nil, false},
			"user of another session": {nil, func(p *signin.AuthPayload) string {
				return w.sign(t, uuid.New(), p.Session.ID)
			}, nil, false},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				p := w.signup(t, "u"+uuid.NewString()[:8])
				if err := w.RevokeToken(t.Context(), tt.by, tt.token(p)); !errors.Is(err, tt.want) {
					t.Fatalf("RevokeToken: %v, want %v", err, tt.want)
				}
				want := ""
				if tt.ends {
					want = "UNAUTHENTICATED SESSION_ENDED"
				}
				if _, err := w.Me(w.as(t, p.AccessToken)); kind(err) != want {
					t.Errorf("Me: %q, want %q", kind(err), want)
				}
				if _, err := w.Refresh(t.Context(), signin.RefreshInput{RefreshToken: p.RefreshToken}); kind(err) != want {
					t.Errorf("Refresh: %q, want %q", kind(err), want)
				}
				if tt.ends {
					if err := w.RevokeToken(t.Context(), tt.by, tt.token(p)); err != nil {
						t.Errorf("RevokeToken once more: %v", err)
					}
				}
			})
		}
	})
}

// TestRevokeUsedRefreshToken signs out with the token that a client still has after it lost the
// answer to a refresh.
func TestRevokeUsedRefreshToken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		first := w.signup(t, "ada")
		second, err := w.Refresh(t.Context(), signin.RefreshInput{RefreshToken: first.RefreshToken})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.RevokeToken(t.Context(), nil, *first.RefreshToken); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Me(w.as(t, second.AccessToken)); kind(err) != "UNAUTHENTICATED SESSION_ENDED" {
			t.Errorf("Me: %q", kind(err))
		}
	})
}

// enable opens an account that disable has shut, with all its sessions.
func enable(t *testing.T, w *world, p *signin.AuthPayload) {
	t.Helper()
	if err := w.store.SetDisabled(t.Context(), p.User.ID, nil, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
}

// TestRevokeTokenOfDisabled checks that a session which was revoked while its account was disabled
// is not back with the account.
func TestRevokeTokenOfDisabled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for name, token := range map[string]func(p *signin.AuthPayload) string{
			"ada": func(p *signin.AuthPayload) string { return *p.RefreshToken },
			"bob": func(p *signin.AuthPayload) string { return p.AccessToken },
		} {
			p := w.signup(t, name)
			disable(t, w, p)
			if err := w.RevokeToken(t.Context(), nil, token(p)); err != nil {
				t.Fatal(err)
			}
			enable(t, w, p)
			if _, err := w.Me(w.as(t, p.AccessToken)); kind(err) != "UNAUTHENTICATED SESSION_ENDED" {
				t.Errorf("Me of %s: %q", name, kind(err))
			}
		}
	})
}

// TestRevokeTokenFailure checks that a lost database is never taken for a token that is not there.
func TestRevokeTokenFailure(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		p := w.signup(t, "ada")
		books, _ := w.registerFor(t, "Books", new(api))
		forAPI := w.refreshFor(t, p, api).AccessToken
		w.store.Before("Viewer", func(context.Context) error { return auth.ErrUnavailable })
		if err := w.RevokeToken(t.Context(), nil, p.AccessToken); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("RevokeToken: %v, want ErrUnavailable", err)
		}
		if _, err := w.Introspect(t.Context(), books, forAPI); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("Introspect: %v, want ErrUnavailable", err)
		}
	})
}
