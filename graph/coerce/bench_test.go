package coerce

import (
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// BenchmarkRequest is what the check adds to a request whose document is remembered.
func BenchmarkRequest(b *testing.B) {
	c := newChecker(b)
	for _, bb := range []struct {
		name, query string
		given       map[string]any
	}{
		{"no variables", `{ f { __typename } }`, nil},
		{"input", `query ($in: In!) { f(in: $in) { __typename } }`, map[string]any{"in": map[string]any{"need": true, "secret": "x", "color": "RED"}}},
		{"null", `query ($int: Int) { f(int: $int) { f { __typename } } }`, map[string]any{"int": nil}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			document, err := parser.ParseQuery(&ast.Source{Input: bb.query})
			if err != nil {
				b.Fatal(err)
			}
			r := rules.NewDefaultRules()
			c.Apply(r)
			if errs := validator.ValidateWithRules(c.schema, document, r); len(errs) > 0 {
				b.Fatal(errs)
			}
			op := &graphql.OperationContext{Operation: document.Operations[0], Variables: bb.given}
			b.ReportAllocs()
			for b.Loop() {
				if err := c.MutateOperationContext(b.Context(), op); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
