package token

import (
	"crypto/sha256"
	"slices"
	"time"
	"unique"

	lru "github.com/hashicorp/golang-lru/v2"
)

// A token takes some 550 bytes to remember, so that all of them take no more than 5 MiB.
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

// compact lets go of the text that the claims were read from, of which they are parts, and shares what
// is the same in most tokens.
func (v *verified) compact() {
	c := &v.claims
	share := func(s *string) { *s = unique.Make(*s).Value() }
	share(&c.Issuer)
	share(&c.ClientID)
	for i := range c.Audience {
		share(&c.Audience[i])
	}
	for i := range c.Roles {
		share(&c.Roles[i])
	}
	ids := c.Subject + c.SessionID + c.ID
	c.Subject, ids = ids[:len(c.Subject)], ids[len(c.Subject):]
	c.SessionID, c.ID = ids[:len(c.SessionID)], ids[len(c.SessionID):]
}

// copyClaims returns claims that the caller may change.
func (v *verified) copyClaims() *Claims {
	c := v.claims
	c.Audience, c.Roles = slices.Clone(c.Audience), slices.Clone(c.Roles)
	return &c
}
