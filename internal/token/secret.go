package token

import (
	"bytes"
	"errors"
	"strings"
	"unicode"
)

const (
	// minSecret is the size of the keys that are derived from the secret, in
	// bytes; RFC 7518 §3.2 wants as much of an HS256 key.
	minSecret = 32

	// minVariety is how many different bytes a secret needs. 32 random
	// hexadecimal digits have fewer less than once in 10^7 times.
	minVariety = 8
)

// Why [CheckSecret] refuses a secret.
var (
	ErrSecretTooShort  = errors.New("token: the secret is shorter than 32 bytes")
	ErrSecretWellKnown = errors.New("token: the secret is well known or easily guessed")
)

// wellKnown are secrets out of tutorials and standards, and phrases that
// placeholders are made of; all as plain returns them. A random secret contains
// none of them, by any chance worth a thought.
var wellKnown = []string{
	"changeme", "changethis", "changeit", "replaceme", "replacethis",
	"yoursecret", "secretkey", "mysecret", "supersecret", "topsecret", "jwtsecret",
	"notsecret", "insecure", "placeholder", "256bitsecret", "secretatleast256bits",
	"0123456789", "1234567890", "abcdefgh", "qwertyui", "password",
	// bytes 0 to 31 in hexadecimal
	"000102030405060708090a0b0c0d0e0f",
	// the tutorial of FastAPI
	"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
	// the key of RFC 7515 Appendix A.1
	"aym1sysppbydfgzld3umj1qzkobwvmkoqqestjqlrt1qs0gzh75aktmn3yj0ips4hcguutwjazzr1z9caow",
}

// CheckSecret says whether the server may start with that secret. The error is
// [ErrSecretTooShort] or [ErrSecretWellKnown] and never holds the secret.
//
// A secret is counted in bytes as it is given: one written in hexadecimal
// should have 64 digits. Well known is what holds an entry of a short list
// whatever the case and the punctuation, what has fewer than 8 different bytes,
// what climbs in fewer than 8 different steps ("ABCD…"), and what repeats a part
// shorter than 32 bytes. This finds placeholders and mistakes; only a generator
// makes a secret good.
func CheckSecret(secret []byte) error {
	if len(secret) < minSecret {
		return ErrSecretTooShort
	}
	if variety(secret) < minVariety || variety(steps(secret)) < minVariety || repeats(secret) {
		return ErrSecretWellKnown
	}
	p := plain(secret)
	for _, known := range wellKnown {
		if strings.Contains(p, known) {
			return ErrSecretWellKnown
		}
	}
	return nil
}

// variety counts the different bytes of b.
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

// steps returns by how much each byte of b differs from the one before.
func steps(b []byte) []byte {
	d := make([]byte, len(b)-1)
	for i := range d {
		d[i] = b[i+1] - b[i]
	}
	return d
}

// repeats says whether b is a part shorter than 32 bytes, twice or more.
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
