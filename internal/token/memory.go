package token

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// A cached token takes about 600 bytes, and all of them at most 5 MiB. Each part has its own lock, so
// requests rarely wait for each other.
const (
	memoryParts = 64
	memorySize  = 8192 / memoryParts // tokens in each part
)

// memory caches recently verified tokens, so that a signature is checked once and not with every request.
// It contains only valid tokens, and only their digests, which cannot be used as tokens.
type memory [memoryParts]*lru.Cache[digest, *verified]

type digest [sha256.Size]byte

// verified is the cached result for a token with a valid signature, issuer and audience. Its key and its
// times are checked at each use.
type verified struct {
	claims    Claims
	keyID     string
	notBefore time.Time // the latest of iat, nbf and auth_time
}

func newMemory() *memory {
	m := new(memory)
	for i := range m {
		m[i], _ = lru.New[digest, *verified](memorySize) // fails for a size below 1 only
	}
	return m
}

// of returns the part for a token.
func (m *memory) of(d digest) *lru.Cache[digest, *verified] { return m[d[0]%memoryParts] }

// current reports whether the token is valid at a time, with the current keys.
func (v *verified) current(keys KeySet, now time.Time, leeway time.Duration) bool {
	_, ok := keys.Verifying(v.keyID, now)
	return ok && !v.notBefore.After(now.Add(leeway)) && now.Before(v.claims.ExpiresAt.Add(leeway))
}

// compact moves the claims into one string, which takes less memory than separate ones.
func (v *verified) compact(issuer, audience string) {
	c := &v.claims
	c.Issuer, c.Audience = issuer, audience // equal strings, shared by all tokens
	own := []*string{&c.Subject, &c.SessionID, &c.ClientID, &c.ID, &c.Assurance}
	for i := range c.Methods {
		own = append(own, &c.Methods[i])
	}
	for i := range c.Roles {
		own = append(own, &c.Roles[i])
	}
	var text strings.Builder
	for _, s := range own {
		text.WriteString(*s)
	}
	rest := text.String()
	for _, s := range own {
		*s, rest = rest[:len(*s)], rest[len(*s):]
	}
}

// copyClaims returns a copy of the claims that the caller may modify.
func (v *verified) copyClaims() *Claims {
	c := v.claims
	c.Methods, c.Roles = slices.Clone(c.Methods), slices.Clone(c.Roles)
	return &c
}
