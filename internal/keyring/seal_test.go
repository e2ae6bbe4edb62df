package keyring

import (
	"errors"
	"testing"

	"usher/internal/seal/sealtest"
	"usher/internal/token"
)

// FuzzOpenKey opens arbitrary records. A record that opens must have the key's ID and algorithm.
func FuzzOpenKey(f *testing.F) {
	sealer, err := newSealer(sealtest.Secrets("q7Vd2Lk0ZtB9xWmY5nRfHc8JsPe4UaGi"))
	if err != nil {
		f.Fatal(err)
	}
	der, err := token.GeneratePrivateKey(token.EdDSA)
	if err != nil {
		f.Fatal(err)
	}
	key, err := token.ParsePrivateKey(token.EdDSA, der)
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range []struct {
		r   Record
		der []byte
	}{
		{Record{KeyID: key.ID(), Algorithm: token.EdDSA}, der},
		{Record{KeyID: key.ID(), Algorithm: token.ES256}, der},
		{Record{KeyID: "another", Algorithm: token.EdDSA}, der},
		{Record{KeyID: "garbage", Algorithm: token.EdDSA}, []byte("garbage")},
	} {
		sealer.seal(&c.r, c.der)
		f.Add(c.r.KeyID, string(c.r.Algorithm), c.r.Sealed)
	}
	f.Add("", "", []byte(nil))
	f.Fuzz(func(t *testing.T, id, algorithm string, sealed []byte) {
		got, err := sealer.open(&Record{KeyID: id, Algorithm: token.Algorithm(algorithm), Sealed: sealed})
		if err == nil {
			if got.ID() != id || string(got.Algorithm()) != algorithm {
				t.Errorf("%q, %q opens as %v", id, algorithm, got)
			}
			return
		}
		var e *SealedError
		if !errors.As(err, &e) || e.KeyID != id {
			t.Errorf("%q: %v is not a SealedError with this ID", id, err)
		}
	})
}
