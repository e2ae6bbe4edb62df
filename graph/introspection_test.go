package graph_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/tools/txtar"

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

// TestIntrospectionOfErrors checks that everybody is shown the enums of the extensions of errors: those that say so in
// their description, and one for each word in the extensions of the golden cases.
func TestIntrospectionOfErrors(t *testing.T) {
	t.Parallel()
	schema, err := graph.AccessSchema(false)
	check(t, err)
	var enums []string
	for name, def := range schema.Types {
		if def.Kind == ast.Enum && strings.Contains(def.Description, "`extensions.") {
			enums = append(enums, name)
		}
	}
	words := goldenExtensions(t)
	if len(enums) < 4 || len(words) < 20 {
		t.Fatalf("enums %v, words %v: there used to be more", enums, words)
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		server := newServer(t, s, func(o graph.Options) (http.Handler, error) {
			o.Introspection = true
			return graph.New(o)
		})
		for _, as := range []string{"", "ada", "root"} {
			_, answer := server.post(t, as, `{"query": "{ __schema { types { name enumValues { name } } } }"}`)
			raw, err := json.Marshal(answer["data"])
			check(t, err)
			var data struct {
				Schema struct {
					Types []struct {
						Name       string
						EnumValues []struct{ Name string }
					}
				} `json:"__schema"`
			}
			check(t, json.Unmarshal(raw, &data))
			var names, values []string
			for _, typ := range data.Schema.Types {
				names = append(names, typ.Name)
				for _, v := range typ.EnumValues {
					values = append(values, v.Name)
				}
			}
			for _, enum := range enums {
				if !slices.Contains(names, enum) {
					t.Errorf("%q is not shown the enum %s", as, enum)
				}
			}
			for word := range words {
				if !slices.Contains(values, word) {
					t.Errorf("%q is shown no enum with the value %s, which errors have", as, word)
				}
			}
		}
	})
}

// goldenExtensions returns the words in capital letters in the extensions of all errors of the golden cases.
func goldenExtensions(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("testdata/golden/*/*.txtar")
	check(t, err)
	words := map[string]bool{}
	var collect func(v any)
	collect = func(v any) {
		switch v := v.(type) {
		case string:
			if enumValue.MatchString(v) {
				words[v] = true
			}
		case []any:
			for _, element := range v {
				collect(element)
			}
		case map[string]any:
			for _, element := range v {
				collect(element)
			}
		}
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		check(t, err)
		for _, f := range archive.Files {
			if f.Name != "answer" {
				continue
			}
			var answer struct {
				Errors []struct{ Extensions map[string]any }
			}
			check(t, json.Unmarshal(f.Data, &answer))
			for _, e := range answer.Errors {
				collect(e.Extensions)
			}
		}
	}
	return words
}

var enumValue = regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`)
