package graph_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"usher/graph"
	"usher/graph/trusted"
	"usher/internal/auth/access"
	"usher/internal/seal/sealtest"
	"usher/internal/store"
	"usher/internal/storetest"
)

const (
	trustedMe     = `query Me { me { username } }`
	trustedLogout = `mutation LogOut { logout { sessionId } }`
	trustedLogin  = `mutation LogIn { login(input: {identifier: "ada", password: "` + goodPassword + `"}) { user { username } } }`
)

// withDocuments builds servers with trusted documents.
func withDocuments(t testing.TB, only bool) func(graph.Options) (http.Handler, error) {
	t.Helper()
	manifest, err := json.Marshal(map[string]string{"me": trustedMe, "logout": trustedLogout, "login": trustedLogin})
	check(t, err)
	documents, err := trusted.Read(manifest)
	check(t, err)
	return func(o graph.Options) (http.Handler, error) {
		o.Documents, o.OnlyDocuments = documents, only
		return graph.New(o)
	}
}

// TestTrustedDocuments sends documents that are in the manifest, and others, in both modes.
func TestTrustedDocuments(t *testing.T) {
	t.Parallel()
	const other = `query Other { me { username } }`
	const refused, unknown = "DOCUMENT_NOT_TRUSTED", "PERSISTED_QUERY_NOT_FOUND"
	tests := []struct {
		name, as, body string
		log, only      string // the code of the error in each mode, or ""
	}{
		{"by id", "ada", `{"documentId": "me"}`, "", ""},
		{"by text", "ada", encodeQuery(trustedMe), "", ""},
		{"by id, with a string", "", `{"documentId": "login"}`, "", ""},
		{"guard", "", `{"documentId": "me"}`, "UNAUTHENTICATED", "UNAUTHENTICATED"},
		{"another", "ada", encodeQuery(other), "", refused},
		{"another, anonymous", "", encodeQuery(`{ __typename }`), "", refused},
		{"another, ended session", "ended", encodeQuery(`{ __typename }`), "", refused},
		{"another, demoted administrator", "demoted", encodeQuery(`{ __typename }`), "", refused},
		{"another, administrator", "root", encodeQuery(other), "", ""},
		{"another, with the id of a trusted one", "ada", `{"documentId": "me", "query": "{ __typename }"}`, "", refused},
		{"introspection", "ada", encodeQuery(`{ __schema { queryType { name } } }`), "GRAPHQL_VALIDATION_FAILED", refused},
		{"syntax error", "ada", encodeQuery(`{`), "GRAPHQL_PARSE_FAILED", refused},
		{"too large", "ada", encodeQuery(`{ __typename }` + strings.Repeat(" ", 33<<10)), "OPERATION_TOO_COMPLEX", refused},
		{"unknown id", "ada", `{"documentId": "you"}`, unknown, unknown},
		{"unknown hash", "ada", `{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "00"}}}`, unknown, unknown},
	}
	for _, only := range []bool{false, true} {
		t.Run(map[bool]string{false: "log", true: "only"}[only], func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				s := newServer(t, st, withDocuments(t, only))
				for _, tt := range tests {
					want := tt.log
					if only {
						want = tt.only
					}
					if _, answer := s.post(t, tt.as, tt.body); codeOf(answer) != want {
						t.Errorf("%s: want code %q, got %v", tt.name, want, answer)
					}
				}
				if status, answer := s.get(t, "ada", url.Values{"documentId": {"logout"}}); status != http.StatusMethodNotAllowed {
					t.Errorf("a mutation by GET: %d %v", status, answer)
				}
				if status, answer := s.get(t, "ada", url.Values{"documentId": {"me"}}); status != http.StatusOK {
					t.Errorf("a query by GET: %d %v", status, answer)
				}
				if !strings.Contains(s.log.String(), `msg="document is not in the manifest of trusted documents"`) {
					t.Error("nothing is logged")
				}
			})
		})
	}
}

func encodeQuery(query string) string {
	body, _ := json.Marshal(map[string]string{"query": query}) // of strings, so it cannot fail
	return string(body)
}

// codeOf returns the code of the first error.
func codeOf(answer map[string]any) string {
	errs, _ := answer["errors"].([]any)
	if len(errs) == 0 {
		return ""
	}
	extensions, _ := errs[0].(map[string]any)["extensions"].(map[string]any)
	code, _ := extensions["code"].(string)
	return code
}

// TestInvalidTrustedDocuments checks that a document which the server could not execute keeps it from starting.
func TestInvalidTrustedDocuments(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ document, fault string }{
		"syntax":       {`query {`, "Expected Name"},
		"field":        {`{ me { nickname } }`, `Cannot query field "nickname" on type "User"`},
		"no operation": {`fragment F on User { id }`, "no operation"},
		"literal":      {`{ users(first: "1") { edges { cursor } } }`, `line 1, column 17: Expected a value of the type "Int"`},
		"too deep":     {`{ me` + strings.Repeat(` { sessions { edges { node`, 8) + strings.Repeat(` } } }`, 8) + ` }`, "20 levels"},
		"too long":     {`{ me { id } }` + strings.Repeat(" ", 33<<10), "32768 bytes"},
		"too costly":   {`{ users(first: 100) { edges { node { sessions(first: 100) { edges { node { id } } } } } } }`, "complexity"},
		"subscription": {`subscription { me { id } }`, "subscription"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manifest, err := json.Marshal(map[string]string{"a good one": trustedMe, "the bad one": tt.document})
			check(t, err)
			documents, err := trusted.Read(manifest)
			check(t, err)
			err = graph.CheckDocuments(t.Context(), documents)
			if err == nil || !strings.Contains(err.Error(), `document "the bad one": `) || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(tt.fault)) {
				t.Errorf("%v, want the id and %q", err, tt.fault)
			}
		})
	}
}

// BenchmarkTrusted compares a document by id with the same by text, of which the cache has one and not the other.
func BenchmarkTrusted(b *testing.B) {
	service, bearer := oneUser(b)
	const text = `query Me($full: Boolean = true) { me { id username email roles fullName @include(if: $full) } }`
	documents, err := trusted.Read([]byte(`{"me": "` + text + `"}`))
	check(b, err)
	for _, bb := range []struct {
		name, body string
		documents  *trusted.Documents
	}{
		{"id", `{"documentId": "me"}`, documents},
		{"trusted text", encodeQuery(text), documents},
		{"cached text", encodeQuery(text), nil},
	} {
		b.Run(bb.name, func(b *testing.B) {
			handler, err := graph.New(graph.Options{Access: service, Documents: bb.documents, Secrets: sealtest.Secrets(strings.Repeat("7", 32))})
			check(b, err)
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(bb.body))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r.WithContext(access.WithCaller(r.Context(), service.Identify(bearer))))
				if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Ada") {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
