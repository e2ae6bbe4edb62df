package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

func newClient(n int) *auth.Client {
	return &auth.Client{
		ID:           newID(2000 + n),
		Name:         fmt.Sprintf("Böoks №%d '; --", n),
		SecretDigest: digest,
		Resource:     new("https://api.example.com/ö"),
		CreatedAt:    epoch.Add(time.Duration(n) * time.Microsecond),
	}
}

func createClient(t *testing.T, s auth.Store, c *auth.Client) {
	t.Helper()
	if err := s.CreateClient(t.Context(), c); err != nil {
		t.Fatalf("CreateClient: %v", err)
	}
}

func clientEveryColumn(t *testing.T, s auth.Store) {
	want := newClient(2)
	complete(t, "client", want)
	for n := range 3 {
		createClient(t, s, newClient(n+1))
	}
	got, err := s.Client(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "Client", got, want)
	plain := newClient(5)
	plain.Resource = nil
	createClient(t, s, plain)
	if got, err = s.Client(t.Context(), plain.ID); err != nil {
		t.Fatal(err)
	}
	equal(t, "Client that serves no API", got, plain)
	_, err = s.Client(t.Context(), newClient(4).ID)
	wantError(t, "Client that there is not", err, auth.ErrNotFound)
}

func clientDelete(t *testing.T, s auth.Store) {
	kept, deleted := newClient(1), newClient(2)
	createClient(t, s, kept)
	createClient(t, s, deleted)
	if err := s.DeleteClient(t.Context(), deleted.ID); err != nil {
		t.Fatal(err)
	}
	_, err := s.Client(t.Context(), deleted.ID)
	wantError(t, "Client after DeleteClient", err, auth.ErrNotFound)
	wantError(t, "DeleteClient once more", s.DeleteClient(t.Context(), deleted.ID), auth.ErrNotFound)
	got, err := s.Client(t.Context(), kept.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "another client", got, kept)
}

func clientRefused(t *testing.T, s auth.Store) {
	createClient(t, s, newClient(1))
	for name, spoil := range map[string]func(c *auth.Client){
		"the id of another": func(c *auth.Client) { c.ID = newClient(1).ID },
		"no name":           func(c *auth.Client) { c.Name = "" },
		"no digest":         func(c *auth.Client) { c.SecretDigest = nil },
		"a short digest":    func(c *auth.Client) { c.SecretDigest = digest[1:] },
		"an empty resource": func(c *auth.Client) { c.Resource = new("") },
		"a long resource":   func(c *auth.Client) { c.Resource = new(strings.Repeat("a", 1001)) },
	} {
		c := newClient(2)
		spoil(c)
		if err := s.CreateClient(t.Context(), c); err == nil {
			t.Errorf("a client with %s was created", name)
		}
	}
}

func clientPages(t *testing.T, s auth.Store) {
	const total = 7
	var all []auth.Client
	for n := 1; n <= total; n++ {
		all = append(all, *newClient(n))
	}
	for _, n := range []int{3, 1, 7, 2, 5, 4, 6} { // not in the order of their IDs
		createClient(t, s, newClient(n))
	}
	checkPages(t, all, func(c auth.Client) uuid.UUID { return c.ID }, func(page auth.Page[uuid.UUID]) []auth.Client {
		t.Helper()
		got, err := s.Clients(t.Context(), page)
		if err != nil {
			t.Fatal(err)
		}
		return got
	})
}
