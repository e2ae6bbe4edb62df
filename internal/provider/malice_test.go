package provider_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"usher/internal/provider"
	"usher/internal/provider/providertest"
)

// TestRefused checks answers that prove nothing, and that the reason is the expected one.
func TestRefused(t *testing.T) {
	t.Parallel()
	claim, metadatum := providertest.Claim, providertest.Metadatum
	header := func(name string, value any) func(*providertest.Behavior) {
		return func(b *providertest.Behavior) { b.Header = func(h map[string]any) { h[name] = value } }
	}
	algorithm := func(name string) func(*providertest.Behavior) {
		return func(b *providertest.Behavior) { b.Algorithm = name }
	}
	tokens := func(name string, value any) func(*providertest.Behavior) {
		return func(b *providertest.Behavior) {
			b.Tokens = func(answer map[string]any) {
				if answer[name] = value; value == nil {
					delete(answer, name)
				}
			}
		}
	}
	info := func(name string, value any) func(*providertest.Behavior) {
		return func(b *providertest.Behavior) {
			b.EmailOnlyInUserinfo = true
			b.UserinfoClaims = func(answer map[string]any) { answer[name] = value }
		}
	}
	in := func(d time.Duration) int64 { return started.Add(d).Unix() }
	for name, tt := range map[string]struct {
		server func(*providertest.Behavior)
		reason string
	}{
		"iss of another": {claim("iss", "https://evil.example"), "of another issuer"},
		"iss in another spelling": {func(b *providertest.Behavior) {
			b.Claims = func(c map[string]any) { c["iſs"], c["iss"] = c["iss"], "https://evil.example" }
		}, "ambiguous claims"},
		"iss with a slash": {func(b *providertest.Behavior) {
			b.Claims = func(c map[string]any) { c["iss"] = c["iss"].(string) + "/" }
		}, "of another issuer"},
		"no iss":                  {claim("iss", nil), "of another issuer"},
		"alg none":                {algorithm("none"), "not a JWT signed with an algorithm"},
		"alg HS256, public key":   {algorithm("HS256"), "not a JWT signed with an algorithm"},
		"alg not in the metadata": {metadatum("id_token_signing_alg_values_supported", []string{"ES256"}), "not a JWT signed with an algorithm"},
		"ES256 by default":        {both(algorithm("ES256"), metadatum("id_token_signing_alg_values_supported", nil)), "not a JWT signed with an algorithm"},
		"metadata with HS256":     {both(algorithm("HS256"), metadatum("id_token_signing_alg_values_supported", []string{"HS256", "RS256"})), "not a JWT signed with an algorithm"},
		"metadata of HS256 only":  {metadatum("id_token_signing_alg_values_supported", []string{"HS256", "none"}), "no algorithm that has a public key"},
		"key of another type":     {both(algorithm("ES256"), header("kid", "RS256-1")), "not signed with a key of the provider"},
		"type of access tokens":   {header("typ", "at+jwt"), "the type of another token"},
		"type of logout tokens":   {header("typ", "logout+jwt"), "the type of another token"},
		"other nonce":             {claim("nonce", "other"), "another nonce"},
		"no nonce":                {claim("nonce", nil), "another nonce"},
		"empty nonce":             {claim("nonce", ""), "another nonce"},
		"aud of another":          {claim("aud", "other"), "for another client"},
		"no aud":                  {claim("aud", nil), "for another client"},
		"aud of others":           {claim("aud", []string{"a", "b"}), "for another client"},
		"several aud, no azp":     {claim("aud", []string{"usher", "other"}), "issued to another client"},
		"several aud, other azp":  {both(claim("aud", []string{"usher", "other"}), claim("azp", "other")), "issued to another client"},
		"azp of another":          {claim("azp", "other"), "issued to another client"},
		"azp of another type":     {claim("azp", []string{"usher"}), "issued to another client"},
		"expired":                 {claim("exp", in(-61*time.Second)), "expired"},
		"no exp":                  {claim("exp", nil), "expired"},
		"exp out of range":        {claim("exp", 1e300), "expired"},
		"exp in 100 years":        {claim("exp", in(100*365*24*time.Hour)), "no valid expiry"},
		"no iat":                  {claim("iat", nil), "no valid time of issue"},
		"iat in the future":       {claim("iat", in(61*time.Second)), "no valid time of issue"},
		"nbf in the future":       {claim("nbf", in(61*time.Second)), "not valid yet"},
		"other at_hash":           {claim("at_hash", "LDktKdoQak3Pk0cnXxCltA"), "another access token"},
		"empty at_hash":           {claim("at_hash", ""), "another access token"},
		"no sub":                  {claim("sub", nil), "no valid subject"},
		"empty sub":               {claim("sub", ""), "no valid subject"},
		"sub too long":            {claim("sub", strings.Repeat("x", 256)), "no valid subject"},
		"sub with a line break":   {claim("sub", "a\nb"), "no valid subject"},
		"sub beyond ASCII":        {claim("sub", "é"), "no valid subject"},
		"sub as a number":         {claim("sub", 1), "malformed claims"},
		// "ſub" sorts after "sub", and encoding/json takes it for the same name.
		"sub in another spelling":     {claim("ſub", "admin"), "ambiguous claims"},
		"nonce in another spelling":   {both(claim("nonce", nil), func(b *providertest.Behavior) { b.User.Claims = map[string]any{"NONCE": "x"} }), "ambiguous claims"},
		"no ID token":                 {tokens("id_token", nil), "no ID token"},
		"ID token of another type":    {tokens("id_token", []string{"x"}), "no ID token"},
		"ID token that is none":       {tokens("id_token", "x.y.z"), "not a JWT "},
		"ID token as JSON":            {tokens("id_token", `{"payload":"e30","protected":"e30","signature":"eA"}`), "not a JWT in its compact form"},
		"giant ID token":              {tokens("id_token", strings.Repeat("x", 33<<10)), "too long"},
		"no access token":             {tokens("access_token", nil), "token endpoint is not valid"},
		"access token of MAC":         {tokens("token_type", "mac"), "no bearer token"},
		"other sub in the userinfo":   {info("sub", "admin"), "about another subject"},
		"other iss in the discovery":  {metadatum("issuer", "https://evil.example"), "another issuer than the settings"},
		"iss with another case":       {both(metadatum("issuer", "https://evil.example"), func(b *providertest.Behavior) { spell(b, "issuer", "iſsuer") }), "another issuer than the settings"},
		"other iss in the answer":     {answers("iss", "https://evil.example"), "answer of another issuer"},
		"empty iss in the answer":     {answers("iss", ""), "answer of another issuer"},
		"no iss in the answer":        {func(b *providertest.Behavior) { b.Answer = func(a map[string]string) { delete(a, "iss") } }, "without the issuer"},
		"no code in the answer":       {answers("code", ""), "no valid code"},
		"code with a line break":      {answers("code", "a\nb"), "no valid code"},
		"giant code":                  {answers("code", strings.Repeat("x", 5000)), "no valid code"},
		"unknown code":                {answers("code", "unknown"), "token endpoint answers invalid_grant"},
		"keys that are no set":        {both(metadatum("jwks_uri", nil), func(b *providertest.Behavior) { point(b, "jwks_uri", providertest.Discovery) }), "not a JWK Set"},
		"http endpoint elsewhere":     {metadatum("token_endpoint", "ftp://example.com/token"), "endpoint without a valid https URL"},
		"script as an endpoint":       {metadatum("authorization_endpoint", "javascript:alert(1)"), "endpoint without a valid https URL"},
		"endpoint with our parameter": {func(b *providertest.Behavior) { point(b, "authorization_endpoint", "/authorize?state=x") }, "endpoint without a valid https URL"},
		"no keys":                     {metadatum("jwks_uri", nil), "endpoint without a valid https URL"},
		"discovery that is no JSON":   {providertest.Answer(providertest.Discovery, text("<!DOCTYPE html>"+providertest.Quoted)), "discovery document is not valid"},
		"tokens that are no JSON":     {providertest.Answer(providertest.Token, text("<!DOCTYPE html>"+providertest.Quoted)), "token endpoint is not valid"},
		"unknown error code":          {providertest.Answer(providertest.Token, text(`{"error":"`+providertest.Quoted+`"}`)), "with an error and status 200"},
		"userinfo that is a JWT":      {both(func(b *providertest.Behavior) { b.EmailOnlyInUserinfo = true }, providertest.Answer(providertest.Userinfo, text("eyJhbGciOiJub25lIn0.e30."))), "not a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, tt.server)
			_, err := signIn(t, s, newProvider(t, s.Settings("example")))
			if !errors.Is(err, provider.ErrRefused) || !strings.Contains(err.Error(), tt.reason) || !strings.HasPrefix(err.Error(), "provider example: ") {
				t.Errorf("the error is %v, want one with %q", err, tt.reason)
			}
		})
	}
}

// spell adds a member with another spelling to the discovery document, with the value that the document had.
func spell(b *providertest.Behavior, name, other string) {
	before := b.Metadata
	b.Metadata = func(document map[string]any) {
		value := document[name]
		before(document)
		document[other] = value
	}
}

// point makes a member of the discovery document the URL of a path of the server.
func point(b *providertest.Behavior, name, path string) {
	before := b.Metadata
	b.Metadata = func(document map[string]any) {
		if before != nil {
			before(document)
		}
		document[name] = document["issuer"].(string) + path
	}
}

func answers(name, value string) func(*providertest.Behavior) {
	return func(b *providertest.Behavior) { b.Answer = func(answer map[string]string) { answer[name] = value } }
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(body))
	}
}

// TestEndpoints checks what each endpoint can do other than answer.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	elsewhere := newServer(t)
	for _, path := range []string{providertest.Discovery, providertest.Token, providertest.Keys, providertest.Userinfo} {
		for name, tt := range map[string]struct {
			change func(*providertest.Server) func(*providertest.Behavior)
			want   error
			reason string
		}{
			"500":      {status(path, 500), provider.ErrUnavailable, "status 500"},
			"503":      {status(path, 503), provider.ErrUnavailable, "status 503"},
			"429":      {status(path, 429), provider.ErrUnavailable, "status 429"},
			"400":      {status(path, 400), provider.ErrRefused, "status 400"},
			"401":      {status(path, 401), provider.ErrRefused, "status 401"},
			"404":      {status(path, 404), provider.ErrRefused, "status 404"},
			"204":      {status(path, 204), provider.ErrRefused, "status 204"},
			"redirect": {of(providertest.RedirectTo(path, elsewhere.URL+path)), provider.ErrRefused, "redirects"},
			"giant":    {of(providertest.Giant(path)), provider.ErrRefused, "more than 1 MiB"},
			"lost":     {of(providertest.Answer(path, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })), provider.ErrUnavailable, "lost"},
			"slow":     {func(s *providertest.Server) func(*providertest.Behavior) { return s.Hang(path) }, provider.ErrUnavailable, "no answer in time"},
		} {
			t.Run(strings.Trim(path, "/")+" "+name, func(t *testing.T) {
				t.Parallel()
				s := newServer(t, func(b *providertest.Behavior) { b.EmailOnlyInUserinfo = true })
				o := provider.Options{Now: new(clock).now}
				p := newProviders(t, o, s.Settings("example"))[0]
				if name == "slow" {
					o.Timeout = 100 * time.Millisecond
					p = newProviders(t, o, s.Settings("example"))[0]
				}
				s.Change(tt.change(s))
				_, err := signIn(t, s, p)
				if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.reason) {
					t.Errorf("the error is %v, want %v with %q", err, tt.want, tt.reason)
				}
			})
		}
	}
	t.Cleanup(func() {
		for _, path := range []string{providertest.Discovery, providertest.Token, providertest.Keys, providertest.Userinfo} {
			if n := elsewhere.Requests(path); n > 0 {
				t.Errorf("%d redirects to %s were followed", n, path)
			}
		}
	})
}

func status(path string, code int) func(*providertest.Server) func(*providertest.Behavior) {
	return of(providertest.Status(path, code))
}

func of(change func(*providertest.Behavior)) func(*providertest.Server) func(*providertest.Behavior) {
	return func(*providertest.Server) func(*providertest.Behavior) { return change }
}

// TestCancelled checks that a caller who leaves is told apart from a provider that does not answer.
func TestCancelled(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Change(s.Hang(providertest.Discovery))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newProvider(t, s.Settings("example")).AuthorizationURL(ctx, newRequest())
	if !errors.Is(err, context.Canceled) || !errors.Is(err, provider.ErrUnavailable) {
		t.Errorf("the error is %v", err)
	}
}

// TestSwappedCode checks that the code of one sign-in does not end another one (RFC 9700 §4.5), and that a code is good once.
func TestSwappedCode(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := newProvider(t, s.Settings("example"))
	victim, _, err := authorize(t, s, p)
	if err != nil {
		t.Fatal(err)
	}
	_, stolen, _ := authorize(t, s, p)
	if _, err := p.Exchange(t.Context(), victim, stolen); !errors.Is(err, provider.ErrRefused) {
		t.Errorf("a swapped code: %v", err)
	}
	r, answer, _ := authorize(t, s, p)
	if _, err := p.Exchange(t.Context(), r, answer); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Exchange(t.Context(), r, answer); !errors.Is(err, provider.ErrRefused) {
		t.Errorf("a used code: %v", err)
	}
}

// TestMixUp leads a browser that was sent to one provider back to another (RFC 9700 §4.4). The code must not reach the wrong one.
func TestMixUp(t *testing.T) {
	t.Parallel()
	honest, evil := newServer(t), newServer(t)
	list := newProviders(t, provider.Options{Now: new(clock).now}, honest.Settings("honest"), evil.Settings("evil"))
	r, answer, err := authorize(t, honest, list[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := list[1].Exchange(t.Context(), r, answer); !errors.Is(err, provider.ErrRefused) || evil.Requests(providertest.Token) != 0 {
		t.Errorf("%v, after %d requests to the token endpoint", err, evil.Requests(providertest.Token))
	}
	first, _ := list[0].AuthorizationURL(t.Context(), r)
	second, _ := list[1].AuthorizationURL(t.Context(), r)
	if !strings.Contains(first, "honest%2Fcallback") || !strings.Contains(second, "evil%2Fcallback") {
		t.Error("the providers do not have redirect URIs of their own")
	}
}

// TestEmailPair checks that an address of one document never gets the flag of another.
func TestEmailPair(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		token, info map[string]any
		email       string
		verified    bool
	}{
		"both in the userinfo":                       {map[string]any{"email": "a@example.com"}, map[string]any{"email": "b@example.com", "email_verified": true}, "b@example.com", true},
		"flag in the token, address in the userinfo": {map[string]any{"email_verified": true}, map[string]any{"email": "b@example.com"}, "b@example.com", false},
		"address in the token, flag in the userinfo": {map[string]any{"email": "a@example.com"}, map[string]any{"email_verified": true}, "a@example.com", false},
		"both in the token":                          {map[string]any{"email": "a@example.com", "email_verified": true}, map[string]any{"email": "b@example.com"}, "a@example.com", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replace := func(with map[string]any) func(map[string]any) {
				return func(claims map[string]any) {
					delete(claims, "email")
					delete(claims, "email_verified")
					maps.Copy(claims, with)
				}
			}
			s := newServer(t, func(b *providertest.Behavior) { b.Claims, b.UserinfoClaims = replace(tt.token), replace(tt.info) })
			i, err := signIn(t, s, newProvider(t, s.Settings("example")))
			if err != nil || i.Email != tt.email || i.EmailVerified != tt.verified {
				t.Errorf("%+v, %v, want %s, %t", i, err, tt.email, tt.verified)
			}
		})
	}
}
