package app

import (
	"context"
	"strings"

	"usher/internal/auth"
	"usher/internal/keyring"
)

// signingKeys returns a function that reads the keys from the database, for administrators.
func signingKeys(o keyring.Options) func(ctx context.Context) ([]auth.SigningKey, error) {
	return func(ctx context.Context) ([]auth.SigningKey, error) {
		list, err := keyring.List(ctx, o)
		if err != nil {
			return nil, err
		}
		keys := make([]auth.SigningKey, len(list))
		for i, k := range list {
			keys[i] = auth.SigningKey{
				KID: k.KeyID, Algorithm: string(k.Algorithm), State: auth.SigningKeyState(strings.ToUpper(string(k.State))),
				CreatedAt: k.CreatedAt, SignsFrom: k.SignsFrom, RetiredAt: k.RetiredAt,
			}
			if !k.VerifiesUntil.IsZero() {
				keys[i].VerifiesUntil = new(k.VerifiesUntil)
			}
		}
		return keys, nil
	}
}
