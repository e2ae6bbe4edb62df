package seal

import (
	"bytes"
	"strings"
	"testing"
)

func newTestKey(tb testing.TB) Key {
	tb.Helper()
	secrets, err := NewSecrets(bytes.Repeat([]byte{7}, 32), nil, nil)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := NewKey(secrets, "test")
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestOpenSpelling opens other spellings that a lenient decoder of base64url accepts.
func TestOpenSpelling(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	s := newTestKey(t)
	for n := range 4 { // texts of every length modulo 4
		content := []byte("ada")[:n]
		sealed := s.Sign("scope", content)
		if got, ok := s.Open("scope", sealed); !ok || !bytes.Equal(got, content) {
			t.Fatalf("%q does not open", sealed)
		}
		reject := func(text string) {
			t.Helper()
			if _, ok := s.Open("scope", text); ok {
				t.Errorf("%q opens, as %q does", text, sealed)
			}
		}
		for i := range len(sealed) + 1 {
			for _, junk := range []string{"\n", "\r", "\r\n", "\n\n\n\n", " ", "=", "\x00"} {
				reject(sealed[:i] + junk + sealed[i:])
			}
		}
		reject(sealed + "==")
		last := strings.IndexByte(alphabet, sealed[len(sealed)-1])
		for other := range alphabet {
			if other != last {
				reject(sealed[:len(sealed)-1] + alphabet[other:other+1])
			}
		}
		if standard := strings.NewReplacer("-", "+", "_", "/").Replace(sealed); standard != sealed {
			reject(standard)
		}
	}
}

// FuzzSealed replaces any part of a signed text. Only the unchanged text opens.
func FuzzSealed(f *testing.F) {
	s := newTestKey(f)
	f.Add([]byte("ada"), uint(3), uint(0), "\n")
	f.Add([]byte{}, uint(0), uint(0), "\r\n")
	f.Add([]byte{1, 2}, uint(45), uint(1), "B")
	f.Add([]byte("ada"), uint(100), uint(0), "=")
	f.Fuzz(func(t *testing.T, content []byte, at, cut uint, junk string) {
		sealed := s.Sign("scope", content)
		n := uint(len(sealed))
		at = min(at, n)
		cut = min(cut, n-at)
		text := sealed[:at] + junk + sealed[at+cut:]
		opened, ok := s.Open("scope", text)
		if ok != (text == sealed && len(text) <= maxSigned) {
			t.Errorf("%q opens: %t; %q was sealed", text, ok, sealed)
		}
		if ok && (!bytes.Equal(opened, content) || s.Sign("scope", opened) != text) {
			t.Errorf("%q opens as %x, which is sealed as %q", text, opened, s.Sign("scope", opened))
		}
	})
}
