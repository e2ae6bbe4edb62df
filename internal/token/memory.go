package token

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// A token takes some 600 bytes to remember, so that all of them take no more than 5 MiB.
// Parts have locks of their own: requests seldom wait for each other.
const (
	memoryParts = 64
	memorySize  = 8192 / memoryParts // tokens in each part
)

// memory holds the tokens that were verified of late, so that a signature is checked once and not
// with every request. Only good tokens get in, and only their digests: what is held opens nothing.
type memory [memoryParts]*lru.Cache[digest, *verified]

type digest [sha256.Size]byte

// verified is what there is to know about a token whose signature, issuer and audience are right.
// Whether its key and its times are right is asked at each use.
type verified struct {
	claims    Claims
	keyID     string
	notBefore time.Time // the latest of its times but exp
}

func newMemory() *memory {
	m := new(memory)
	for i := range m {
		m[i], _ = lru.New[digest, *verified](memorySize) // fails for a size below 1 only
	}
	return m
}

// of returns the part that a token belongs to.
func (m *memory) of(d digest) *lru.Cache[digest, *verified] { return m[d[0]%memoryParts] }

// current reports whether the token is to be trusted at that time, with clocks that may differ by
// leeway, and by the keys there are now.
func (v *verified) current(keys KeySet, now time.Time, leeway time.Duration) bool {
	_, ok := keys.Verifying(v.keyID, now)
	return ok && !v.notBefore.After(now.Add(leeway)) && now.Before(v.claims.ExpiresAt.Add(leeway))
}

// compact moves the claims into one text, which takes less memory than one for each.
func (v *verified) compact(issuer, audience string) {
	c := &v.claims
	c.Issuer, c.Audience = issuer, audience // the same texts, in one place for all tokens
	own := []*string{&c.Subject, &c.SessionID, &c.ClientID, &c.ID}
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

// copyClaims returns claims that the caller may change.
func (v *verified) copyClaims() *Claims {
	c := v.claims
	c.Roles = slices.Clone(c.Roles)
	return &c
}
