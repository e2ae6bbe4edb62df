package provider_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"usher/internal/provider"
	"usher/internal/provider/providertest"
)

// clock is a clock that a test sets. The zero clock shows the time at which the tests have started.
type clock struct{ passed atomic.Int64 }

var started = time.Now().Truncate(time.Second)

func (c *clock) now() time.Time              { return started.Add(time.Duration(c.passed.Load())) }
func (c *clock) forward(by time.Duration)    { c.passed.Add(int64(by)) }
func (c *clock) of(b *providertest.Behavior) { b.Now = c.now }

func redirect(id string) string { return "https://usher.example/providers/" + id + "/callback" }

// newProvider returns the provider of settings. Its clock stands still.
func newProvider(t testing.TB, settings provider.Settings) *provider.Provider {
	t.Helper()
	return newProviders(t, provider.Options{Now: new(clock).now}, settings)[0]
}

func newProviders(t testing.TB, o provider.Options, settings ...provider.Settings) []*provider.Provider {
	t.Helper()
	o.Redirect = redirect
	set, err := provider.New(settings, o)
	if err != nil {
		t.Fatal(err)
	}
	return set.All()
}

func newRequest() provider.Request {
	return provider.Request{State: "state-" + oauth2.GenerateVerifier(), Nonce: "nonce-" + oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()}
}

// authorize begins a sign-in and returns what the browser brings back.
func authorize(t testing.TB, s *providertest.Server, p *provider.Provider) (provider.Request, provider.Response, error) {
	t.Helper()
	r := newRequest()
	address, err := p.AuthorizationURL(t.Context(), r)
	if err != nil {
		return r, provider.Response{}, err
	}
	var (
		state  string
		answer provider.Response
	)
	if p.PostsForm() {
		target, form := s.AuthorizeForm(t, address)
		if target != redirect(p.ID()) {
			t.Errorf("the browser posts to %s", target)
		}
		state, answer = providertest.FormResponse(form)
	} else {
		callback := s.Authorize(t, address)
		if !strings.HasPrefix(callback, redirect(p.ID())+"?") {
			t.Errorf("the browser goes to %s", callback)
		}
		state, answer = providertest.Response(t, callback)
	}
	if state != r.State {
		t.Errorf("the state is %q, want %q", state, r.State)
	}
	return r, answer, nil
}

// signIn signs in. An error must not quote anything that is secret or that the provider has sent.
func signIn(t testing.TB, s *providertest.Server, p *provider.Provider) (*provider.Identity, error) {
	t.Helper()
	r, answer, err := authorize(t, s, p)
	if err != nil {
		checkError(t, err, r.State, r.Nonce, r.Verifier)
		return nil, err
	}
	identity, err := p.Exchange(t.Context(), r, answer)
	if err != nil {
		checkError(t, err, r.State, r.Nonce, r.Verifier, answer.Code, s.ClientSecret, url.QueryEscape(s.ClientSecret))
		if identity != nil {
			t.Errorf("an account and the error %v", err)
		}
	}
	return identity, err
}

// checkError checks an error's kind, and that it quotes none of the texts.
func checkError(t testing.TB, err error, texts ...string) {
	t.Helper()
	kinds := 0
	for _, kind := range []error{provider.ErrRefused, provider.ErrUnavailable, provider.ErrDomain} {
		if errors.Is(err, kind) {
			kinds++
		}
	}
	if kinds != 1 {
		t.Errorf("the error %v has %d kinds", err, kinds)
	}
	for _, text := range append(texts, providertest.Quoted, "ada@example.com", "eyJ", "://") {
		if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error %q quotes %q", err, text)
		}
	}
}

// ada is the account of the user of a new Server.
func ada(s *providertest.Server) *provider.Identity {
	return &provider.Identity{
		Issuer: s.URL, Subject: "248289761001", Email: "ada@example.com", EmailVerified: true, Name: "Ada Lovelace", Locale: "en-GB",
		AuthenticatedAt: started, ExpiresAt: started.Add(time.Hour),
	}
}

func newServer(t testing.TB, changes ...func(*providertest.Behavior)) *providertest.Server {
	t.Helper()
	return providertest.New(t, append([]func(*providertest.Behavior){new(clock).of}, changes...)...)
}

// TestSignIn signs in with all that providers do differently within the standard.
func TestSignIn(t *testing.T) {
	t.Parallel()
	algorithm := func(name string) func(*providertest.Behavior) {
		return func(b *providertest.Behavior) { b.Algorithm = name }
	}
	for name, tt := range map[string]struct {
		server   func(*providertest.Behavior)
		settings func(*provider.Settings)
		want     func(*provider.Identity)
	}{
		"RS256":         {},
		"ES256":         {server: algorithm("ES256")},
		"EdDSA":         {server: algorithm("EdDSA")},
		"public client": {server: func(b *providertest.Behavior) { b.Public = true }},
		"secret in the form": {
			server: providertest.Metadatum("token_endpoint_auth_methods_supported", []string{"client_secret_post"}),
		},
		"default of the methods":    {server: providertest.Metadatum("token_endpoint_auth_methods_supported", nil)},
		"default of the algorithms": {server: providertest.Metadatum("id_token_signing_alg_values_supported", nil)},
		"no iss in answers": {server: func(b *providertest.Behavior) {
			providertest.Metadatum("authorization_response_iss_parameter_supported", nil)(b)
			b.Answer = func(answer map[string]string) { delete(answer, "iss") }
		}},
		"address only in the userinfo": {server: func(b *providertest.Behavior) { b.EmailOnlyInUserinfo = true }},
		"no userinfo endpoint": {
			server: func(b *providertest.Behavior) {
				b.EmailOnlyInUserinfo = true
				providertest.Metadatum("userinfo_endpoint", nil)(b)
			},
			want: func(i *provider.Identity) { i.Email, i.EmailVerified = "", false },
		},
		"no address asked for": {
			server:   providertest.Status(providertest.Userinfo, 500),
			settings: func(s *provider.Settings) { s.Scopes = []string{"openid"} },
			want:     func(i *provider.Identity) { i.Email, i.EmailVerified, i.Name, i.Locale = "", false, "", "" },
		},
		"no at_hash":                 {server: providertest.Claim("at_hash", nil)},
		"several audiences":          {server: both(providertest.Claim("aud", []string{"api", "usher"}), providertest.Claim("azp", "usher"))},
		"expired within the leeway":  {server: providertest.Claim("exp", started.Add(-50*time.Second).Unix()), want: func(i *provider.Identity) { i.ExpiresAt = started.Add(-50 * time.Second) }},
		"issued within the leeway":   {server: providertest.Claim("iat", started.Add(50*time.Second).Unix()), want: func(i *provider.Identity) { i.AuthenticatedAt = started.Add(50 * time.Second) }},
		"begins within the leeway":   {server: providertest.Claim("nbf", started.Add(50*time.Second).Unix())},
		"address not verified":       {server: providertest.Claim("email_verified", false), want: func(i *provider.Identity) { i.EmailVerified = false }},
		"flag as text":               {server: providertest.Claim("email_verified", "true")},
		"flag of another type":       {server: providertest.Claim("email_verified", 1), want: func(i *provider.Identity) { i.EmailVerified = false }},
		"longest subject":            {server: providertest.Claim("sub", strings.Repeat("x", 255)), want: func(i *provider.Identity) { i.Subject = strings.Repeat("x", 255) }},
		"name with a line break":     {server: providertest.Claim("name", "Ada\nBcc: x"), want: func(i *provider.Identity) { i.Name = "" }},
		"name too long":              {server: providertest.Claim("name", strings.Repeat("é", 201)), want: func(i *provider.Identity) { i.Name = "" }},
		"locale with an underscore":  {server: providertest.Claim("locale", "de_AT"), want: func(i *provider.Identity) { i.Locale = "de-AT" }},
		"locale that is none":        {server: providertest.Claim("locale", "<b>"), want: func(i *provider.Identity) { i.Locale = "" }},
		"address that is none":       {server: providertest.Claim("email", "Ada <ada@example.com>"), want: func(i *provider.Identity) { i.Email, i.EmailVerified = "", false }},
		"address with a line break":  {server: providertest.Claim("email", "ada@example.com\r\nBcc: x@example.com"), want: func(i *provider.Identity) { i.Email, i.EmailVerified = "", false }},
		"address that is too long":   {server: providertest.Claim("email", strings.Repeat("x", 250)+"@example.com"), want: func(i *provider.Identity) { i.Email, i.EmailVerified = "", false }},
		"two factors, not trusted":   {server: both(providertest.Claim("amr", []string{"mfa"}), providertest.Claim("acr", "2"))},
		"two factors, trusted acr":   {server: providertest.Claim("acr", "2"), settings: trust, want: multiFactor},
		"two factors, trusted amr":   {server: providertest.Claim("amr", []string{"pwd", "mfa"}), settings: trust, want: multiFactor},
		"one factor of trusted ones": {server: both(providertest.Claim("amr", []string{"pwd"}), providertest.Claim("acr", "1")), settings: trust},
		"mapped claims": {
			server: both(providertest.Claim("mail", "countess@example.com"), providertest.Claim("mail_ok", true)),
			settings: func(s *provider.Settings) {
				s.Claims = provider.ClaimMapping{Email: "mail", EmailVerified: "mail_ok", Name: "sub"}
			},
			want: func(i *provider.Identity) { i.Email, i.Name = "countess@example.com", "248289761001" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			if tt.server != nil {
				s.Change(tt.server)
			}
			settings := s.Settings("example")
			if tt.settings != nil {
				tt.settings(&settings)
			}
			want := ada(s)
			if tt.want != nil {
				tt.want(want)
			}
			got, err := signIn(t, s, newProvider(t, settings))
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func both(changes ...func(*providertest.Behavior)) func(*providertest.Behavior) {
	return func(b *providertest.Behavior) {
		for _, change := range changes {
			change(b)
		}
	}
}

func trust(s *provider.Settings) { s.TrustedACR, s.TrustedAMR = []string{"2", "3"}, []string{"mfa"} }

func multiFactor(i *provider.Identity) { i.MultiFactor = true }

// TestAuthorizationURL compares what is asked of a browser.
func TestAuthorizationURL(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	settings := s.Settings("example")
	settings.Parameters = map[string]string{"prompt": "select_account", "hd": "example.com"}
	p := newProvider(t, settings)
	r := provider.Request{State: "s", Nonce: "n", Verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"} // RFC 7636 appendix B
	address, err := p.AuthorizationURL(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"response_type": {"code"}, "client_id": {"usher"}, "redirect_uri": {redirect("example")}, "scope": {"openid email profile"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
		"prompt": {"select_account"}, "hd": {"example.com"},
	}
	if diff := cmp.Diff(want, u.Query()); diff != "" || u.Scheme+"://"+u.Host+u.Path != s.URL+providertest.Authorize {
		t.Errorf("%s (-want +got):\n%s", address, diff)
	}
	for _, bad := range []provider.Request{{}, {State: "s", Nonce: "n"}, {State: "s", Verifier: "v"}, {Nonce: "n", Verifier: "v"}} {
		if _, err := p.AuthorizationURL(t.Context(), bad); err == nil {
			t.Errorf("%+v begins a sign-in", bad)
		}
		if _, err := p.Exchange(t.Context(), bad, provider.Response{Code: "c"}); err == nil {
			t.Errorf("%+v ends a sign-in", bad)
		}
	}
}

// TestSet checks the look-up, and that nothing that it returns can change a provider.
func TestSet(t *testing.T) {
	t.Parallel()
	var none *provider.Set
	if _, ok := none.Provider("a"); ok || len(none.All()) != 0 {
		t.Error("a nil Set has providers")
	}
	s := newServer(t)
	no := false
	closed := s.Settings("b")
	closed.TrustEmail, closed.LinkByEmail, closed.Signup = true, true, &no
	open := s.Settings("a")
	open.TrustEmail, open.HostedDomains = false, []string{"example.com"}
	set, err := provider.New([]provider.Settings{closed, open}, provider.Options{Redirect: redirect})
	if err != nil {
		t.Fatal(err)
	}
	all := set.All()
	if len(all) != 2 || all[0].ID() != "b" || all[1].ID() != "a" || all[1].Name() != "Example a" || all[1].Issuer() != s.URL || all[1].PostsForm() {
		t.Errorf("the providers are %v", all)
	}
	if b, ok := set.Provider("b"); !ok || b != all[0] || b.AllowsSignup() || !b.TrustsEmail() || !b.LinksByEmail() {
		t.Error("b is not as set")
	}
	a, ok := set.Provider("a")
	if !ok || !a.AllowsSignup() || a.TrustsEmail() || a.LinksByEmail() {
		t.Error("a is not as set")
	}
	a.Settings().HostedDomains[0] = "other.example"
	*all[0].Settings().Signup = true
	if a.Settings().HostedDomains[0] != "example.com" || all[0].AllowsSignup() {
		t.Error("a copy of the settings changes the provider")
	}
}

// sha256Of returns a hash as the SDKs of Apple and Google are given it.
func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
