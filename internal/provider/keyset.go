package provider

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"usher/internal/jsonobject"
)

const (
	// maxToken bounds an ID token in bytes. Those with the groups of a user can have some KiB.
	maxToken = 32 << 10
	// maxKeys bounds the keys of an issuer.
	maxKeys = 100
	// minRSABits is the least size of an RSA key (RFC 7518 §3.3).
	minRSABits = 2048

	// Keys are fetched again for tokens of unknown ones at most maxRefetches times in a time of refetchWindow. Everybody can
	// make up such tokens.
	maxRefetches  = 5
	refetchWindow = time.Minute
)

// key is a public key of an issuer.
type key struct {
	id, algorithm string // empty if the issuer does not say
	issuer        string // of Entra's tokens that it signs; empty if it does not say
	public        crypto.PublicKey
}

// keySet finds the key of an ID token. go-oidc's own set fetches the keys for each token of an unknown key.
type keySet struct {
	keys *cached[[]key]
	now  func() time.Time

	mu        sync.Mutex
	refetches [maxRefetches]time.Time
	next      int // of refetches, the oldest
}

// find returns the key that has signed a token with one of the algorithms.
func (s *keySet) find(ctx context.Context, raw string, algorithms []string) (key, error) {
	if len(raw) > maxToken {
		return key{}, refused("the ID token is too long")
	}
	if !isCompact(raw) {
		return key{}, refused("the ID token is not a JWT in its compact form")
	}
	allowed := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, a := range algorithms {
		allowed[i] = jose.SignatureAlgorithm(a)
	}
	token, err := jose.ParseSignedCompact(raw, allowed)
	if err != nil {
		return key{}, refused("the ID token is not a JWT signed with an algorithm that the provider and Usher allow")
	}
	header := token.Signatures[0].Header
	// Other JWTs of the issuer, such as access tokens (RFC 9068 §2.1), must not count as ID tokens.
	if typ, ok := header.ExtraHeaders[jose.HeaderType]; ok {
		if text, _ := typ.(string); !strings.EqualFold(text, "JWT") {
			return key{}, refused("the ID token has the type of another token")
		}
	}
	keys, generation, err := s.keys.get(ctx)
	if err != nil {
		return key{}, err
	}
	if k, ok := signer(token, header, keys); ok {
		return k, nil
	}
	if keys, _, err = s.keys.renew(ctx, generation, s.mayRefetch); err != nil {
		return key{}, err
	}
	if k, ok := signer(token, header, keys); ok {
		return k, nil
	}
	return key{}, refused("the ID token is not signed with a key of the provider")
}

// isCompact reports whether a text is three parts in base64url, in the only spelling that they have (RFC 7515 §7.1). Decoders
// ignore line ends, and bits at the end of a part. With other spellings, a token could be used twice.
func isCompact(raw string) bool {
	parts := strings.Split(raw, ".")
	for _, part := range parts {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return false
		}
	}
	return len(parts) == 3 && !strings.ContainsAny(raw, "\r\n")
}

func signer(token *jose.JSONWebSignature, header jose.Header, keys []key) (key, bool) {
	for _, k := range keys {
		if header.KeyID != "" && k.id != header.KeyID || k.algorithm != "" && k.algorithm != header.Algorithm || !fits(k.public, header.Algorithm) {
			continue
		}
		if _, err := token.Verify(k.public); err == nil {
			return k, true
		}
	}
	return key{}, false
}

// fits reports whether a key is one for an algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
func fits(public crypto.PublicKey, algorithm string) bool {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSABits && (strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS"))
	case *ecdsa.PublicKey:
		return map[string]int{oidc.ES256: 256, oidc.ES384: 384, oidc.ES512: 521}[algorithm] == k.Params().BitSize
	case ed25519.PublicKey:
		return algorithm == oidc.EdDSA
	}
	return false
}

// mayRefetch takes one of the refetches, or says that none is left.
func (s *keySet) mayRefetch() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if oldest := s.refetches[s.next]; !oldest.IsZero() && now.Sub(oldest) < refetchWindow {
		return refused("the ID token is signed with an unknown key, and the keys were fetched too often for such tokens")
	}
	s.refetches[s.next] = now
	s.next = (s.next + 1) % maxRefetches
	return nil
}

// fetchKeys fetches the keys of an issuer.
func fetchKeys(ctx context.Context, client *http.Client, address string) ([]key, error) {
	document, err := fetchObject(ctx, client, address, nil)
	if err != nil {
		return nil, err
	}
	return readKeys(document)
}

// readKeys reads a JWK Set. Keys that cannot be used are left out, as RFC 7517 §5 says.
func readKeys(document members) ([]key, error) {
	list, ok := document["keys"].([]any)
	if !ok || len(list) > maxKeys {
		return nil, refused("the keys of the provider are not a JWK Set")
	}
	var keys []key
	for _, member := range list {
		if k, ok := readKey(member); ok {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

func readKey(value any) (key, bool) {
	text, err := json.Marshal(value)
	if err != nil {
		return key{}, false
	}
	var jwk jose.JSONWebKey
	if jwk.UnmarshalJSON(text) != nil || jwk.Use != "" && jwk.Use != "sig" {
		return key{}, false
	}
	object, _ := value.(map[string]any)
	return key{jwk.KeyID, jwk.Algorithm, members(object).text("issuer"), jwk.Key}, true
}

// fetchObject fetches a JSON object, with the header of the request.
func fetchObject(ctx context.Context, client *http.Client, address string, header http.Header) (members, error) {
	body, err := fetch(ctx, client, address, header)
	if err != nil {
		return nil, err
	}
	object, err := jsonobject.Read(body)
	if err != nil {
		return nil, refused("an answer is not a JSON object")
	}
	return object, nil
}

func fetch(ctx context.Context, client *http.Client, address string, header http.Header) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, refused("an endpoint has no valid URL")
	}
	if header != nil {
		r.Header = header
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, classify(err, unavailable("an endpoint cannot be asked"))
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body) // which the transport has read
}
