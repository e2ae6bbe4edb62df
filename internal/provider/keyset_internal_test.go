package provider

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestSmallKey checks that the signature of a small key counts nothing, though the issuer publishes the key.
func TestSmallKey(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jwt.New(jwt.SigningMethodRS256).SignedString(private)
	if err != nil {
		t.Fatal(err)
	}
	s := &keySet{now: time.Now, keys: newCached(time.Now, func(context.Context) ([]key, error) { return []key{{public: private.Public()}}, nil })}
	if _, err := s.find(t.Context(), raw, algorithms); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "not signed with a key") {
		t.Errorf("the error is %v", err)
	}
}

// TestKeyAlgorithm checks that a key signs with the algorithm that the issuer says, and no other (RFC 7517 §4.4).
func TestKeyAlgorithm(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, ok := range map[string]bool{"": true, "PS256": true, "RS256": false} {
		raw, err := jwt.New(jwt.SigningMethodPS256).SignedString(private)
		if err != nil {
			t.Fatal(err)
		}
		s := &keySet{now: time.Now, keys: newCached(time.Now, func(context.Context) ([]key, error) {
			return []key{{algorithm: algorithm, public: private.Public()}}, nil
		})}
		if _, err := s.find(t.Context(), raw, algorithms); ok != (err == nil) {
			t.Errorf("a key for %q: %v", algorithm, err)
		}
	}
}

// TestNonce checks that no nonce equals none.
func TestNonce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		nonce string
		want  []string
		ok    bool
	}{{"a", []string{"a"}, true}, {"a", []string{"b", "a"}, true}, {"a", []string{"b"}, false}, {"a", nil, false}, {"", []string{""}, false}, {"", nil, false}} {
		if err := checkNonce(tt.nonce, tt.want); tt.ok != (err == nil) {
			t.Errorf("%q of %q: %v", tt.nonce, tt.want, err)
		}
	}
}
