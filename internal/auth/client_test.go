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
	"usher/internal/auth/authtest"
	"usher/internal/auth/clients"
)

// register creates a client that serves no API and returns it with its secret.
func (f *fixture) register(t *testing.T, name string) (*auth.Client, string) {
	t.Helper()
	return f.registerFor(t, name, nil)
}

func (f *fixture) registerFor(t *testing.T, name string, resource *string) (*auth.Client, string) {
	t.Helper()
	c, secret, err := f.CreateClient(t.Context(), name, resource)
	if err != nil {
		t.Fatalf("CreateClient: %v", err)
	}
	return c, secret
}

func (f *fixture) clientToken(t *testing.T, c *auth.Client) string {
	t.Helper()
	return f.clientTokenFor(t, c, nil)
}

func (f *fixture) clientTokenFor(t *testing.T, c *auth.Client, resource *string) string {
	t.Helper()
	issued, err := f.Token(c, resource)
	if err != nil {
		t.Fatalf("ClientToken: %v", err)
	}
	return issued.AccessToken
}

func TestCreateClient(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		for _, name := range []string{"", "  ", "a\nb", "\xff", strings.Repeat("a", 201)} {
			if _, _, err := f.CreateClient(t.Context(), name, nil); authtest.Code(err) != "BAD_USER_INPUT name=INVALID_FORMAT" {
				t.Errorf("CreateClient(%q): %q", name, authtest.Code(err))
			}
		}
		books, secret := f.register(t, "Books")
		f.Clock.Advance(time.Millisecond)
		shop, other := f.registerFor(t, "Books", new(api)) // names need not be unique
		stored, err := f.Store.Clients(t.Context(), auth.Page[uuid.UUID]{Limit: 10})
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
	eachDatabase(t, func(t *testing.T, f *fixture) {
		books, secret := f.register(t, "Books")
		_, other := f.register(t, "Shop")
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
				c, err := f.Authenticate(t.Context(), tt.id, tt.secret)
				if authtest.Code(err) != tt.want {
					t.Fatalf("AuthenticateClient: %q, want %q", authtest.Code(err), tt.want)
				}
				if err == nil && c.ID != books.ID {
					t.Errorf("the client is %s, want %s", c.ID, books.ID)
				}
			})
		}
		if err := f.Store.DeleteClient(t.Context(), books.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Authenticate(t.Context(), id, secret); authtest.Code(err) != refused {
			t.Errorf("after it was deleted: %q", authtest.Code(err))
		}
	})
}

// TestClientTokenIsNobody checks that guards refuse the tokens of clients.
func TestClientTokenIsNobody(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		c, _ := f.register(t, "Books")
		ctx := f.As(t, f.clientToken(t, c))
		const want = "UNAUTHENTICATED TOKEN_INVALID"
		if _, err := f.Me(ctx); authtest.Code(err) != want {
			t.Errorf("Me: %q, want %q", authtest.Code(err), want)
		}
		for _, check := range []auth.Check{auth.CheckSession, auth.CheckToken} {
			if err := f.Authorize(ctx, &auth.Rule{Requires: auth.Roles, Check: check}, nil); authtest.Code(err) != want {
				t.Errorf("Authorize by %s: %q, want %q", check, authtest.Code(err), want)
			}
		}
	})
}

func TestRevokeToken(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		client, _ := f.register(t, "Books")
		another, _ := f.register(t, "Shop")
		tests := map[string]struct {
			by    *auth.Client
			token func(p *signin.AuthPayload) string
			want  error
			ends  bool
		}{
			"refresh token": {nil, func(p *signin.AuthPayload) string { return *p.RefreshToken }, nil, true},
			"access token":  {nil, func(p *signin.AuthPayload) string { return p.AccessToken }, nil, true},
			"for an API": {nil, func(p *signin.AuthPayload) string {
				forAPI, err := f.signTo(api, p.User.ID, p.Session.ID)
				if err != nil {
					t.Fatal(err)
				}
				return forAPI
			}, nil, true},
			"of a client":    {nil, func(*signin.AuthPayload) string { return f.clientToken(t, client) }, clients.ErrForeignToken, false},
			"by its client":  {client, func(*signin.AuthPayload) string { return f.clientToken(t, client) }, clients.ErrTokenNotRevocable, false},
			"by another":     {another, func(*signin.AuthPayload) string { return f.clientToken(t, client) }, clients.ErrForeignToken, false},
			"client, access": {client, func(p *signin.AuthPayload) string { return p.AccessToken }, clients.ErrForeignToken, false},
			"client, refresh": {
				client, func(p *signin.AuthPayload) string { return *p.RefreshToken }, clients.ErrForeignToken, false,
			},
			"garbage": {nil, func(*signin.AuthPayload) string { return "garbage" }, nil, false},
			"forged":  {nil, func(p *signin.AuthPayload) string { return (*p.RefreshToken)[:40] + "AAAA" + (*p.RefreshToken)[44:] }, nil, false},
			"user of another session": {nil, func(p *signin.AuthPayload) string {
				return f.sign(t, uuid.New(), p.Session.ID)
			}, nil, false},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				p := f.signup(t, "u"+uuid.NewString()[:8])
				if err := f.RevokeToken(t.Context(), tt.by, tt.token(p)); !errors.Is(err, tt.want) {
					t.Fatalf("RevokeToken: %v, want %v", err, tt.want)
				}
				want := ""
				if tt.ends {
					want = "UNAUTHENTICATED SESSION_ENDED"
				}
				if _, err := f.Me(f.As(t, p.AccessToken)); authtest.Code(err) != want {
					t.Errorf("Me: %q, want %q", authtest.Code(err), want)
				}
				if _, err := f.Refresh(t.Context(), signin.RefreshInput{RefreshToken: p.RefreshToken}); authtest.Code(err) != want {
					t.Errorf("Refresh: %q, want %q", authtest.Code(err), want)
				}
				if tt.ends {
					if err := f.RevokeToken(t.Context(), tt.by, tt.token(p)); err != nil {
						t.Errorf("RevokeToken once more: %v", err)
					}
				}
			})
		}
	})
}

// TestRevokeUsedRefreshToken signs out with a used refresh token, as a client does that lost the answer to a refresh.
func TestRevokeUsedRefreshToken(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		first := f.signup(t, "ada")
		second, err := f.Refresh(t.Context(), signin.RefreshInput{RefreshToken: first.RefreshToken})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.RevokeToken(t.Context(), nil, *first.RefreshToken); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Me(f.As(t, second.AccessToken)); authtest.Code(err) != "UNAUTHENTICATED SESSION_ENDED" {
			t.Errorf("Me: %q", authtest.Code(err))
		}
	})
}

// enable enables an account that disable has disabled. All its sessions are valid again.
func enable(t *testing.T, f *fixture, p *signin.AuthPayload) {
	t.Helper()
	if err := f.Store.SetDisabled(t.Context(), p.User.ID, nil, f.Clock.Now()); err != nil {
		t.Fatal(err)
	}
}

// TestRevokeTokenOfDisabled revokes a session while its account is disabled. It stays ended when the account is enabled.
func TestRevokeTokenOfDisabled(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		for name, token := range map[string]func(p *signin.AuthPayload) string{
			"ada": func(p *signin.AuthPayload) string { return *p.RefreshToken },
			"bob": func(p *signin.AuthPayload) string { return p.AccessToken },
		} {
			p := f.signup(t, name)
			disable(t, f, p)
			if err := f.RevokeToken(t.Context(), nil, token(p)); err != nil {
				t.Fatal(err)
			}
			enable(t, f, p)
			if _, err := f.Me(f.As(t, p.AccessToken)); authtest.Code(err) != "UNAUTHENTICATED SESSION_ENDED" {
				t.Errorf("Me of %s: %q", name, authtest.Code(err))
			}
		}
	})
}

// TestRevokeTokenFailure checks that a lost database is not reported as an invalid token.
func TestRevokeTokenFailure(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		p := f.signup(t, "ada")
		books, _ := f.registerFor(t, "Books", new(api))
		forAPI := f.refreshFor(t, p, api).AccessToken
		f.Store.Before("Viewer", func(context.Context) error { return auth.ErrUnavailable })
		if err := f.RevokeToken(t.Context(), nil, p.AccessToken); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("RevokeToken: %v, want ErrUnavailable", err)
		}
		if _, err := f.Introspect(t.Context(), books, forAPI); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("Introspect: %v, want ErrUnavailable", err)
		}
	})
}
