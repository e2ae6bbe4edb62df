package keyring

import (
	"context"
	"errors"
	"slices"
	"time"

	"usher/internal/token"
)

// What an operator may be told.
var (
	ErrNoKey     = errors.New("there is no such signing key")
	ErrSigns     = errors.New("this key signs. Make the next one with usher keys rotate, and retire this one when it signs no longer; --force retires it now")
	ErrSymmetric = errors.New("with HS256 the server's secret is the key: change the secret, or the algorithm")
	ErrLead      = errors.New("the lead is not between 0s and 24h")
	ErrRaced     = errors.New("another signing key was made at the same moment")
)

const (
	maxLead = 24 * time.Hour

	// keep is how long a key stays in the database that is of no use any more: no shorter than a
	// token may live on a server that an operator's command knows nothing of.
	keep = 24 * time.Hour
)

// List returns the keys, the newest first. It needs no Secret.
func List(ctx context.Context, o Options) ([]Status, error) {
	o.complete()
	records, err := o.Store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	return statuses(records, o.Now(), o.tail(), o.Algorithm == token.HS256), nil
}

// CheckRotation returns why keys cannot be rotated like that, whatever the keys.
func CheckRotation(algorithm token.Algorithm, lead time.Duration) error {
	if algorithm == token.HS256 {
		return ErrSymmetric
	}
	if lead < 0 || lead > maxLead {
		return ErrLead
	}
	return nil
}

// Rotate makes a new key, publishes it, and has it sign after lead. With a lead below [Lead], some
// tokens may be refused: by replicas in the first [PollInterval], by others in [JWKSMaxAge].
func Rotate(ctx context.Context, o Options, lead time.Duration) (*Record, error) {
	if err := CheckRotation(o.Algorithm, lead); err != nil {
		return nil, err
	}
	k, err := newKeyring(o)
	if err != nil {
		return nil, err
	}
	s, err := k.read(ctx) // opens the keys there are: the secret must be the one of the server
	if err != nil {
		return nil, err
	}
	r, err := k.add(ctx, s.list, k.options.Now().Add(lead))
	if err == nil && r == nil {
		err = ErrRaced
	}
	return r, err
}

// Retire ends a key: every replica refuses its tokens after the next poll. With force, it may be the
// one that signs. The one before it then signs again; if there is none, a replica makes one that signs
// at once. Retire needs no Secret.
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

// due reports whether to make a new key, and when it shall sign.
//
// That the algorithm is another one counts at the start only: while a deployment rolls, replicas of
// both settings would make keys by turns.
func (k *Keyring) due(list []Status, starting bool) (signsFrom time.Time, due bool) {
	if k.options.Algorithm == token.HS256 {
		return time.Time{}, false
	}
	now := k.options.Now()
	newest := slices.IndexFunc(list, func(s Status) bool { return s.State != Retired })
	if newest < 0 {
		return now, true
	}
	signsFrom = now.Add(Lead)
	aged := !signsFrom.Before(list[newest].SignsFrom.Add(k.options.MaxAge))
	return signsFrom, aged || starting && list[newest].Algorithm != k.options.Algorithm
}

// add makes a key, and returns nil if another one of its generation was faster. It sweeps first.
func (k *Keyring) add(ctx context.Context, list []Status, signsFrom time.Time) (*Record, error) {
	now := k.options.Now()
	if err := k.sweep(ctx, list, now); err != nil {
		return nil, err
	}
	der, err := token.GeneratePrivateKey(k.options.Algorithm)
	if err != nil {
		return nil, err
	}
	key, err := token.ParsePrivateKey(k.options.Algorithm, der)
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

// sweep deletes the keys that are of no use any more.
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
