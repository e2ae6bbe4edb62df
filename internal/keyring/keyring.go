// Package keyring owns the signing keys of access tokens: it generates them, encrypts them for the
// database, publishes them as a JWK Set and rotates them.
//
// A key is published before it signs, and verifies until its last token has expired. So a rotation
// invalidates no token. All replicas share the keys through the database and read it every
// [PollInterval]. The records contain the time when each key starts to sign, so replicas switch at that
// time without a further read.
package keyring

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"usher/internal/seal"
	"usher/internal/token"
)

const (
	// PollInterval is how often to call [Keyring.Refresh].
	PollInterval = 10 * time.Second

	// Lead is how long a key is published before it signs. It exceeds the sum of [PollInterval],
	// [JWKSMaxAge] and the maximum difference of clocks.
	Lead = 2 * time.Minute

	// JWKSMaxAge is how long clients may cache [Keyring.JWKS].
	JWKSMaxAge = time.Minute

	// DefaultAlgorithm is the algorithm of the first key. More libraries verify it than EdDSA, and its keys
	// and signatures are shorter than those of RS256. docs/clients.md lists the libraries.
	DefaultAlgorithm = token.ES256
)

// Options configure a Keyring, equally on every replica. Store, Secrets, MaxAge and TTL are required.
type Options struct {
	Store   Store
	Secrets *seal.Secrets // the server's secret

	// Algorithm is the algorithm of new keys. If it is empty, a new key has the algorithm of the newest key,
	// and the first key has [DefaultAlgorithm]. HS256 generates no keys: a key derived from Secrets signs.
	// That key verifies only with this setting. Existing keys continue to verify.
	Algorithm token.Algorithm
	MaxAge    time.Duration // how long a key signs before the next one takes over
	TTL       time.Duration // how long an access token is valid

	Now func() time.Time // the clock; nil means time.Now
	Log *slog.Logger     // nil means slog.Default
}

// tail is how long a token is accepted after it was signed.
func (o *Options) tail() time.Duration { return o.TTL + token.MaxLeeway }

// complete sets the defaults.
func (o *Options) complete() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

// Keyring is the [token.KeySet] of the server. It is safe for concurrent use.
type Keyring struct {
	options Options
	sealer  sealer
	hmac    token.Key // set with HS256
	current atomic.Pointer[snapshot]
}

var _ token.KeySet = (*Keyring)(nil)

// snapshot is the state of the keys at the last poll. It stays valid until a key is added or retired.
type snapshot struct {
	list []Status
	keys map[string]opened
	jwks []byte
}

// opened is a decrypted key. It was neither retired nor expired at the time of the snapshot.
type opened struct {
	*Status
	key token.Key
}

// Open returns a Keyring that can sign. It generates a key if there is none, or if the newest one has
// another algorithm than o.Algorithm. The error is a *[SealedError] if the keys were encrypted with another secret.
func Open(ctx context.Context, o Options) (*Keyring, error) {
	k, err := newKeyring(o)
	if err == nil {
		err = k.refresh(ctx, true)
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Check returns a *[SealedError] if a key was encrypted with another secret than that of the options.
func Check(ctx context.Context, o Options) error {
	k, err := newKeyring(o)
	if err == nil {
		_, err = k.read(ctx)
	}
	return err
}

// newKeyring returns a Keyring without keys.
func newKeyring(o Options) (*Keyring, error) {
	o.complete()
	k := &Keyring{options: o}
	k.current.Store(new(snapshot))
	var err error
	if k.sealer, err = newSealer(o.Secrets); err != nil {
		return nil, err
	}
	switch o.Algorithm {
	case token.HS256:
		k.hmac, err = token.NewHMACKey(o.Secrets)
	case "", token.EdDSA, token.ES256, token.RS256:
	default:
		err = fmt.Errorf("keyring: unknown algorithm %q", o.Algorithm)
	}
	if err != nil {
		return nil, err
	}
	if o.TTL <= 0 || o.MaxAge <= Lead {
		return nil, errors.New("keyring: TTL or MaxAge is too short")
	}
	return k, nil
}

// Refresh reads the keys and generates the next one when it is due. If the database does not answer, the
// keys stay as they were. A key that cannot be decrypted is an error, but keys that an operator has
// retired are rejected nevertheless.
func (k *Keyring) Refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, PollInterval)
	defer cancel()
	return k.refresh(ctx, false)
}

func (k *Keyring) refresh(ctx context.Context, starting bool) error {
	s, err := k.read(ctx)
	if s != nil {
		k.current.Store(s)
	}
	if err != nil {
		return err
	}
	signsFrom, due := k.due(s.list, starting)
	if !due {
		return nil
	}
	made, err := k.add(ctx, s.list, signsFrom)
	if err != nil {
		return err
	}
	if made != nil { // otherwise another replica has added a key of this generation
		k.options.Log.InfoContext(ctx, "created signing key", "kid", made.KeyID, "algorithm", made.Algorithm,
			"signs_from", made.SignsFrom)
	}
	if s, err = k.read(ctx); err != nil {
		return err
	}
	k.current.Store(s)
	return nil
}

// read returns a snapshot of the keys in the database. If some keys cannot be decrypted, it returns a
// snapshot of the others together with an error.
func (k *Keyring) read(ctx context.Context) (*snapshot, error) {
	list, err := List(ctx, k.options)
	if err != nil {
		return nil, err
	}
	s := &snapshot{keys: make(map[string]opened)}
	var sealed error
	known := k.current.Load().keys
	jwks := []json.RawMessage{}
	for i := range list {
		status := &list[i]
		if status.State == Retired || status.State == Expired {
			s.list = append(s.list, *status)
			continue
		}
		key := known[status.KeyID].key
		if key.ID() == "" {
			if key, err = k.sealer.open(&status.Record); err != nil {
				sealed = errors.Join(sealed, err)
				continue
			}
		}
		s.list = append(s.list, *status)
		s.keys[status.KeyID] = opened{status, key}
		jwks = append(jwks, key.PublicJWK())
	}
	if s.jwks, err = json.Marshal(map[string]any{"keys": jwks}); err != nil {
		return nil, err
	}
	return s, sealed
}

// Signing implements [token.KeySet].
func (k *Keyring) Signing(now time.Time) token.Key {
	if k.options.Algorithm == token.HS256 {
		return k.hmac
	}
	s := k.current.Load()
	i := signer(s.list, now)
	if i < 0 {
		return token.Key{}
	}
	return s.keys[s.list[i].KeyID].key
}

// Verifying implements [token.KeySet].
func (k *Keyring) Verifying(kid string, now time.Time) (token.Key, bool) {
	if kid == "" {
		return k.hmac, k.options.Algorithm == token.HS256
	}
	o, ok := k.current.Load().keys[kid]
	return o.key, ok && o.verifies(now)
}

// Usage is how old the current key is, and how many keys there are.
type Usage struct {
	// Age is how long the current key has been signing, and MaxAge how long it signs.
	Age, MaxAge time.Duration
	// Number is how many keys verify tokens.
	Number int
}

// Usage reports false with HS256, which has no keys in the database.
func (k *Keyring) Usage() (Usage, bool) {
	now, u := k.options.Now(), Usage{MaxAge: k.options.MaxAge}
	list := k.current.Load().list
	for i := range list {
		if list[i].State != Retired && list[i].verifies(now) {
			u.Number++
		}
	}
	i := signer(list, now)
	if k.options.Algorithm == token.HS256 || i < 0 {
		return u, false
	}
	u.Age = max(now.Sub(list[i].SignsFrom), 0)
	return u, true
}

// JWKS returns the public parts of all keys that verify, as a JWK Set (RFC 7517 §5). The caller must not
// change it.
func (k *Keyring) JWKS() []byte { return k.current.Load().jwks }
