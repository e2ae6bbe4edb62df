package auth_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/clients"
)

// introspected fails the test unless a client learns exactly this about a token.
func (f *fixture) introspected(t *testing.T, name string, by *auth.Client, token string, want *clients.Introspection) {
	t.Helper()
	got, err := f.Introspect(t.Context(), by, token)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if got != nil {
		if got.ID == "" {
			t.Errorf("%s: no jti", name)
		}
		got.ID = ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestIntrospect has every client introspect every token.
func TestIntrospect(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		asking := map[string]*auth.Client{}
		for name, resource := range map[string]*string{
			"plain": nil, "books": new(api), "books too": new(api), "reports": new(otherAPI),
			"itself": new(issuer), "longer": new(api + "/"),
		} {
			asking[name], _ = f.registerFor(t, name, resource)
		}
		first := f.signup(t, "ada")
		p := f.refreshFor(t, first, api)
		issuedAt := f.Clock.Now().Truncate(time.Second)
		answer := func(client, subject string, user *auth.User, audience string) *clients.Introspection {
			return &clients.Introspection{
				ClientID: client, Subject: subject, User: user, Issuer: issuer, Audience: audience,
				IssuedAt: issuedAt, ExpiresAt: issuedAt.Add(15 * time.Minute),
			}
		}
		forUser := answer("usher", p.User.ID.String(), p.User, api)
		forUser.Assurance, forUser.Methods, forUser.AuthTime = auth.AAL1, []string{"pwd"}, issuedAt
		own := func(name, audience string) *clients.Introspection {
			id := asking[name].ID.String()
			return answer(id, id, nil, audience)
		}
		tests := map[string]struct {
			token string
			want  map[string]*clients.Introspection // by client; all others learn nothing
		}{
			"user, for the API":    {p.AccessToken, map[string]*clients.Introspection{"books": forUser, "books too": forUser}},
			"user, for Usher":      {first.AccessToken, nil},
			"refresh token":        {*p.RefreshToken, nil},
			"used refresh token":   {*first.RefreshToken, nil},
			"client, for Usher":    {f.clientToken(t, asking["plain"]), map[string]*clients.Introspection{"plain": own("plain", issuer)}},
			"service, for Usher":   {f.clientToken(t, asking["books"]), map[string]*clients.Introspection{"books": own("books", issuer)}},
			"itself, for Usher":    {f.clientToken(t, asking["itself"]), map[string]*clients.Introspection{"itself": own("itself", issuer)}},
			"client, for the API":  {f.clientTokenFor(t, asking["plain"], new(api)), map[string]*clients.Introspection{"plain": own("plain", api), "books": own("plain", api), "books too": own("plain", api)}},
			"service, for another": {f.clientTokenFor(t, asking["books"], new(otherAPI)), map[string]*clients.Introspection{"books": own("books", otherAPI), "reports": own("books", otherAPI)}},
			"no session":           {must(f.signTo(api, p.User.ID, uuid.New())), nil},
			"another's session":    {must(f.signTo(api, uuid.New(), p.Session.ID)), nil},
			"garbage":              {"garbage", nil},
			"empty":                {"", nil},
		}
		for name, tt := range tests {
			for asking, by := range asking {
				f.introspected(t, asking+" about "+name, by, tt.token, tt.want[asking])
			}
		}
	})
}

func must(token string, err error) string {
	if err != nil {
		panic(err)
	}
	return token
}

// TestIntrospectEnded introspects tokens that are no longer valid.
func TestIntrospectEnded(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		client, _ := f.registerFor(t, "Books", new(api))
		p := f.refreshFor(t, f.signup(t, "ada"), api)
		live := func(token string) bool {
			t.Helper()
			in, err := f.Introspect(t.Context(), client, token)
			if err != nil {
				t.Fatal(err)
			}
			return in != nil
		}
		if !live(p.AccessToken) {
			t.Fatal("a valid token is not active")
		}
		disable(t, f, p)
		if live(p.AccessToken) {
			t.Error("an access token of a disabled user is active")
		}
		enable(t, f, p)
		if !live(p.AccessToken) {
			t.Error("an access token of an enabled user is not active")
		}
		if err := f.RevokeToken(t.Context(), nil, *p.RefreshToken); err != nil {
			t.Fatal(err)
		}
		if live(p.AccessToken) {
			t.Error("an access token of an ended session is active")
		}

		other, _ := f.register(t, "Shop")
		issued := f.clientTokenFor(t, other, new(api))
		if !live(issued) {
			t.Error("a valid client token is not active")
		}
		if err := f.Store.DeleteClient(t.Context(), other.ID); err != nil {
			t.Fatal(err)
		}
		if live(issued) {
			t.Error("the token of a deleted client is active")
		}
		issued = f.clientToken(t, client)
		f.Clock.Advance(16 * time.Minute)
		if live(issued) {
			t.Error("an expired client token is active")
		}
	})
}

// TestIntrospectFactors introspects the token of a sign-in with two factors, before and after the second one is removed.
func TestIntrospectFactors(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		client, _ := f.registerFor(t, "Books", new(api))
		a := f.setUpTOTP(t, f.signup(t, "ada").AccessToken)
		f.Clock.Advance(time.Minute)
		p, err := f.CompleteLogin(t.Context(), signin.CompleteLoginInput{Challenge: f.begin(t), Totp: new(a.code(f))})
		if err != nil {
			t.Fatal(err)
		}
		signedIn := f.Clock.Now().Truncate(time.Second)
		f.Clock.Advance(time.Minute)
		forAPI := f.refreshFor(t, p, api).AccessToken
		wantAuthentication := func(when string, level auth.Assurance, methods ...string) {
			t.Helper()
			in, err := f.Introspect(t.Context(), client, forAPI)
			if err != nil || in == nil {
				t.Fatalf("%s: %v, %v", when, in, err)
			}
			if in.Assurance != level || !slices.Equal(in.Methods, methods) || !in.AuthTime.Equal(signedIn) {
				t.Errorf("%s: %s, %v at %v, want %s, %v at %v", when, in.Assurance, in.Methods, in.AuthTime, level, methods, signedIn)
			}
		}
		wantAuthentication("with the factor", auth.AAL2, "pwd", "otp", "mfa")
		if _, err := f.Domain.Factors.RemoveTotp(f.As(t, p.AccessToken)); err != nil {
			t.Fatal(err)
		}
		wantAuthentication("without the factor", auth.AAL1, "pwd")
	})
}
