package provider_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/provider"
	"usher/internal/provider/providertest"
)

// TestGitHub signs in with GitHub, which has accounts with numbers and a list of addresses.
func TestGitHub(t *testing.T) {
	t.Parallel()
	many := make([]providertest.GitHubEmail, 60)
	for i := range many {
		many[i] = providertest.GitHubEmail{Email: fmt.Sprintf("ada+%d@example.com", i), Primary: i == 59, Verified: true}
	}
	type emails = []providertest.GitHubEmail
	for name, tt := range map[string]struct {
		emails   emails
		login    string
		user     map[string]any
		server   func(*providertest.Behavior)
		settings func(*provider.Settings)
		email    string
		err      error
		reason   string
	}{
		"primary address":            {email: "ada@example.com"},
		"another login":              {login: "lovelace", email: "ada@example.com"},
		"login of somebody else":     {user: map[string]any{"login": "583232"}, email: "ada@example.com"},
		"primary is not verified":    {emails: emails{{Email: "a@example.com", Primary: true}, {Email: "b@example.com", Verified: true}}},
		"no address":                 {emails: emails{}},
		"address is none":            {emails: emails{{Email: "x", Primary: true, Verified: true}}},
		"public address":             {emails: emails{}, user: map[string]any{"email": "public@example.com"}},
		"second page":                {emails: many, email: "ada+59@example.com"},
		"no scope":                   {settings: func(s *provider.Settings) { s.Scopes = []string{"read:user"} }},
		"id as text":                 {user: map[string]any{"id": "583231"}, err: provider.ErrRefused, reason: "no numeric id"},
		"id 0":                       {user: map[string]any{"id": 0}, err: provider.ErrRefused, reason: "no numeric id"},
		"negative id":                {user: map[string]any{"id": -1}, err: provider.ErrRefused, reason: "no numeric id"},
		"fraction":                   {user: map[string]any{"id": 583231.5}, err: provider.ErrRefused, reason: "no numeric id"},
		"no id":                      {user: map[string]any{"id": nil}, err: provider.ErrRefused, reason: "no numeric id"},
		"bad code, status 200":       {server: answers("code", "unknown"), err: provider.ErrRefused, reason: "answers bad_verification_code"},
		"API is down":                {server: providertest.Status(providertest.GitHubUser, 502), err: provider.ErrUnavailable, reason: "status 502"},
		"list is down":               {server: providertest.Status(providertest.GitHubEmails, 503), err: provider.ErrUnavailable, reason: "status 503"},
		"list is an object":          {server: providertest.Answer(providertest.GitHubEmails, text(`{"message":"x"}`)), err: provider.ErrRefused, reason: "list of addresses"},
		"list with something behind": {server: providertest.Answer(providertest.GitHubEmails, text(`[],"x":[]`)), err: provider.ErrRefused, reason: "list of addresses"},
		"organization":               {settings: hosted("example.com"), email: "ada@example.com"},
		"another organization":       {settings: hosted("example.org"), err: provider.ErrDomain},
		"iss of another":             {server: answers("iss", "https://evil.example"), err: provider.ErrRefused, reason: "answer of another issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := providertest.NewGitHub(t, func(b *providertest.Behavior) { b.User.Claims = tt.user })
			if tt.server != nil {
				g.Change(tt.server)
			}
			if tt.emails != nil {
				g.Emails = tt.emails
			}
			if tt.login != "" {
				g.Login = tt.login
			}
			settings := g.Settings("github")
			if tt.settings != nil {
				tt.settings(&settings)
			}
			got, err := signIn(t, g.Server, newProvider(t, settings))
			if tt.err != nil {
				if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.reason) {
					t.Errorf("the error is %v, want %v with %q", err, tt.err, tt.reason)
				}
				return
			}
			if n := g.Requests(providertest.GitHubToken); n != 1 {
				t.Errorf("%d requests for a token", n)
			}
			want := &provider.Identity{Issuer: g.URL + "/login/oauth", Subject: "583231", Name: "Ada Lovelace", Email: tt.email, EmailVerified: tt.email != ""}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestGitHubDefaults checks the endpoints of GitHub itself, and that it has no ID tokens.
func TestGitHubDefaults(t *testing.T) {
	t.Parallel()
	g := providertest.NewGitHub(t)
	settings := provider.Settings{ID: "github", Name: "GitHub", Type: provider.TypeGitHub, ClientID: "x", ClientSecretFile: g.Settings("github").ClientSecretFile}
	p := newProvider(t, settings)
	address, err := p.AuthorizationURL(t.Context(), newRequest())
	if err != nil || p.Issuer() != "https://github.com/login/oauth" || !strings.HasPrefix(address, "https://github.com/login/oauth/authorize?") || strings.Contains(address, "nonce") {
		t.Errorf("%s, %s, %v", p.Issuer(), address, err)
	}
	if s := p.Settings(); s.UserinfoEndpoint != "https://api.github.com/user" || s.EmailsEndpoint != "https://api.github.com/user/emails" {
		t.Errorf("the settings are %+v", s)
	}
	if _, err := p.VerifyIDToken(t.Context(), "x", "y"); !errors.Is(err, provider.ErrRefused) {
		t.Errorf("an ID token: %v", err)
	}
}

func hosted(domains ...string) func(*provider.Settings) {
	return func(s *provider.Settings) { s.HostedDomains = domains }
}

// TestOAuth2 signs in with plain OAuth 2.0.
func TestOAuth2(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		server   func(*providertest.Behavior)
		settings func(*provider.Settings)
		subject  string
		reason   string
	}{
		"sub":           {subject: "248289761001"},
		"public client": {server: func(b *providertest.Behavior) { b.Public = true }, subject: "248289761001"},
		"number":        {server: member("id", 9007199254740993), settings: mapSubject("id"), subject: "9007199254740993"},
		"text":          {server: member("id", "x-1"), settings: mapSubject("id"), subject: "x-1"},
		"none":          {settings: mapSubject("id"), reason: "without a valid subject"},
		"empty":         {server: member("sub", ""), reason: "without a valid subject"},
		"fraction":      {server: member("sub", 1.5), reason: "without a valid subject"},
		"true":          {server: member("sub", true), reason: "without a valid subject"},
		"iss of others": {server: answers("iss", "https://evil.example"), reason: "answer of another issuer"},
		"not JSON":      {server: providertest.Answer(providertest.Userinfo, text("<html>")), reason: "not a JSON object"},
		"twice":         {server: providertest.Answer(providertest.Userinfo, text(`{"sub":"a","sub":"b"}`)), reason: "not a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			if tt.server != nil {
				s.Change(tt.server)
			}
			settings := s.Settings("plain")
			settings.Type, settings.Issuer, settings.Scopes = provider.TypeOAuth2, "", []string{"profile", "email"}
			settings.AuthorizationEndpoint, settings.TokenEndpoint, settings.UserinfoEndpoint = s.URL+providertest.Authorize, s.URL+providertest.Token, s.URL+providertest.Userinfo
			if tt.settings != nil {
				tt.settings(&settings)
			}
			got, err := signIn(t, s, newProvider(t, settings))
			if tt.reason != "" {
				if !errors.Is(err, provider.ErrRefused) || !strings.Contains(err.Error(), tt.reason) {
					t.Errorf("the error is %v, want one with %q", err, tt.reason)
				}
				return
			}
			want := ada(s)
			if n := s.Requests(providertest.Token); n != 1 {
				t.Errorf("%d requests for a token", n)
			}
			want.Subject, want.ExpiresAt, want.AuthenticatedAt = tt.subject, time.Time{}, time.Time{}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func member(name string, value any) func(*providertest.Behavior) {
	return func(b *providertest.Behavior) {
		b.UserinfoClaims = func(claims map[string]any) { claims[name] = value }
	}
}

func mapSubject(name string) func(*provider.Settings) {
	return func(s *provider.Settings) { s.Claims.Subject = name }
}

// TestApple signs in with Apple twice. It tells the name the first time only, and takes a new client secret each time.
func TestApple(t *testing.T) {
	t.Parallel()
	c := new(clock)
	a := providertest.NewApple(t, c.of)
	p := newProviders(t, provider.Options{Now: c.now}, a.Settings("apple"))[0]
	if !p.PostsForm() {
		t.Error("the answer is no form")
	}
	want := &provider.Identity{
		Issuer: a.URL, Subject: "000123.6e1e1b9d2bde4ac1b3ab5a4b8f9c0d1e.0456", Email: "ada@example.com", EmailVerified: true,
		Name: "Ada Lovelace", AuthenticatedAt: started, ExpiresAt: started.Add(time.Hour),
	}
	got, err := signIn(t, a.Server, p)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	c.forward(365 * 24 * time.Hour)
	want.Name, want.AuthenticatedAt, want.ExpiresAt = "", c.now(), c.now().Add(time.Hour)
	got, err = signIn(t, a.Server, p)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("the second time: %v (-want +got):\n%s", err, diff)
	}
	if i, err := p.VerifyIDToken(t.Context(), a.IDToken(t, sha256Of("n")), "n"); err != nil || !i.EmailVerified {
		t.Errorf("%+v, %v", i, err)
	}
}

// TestAppleUser checks the parameter user, which anybody can make up.
func TestAppleUser(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		user, name string
		refused    bool
	}{
		"none":             {},
		"first name":       {user: `{"name":{"firstName":"Ada"}}`, name: "Ada"},
		"last name":        {user: `{"name":{"lastName":"Lovelace"}}`, name: "Lovelace"},
		"no name":          {user: `{"email":"evil@example.com"}`},
		"control":          {user: `{"name":{"firstName":"A\u0000"}}`},
		"too long a name":  {user: `{"name":{"firstName":"` + strings.Repeat("x", 201) + `"}}`},
		"name is text":     {user: `{"name":"Ada"}`, refused: true},
		"not JSON":         {user: `{`, refused: true},
		"a list":           {user: `[]`, refused: true},
		"two names":        {user: `{"name":{},"name":{"firstName":"A"}}`, refused: true},
		"half a surrogate": {user: `{"name":{"firstName":"\ud83d"}}`, refused: true},
		"giant":            {user: `{"x":"` + strings.Repeat("x", 5000) + `"}`, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := providertest.NewApple(t, new(clock).of, func(b *providertest.Behavior) {
				b.Answer = func(answer map[string]string) { answer["user"] = tt.user }
			})
			i, err := signIn(t, a.Server, newProvider(t, a.Settings("apple")))
			switch {
			case tt.refused && (!errors.Is(err, provider.ErrRefused) || a.Requests(providertest.AppleToken) != 0):
				t.Errorf("the error is %v", err)
			case !tt.refused && (err != nil || i.Name != tt.name || i.Email != "ada@example.com"):
				t.Errorf("%+v, %v", i, err)
			}
		})
	}
}

// TestEntra signs in with Entra ID, for several tenants and for one.
func TestEntra(t *testing.T) {
	t.Parallel()
	const other = "11111111-2222-3333-4444-555555555555"
	claim := providertest.Claim
	one := func(e *providertest.Entra, s *provider.Settings) {
		s.Issuer, s.Tenants = e.TenantIssuer(providertest.Tenant), nil
	}
	move := func(b *providertest.Behavior) { b.User.Claims["tid"] = other }
	for name, tt := range map[string]struct {
		server   func(*providertest.Behavior)
		settings func(*providertest.Entra, *provider.Settings)
		iss      string // the tenant of the parameter iss of the answer; empty for none
		verified bool
		err      error
		reason   string
	}{
		"several tenants":          {},
		"one tenant":               {settings: one},
		"common":                   {settings: func(e *providertest.Entra, s *provider.Settings) { s.Issuer = e.TenantIssuer("common") }},
		"another tenant":           {server: move, err: provider.ErrDomain},
		"another tenant of one":    {server: move, settings: one, err: provider.ErrRefused, reason: "another issuer"},
		"tid of another":           {server: claim("tid", other), err: provider.ErrRefused, reason: "another issuer than its tenant's"},
		"no tid":                   {server: claim("tid", nil), err: provider.ErrRefused, reason: "no tenant"},
		"tid that is none":         {server: claim("tid", "../x"), err: provider.ErrRefused, reason: "no tenant"},
		"template as the issuer":   {server: func(b *providertest.Behavior) { b.User.Claims["tid"] = "{tenantid}" }, err: provider.ErrRefused, reason: "no tenant"},
		"no oid":                   {server: claim("oid", nil), err: provider.ErrRefused, reason: "no valid subject"},
		"oid that is none":         {server: claim("oid", "ada"), err: provider.ErrRefused, reason: "no valid subject"},
		"email_verified (nOAuth)":  {server: claim("email_verified", true)},
		"xms_edov true":            {server: claim("xms_edov", true), verified: true},
		"xms_edov 1":               {server: claim("xms_edov", 1), verified: true},
		"xms_edov text 1":          {server: claim("xms_edov", "1"), verified: true},
		"xms_edov false":           {server: claim("xms_edov", false)},
		"xms_edov 0":               {server: claim("xms_edov", "0")},
		"xms_edov without address": {server: both(claim("xms_edov", true), claim("email", "none"))},
		"issuer of the tenant":     {iss: providertest.Tenant},
		"issuer of another tenant": {iss: other, err: provider.ErrRefused, reason: "answer of another issuer"},
		"template in the answer":   {iss: "{tenantid}", err: provider.ErrRefused, reason: "another issuer than the answer"},
		"another template":         {server: providertest.Metadatum("issuer", "https://evil.example/{tenantid}/v2.0"), err: provider.ErrRefused, reason: "another issuer than the settings"},
		"userinfo is not asked":    {server: providertest.Status(providertest.Userinfo, http.StatusInternalServerError)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := providertest.NewEntra(t, new(clock).of)
			if tt.server != nil {
				e.Change(tt.server)
			}
			if tt.iss != "" {
				e.Change(answers("iss", e.TenantIssuer(tt.iss)))
			}
			settings := e.Settings("entra")
			if tt.settings != nil {
				tt.settings(e, &settings)
			}
			p := newProvider(t, settings)
			if several := !slices.Contains([]string{"one tenant", "another tenant of one"}, name); several != (p.Issuer() == e.TenantIssuer("{tenantid}")) {
				t.Errorf("the issuer is %s", p.Issuer())
			}
			got, err := signIn(t, e.Server, p)
			if tt.err != nil {
				if i, err := p.VerifyIDToken(t.Context(), e.IDToken(t, "n"), "n"); tt.iss == "" && (i != nil || err == nil) {
					t.Errorf("an ID token of an app: %+v, %v", i, err)
				}
				if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.reason) {
					t.Errorf("the error is %v, want %v with %q", err, tt.err, tt.reason)
				}
				return
			}
			want := &provider.Identity{
				Issuer: e.TenantIssuer(providertest.Tenant), Subject: providertest.Object, Email: "ada@example.com", EmailVerified: tt.verified,
				Name: "Ada Lovelace", Locale: "en-GB", AuthenticatedAt: started, ExpiresAt: started.Add(time.Hour),
			}
			if name == "xms_edov without address" {
				want.Email = ""
			}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestHostedDomains checks which addresses belong to an organization.
func TestHostedDomains(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		email    string
		verified bool
		allowed  bool
	}{
		"its address":         {"ada@example.com", true, true},
		"in another case":     {"ada@EXAMPLE.com", true, true},
		"not verified":        {"ada@example.com", false, false},
		"a domain below it":   {"ada@sub.example.com", true, false},
		"a domain above it":   {"ada@com", true, false},
		"a longer name":       {"ada@badexample.com", true, false},
		"local part like it":  {`"ada@example.com"@example.org`, true, false},
		"Kelvin sign for a k": {"ada@boo\u212a.example", true, false},
		"none":                {"", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(b *providertest.Behavior) {
				b.User.Email, b.User.EmailVerified = tt.email, tt.verified
				b.User.Claims = map[string]any{"hd": "example.com"} // it counts at Google only
			})
			settings := s.Settings("example")
			settings.HostedDomains = []string{"other.example", "example.com", "book.example"}
			_, err := signIn(t, s, newProvider(t, settings))
			if tt.allowed != (err == nil) || !tt.allowed && !errors.Is(err, provider.ErrDomain) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
