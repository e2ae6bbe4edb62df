package token

import (
	"errors"
	"slices"
	"time"
)

// MaxLeeway is the maximum and the default of [Options].Leeway.
const MaxLeeway = 30 * time.Second

// Options configure an [Authority].
type Options struct {
	Issuer   string // required: the iss of every token
	Audience string // required: the aud of tokens for the authority's own API
	Keys     KeySet // required

	// Resources are further audiences that tokens may be signed for.
	Resources []string

	// TTL is how long a token is valid, at least a second.
	TTL time.Duration

	// Leeway is the tolerated difference of clocks, at most [MaxLeeway].
	// Zero means MaxLeeway.
	Leeway time.Duration

	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Authority signs and verifies the access tokens of one issuer. It is safe for
// concurrent use.
type Authority struct {
	issuer    string
	audience  string
	resources []string
	keys      KeySet
	ttl       time.Duration
	leeway    time.Duration
	now       func() time.Time
	memory    *memory
}

// New returns an Authority. The error names the option that is not valid.
func New(o Options) (*Authority, error) {
	if o.Leeway == 0 {
		o.Leeway = MaxLeeway
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	switch {
	case o.Issuer == "":
		return nil, errors.New("token: issuer is empty")
	case o.Audience == "":
		return nil, errors.New("token: audience is empty")
	case o.Keys == nil || o.Keys.Signing(o.Now()).algorithm == "":
		return nil, errors.New("token: no signing key")
	case o.TTL < time.Second:
		return nil, errors.New("token: TTL is shorter than a second")
	case o.Leeway < 0 || o.Leeway > MaxLeeway:
		return nil, errors.New("token: leeway must be between 0 and 30 s")
	}
	return &Authority{
		issuer:    o.Issuer,
		audience:  o.Audience,
		resources: slices.Clone(o.Resources),
		keys:      o.Keys,
		ttl:       o.TTL,
		leeway:    o.Leeway,
		now:       o.Now,
		memory:    newMemory(),
	}, nil
}

// Audience returns the aud of tokens for the authority's own API.
func (a *Authority) Audience() string { return a.audience }

// Allows reports whether tokens may be signed for an audience. Audiences are
// compared byte by byte (RFC 7519 §2, StringOrURI).
func (a *Authority) Allows(audience string) bool {
	return audience == a.audience || slices.Contains(a.resources, audience)
}

// audienceOf returns the audience to sign for. Empty means the authority's own.
func (a *Authority) audienceOf(audience string) (string, error) {
	switch {
	case audience == "":
		return a.audience, nil
	case !a.Allows(audience):
		return "", errors.New("token: sign: unknown audience")
	}
	return audience, nil
}

// TTL returns how long a token is valid after it was signed.
func (a *Authority) TTL() time.Duration { return a.ttl }
