package provider

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"usher/internal/jsonobject"
)

const (
	// leeway is how far the clocks of the provider and of the server may be apart.
	leeway = time.Minute
	// maxValidity is how far in the future an ID token may expire. Callers remember tokens for that long.
	maxValidity = 366 * 24 * time.Hour
)

// expectation is what an ID token must say.
type expectation struct {
	audiences []string // one of them
	nonces    []string // one of them
	access    string   // the access token that came with it; empty for none
}

// verified is what an ID token says.
type verified struct {
	issuer  string
	expires time.Time
	claims  members
}

// verify checks an ID token (OpenID Connect Core 1.0 §3.1.3.7).
func (p *Provider) verify(ctx context.Context, raw string, want expectation) (*verified, error) {
	m, _, err := p.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	signer, err := p.keys.find(ctx, raw, m.algorithms)
	if err != nil {
		return nil, err
	}
	now := p.now()
	token, err := oidc.NewVerifier(p.Issuer(), &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{signer.public}}, &oidc.Config{
		SkipClientIDCheck: true, // checkAudience knows several
		SkipIssuerCheck:   p.template != "",
		// go-oidc allows no leeway at the expiry. For nbf it allows more than checkTimes.
		Now:                  func() time.Time { return now.Add(-leeway) },
		SupportedSigningAlgs: m.algorithms,
	}).Verify(ctx, raw)
	if err != nil {
		return nil, refused("the ID token is expired, of another issuer, or has malformed claims")
	}
	var text json.RawMessage
	if err := token.Claims(&text); err != nil {
		return nil, refused("the ID token has malformed claims")
	}
	// go-oidc finds claims in any case and takes the last of equal ones. A user could have such a claim.
	object, err := jsonobject.Read(text)
	claims := members(object)
	if err != nil || claims.text("iss") != token.Issuer || claims.text("sub") != token.Subject || claims.text("nonce") != token.Nonce {
		return nil, refused("the ID token has ambiguous claims")
	}
	if err := checkTimes(claims, now); err != nil {
		return nil, err
	}
	if err := checkAudience(claims, want.audiences); err != nil {
		return nil, err
	}
	if err := checkNonce(token.Nonce, want.nonces); err != nil {
		return nil, err
	}
	if _, has := claims["at_hash"]; has && want.access != "" && token.VerifyAccessToken(want.access) != nil {
		return nil, refused("the ID token belongs to another access token")
	}
	v := &verified{p.Issuer(), token.Expiry, claims}
	if p.settings.Type == TypeEntra {
		err = p.checkTenant(v, token.Issuer, signer)
	}
	return v, err
}

// checkTimes checks what go-oidc does not: iat, and nbf with the same leeway.
func checkTimes(claims members, now time.Time) error {
	expires, ok := claims.time("exp")
	if !ok || expires.Sub(now) > maxValidity {
		return refused("the ID token has no valid expiry")
	}
	issued, ok := claims.time("iat")
	if !ok || issued.Sub(now) > leeway {
		return refused("the ID token has no valid time of issue")
	}
	if _, has := claims["nbf"]; has {
		if begins, ok := claims.time("nbf"); !ok || begins.Sub(now) > leeway {
			return refused("the ID token is not valid yet")
		}
	}
	return nil
}

// checkAudience checks aud and azp. A token for several clients must have been issued to this one, or to one of its apps.
func checkAudience(claims members, audiences []string) error {
	list := claims.list("aud")
	if one := claims.text("aud"); one != "" {
		list = []string{one}
	}
	if !slices.ContainsFunc(list, func(a string) bool { return slices.Contains(audiences, a) }) {
		return refused("the ID token is for another client")
	}
	party, has := claims["azp"]
	if !has && len(list) == 1 {
		return nil
	}
	if text, ok := party.(string); !ok || !slices.Contains(audiences, text) {
		return refused("the ID token was issued to another client")
	}
	return nil
}

// checkNonce compares in constant time.
func checkNonce(nonce string, nonces []string) error {
	found := 0
	for _, n := range nonces {
		found |= subtle.ConstantTimeCompare([]byte(nonce), []byte(n))
	}
	if nonce == "" || found != 1 {
		return refused("the ID token has another nonce, or none")
	}
	return nil
}

// hashed is a nonce that can be a SHA-256 digest.
var hashed = regexp.MustCompile(`^[0-9a-f]{64}$`)

// maxAge is how old an ID token may be that an app presents.
const maxAge = 10 * time.Minute

// VerifyIDToken returns the account that an ID token proves, which an app got from the provider with a nonce. Its audience is the
// client id or one of the Audiences. The claim is the nonce, or its SHA-256 in lower-case hexadecimal: the SDKs of Apple and Google
// are given that. The address is that of the ID token. Plain OAuth 2.0 has no ID tokens.
//
// The caller must let each token be used once, until ExpiresAt. It remembers what is before the second dot: that has one spelling,
// while everybody can write another signature of ES256 (r, -s mod n) without the key.
func (p *Provider) VerifyIDToken(ctx context.Context, raw, nonce string) (*Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	identity, err := p.verifyIDToken(ctx, raw, nonce)
	return identity, p.named(err)
}

func (p *Provider) verifyIDToken(ctx context.Context, raw, nonce string) (*Identity, error) {
	if !p.isOIDC() {
		return nil, refused("it has no ID tokens")
	}
	if nonce == "" || strings.TrimSpace(nonce) != nonce {
		return nil, refused("the nonce is empty")
	}
	hash := sha256.Sum256([]byte(nonce))
	nonces := []string{nonce, hex.EncodeToString(hash[:])}
	if hashed.MatchString(nonce) { // whoever has the token knows the digest, but not of what
		nonces = nonces[1:]
	}
	v, err := p.verify(ctx, raw, expectation{
		audiences: append([]string{p.settings.ClientID}, p.settings.Audiences...),
		nonces:    nonces,
	})
	if err != nil {
		return nil, err
	}
	if issued, _ := v.claims.time("iat"); p.now().Sub(issued) > maxAge {
		return nil, refused("the ID token is too old")
	}
	return p.identity(v, v.claims)
}
