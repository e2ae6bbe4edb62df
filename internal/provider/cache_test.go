package provider_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"usher/internal/provider"
	"usher/internal/provider/providertest"
)

// newClocked returns a server and its provider with one clock.
func newClocked(t testing.TB) (*providertest.Server, *provider.Provider, *clock) {
	t.Helper()
	c := new(clock)
	s := providertest.New(t, c.of)
	return s, newProviders(t, provider.Options{Now: c.now}, s.Settings("example"))[0], c
}

func mustSignIn(t testing.TB, s *providertest.Server, p *provider.Provider) {
	t.Helper()
	if _, err := signIn(t, s, p); err != nil {
		t.Fatal(err)
	}
}

func checkRequests(t testing.TB, s *providertest.Server, discovery, keys int) {
	t.Helper()
	if d, k := s.Requests(providertest.Discovery), s.Requests(providertest.Keys); d != discovery || k != keys {
		t.Errorf("the discovery document was fetched %d times and the keys %d times, want %d and %d", d, k, discovery, keys)
	}
}

// TestCache checks how often a provider is asked for what changes rarely, also while it does not answer.
func TestCache(t *testing.T) {
	t.Parallel()
	s, p, c := newClocked(t)
	if n := s.Requests(providertest.Discovery); n != 0 {
		t.Errorf("%d requests at the start", n)
	}
	down := both(providertest.Status(providertest.Discovery, 503), providertest.Status(providertest.Keys, 503))
	up := both(providertest.Answer(providertest.Discovery, nil), providertest.Answer(providertest.Keys, nil))
	s.Change(down)
	if _, err := signIn(t, s, p); !errors.Is(err, provider.ErrUnavailable) {
		t.Fatalf("the error is %v", err)
	}
	s.Change(up)
	mustSignIn(t, s, p) // at the same time: the failure is not cached
	mustSignIn(t, s, p)
	checkRequests(t, s, 2, 1)
	c.forward(time.Hour)
	mustSignIn(t, s, p)
	checkRequests(t, s, 3, 2)
	c.forward(time.Hour)
	s.Change(down)
	mustSignIn(t, s, p) // with the old ones
	mustSignIn(t, s, p)
	checkRequests(t, s, 4, 3)
	c.forward(time.Minute)
	mustSignIn(t, s, p)
	checkRequests(t, s, 5, 4)
	c.forward(23 * time.Hour) // too old
	if _, err := signIn(t, s, p); !errors.Is(err, provider.ErrUnavailable) {
		t.Errorf("the error is %v", err)
	}
	s.Change(up)
	mustSignIn(t, s, p)
}

// TestWithdrawnKey checks that a key that the provider has withdrawn is no longer accepted after an hour.
func TestWithdrawnKey(t *testing.T) {
	t.Parallel()
	s, p, c := newClocked(t)
	mustSignIn(t, s, p)
	c.forward(time.Hour)
	old := s.IDToken(t, "n")
	s.RotateKeys(t)
	if _, err := p.VerifyIDToken(t.Context(), old, "n"); !errors.Is(err, provider.ErrRefused) {
		t.Errorf("a token of the old key: %v", err)
	}
}

// TestRotation rotates keys while many sign in. The new ones are fetched once.
func TestRotation(t *testing.T) {
	t.Parallel()
	s, p, _ := newClocked(t)
	mustSignIn(t, s, p)
	s.RotateKeys(t)
	raw := s.IDToken(t, "n")
	var wait sync.WaitGroup
	for range 30 {
		wait.Go(func() {
			if _, err := p.VerifyIDToken(t.Context(), raw, "n"); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	checkRequests(t, s, 1, 2)
}

// TestForgedKeys sends tokens of keys that the provider does not have. Few of them make the server fetch the keys.
func TestForgedKeys(t *testing.T) {
	t.Parallel()
	s, p, c := newClocked(t)
	mustSignIn(t, s, p)
	other := providertest.New(t, c.of)
	for i := range 50 {
		other.Change(func(b *providertest.Behavior) {
			b.Algorithm = "ES256"
			b.Header = func(header map[string]any) { header["kid"] = fmt.Sprint("forged ", i) }
			b.Claims = func(claims map[string]any) { claims["iss"] = s.URL }
		})
		if _, err := p.VerifyIDToken(t.Context(), other.IDToken(t, "n"), "n"); !errors.Is(err, provider.ErrRefused) {
			t.Fatalf("the error is %v", err)
		}
	}
	checkRequests(t, s, 1, 6)
	mustSignIn(t, s, p) // tokens of known keys need none
	s.RotateKeys(t)
	c.forward(time.Minute)
	mustSignIn(t, s, p)
	checkRequests(t, s, 1, 7)
}

// TestCallerLeaves has callers leave while the keys are fetched. That is no failure of the provider, so the next caller fetches them:
// otherwise clients could keep a withdrawn key in use.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	s, p, c := newClocked(t)
	mustSignIn(t, s, p)
	c.forward(55 * time.Minute)
	old := s.IDToken(t, "nonce")
	s.RotateKeys(t)
	c.forward(6 * time.Minute) // the keys are more than an hour old now, and the token is not
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := p.VerifyIDToken(gone, old, "nonce"); err == nil {
		t.Fatal("a caller who has left gets an answer")
	}
	before := s.Requests(providertest.Keys)
	if _, err := p.VerifyIDToken(t.Context(), old, "nonce"); !errors.Is(err, provider.ErrRefused) || s.Requests(providertest.Keys) == before {
		t.Errorf("a token of a withdrawn key: %v, and the keys were fetched %d times", err, s.Requests(providertest.Keys)-before)
	}
}

// TestVerifyIDToken checks the tokens that apps get.
func TestVerifyIDToken(t *testing.T) {
	t.Parallel()
	const nonce = "a nonce"
	const hash = "8e2a5cbcd6a9ba2ce5ef4ad6c47be3ba" // no SHA-256 of it
	for name, tt := range map[string]struct {
		server   func(*providertest.Behavior)
		settings func(*provider.Settings)
		nonce    string // of the caller
		claim    string // the nonce of the token
		refused  bool
	}{
		"nonce":                 {nonce: nonce, claim: nonce},
		"hash of the nonce":     {nonce: nonce, claim: sha256Of(nonce)},
		"another hash":          {nonce: nonce, claim: hash, refused: true},
		"another nonce":         {nonce: nonce, claim: "another", refused: true},
		"no nonce in the token": {nonce: nonce, refused: true},
		"no nonce at all":       {refused: true},
		"nonce of spaces":       {nonce: " ", claim: " ", refused: true},
		"hash, read from it":    {nonce: sha256Of(nonce), claim: sha256Of(nonce), refused: true},
		"hash as the nonce":     {nonce: sha256Of(nonce), claim: nonce, refused: true},
		"another audience":      {server: providertest.Claim("aud", "ios"), nonce: nonce, claim: nonce, refused: true},
		"audience of an app":    {server: providertest.Claim("aud", "ios"), settings: apps, nonce: nonce, claim: nonce},
		"party is an app":       {server: providertest.Claim("azp", "ios"), settings: apps, nonce: nonce, claim: nonce},
		"party is unknown":      {server: providertest.Claim("azp", "web"), settings: apps, nonce: nonce, claim: nonce, refused: true},
		"several, no party":     {server: providertest.Claim("aud", []string{"usher", "ios"}), settings: apps, nonce: nonce, claim: nonce, refused: true},
		"expired":               {server: providertest.Claim("exp", started.Add(-2*time.Minute).Unix()), nonce: nonce, claim: nonce, refused: true},
		"HS256":                 {server: func(b *providertest.Behavior) { b.Algorithm = "HS256" }, nonce: nonce, claim: nonce, refused: true},
		"at_hash of something":  {server: providertest.Claim("at_hash", "x"), nonce: nonce, claim: nonce},
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
			raw := s.IDToken(t, tt.claim)
			i, err := newProvider(t, settings).VerifyIDToken(t.Context(), raw, tt.nonce)
			switch {
			case tt.refused && (i != nil || !errors.Is(err, provider.ErrRefused)):
				t.Errorf("%+v, %v", i, err)
			case !tt.refused && (err != nil || *i != *ada(s)):
				t.Errorf("%+v, %v", i, err)
			}
			if err != nil {
				checkError(t, err, raw, nonce, sha256Of(nonce))
			}
		})
	}
}

func apps(s *provider.Settings) { s.Audiences = []string{"ios", "android"} }

// TestAppAudience checks that a browser's sign-in does not take the token of an app.
func TestAppAudience(t *testing.T) {
	t.Parallel()
	s := newServer(t, providertest.Claim("aud", "ios"))
	settings := s.Settings("example")
	apps(&settings)
	if _, err := signIn(t, s, newProvider(t, settings)); !errors.Is(err, provider.ErrRefused) {
		t.Errorf("the error is %v", err)
	}
}
