package token

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
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
		{"UUIDs, two", "2f0c8a1e-3b57-4d16-9a4e-71c05be2f9d34b8e6a07-c1d9-4f52-8e3b-960da2f7c418", nil},
		{"random text after words", "usher-production-secret:" + string(testSecret), nil},
		{"digits, 40", "8402759316047283915620394857163029485716", nil},
		{"symbols", "a0Hx9!kQ#mZ@2pL$vN8&bR*cT4^yW6(dF)", nil},
		{"random digits in base64", base64.StdEncoding.EncodeToString([]byte("f3b1c9d07a5e48261bc4e07d93a8f5624be1")), nil},
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

		{"decimal digits", "48302957163840275916302847561903", ErrSecretWellKnown},
		{"digits of pi", "314159265358979323846264338327950288419716939937510", ErrSecretWellKnown},
		{"tutorial of Spring Boot", "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970", ErrSecretWellKnown},
		{"SHA-256 of password", "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", ErrSecretWellKnown},

		{"placeholder of words", "REPLACE_WITH_A_RANDOM_32_BYTE_STRING", ErrSecretWellKnown},
		{"placeholder in brackets", "<random_string_at_least_32_characters_long>", ErrSecretWellKnown},
		{"placeholder, twice", "your-256-bit-secret-your-256-bit-secret", ErrSecretWellKnown},
		{"words in one", "thisisthelongestkeythatwecouldthinkof", ErrSecretWellKnown},
		{"words in capitals", "MyVeryLongTokenThatNobodyCanKnowOf!", ErrSecretWellKnown},
		{"words with digits for letters", "s3cr3t-k3y-f0r-d3v3l0pm3nt-0nly-2024", ErrSecretWellKnown},
		{"phrase", "correct horse battery staple and a cup", ErrSecretWellKnown},
		{"long phrase", "the quick brown fox jumps over the lazy dog and then goes home to sleep in the warm kitchen", ErrSecretWellKnown},
		{"phrase beyond ASCII", "мой секретный ключ для подписи токенов", ErrSecretWellKnown},
		{"phrase in base64", base64.StdEncoding.EncodeToString([]byte("this key is stored in base64 on the proxy")), ErrSecretWellKnown},
		{"phrase in hexadecimal", hex.EncodeToString([]byte("this key is stored in hex on the proxy")), ErrSecretWellKnown},
		{"keyboard", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", ErrSecretWellKnown},
		{"a beginning and zeros", "24tngvzaictc" + strings.Repeat("0", 60), ErrSecretWellKnown},
		{"UUID", "2f0c8a1e-3b57-4d16-9a4e-71c05be2f9d3", ErrSecretWellKnown},
		{"UUID in capitals", "2F0C8A1E-3B57-4D16-9A4E-71C05BE2F9D3", ErrSecretWellKnown},
		{"UUID of time", "urn:uuid:01940000-0000-7000-8000-000000000001", ErrSecretWellKnown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := CheckSecret([]byte(tt.secret)); !errors.Is(err, tt.want) {
				t.Errorf("CheckSecret = %v, want %v", err, tt.want)
			}
		})
	}
}

var draws = flag.Int("draws", 2_000, "how many random secrets of each kind to check")

// TestCheckSecretAcceptsRandom checks random secrets of all kinds of generators. None may be rejected, even
// with -draws=100000.
func TestCheckSecretAcceptsRandom(t *testing.T) {
	t.Parallel()
	words := sync.OnceValue(loadDictionary)
	const (
		lower   = "abcdefghijklmnopqrstuvwxyz"
		upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		digits  = "0123456789"
		symbols = "!#$%&()*+,-./:;<=>?@[]^_{|}~"
	)
	of := func(r *rand.Rand, alphabet string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
	id := func(r *rand.Rand) string {
		u, err := uuid.NewRandomFromReader(strings.NewReader(of(r, lower+upper+digits+symbols, 16)))
		if err != nil {
			t.Error(err)
		}
		return u.String()
	}
	bytesOf := func(r *rand.Rand, n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.IntN(256))
		}
		return b
	}
	for name, draw := range map[string]func(r *rand.Rand) string{
		"32 bytes":              func(r *rand.Rand) string { return string(bytesOf(r, 32)) },
		"base64, 32 bytes":      func(r *rand.Rand) string { return base64.StdEncoding.EncodeToString(bytesOf(r, 32)) },
		"base64url, 32 bytes":   func(r *rand.Rand) string { return base64.RawURLEncoding.EncodeToString(bytesOf(r, 32)) },
		"base64, 24 bytes":      func(r *rand.Rand) string { return base64.StdEncoding.EncodeToString(bytesOf(r, 24)) },
		"hexadecimal, 16 bytes": func(r *rand.Rand) string { return hex.EncodeToString(bytesOf(r, 16)) },
		"hexadecimal, 32 bytes": func(r *rand.Rand) string { return strings.ToUpper(hex.EncodeToString(bytesOf(r, 32))) },
		"hexadecimal in base64": func(r *rand.Rand) string {
			return base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(bytesOf(r, 16)) + "\n"))
		},
		"decimal, 48 digits":       func(r *rand.Rand) string { return of(r, digits, 48) },
		"base32":                   func(r *rand.Rand) string { return of(r, upper+"234567", 32) },
		"two UUIDs":                func(r *rand.Rand) string { return id(r) + id(r) },
		"two UUIDs, apart":         func(r *rand.Rand) string { return id(r) + ":" + id(r) },
		"40 small letters":         func(r *rand.Rand) string { return of(r, lower, 40) },
		"40 letters":               func(r *rand.Rand) string { return of(r, lower+upper, 40) },
		"32 letters and digits":    func(r *rand.Rand) string { return of(r, lower+upper+digits, 32) },
		"32 small ones and digits": func(r *rand.Rand) string { return of(r, lower+digits, 32) },
		"32 of a password manager": func(r *rand.Rand) string { return of(r, lower+upper+digits+symbols, 32) },
		"after a name":             func(r *rand.Rand) string { return "usher-production-" + hex.EncodeToString(bytesOf(r, 16)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, uint64(len(name))))
			for range *draws {
				if secret := draw(r); checkSecret([]byte(secret), words) != nil {
					t.Fatalf("rejects %q", secret)
				}
			}
		})
	}
}

// TestPublishedSecrets checks secrets that look random and are in the lists of programs that attack tokens.
func TestPublishedSecrets(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{
		"r9iMKoe5CRMgvJBBtp4HrqN7QiPpUToj",
		"bA2xcjpf8y5aSUFsNB2qN5yymUBSs6es3qHoFpGkec75RCeBb8cpKauGefw5qy4",
		"33e86ac48e993d06bb3afd382863457e6bca79daf983ec4ba783e75999b1f4a000e686223b87f05659f7f85e0d369a596d32d2df6f76c41fca708c23a7c15488",
		"n2r5u8x/A%D*G-KaPdSgVkYp3s6v9y$B&E(H+MbQeThWmZq4t7w!z%C*F-J@NcRf",
		"09032u59032jf90u2u490jgu23j9j4u904jf2398d90rltjgvn094u9083095f894kofru9et903vf90t34k",
		"d41d8cd98f00b204e9800998ecf8427e",
	} {
		for _, written := range []string{secret, strings.ToUpper(secret), `"` + secret + `"`} {
			if err := CheckSecret([]byte(written)); !errors.Is(err, ErrSecretWellKnown) {
				t.Errorf("%s: %v", written, err)
			}
		}
		if err := CheckSecret([]byte(secret[1:] + "x")); err != nil {
			t.Errorf("another secret than %s: %v; want only the list to reject it", secret, err)
		}
	}
	size := len(secretDigest(""))
	if len(publishedSecrets) == 0 || len(publishedSecrets)%size != 0 {
		t.Fatalf("the list has %d bytes", len(publishedSecrets))
	}
	for i := size; i < len(publishedSecrets); i += size {
		if publishedSecrets[i-size:i] >= publishedSecrets[i:i+size] {
			t.Fatalf("the list is not sorted at %d", i)
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
