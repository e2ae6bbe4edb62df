package graph

import (
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
)

// TestScalarsOfClients checks that docs/clients.md maps every custom scalar of the schema for each code generator, and
// that each scalar has a specification.
func TestScalarsOfClients(t *testing.T) {
	t.Parallel()
	var want []string
	for _, name := range slices.Sorted(maps.Keys(parsedSchema.Types)) {
		def := parsedSchema.Types[name]
		if def.Kind != ast.Scalar || def.BuiltIn {
			continue
		}
		want = append(want, name)
		d := def.Directives.ForName("specifiedBy")
		if d == nil {
			t.Errorf("the scalar %s has no @specifiedBy", name)
			continue
		}
		if at, err := url.Parse(d.Arguments.ForName("url").Value.Raw); err != nil || at.Scheme != "https" {
			t.Errorf("the scalar %s has the specification %v, %v", name, at, err)
		}
	}
	page, err := os.ReadFile("../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n### Scalars\n")
	section, _, _ = strings.Cut(section, "\n### ")
	for generator, mapping := range map[string]*regexp.Regexp{
		"graphql-codegen": regexp.MustCompile(`(?m)^  (\w+): '[^']+',$`),
		"gql.tada":        regexp.MustCompile(`[{;] (\w+): (?:string|Record)`),
		"Apollo Kotlin":   regexp.MustCompile(`"(\w+)"`),
	} {
		var got []string
		for _, found := range mapping.FindAllStringSubmatch(section, -1) {
			got = append(got, found[1])
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-schema +docs/clients.md):\n%s", generator, diff)
		}
	}
}
