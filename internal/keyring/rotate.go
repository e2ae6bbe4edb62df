package keyring

import (
	"context"
	"errors"
	"slices"
	"time"

	"usher/internal/token"
)

// Errors for operators.
var (
	ErrNoKey     = errors.New("there is no signing key with this ID")
	ErrSigns     = errors.New("this key is signing tokens. Run usher keys rotate and retire it once the next key signs, or retire it now with --force")
	ErrSymmetric = errors.New("with HS256 the signing key is derived from the server's secret. Change the secret or the algorithm instead")
	ErrLead      = errors.New("the lead must be between 0s and 24h")
	ErrRaced     = errors.New("another signing key was created at the same time. Try again")
)

const (
	maxLead = 24 * time.Hour

	// keep is how long an unused key stays in the database. It is at least the maximum TTL of a token,
	// because a command may run with a shorter TTL setting than the servers.
	keep = 24 * time.Hour
)

// List returns the keys, the newest first. It does not need o.Secrets.
func List(ctx context.Context, o Options) ([]Status, error) {
	o.complete()
	records, err := o.Store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	return statuses(records, o.Now(), o.tail(), o.Algorithm == token.HS256), nil
}

// CheckRotation validates the arguments of a rotation. It returns [ErrSymmetric] or [ErrLead].
func CheckRotation(algorithm token.Algorithm, lead time.Duration) error {
	if algorithm == token.HS256 {
		return ErrSymmetric
	}
	if lead < 0 || lead > maxLead {
		return ErrLead
	}
	return nil
}

// Rotate generates and publishes a new key that signs after lead. With a lead below [Lead], its first tokens
// may be rejected: by replicas for up to [PollInterval], by other services for up to [JWKSMaxAge].
func Rotate(ctx context.Context, o Options, lead time.Duration) (*Record, error) {
	if err := CheckRotation(o.Algorithm, lead); err != nil {
		return nil, err
	}
	k, err := newKeyring(o)
	if err != nil {
		return nil, err
	}
	s, err := k.read(ctx) // decrypts the keys, which fails unless the secret is that of the servers
	if err != nil {
		return nil, err
	}
	r, err := k.add(ctx, s.list, k.options.Now().Add(lead))
	if err == nil && r == nil {
		err = ErrRaced
	}
	return r, err
}

// Retire retires a key. Every replica rejects its tokens after the next poll. It returns [ErrNoKey] for an
// unknown key, and [ErrSigns] for the signing key unless force is set. After the signing key is retired, the
// previous key signs again. If there is none, a replica generates one that signs at once. Retire does not
// need o.Secrets.
func Retire(ctx context.Context, o Options, keyID string, force bool) error {
	o.complete()
	list, err := List(ctx, o)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(s Status) bool { return s.KeyID == keyID })
	switch {
	case i < 0:
		return ErrNoKey
	case list[i].State == Signing && !force:
		return ErrSigns
	}
	_, err = o.Store.RetireSigningKey(ctx, keyID, o.Now())
	return err
}

// due reports whether to generate a key, and when that key starts to sign.
//
// A change of the algorithm counts only at the start. Otherwise replicas with the old and the new setting
// would alternately generate keys during a rolling deployment.
func (k *Keyring) due(list []Status, starting bool) (signsFrom time.Time, due bool) {
	if k.options.Algorithm == token.HS256 {
		return time.Time{}, false
	}
	now := k.options.Now()
	i := newest(list)
	if i < 0 {
		return now, true
	}
	signsFrom = now.Add(Lead)
	aged := !signsFrom.Before(list[i].SignsFrom.Add(k.options.MaxAge))
	return signsFrom, aged || starting && list[i].Algorithm != k.algorithm(list)
}

// newest returns the index of the newest key that is not retired, or -1.
func newest(list []Status) int {
	return slices.IndexFunc(list, func(s Status) bool { return s.State != Retired })
}

// algorithm returns the algorithm of the next key. A change of [DefaultAlgorithm] does not change it for an
// existing ring, because other services may accept only the algorithm that they know from this server. That
// also applies after all keys have been retired.
func (k *Keyring) algorithm(list []Status) token.Algorithm {
	switch {
	case k.options.Algorithm != "":
		return k.options.Algorithm
	case len(list) == 0:
		return DefaultAlgorithm
	}
	return list[max(newest(list), 0)].Algorithm
}

// add generates and stores a key. It returns nil if another replica stored one of that generation first.
// Before that, it sweeps.
func (k *Keyring) add(ctx context.Context, list []Status, signsFrom time.Time) (*Record, error) {
	now := k.options.Now()
	if err := k.sweep(ctx, list, now); err != nil {
		return nil, err
	}
	algorithm := k.algorithm(list)
	der, err := token.GeneratePrivateKey(algorithm)
	if err != nil {
		return nil, err
	}
	key, err := token.ParsePrivateKey(algorithm, der)
	if err != nil {
		return nil, err
	}
	r := &Record{
		KeyID: key.ID(), Algorithm: key.Algorithm(), Generation: 1,
		CreatedAt: now.UTC().Truncate(time.Microsecond), SignsFrom: signsFrom.UTC().Truncate(time.Microsecond),
	}
	if len(list) > 0 {
		r.Generation += list[0].Generation
	}
	k.sealer.seal(r, der)
	created, err := k.options.Store.CreateSigningKey(ctx, r)
	if err != nil || !created {
		return nil, err
	}
	return r, nil
}

// sweep deletes keys that have been unused for longer than keep.
func (k *Keyring) sweep(ctx context.Context, list []Status, now time.Time) error {
	for _, s := range list {
		end := s.VerifiesUntil
		if s.RetiredAt != nil {
			end = *s.RetiredAt
		}
		if end.IsZero() || now.Before(end.Add(keep)) {
			continue
		}
		if err := k.options.Store.DeleteSigningKey(ctx, s.KeyID); err != nil {
			return err
		}
	}
	return nil
}
