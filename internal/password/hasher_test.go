package password

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

// withSlot runs f with a slot of a new cheap Hasher.
func withSlot(t testing.TB, f func(*Slot)) {
	t.Helper()
	slot, err := New(Options{CheapForTests: true}).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	f(slot)
}

func TestHash(t *testing.T) {
	salt := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	h := New(Options{Rand: bytes.NewReader(salt)})
	got, err := h.Hash(t.Context(), "Gru\u0308ße 🐎 aus\u00a0der Küche")
	if err != nil {
		t.Fatal(err)
	}
	// Made of the composed form with plain spaces by the Argon2id of OpenSSL.
	const want = "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$I+uYrY8D1IG2bd4kx3XU+l8Xzo+Xg0Sb6Pak+R/29kU"
	if got != want {
		t.Errorf("Hash = %s, want %s", got, want)
	}
}

func TestHashAndVerify(t *testing.T) {
	withSlot(t, func(slot *Slot) {
		const password = "lamp river cafe\u0301 stone"
		one, err := slot.Hash(t.Context(), password)
		if err != nil {
			t.Fatal(err)
		}
		two, err := slot.Hash(t.Context(), password)
		if err != nil {
			t.Fatal(err)
		}
		if one == two {
			t.Error("two hashes have the same salt")
		}
		for _, tt := range []struct {
			password Plaintext
			want     bool
		}{
			{password, true},
			{"lamp river caf\u00e9 stone", true},
			{"lamp\u00a0river caf\u00e9\u3000stone", true},
			{"lamp river cafe stone", false},
			{"Lamp river caf\u00e9 stone", false},
			{password + " ", false},
			{"lamp river caf\u00e9 ston", false},
			{"", false},
			{"\xff", false},
			{Plaintext(strings.Repeat("x", MaxLength+1)), false},
			{Plaintext(strings.Repeat("x", 1<<20)), false},
		} {
			ok, rehash, err := slot.Verify(t.Context(), one, tt.password)
			if ok != tt.want || rehash || err != nil {
				t.Errorf("Verify(%.30q) = %v, %v, %v; want %v, false, nil", string(tt.password), ok, rehash, err, tt.want)
			}
			slot.VerifyNothing(t.Context(), tt.password)
		}
	})
}

func TestHashVerifiesWholePassword(t *testing.T) {
	withSlot(t, func(slot *Slot) {
		password := strings.Repeat("🐎", MaxLength)
		encoded, err := slot.Hash(t.Context(), Plaintext(password))
		if err != nil {
			t.Fatal(err)
		}
		if ok, _, err := slot.Verify(t.Context(), encoded, Plaintext(password)); !ok || err != nil {
			t.Errorf("Verify = %v, %v; want true", ok, err)
		}
		if ok, _, err := slot.Verify(t.Context(), encoded, Plaintext(password[:len(password)-len("🐎")]+"🐕")); ok || err != nil {
			t.Errorf("Verify with another last character = %v, %v; want false", ok, err)
		}
	})
}

func TestHashRefusals(t *testing.T) {
	broken := errors.New("out of entropy")
	tests := []struct {
		name     string
		options  Options
		password string
		want     error
	}{
		{"empty", Options{}, "", TooShort},
		{"too long", Options{}, strings.Repeat("x", MaxLength+1), TooLong},
		{"no normal form", Options{}, "a\x00b", InvalidFormat},
		{"no randomness", Options{Rand: iotest.ErrReader(broken)}, "lamp river", broken},
		{"little randomness", Options{Rand: strings.NewReader("123456789012345")}, "lamp river", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.options.CheapForTests = true
			encoded, err := New(tt.options).Hash(t.Context(), Plaintext(tt.password))
			if encoded != "" || err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("Hash = %q, %v; want %v", encoded, err, tt.want)
			}
		})
	}
}

// Without the bound on parallel hashes a flood uses all memory. Without the bound on the queue every request
// waits too long.
func TestHasherBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const parallel, queue = 2, 3
		salts := &turnstile{turn: make(chan struct{})}
		h := New(Options{Parallel: parallel, Queue: queue, Rand: salts, CheapForTests: true})
		hash := func() error {
			_, err := h.Hash(t.Context(), "lamp river candle stone")
			return err
		}

		for range 2 { // the second flood finds all slots free again
			done := make(chan error, parallel+queue)
			for range parallel + queue {
				go func() { done <- hash() }()
			}
			for waiting := queue; waiting >= 0; waiting-- {
				synctest.Wait()
				if n := salts.inside.Load(); n != parallel {
					t.Fatalf("%d hashes run at once, want %d", n, parallel)
				}
				if waiting == queue {
					if err := hash(); !errors.Is(err, ErrBusy) {
						t.Fatalf("with a full queue: %v, want ErrBusy", err)
					}
				}
				salts.turn <- struct{}{}
			}
			for range parallel - 1 {
				salts.turn <- struct{}{}
			}
			for range parallel + queue {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// turnstile is a source of randomness that blocks each read until it gets a turn.
type turnstile struct {
	turn   chan struct{}
	inside atomic.Int32
}

func (s *turnstile) Read(p []byte) (int, error) {
	s.inside.Add(1)
	<-s.turn
	s.inside.Add(-1)
	return len(p), nil
}

func TestAcquireCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{Parallel: 1, Queue: 1, CheapForTests: true})
		slot, err := h.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second request finds room in the queue
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := h.Hash(ctx, "lamp river candle stone")
				done <- err
			}()
			synctest.Wait()
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled while waiting: %v, want context.Canceled", err)
			}
		}
		slot.Release()

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Acquire(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: %v, want context.Canceled", err)
		}
		if _, err := h.Acquire(t.Context()); err != nil {
			t.Errorf("the slot is not free: %v", err)
		}
	})
}

func TestReleaseTwice(t *testing.T) {
	h := New(Options{Parallel: 1, Queue: 1, CheapForTests: true})
	first, err := h.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first.Release()
	if _, err := h.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.Release()
	if len(h.limiter.slots) != 1 || len(h.limiter.admitted) != 1 {
		t.Error("the second call released the slot of another holder")
	}
}

func BenchmarkHash(b *testing.B) {
	h := New(Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "lamp river candle stone"); err != nil {
			b.Fatal(err)
		}
	}
}

// The time of an answer must not show whether an account exists. All of these take the same time, except for the
// imported hash.
func BenchmarkVerify(b *testing.B) {
	h := New(Options{})
	encoded, err := h.Hash(b.Context(), "lamp river candle stone")
	if err != nil {
		b.Fatal(err)
	}
	slot, err := h.Acquire(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer slot.Release()
	for name, verify := range map[string]func() error{
		"right":          func() error { _, _, err := slot.Verify(b.Context(), encoded, "lamp river candle stone"); return err },
		"wrong":          func() error { _, _, err := slot.Verify(b.Context(), encoded, "lamp river candle sand"); return err },
		"no_normal_form": func() error { _, _, err := slot.Verify(b.Context(), encoded, "lamp\x00river"); return err },
		"nothing":        func() error { slot.VerifyNothing(b.Context(), "lamp river candle stone"); return nil },
		"bcrypt_10": func() error {
			_, _, err := slot.Verify(b.Context(), "$2b$10$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S", "lamp")
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := verify(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
