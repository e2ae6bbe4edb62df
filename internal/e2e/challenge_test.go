//go:build e2e

package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"usher/internal/challenge"
)

// TestAltcha solves Usher's challenges with the widget and the reference library of ALTCHA, and verifies those of the
// library. challenge.mjs reports each solution and what it expects.
func TestAltcha(t *testing.T) {
	t.Parallel()
	chromium(t)
	install(t, "altcha")
	key := bytes.Repeat([]byte("k"), 32) // which challenge.mjs has too
	challenges, err := challenge.New(key, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
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
