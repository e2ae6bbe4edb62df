package token

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestCheckSecret(t *testing.T) {
	ascending := make([]byte, 32)
	for i := range ascending {
		ascending[i] = byte(i)
	}
	tests := []struct {
		name   string
		secret string
		want   error
	}{
		{"random text", string(testSecret), nil},
		{"32 hexadecimal digits", "f3b1c9d07a5e48261bc4e07d93a8f562", nil},
		{"phrase", "correct horse battery staple and a cup", nil},
		{"a part of 32 bytes, twice", strings.Repeat(string(testSecret), 2), nil},

		{"none", "", ErrSecretTooShort},
		{"31 bytes", string(testSecret[:31]), ErrSecretTooShort},
		{"short and well known", "change-me", ErrSecretTooShort},

		{"one letter", strings.Repeat("a", 64), ErrSecretWellKnown},
		{"zeros", strings.Repeat("\x00", 32), ErrSecretWellKnown},
		{"repeated secret", strings.Repeat("secret", 8), ErrSecretWellKnown},
		{"repeated random part", strings.Repeat("kX9#vQ2!mZ7@", 3), ErrSecretWellKnown},
		{"repeated with a remainder", strings.Repeat("kX9#vQ2!mZ7@", 3) + "kX9", ErrSecretWellKnown},
		{"few letters", "acbfdeabdcfeacfbdeafcbedfabdcefdabfc", ErrSecretWellKnown},
		{"bytes in order", string(ascending), ErrSecretWellKnown},
		{"bytes in order, hexadecimal", hex.EncodeToString(ascending), ErrSecretWellKnown},
		{"alphabet", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", ErrSecretWellKnown},
		{"placeholder", "please-Change_Me-before-production", ErrSecretWellKnown},
		{"placeholder of 256 bits", "a-string-secret-at-least-256-bits-long", ErrSecretWellKnown},
		{"tutorial", "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7", ErrSecretWellKnown},
		{"tutorial in upper case", "09D25E094FAA6CA2556C818166B7A9563B93F7099F6F0F4CAA6CF63B88E8D3E7", ErrSecretWellKnown},
		{"RFC 7515", "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow", ErrSecretWellKnown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := CheckSecret([]byte(tt.secret)); !errors.Is(err, tt.want) {
				t.Errorf("CheckSecret = %v, want %v", err, tt.want)
			}
		})
	}
}

// TestCheckSecretAcceptsRandom draws what secret generators make.
func TestCheckSecretAcceptsRandom(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	for range 10_000 {
		b := make([]byte, 32)
		_, _ = random.Read(b) // never fails
		for _, secret := range []string{
			string(b),
			hex.EncodeToString(b),
			hex.EncodeToString(b[:16]),
			base64.StdEncoding.EncodeToString(b),
			base64.RawURLEncoding.EncodeToString(b),
		} {
			if err := CheckSecret([]byte(secret)); err != nil {
				t.Fatalf("CheckSecret(%q) = %v", secret, err)
			}
		}
	}
}

func FuzzCheckSecret(f *testing.F) {
	f.Add(testSecret)
	f.Add([]byte(strings.Repeat("\xff", 40)))
	f.Fuzz(func(t *testing.T, secret []byte) {
		err := CheckSecret(secret)
		if tooShort := len(secret) < 32; tooShort != errors.Is(err, ErrSecretTooShort) {
			t.Errorf("%d bytes: %v", len(secret), err)
		}
		if again := CheckSecret(append(secret, secret...)); len(secret) < 32 && again == nil {
			t.Error("accepts a short secret written twice")
		}
	})
}
