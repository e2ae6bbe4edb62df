// Package keyring owns the keys that the server signs access tokens with: it makes them, seals them
// for the database, publishes them, and has them take turns.
//
// A key is published before it signs, and verifies until its last token has expired, so that
// changing keys refuses nobody. All replicas share the keys through the database, and look for new
// ones every [PollInterval]. From what they read they know at which moment another key signs.
package keyring

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"usher/internal/token"
)

const (
	// PollInterval is how often to call [Keyring.Refresh].
	PollInterval = 10 * time.Second

	// Lead is for how long a key is published before it signs: longer than replicas take to poll,
	// others may keep [Keyring.JWKS], and clocks differ, all together.
	Lead = 2 * time.Minute

	// JWKSMaxAge is for how long others may keep [Keyring.JWKS].
	JWKSMaxAge = time.Minute
)

// Options describe a Keyring, the same one on every replica. All are required but Now and Log.
type Options struct {
	Store  Store
	Secret []byte // the server's; see [token.CheckSecret]

	// Algorithm is that of new keys. With HS256 none are made, and one that is derived from the
	// secret signs; it verifies under this setting only, while the keys there are go on verifying.
	Algorithm token.Algorithm
	MaxAge    time.Duration // how long a key signs before the next one takes over
	TTL       time.Duration // how long an access token is valid

	Now func() time.Time // the clock; nil stands for time.Now
	Log *slog.Logger     // nil stands for slog.Default
}

// tail is for how long after it was signed a token is accepted.
func (o *Options) tail() time.Duration { return o.TTL + token.MaxLeeway }

// complete fills in the defaults.
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
	options Options // without the secret
	sealer  sealer
	hmac    token.Key // with HS256
	current atomic.Pointer[snapshot]
}

var _ token.KeySet = (*Keyring)(nil)

// snapshot is the state of the keys at the last poll. It stays true until an operator's order or a
// new key changes it.
type snapshot struct {
	list []Status
	keys map[string]opened
	jwks []byte
}

// opened is a key that signs or verifies at the time of the snapshot.
type opened struct {
	*Status
	key token.Key
}

// Open returns a Keyring that can sign. It makes the first key, and the next one if the newest is of
// another algorithm. The error is a *[SealedError] when the keys were sealed with another secret.
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

// newKeyring returns a Keyring that has read nothing yet.
func newKeyring(o Options) (*Keyring, error) {
	o.complete()
	k := &Keyring{options: o}
	k.options.Secret = nil
	k.current.Store(new(snapshot))
	var err error
	if k.sealer, err = newSealer(o.Secret); err != nil {
		return nil, err
	}
	switch o.Algorithm {
	case token.HS256:
		k.hmac, err = token.NewHMACKey(o.Secret)
	case token.EdDSA, token.ES256, token.RS256:
	default:
		err = fmt.Errorf("keyring: no algorithm for access tokens: %q", o.Algorithm)
	}
	if err != nil {
		return nil, err
	}
	if o.TTL <= 0 || o.MaxAge <= Lead {
		return nil, errors.New("keyring: TTL or MaxAge is too short")
	}
	return k, nil
}

// Refresh reads the keys, and makes the next one when it is due. When the database does not answer,
// the keys stay as they were. A key that cannot be opened is an error, too, but what an operator has
// retired is refused all the same.
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
	if made != nil { // otherwise another replica was faster, and its key will do
		k.options.Log.InfoContext(ctx, "made signing key", "kid", made.KeyID, "algorithm", made.Algorithm,
			"signs_from", made.SignsFrom)
	}
	if s, err = k.read(ctx); err != nil {
		return err
	}
	k.current.Store(s)
	return nil
}

// read makes a snapshot of the keys in the database, of those that can be opened when there is an
// error for the others.
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

// JWKS is the public part of all keys that verify, as a JWK Set (RFC 7517 §5). The caller must not
// change it.
func (k *Keyring) JWKS() []byte { return k.current.Load().jwks }
