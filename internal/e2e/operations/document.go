package operations

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// maxDepth is the maximum nesting of selections. Nested lists in the schema need 8.
const maxDepth = 9

func (g *generator) operation() Operation {
	keyword, root := "query", g.schema.Query
	if g.schema.Mutation != nil && g.percent(45) {
		keyword, root = "mutation", g.schema.Mutation
	}
	selections := g.selections(root, 1)
	directives := ""
	if g.fault() {
		directives = g.directives()
	}
	head := keyword
	name := ""
	if g.percent(30) {
		name = "Named"
		head += " " + name
	}
	var variables []string
	for _, v := range g.declared {
		variables = append(variables, v.definition)
	}
	if len(variables) > 0 {
		head += "(" + strings.Join(variables, ", ") + ")"
	}
	op := Operation{Variables: g.given}
	if head == "query" && directives == "" && g.percent(50) {
		head = ""
	}
	op.Query = strings.TrimSpace(head+directives+" "+selections) + strings.Join(g.fragments, "")
	switch {
	case name != "" && g.percent(15): // a second operation that shares the fragments of the first
		other, with := "{ __typename }", ""
		if g.percent(50) {
			other, with = selections, strings.TrimPrefix(head, keyword+" Named")
		}
		op.Query += " " + keyword + " Other" + with + " " + other
		op.OperationName = pick(g, []string{"Named", "Other"})
		if g.fault() {
			op.OperationName = pick(g, []string{"", "Third"})
		}
	case g.fault():
		op.OperationName = "Absent"
	case name != "" && g.percent(30):
		op.OperationName = name
	}
	if g.percent(5) {
		g.given["unknown"] = pick(g, junkJSON)
	}
	if g.percent(10) && g.fault() {
		op.Query = g.mangled(op.Query)
	}
	return op
}

// mangled removes characters from a document or inserts some, so that it is most likely not valid.
func (g *generator) mangled(query string) string {
	text := []rune(query)
	from := g.IntN(len(text))
	to := min(from+g.IntN(3), len(text))
	with := pick(g, []string{"", "{", "}", "(", ")", "[", `"`, `\"""`, `"""`, `\`, `\u`, "#", "...", "@", "$", "!", "&", "\x00", "\ufeff", "é", " on ", "subscription "})
	if g.percent(20) {
		to = len(text)
	}
	return string(text[:from]) + with + string(text[to:])
}

func (g *generator) selections(def *ast.Definition, depth int) string {
	var out []string
	for range 1 + g.IntN(3) {
		if s := g.selection(def, depth); s != "" {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		out = []string{"__typename"}
	}
	return "{ " + strings.Join(out, " ") + " }"
}

func (g *generator) selection(def *ast.Definition, depth int) string {
	switch {
	case depth < maxDepth && g.percent(8):
		condition := ""
		if g.percent(60) {
			condition = " on " + g.typeName(def)
		}
		return "..." + condition + g.maybeDirectives() + " " + g.selections(def, depth+1)
	case depth < maxDepth && g.percent(8):
		name := fmt.Sprintf("F%d", len(g.fragments))
		g.fragments = append(g.fragments, "") // reserves the name
		at := len(g.fragments) - 1
		body := g.selections(def, depth+1)
		g.fragments[at] = " fragment " + name + " on " + g.typeName(def) + " " + body
		spread := "..." + name + g.maybeDirectives()
		if g.percent(20) {
			spread += " ..." + name
		}
		return spread
	case g.percent(6):
		return "__typename" + g.maybeDirectives()
	case def == g.schema.Query && g.percent(4):
		return g.introspection()
	}
	return g.field(def, depth)
}

func (g *generator) introspection() string {
	if g.percent(50) {
		return "__schema { queryType { name } }"
	}
	name := g.schema.Types["__Type"].Fields.ForName("name").Type
	return "__type(name: " + g.value(ast.NonNullNamedType(name.Name(), nil), false, 1) + ") { name fields(includeDeprecated: " +
		g.value(ast.NamedType("Boolean", nil), true, 1) + ") { name } }"
}

func (g *generator) typeName(def *ast.Definition) string {
	if g.fault() {
		return pick(g, []string{"Query", "User", "LoginInput", "Role", "Absent"})
	}
	return def.Name
}

// field returns a random selection of a field. It is empty if no field is within the limits.
func (g *generator) field(def *ast.Definition, depth int) string {
	g.budget--
	var possible []*ast.FieldDefinition
	for _, f := range def.Fields {
		leaf := g.schema.Types[f.Type.Name()].IsLeafType()
		if !strings.HasPrefix(f.Name, "__") && (leaf || depth < maxDepth && g.budget > 0) {
			possible = append(possible, f)
			if !leaf && f.Name != "pageInfo" {
				possible = append(possible, f) // twice as often: these fields lead to lists
			}
		}
	}
	if len(possible) == 0 {
		return ""
	}
	f := pick(g, possible)
	name := f.Name
	if g.percent(20) && g.fault() {
		name = "absent"
	}
	arguments := g.arguments(f.Arguments)
	out := name
	if g.percent(20) || arguments != "" && !g.fault() { // fields with the same response name need the same arguments
		g.aliases++
		out = fmt.Sprintf("a%d: %s", g.aliases, name)
	}
	out += arguments + g.maybeDirectives()
	inner := g.schema.Types[f.Type.Name()]
	leaf := inner.IsLeafType()
	if g.percent(10) && g.fault() {
		leaf = !leaf
	}
	switch {
	case leaf:
		return out
	case inner.IsLeafType():
		return out + " { id }"
	default:
		return out + " " + g.selections(inner, depth+1)
	}
}

func (g *generator) arguments(defs ast.ArgumentDefinitionList) string {
	var out []string
	for _, a := range defs {
		needed := a.Type.NonNull && a.DefaultValue == nil
		if g.percent(20) && g.fault() {
			needed = !needed
		}
		if needed || !a.Type.NonNull && (g.percent(40) || a.Name == "first" && g.percent(80)) {
			out = append(out, a.Name+": "+g.value(a.Type, a.DefaultValue != nil, 1))
		}
	}
	if g.fault() {
		out = append(out, pick(g, []string{"absent: 1", "if: true", "input: {}", "first: {}", "first: 1"}))
	}
	if len(out) == 0 {
		return ""
	}
	return "(" + strings.Join(out, ", ") + ")"
}

func (g *generator) maybeDirectives() string {
	if g.percent(15) {
		return g.directives()
	}
	return ""
}

func (g *generator) directives() string {
	var out strings.Builder
	for _, name := range slices.DeleteFunc([]string{"include", "skip"}, func(string) bool { return g.percent(50) }) {
		if g.fault() {
			out.WriteString(pick(g, []string{
				" @" + name, " @" + name + "(if: true) @" + name + "(if: false)", " @" + name + "(unless: true)",
				" @absent", " @public", " @auth(requires: ADMIN)", " @auth(requires: [{}])", " @deprecated", " @defer", " @oneOf",
			}))
			continue
		}
		fmt.Fprintf(&out, " @%s(if: %s)", name, g.value(ast.NonNullNamedType("Boolean", nil), false, 1))
	}
	return out.String()
}
