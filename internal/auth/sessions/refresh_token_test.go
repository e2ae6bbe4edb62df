package sessions

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"usher/internal/seal"
	"usher/internal/seal/sealtest"
)

// FuzzRefreshToken puts any text in place of any part of a refresh token. What opens is what was sealed.
func FuzzRefreshToken(f *testing.F) {
	key, err := seal.NewKey(sealtest.Secrets(strings.Repeat("\a", 32)), "test")
	if err != nil {
		f.Fatal(err)
	}
	s := refreshTokens{key}
	id := uuid.UUID{1, 15: 2}
	f.Add(id[:], uint32(0), uint(4), uint(0), "\r\n")
	f.Add(id[:], uint32(1<<31), uint(0), uint(1), "U")
	f.Add(id[:], uint32(1), uint(99), uint(0), "")
	f.Fuzz(func(t *testing.T, session []byte, generation uint32, at, cut uint, junk string) {
		token := refreshToken{generation: generation}
		copy(token.session[:], session)
		sealed := s.seal(token)
		n := uint(len(sealed))
		at = min(at, n)
		cut = min(cut, n-at)
		text := sealed[:at] + junk + sealed[at+cut:]
		if got, ok := s.open(text); ok != (text == sealed) || ok && got != token {
			t.Errorf("%q opens: %t, as %v; %q was sealed", text, ok, got, sealed)
		}
	})
}
