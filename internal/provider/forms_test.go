package provider_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"usher/internal/provider"
	"usher/internal/provider/providertest"
)

// TestForms checks that only the compact form of a JWT is read (RFC 7519 §1), in one spelling.
func TestForms(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := newProvider(t, s.Settings("example"))
	raw := s.IDToken(t, "n")
	parts := strings.Split(raw, ".")
	flattened, err := json.Marshal(map[string]string{"protected": parts[0], "payload": parts[1], "signature": parts[2]})
	if err != nil {
		t.Fatal(err)
	}
	// The 256 bytes of a signature of RS256 end within a character, whose last bits mean nothing.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, raw[len(raw)-1])
	other := raw[:len(raw)-1] + alphabet[last+1:last+2]
	for name, text := range map[string]string{
		"JSON": string(flattened), "space": " " + raw, "line break": parts[0] + ".\n" + parts[1] + "." + parts[2], "padding": raw + "==",
		"two dots": raw + ".", "bits at the end": other, "empty": "", "no signature": parts[0] + "." + parts[1] + ".", "other payload": parts[0] + "." + parts[1][1:] + "." + parts[2],
	} {
		if i, err := p.VerifyIDToken(t.Context(), text, "n"); i != nil || !errors.Is(err, provider.ErrRefused) {
			t.Errorf("%s: %+v, %v", name, i, err)
		}
	}
	if _, err := p.VerifyIDToken(t.Context(), raw, "n"); err != nil {
		t.Error(err)
	}
}

// TestEmbeddedKey checks that a token cannot bring its own key (RFC 7515 §4.1.3), and that unknown critical headers are refused
// (§4.1.11).
func TestEmbeddedKey(t *testing.T) {
	t.Parallel()
	s, other := newServer(t), newServer(t)
	p := newProvider(t, s.Settings("example"))
	for name, value := range map[string]any{
		"jwk": map[string]string{"kty": "oct", "k": "AAAA"}, "jku": other.URL + providertest.Keys, "x5u": other.URL + providertest.Keys,
	} {
		other.Change(func(b *providertest.Behavior) {
			b.Claims = func(claims map[string]any) { claims["iss"] = s.URL }
			b.Algorithm, b.Header = "ES256", func(header map[string]any) { header[name] = value }
		})
		if i, err := p.VerifyIDToken(t.Context(), other.IDToken(t, "n"), "n"); i != nil || !errors.Is(err, provider.ErrRefused) {
			t.Errorf("%s: %+v, %v", name, i, err)
		}
	}
	if n := other.Requests(providertest.Keys); n > 0 {
		t.Errorf("%d requests for the keys of a token", n)
	}
	s.Change(func(b *providertest.Behavior) {
		b.Header = func(header map[string]any) { header["crit"], header["exp"] = []string{"exp"}, 1 }
	})
	if i, err := p.VerifyIDToken(t.Context(), s.IDToken(t, "n"), "n"); i != nil || !errors.Is(err, provider.ErrRefused) {
		t.Errorf("crit: %+v, %v", i, err)
	}
}
