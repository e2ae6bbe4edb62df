package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/keyring"
	"usher/internal/token"
)

// keys returns s as a store of signing keys.
func keys(t *testing.T, s auth.Store) keyring.Store {
	t.Helper()
	k, ok := s.(keyring.Store)
	if !ok {
		t.Fatalf("%T does not implement keyring.Store", s)
	}
	return k
}

// newSigningKey returns a key with a value in every field. Its ID starts with characters that are special in a
// shell and in a pattern.
func newSigningKey(n int) *keyring.Record {
	return &keyring.Record{
		KeyID:      fmt.Sprintf("-%%_%040d", n),
		Algorithm:  token.EdDSA,
		Sealed:     bytes.Repeat([]byte{0xff, 0x80, '\'', '\\', byte(n)}, 20),
		Generation: int64(n),
		CreatedAt:  epoch.Add(time.Duration(n) * time.Microsecond),
		SignsFrom:  epoch.Add(time.Duration(n) * time.Second),
		RetiredAt:  new(epoch.Add(time.Duration(n) * time.Hour)),
	}
}

func createSigningKey(t *testing.T, s keyring.Store, r *keyring.Record, want bool) {
	t.Helper()
	if created, err := s.CreateSigningKey(t.Context(), r); created != want || err != nil {
		t.Fatalf("CreateSigningKey of generation %d: %v, %v, want %v", r.Generation, created, err, want)
	}
}

// checkSigningKeys fails the test unless the store contains exactly these keys.
func checkSigningKeys(t *testing.T, s keyring.Store, want ...*keyring.Record) {
	t.Helper()
	list, err := s.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []*keyring.Record
	for _, r := range list {
		got = append(got, &r)
	}
	equal(t, "SigningKeys", got, want)
}

func signingKeyEveryColumn(t *testing.T, as auth.Store) {
	s := keys(t, as)
	checkSigningKeys(t, s)
	first, second, third := newSigningKey(1), newSigningKey(2), newSigningKey(10)
	complete(t, "signing key", first)
	second.RetiredAt = nil
	third.Sealed = []byte{0, 1, 0}
	east := *third
	east.CreatedAt, east.SignsFrom = third.CreatedAt.In(time.FixedZone("", 3600)), third.SignsFrom.In(time.FixedZone("", 3600))
	createSigningKey(t, s, second, true)
	createSigningKey(t, s, &east, true)
	createSigningKey(t, s, first, true)
	checkSigningKeys(t, s, third, second, first)
}

func signingKeyRefused(t *testing.T, as auth.Store) {
	s := keys(t, as)
	kept := newSigningKey(1)
	createSigningKey(t, s, kept, true)

	// A generation has one key. A second one is rejected without an error.
	other := newSigningKey(2)
	other.Generation = kept.Generation
	createSigningKey(t, s, other, false)

	for name, spoil := range map[string]func(r *keyring.Record){
		"an id that is taken": func(r *keyring.Record) { r.KeyID = kept.KeyID },
		"no id":               func(r *keyring.Record) { r.KeyID = "" },
		"a long id":           func(r *keyring.Record) { r.KeyID = strings.Repeat("a", 1000) },
		"no algorithm":        func(r *keyring.Record) { r.Algorithm = "" },
		"nothing sealed":      func(r *keyring.Record) { r.Sealed = nil },
		"much sealed":         func(r *keyring.Record) { r.Sealed = make([]byte, 1<<20) },
	} {
		r := newSigningKey(3)
		spoil(r)
		if created, err := s.CreateSigningKey(t.Context(), r); created || err == nil {
			t.Errorf("a key with %s: %v, %v, want an error", name, created, err)
		}
	}
	checkSigningKeys(t, s, kept)
}

func signingKeyOfMany(t *testing.T, as auth.Store) {
	s := keys(t, as)
	var made []*keyring.Record
	for generation := range 5 {
		var records []*keyring.Record
		for n := range 20 {
			r := newSigningKey(100*generation + n)
			r.Generation = int64(generation)
			records = append(records, r)
		}
		wins := 0
		for i, err := range together(len(records), func(i int) error {
			created, err := s.CreateSigningKey(t.Context(), records[i])
			if created {
				err = errors.Join(err, errDone)
			}
			return err
		}) {
			switch {
			case errors.Is(err, errDone):
				wins++
				made = slices.Insert(made, 0, records[i])
			case err != nil:
				t.Error(err)
			}
		}
		if wins != 1 {
			t.Errorf("generation %d was created %d times at once, want 1", generation, wins)
		}
	}
	checkSigningKeys(t, s, made...)
}

func signingKeyRetire(t *testing.T, as auth.Store) {
	s := keys(t, as)
	first, second := newSigningKey(1), newSigningKey(2)
	first.RetiredAt, second.RetiredAt = nil, nil
	createSigningKey(t, s, first, true)
	createSigningKey(t, s, second, true)
	retire := func(id string, now time.Time, want bool) {
		t.Helper()
		if retired, err := s.RetireSigningKey(t.Context(), id, now); retired != want || err != nil {
			t.Errorf("RetireSigningKey of %s: %v, %v, want %v", id, retired, err, want)
		}
	}
	retire(newSigningKey(3).KeyID, epoch, false)
	retire("", epoch, false)
	retire(first.KeyID, epoch.In(time.FixedZone("", 3600)), true)
	retire(first.KeyID, epoch.Add(time.Hour), false)
	first.RetiredAt = new(epoch)
	checkSigningKeys(t, s, second, first)
}

func signingKeyDelete(t *testing.T, as auth.Store) {
	s := keys(t, as)
	first, second, third := newSigningKey(1), newSigningKey(2), newSigningKey(3)
	for _, r := range []*keyring.Record{first, second, third} {
		createSigningKey(t, s, r, true)
	}
	for _, id := range []string{second.KeyID, second.KeyID, newSigningKey(4).KeyID, ""} {
		if err := s.DeleteSigningKey(t.Context(), id); err != nil {
			t.Errorf("DeleteSigningKey of %s: %v", id, err)
		}
	}
	checkSigningKeys(t, s, third, first)
	createSigningKey(t, s, second, true)
	checkSigningKeys(t, s, third, second, first)
}
