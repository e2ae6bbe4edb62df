package limit

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// BenchmarkRequest is what a small query costs outside of its resolvers, with its document in the
// cache and without. The request and the recorder are part of it.
func BenchmarkRequest(b *testing.B) {
	server := newServer(&executable{schema: loadSchema(b)}, Default)
	for _, bb := range []struct{ name, body string }{
		{"cached", `{"query":"{ me { id } }"}`},
		{"new", `{"query":"{ me { id } __type(name: \"\") { name } }"}`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/graphql-response+json"}}
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(bb.body))
				r.Header = header
				w := httptest.NewRecorder()
				server.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
		})
	}
}

// BenchmarkBombs is what the refusal of a bomb costs.
func BenchmarkBombs(b *testing.B) {
	server := newServer(&executable{schema: loadSchema(b)}, Default)
	for name, document := range bombs {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ask(b, server, document, nil)
			}
		})
	}
}

// BenchmarkSlowest is what validation costs at the worst that the limits allow.
func BenchmarkSlowest(b *testing.B) {
	schema := loadSchema(b)
	g := &Limiter{limits: Default, schema: schema, credentials: CredentialFields(schema)}
	fragments := func(n int) (spreads, definitions string) {
		for i := range n {
			spreads += fmt.Sprintf("...f%d ", i)
			definitions += fmt.Sprintf(" fragment f%d on Tree { %s }", i, []string{"text", "__typename", "tree { text }", "other { text }"}[i%4])
		}
		return spreads, definitions
	}
	spreads, definitions := fragments(60)
	unused := ""
	for range 10 {
		unused += ` fragment f on Tree { ` + strings.Repeat("... { ", 15) + strings.Repeat("tree { text } ", 8) + strings.Repeat("} ", 15) + `}`
	}
	for name, document := range map[string]string{
		"fields":             `{ tree { ` + strings.Repeat("tree { text } ", 60) + `} }`,
		"fields in depth":    `{ tree { ` + strings.Repeat("... { ", 17) + strings.Repeat("tree { text } ", 22) + strings.Repeat("} ", 17) + `} }`,
		"fragments":          `{ tree { ` + spreads + `} }` + definitions,
		"fragments in depth": `{ tree { ` + strings.Repeat("... { ", 5) + spreads + strings.Repeat("} ", 5) + `} }` + definitions,
		"unused fragments":   `{ tree { text } }` + unused,
		"unknown fields":     `{ tree { ` + strings.Repeat("absent ", 100) + `} }`,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				parsed, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: document}, Default.Tokens)
				if err != nil {
					b.Fatal(err)
				}
				if err := g.measure(parsed); err != nil {
					b.Fatal(err)
				}
				_ = validator.ValidateWithRules(schema, parsed, rules.NewDefaultRules())
			}
		})
	}
}
