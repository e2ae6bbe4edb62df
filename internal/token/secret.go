package token

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // published.bin
	"encoding/base64"
	"encoding/hex"
	"errors"
	"sort"
	"strings"
	"unicode"

	"github.com/google/uuid"
)

const (
	// minSecret is the minimum size of a secret in bytes. It is the size of the
	// derived keys, and the minimum for HS256 (RFC 7518 §3.2).
	minSecret = 32

	// minVariety is the minimum number of different bytes in a secret. 32 random
	// hexadecimal digits have fewer with a probability below 10^-7.
	minVariety = 8
)

// The errors of [CheckSecret].
var (
	ErrSecretTooShort  = errors.New("the server's secret is shorter than 32 bytes")
	ErrSecretWellKnown = errors.New("the server's secret can be guessed: it was published, consists of words or a pattern, or is a UUID")
)

// wellKnown are secrets from tutorials and standards, and phrases that occur in
// placeholders, all as plain returns them. The probability that a random secret
// contains one of them is negligible.
var wellKnown = []string{
	"changeme", "changethis", "changeit", "replaceme", "replacethis",
	"yoursecret", "secretkey", "mysecret", "supersecret", "topsecret", "jwtsecret",
	"notsecret", "insecure", "placeholder", "256bitsecret", "secretatleast256bits",
	"0123456789", "1234567890", "abcdefgh", "qwertyui", "password",
	// bytes 0 to 31 in hexadecimal
	"000102030405060708090a0b0c0d0e0f",
	// pi, e and the square root of 2
	"314159265358979323846264338327950288419", "271828182845904523536028747135266249775", "141421356237309504880168872420969807856",
	// the tutorial of FastAPI
	"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
	// tutorials of Spring Boot and of .NET
	"404e635266556a586e3272357538782f413f4428472b4b6250645367566b5970", "b14ca5898a4e4133bbce2ea2315a1916",
	// SHA-256 and MD5 of "password", of "secret" and of nothing
	"5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", "5f4dcc3b5aa765d61d8327deb882cf99",
	"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b", "5ebe2294ecd0e0f08eab7690d2a6ee69",
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "d41d8cd98f00b204e9800998ecf8427e",
	// the key of RFC 7515 Appendix A.1
	"aym1sysppbydfgzld3umj1qzkobwvmkoqqestjqlrt1qs0gzh75aktmn3yj0ips4hcguutwjazzr1z9caow",
}

// publishedSecrets is the sorted concatenation of the secretDigest of each secret in lists that attackers use. See
// lists/README.md.
//
//go:embed lists/published.bin
var publishedSecrets string

// CheckSecret returns nil if the server may start with a secret, and otherwise
// [ErrSecretTooShort] or [ErrSecretWellKnown]. The error never contains the secret.
//
// It counts the bytes of the secret as given, so 32 random bytes in hexadecimal
// have 64 digits. It rejects secrets that
//
//   - contain an entry of a short list, or are in a list of published secrets,
//     regardless of case and punctuation;
//   - consist of words (see isGuessable), also if encoded as base64 or hexadecimal;
//   - are a UUID, which has at most 122 random bits and must not be assumed to be
//     hard to guess (RFC 9562 §8);
//   - have fewer than 8 different bytes, have fewer than 8 different steps from one
//     byte to the next ("ABCD…"), or repeat a part shorter than 32 bytes.
//
// It rejects a random secret with a probability below 10^-6. It can accept keys typed at random, and words
// of languages other than English. Only a secret from a generator is safe.
func CheckSecret(secret []byte) error { return checkSecret(secret, loadDictionary) }

func checkSecret(secret []byte, load func() dictionary) error {
	if len(secret) < minSecret {
		return ErrSecretTooShort
	}
	if variety(secret) < minVariety || variety(steps(secret)) < minVariety || repeats(secret) || isUUID(secret) {
		return ErrSecretWellKnown
	}
	p := plain(secret)
	for _, known := range wellKnown {
		if strings.Contains(p, known) {
			return ErrSecretWellKnown
		}
	}
	words := load()
	if isPublished(p) || isGuessable(secret, words) {
		return ErrSecretWellKnown
	}
	if text, ok := decoded(secret); ok && isGuessable(text, words) {
		return ErrSecretWellKnown
	}
	return nil
}

func isUUID(secret []byte) bool {
	return len(secret) > 32 && uuid.Validate(string(secret)) == nil // 32 hexadecimal digits without hyphens are accepted
}

func isPublished(plain string) bool {
	digest := secretDigest(plain)
	n := len(publishedSecrets) / len(digest)
	i := sort.Search(n, func(i int) bool { return publishedSecrets[i*len(digest):(i+1)*len(digest)] >= digest })
	return i < n && strings.HasPrefix(publishedSecrets[i*len(digest):], digest)
}

// secretDigest returns a digest that identifies a secret without revealing it. A random secret collides with
// the list with a probability below 10^-15.
func secretDigest(plain string) string {
	sum := sha256.Sum256([]byte(plain))
	return string(sum[:8])
}

// decoded returns the text of a secret that is encoded as hexadecimal or base64. It does not mistake random
// bytes for text: 24 of them are printable with a probability of 10^-10.
func decoded(secret []byte) ([]byte, bool) {
	digits := strings.TrimPrefix(strings.TrimRight(string(secret), "="), "0x")
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.RawStdEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		text, err := decode(digits)
		text = bytes.TrimSpace(text)
		if err == nil && len(text) >= 24 && !bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			return text, true
		}
	}
	return nil, false
}

// variety returns the number of different bytes in b.
func variety(b []byte) int {
	var seen [256]bool
	n := 0
	for _, c := range b {
		if !seen[c] {
			seen[c] = true
			n++
		}
	}
	return n
}

// steps returns the differences between consecutive bytes of b.
func steps(b []byte) []byte {
	d := make([]byte, len(b)-1)
	for i := range d {
		d[i] = b[i+1] - b[i]
	}
	return d
}

// repeats reports whether b repeats a part shorter than 32 bytes.
func repeats(b []byte) bool {
	for part := 1; part < minSecret && part <= len(b)/2; part++ {
		if bytes.Equal(b[part:], b[:len(b)-part]) {
			return true
		}
	}
	return false
}

// plain returns the letters and digits of a secret, in lower case.
func plain(secret []byte) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, string(secret))
}
