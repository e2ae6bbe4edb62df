package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/rekey"
)

// secrets returns s as a store of the secrets of servers.
func secrets(t *testing.T, s auth.Store) rekey.Store {
	t.Helper()
	found, ok := s.(rekey.Store)
	if !ok {
		t.Fatalf("%T does not implement rekey.Store", s)
	}
	return found
}

// newServerSecret returns a record with a value in every field.
func newServerSecret(n int) *rekey.Record {
	return &rekey.Record{
		Fingerprint: fmt.Sprintf("%016x", n), FirstUsedAt: epoch.Add(time.Duration(n) * time.Microsecond),
		LastUsedAt: epoch.Add(time.Hour + time.Duration(n)), GoodUntil: epoch.Add(30*24*time.Hour + time.Duration(n)*time.Second),
	}
}

// checkServerSecrets fails the test unless the store has exactly these records.
func checkServerSecrets(t *testing.T, s rekey.Store, want ...rekey.Record) {
	t.Helper()
	got, err := s.ServerSecrets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "ServerSecrets", got, want)
}

func serverSecretUse(t *testing.T, as auth.Store) {
	s := secrets(t, as)
	checkServerSecrets(t, s)
	use := func(r rekey.Record) {
		t.Helper()
		r.FirstUsedAt = r.FirstUsedAt.In(time.FixedZone("", 3600))
		if err := s.UseServerSecret(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}
	first, second := *newServerSecret(1000), *newServerSecret(2000)
	complete(t, "server secret", first)
	use(second)
	use(first)
	checkServerSecrets(t, s, first, second)

	later := first
	later.FirstUsedAt, later.LastUsedAt = first.FirstUsedAt.Add(time.Hour), first.LastUsedAt.Add(time.Hour)
	use(later) // with a shorter lifetime than before
	want := first
	want.LastUsedAt = later.LastUsedAt
	checkServerSecrets(t, s, want, second)

	late := later
	late.LastUsedAt, late.GoodUntil = first.LastUsedAt, first.GoodUntil.Add(time.Microsecond)
	use(late) // of a server whose clock is behind
	want.GoodUntil = late.GoodUntil
	checkServerSecrets(t, s, want, second)

	// Of many at once, the latest times remain.
	for _, err := range together(20, func(i int) error {
		r := late
		r.LastUsedAt, r.GoodUntil = first.LastUsedAt.Add(time.Duration(i)*time.Hour), first.GoodUntil.Add(time.Duration(19-i)*time.Hour)
		return s.UseServerSecret(t.Context(), &r)
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	want.LastUsedAt, want.GoodUntil = first.LastUsedAt.Add(19*time.Hour), first.GoodUntil.Add(19*time.Hour)
	checkServerSecrets(t, s, want, second)
}

func serverSecretRefused(t *testing.T, as auth.Store) {
	s := secrets(t, as)
	for _, fingerprint := range []string{"", "short", "00000000000000000"} {
		r := newServerSecret(1)
		r.Fingerprint = fingerprint
		if err := s.UseServerSecret(t.Context(), r); err == nil {
			t.Errorf("the fingerprint %q is accepted", fingerprint)
		}
	}
	checkServerSecrets(t, s)
}

func signingKeyReseal(t *testing.T, as auth.Store) {
	s := keys(t, as)
	first, second := newSigningKey(1), newSigningKey(2)
	createSigningKey(t, s, first, true)
	createSigningKey(t, s, second, true)
	from := second.Sealed
	reseal := func(id string, from, to []byte, want bool) {
		t.Helper()
		if changed, err := s.ResealSigningKey(t.Context(), id, from, to); changed != want || err != nil {
			t.Errorf("ResealSigningKey of %s: %v, %v, want %v", id, changed, err, want)
		}
	}
	second.Sealed = bytes.Repeat([]byte{0, 0xff}, 40)
	reseal(second.KeyID, from, second.Sealed, true)
	reseal(second.KeyID, from, second.Sealed, false)
	reseal(first.KeyID, from, second.Sealed, false)
	reseal(newSigningKey(3).KeyID, from, second.Sealed, false)
	checkSigningKeys(t, s, second, first)

	last := second.Sealed
	wins := 0
	for i, err := range together(10, func(i int) error {
		changed, err := s.ResealSigningKey(t.Context(), second.KeyID, last, bytes.Repeat([]byte{byte(i)}, 80))
		if changed {
			err = errors.Join(err, errDone)
		}
		return err
	}) {
		if errors.Is(err, errDone) {
			wins++
			second.Sealed = bytes.Repeat([]byte{byte(i)}, 80)
		} else if err != nil {
			t.Error(err)
		}
	}
	if wins != 1 {
		t.Errorf("resealed %d times at once, want 1", wins)
	}
	checkSigningKeys(t, s, second, first)
}
