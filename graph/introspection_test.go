package graph_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"usher/graph"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestIntrospection asks for the schema in every way there is, and sees that only administrators are
// shown what only they may have. An administrator comes first, so that what was made for them would
// be noticed in what others get.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	ways := map[string]string{
		"plain":           `{ __schema { types { name fields { name } inputFields { name } } } }`,
		"alias":           `{ me: __schema { types { name fields { name } inputFields { name } } } }`,
		"inline fragment": `{ ... { ... on Query { __schema { types { name fields { name } inputFields { name } } } } } }`,
		"fragment":        `{ ...F } fragment F on Query { ...G } fragment G on Query { __schema { types { name fields { name } inputFields { name } } } }`,
		"beside a field":  `{ me { id } __schema { types { name fields { name } inputFields { name } } } }`,
		"by name":         `{ a: __type(name: "User") { fields { name } } b: __type(name: "AuditEvent") { name } c: __type(name: "Query") { fields { name } } }`,
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		server := newServer(t, s, func(o graph.Options) (http.Handler, error) {
			o.Introspection = true
			return graph.New(o)
		})
		for name, query := range ways {
			for _, as := range []string{"root", "", "ada", "demoted", "garbage", "nobody", "root"} {
				body, err := json.Marshal(map[string]any{"query": query})
				check(t, err)
				_, answer := server.post(t, as, string(body))
				raw, err := json.Marshal(answer["data"])
				check(t, err)
				for _, secret := range []string{`"AuditEvent"`, `"disabledAt"`, `"users"`} {
					if got, want := strings.Contains(string(raw), secret), as == "root"; got != want {
						t.Errorf("%s as %q shows %s: %t, want %t", name, as, secret, got, want)
					}
				}
				if !strings.Contains(string(raw), `"sessions"`) {
					t.Errorf("%s as %q does not show what an owner may have", name, as)
				}
			}
		}
	})
}
