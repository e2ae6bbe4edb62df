//go:build e2e

package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"usher/internal/challenge"
)

// rawKey is a key without derivation.
type rawKey []byte

func (k rawKey) MAC(text []byte) []byte {
	h := hmac.New(sha256.New, k)
	h.Write(text)
	return h.Sum(nil)
}

func (k rawKey) VerifyMAC(text, sum []byte) bool { return hmac.Equal(sum, k.MAC(text)) }

// TestAltcha solves Usher's challenges with the widget and the reference library of ALTCHA, and verifies those of the
// library. challenge.mjs reports each solution and what it expects.
func TestAltcha(t *testing.T) {
	t.Parallel()
	chromium(t)
	install(t, "altcha")
	challenges := challenge.New(rawKey(bytes.Repeat([]byte("k"), 32)), time.Now, rand.Reader) // challenge.mjs has this key too
	const field = "Mutation.login"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /challenge", func(w http.ResponseWriter, _ *http.Request) {
		issued, err := challenges.Issue(field, 1)
		if err != nil {
			t.Error(err)
		}
		if err := json.NewEncoder(w).Encode(issued); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("POST /verify", func(w http.ResponseWriter, r *http.Request) {
		var solution string
		if err := json.NewDecoder(r.Body).Decode(&solution); err != nil {
			t.Error(err)
		}
		_, _, ok := challenges.Verify(field, solution)
		if err := json.NewEncoder(w).Encode(ok); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Widget</title>
<script type="module" src="/altcha.js"></script>`))
	})
	mux.HandleFunc("GET /altcha.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("altcha", "node_modules", "altcha", "dist", "altcha.js"))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	node(t, "altcha", "challenge.mjs", server.URL)
}
