package operations

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// junk are literals for positions of other types.
var junk = []string{
	"null", "{}", "[]", "[{}]", "[null]", "[null, null]", "[[]]", "[[[[[[1]]]]]]", "{a: 1}", `{a: {b: {c: [{d: {}}]}}}`,
	"0", "1", "-1", "1.0", "-0", "1e3", "1e400", "2147483647", "2147483648", "-2147483649", "9223372036854775808",
	"99999999999999999999999999", `"1"`, `""`, `"true"`, `"TOKEN"`, `"\u0000"`, `"\uD800"`, `"🙂"`, `"""block"""`,
	"true", "false", "TOKEN", "USER", "token", "ABSENT", "[USER, ADMIN]", "$absent", "[$absent]", "{a: $absent}",
	"{identifier: null}", `{identifier: "a", identifier: "b"}`, "{disabled: {}}", `{__typename: "User"}`,
}

// junkJSON are values of variables of other types.
var junkJSON = []any{
	nil,
	map[string]any{},
	[]any{},
	[]any{nil},
	[]any{nil, nil},
	[]any{[]any{}},
	[]any{map[string]any{}, map[string]any{}},
	map[string]any{"a": 1},
	map[string]any{"__typename": "User"},
	map[string]any{"": nil},
	map[string]any{"disabled": map[string]any{}},
	0, 1, -1, json.Number("1.0"), json.Number("-0"), json.Number("1e3"), json.Number("1e400"), 2147483647, 2147483648, -2147483649,
	json.Number("9223372036854775808"), json.Number("99999999999999999999999999"), "1", "", "true", "TOKEN", "token", "\x00", "🙂",
	true, false,
	[]any{"USER", "ADMIN"},
	[]any{"USER", 1},
	[]any{[]any{"USER"}},
	deep(200),
}

func deep(n int) any {
	var v any = 1
	for range n {
		v = []any{v}
	}
	return v
}

// variable is a variable that the operation declares.
type variable struct {
	name, position, definition string
}

// value returns a value for a position: a literal or a variable.
func (g *generator) value(typ *ast.Type, hasDefault bool, depth int) string {
	switch {
	case g.fault():
		return pick(g, junk)
	case g.percent(35):
		return "$" + g.variable(typ, hasDefault)
	}
	return g.literal(typ, depth, true)
}

// literal returns a literal of a type. It can contain variables if variables is set.
func (g *generator) literal(typ *ast.Type, depth int, variables bool) string {
	if g.fault() && !variables { // otherwise value has already called fault
		return pick(g, junk)
	}
	inner := func(typ *ast.Type, hasDefault bool) string {
		if variables {
			return g.value(typ, hasDefault, depth+1)
		}
		return g.literal(typ, depth+1, false)
	}
	if !typ.NonNull && g.percent(12) {
		return "null"
	}
	if typ.Elem != nil {
		if g.percent(20) {
			return g.literal(&ast.Type{NamedType: typ.Elem.NamedType, Elem: typ.Elem.Elem, NonNull: true}, depth, false)
		}
		var elements []string
		for range g.IntN(4) {
			elements = append(elements, inner(typ.Elem, false))
		}
		return "[" + strings.Join(elements, ", ") + "]"
	}
	def := g.schema.Types[typ.Name()]
	switch def.Kind {
	case ast.Enum:
		return pick(g, def.EnumValues).Name
	case ast.InputObject:
		var fields []string
		for _, f := range g.supplied(def) {
			fields = append(fields, f.Name+": "+inner(f.Type, f.DefaultValue != nil))
		}
		if g.fault() {
			fields = append(fields, pick(g, []string{"absent: 1", "__typename: 1", `password: "x"`, "userId: 1"}))
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	value := g.scalar(def.Name)
	if name, ok := value.(string); ok && def.Name == "Role" && isName.MatchString(name) && g.percent(60) {
		return name // as it stood for the value of an enum
	}
	return written(value)
}

// written returns a value as a literal.
func written(value any) string {
	switch v := value.(type) {
	case map[string]any:
		var fields []string
		for name, member := range v {
			fields = append(fields, name+": "+written(member))
		}
		slices.Sort(fields) // the same for the same seed
		return "{" + strings.Join(fields, ", ") + "}"
	case []any:
		var elements []string
		for _, element := range v {
			elements = append(elements, written(element))
		}
		return "[" + strings.Join(elements, ", ") + "]"
	}
	text, _ := json.Marshal(value) // a JSON string is a valid GraphQL string
	return string(text)
}

var isName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// variable declares a variable for a position. It may also set its value.
func (g *generator) variable(typ *ast.Type, hasDefault bool) string {
	position := fmt.Sprint(typ, hasDefault)
	for _, v := range g.declared {
		if v.position == position && g.percent(50) {
			return v.name
		}
	}
	declared := *typ
	value := ""
	switch {
	case g.fault():
		declared = *ast.NamedType(pick(g, []string{"Int", "String", "Boolean", "LoginInput", "Role", "ID", "Float", "User", "Absent"}), nil)
		declared.NonNull = g.percent(30)
	case !typ.NonNull && g.percent(30):
		declared.NonNull = true // stricter than the position
	case typ.NonNull && g.percent(50): // with a default it may be nullable (GraphQL specification, section 5.8.5)
		declared.NonNull = false
		value = " = " + g.literal(&ast.Type{NamedType: typ.NamedType, Elem: typ.Elem, NonNull: true}, 2, false)
	case typ.NonNull && hasDefault && g.percent(50): // also if the position has a default
		declared.NonNull = false
	case g.percent(25):
		value = " = " + g.literal(&declared, 2, false)
	}
	name := fmt.Sprintf("v%d", len(g.declared))
	g.declared = append(g.declared, variable{name, position, "$" + name + ": " + declared.String() + value})
	absent := g.percent(25) && (!declared.NonNull || value != "")
	switch {
	case absent || g.percent(20) && g.fault():
	case g.faultOf(3):
		g.given[name] = pick(g, junkJSON)
	case !declared.NonNull && !typ.NonNull && g.percent(20), !declared.NonNull && typ.NonNull && g.faultOf(10):
		g.given[name] = nil
	default:
		g.given[name] = g.json(&declared, 1)
	}
	return name
}

// json returns a value for a variable.
func (g *generator) json(typ *ast.Type, depth int) any {
	if g.fault() {
		return pick(g, junkJSON)
	}
	if !typ.NonNull && depth > 1 && g.percent(12) {
		return nil
	}
	if typ.Elem != nil {
		if g.percent(20) {
			return g.json(&ast.Type{NamedType: typ.Elem.NamedType, Elem: typ.Elem.Elem, NonNull: true}, depth)
		}
		elements := []any{}
		for range g.IntN(4) {
			elements = append(elements, g.json(typ.Elem, depth+1))
		}
		return elements
	}
	def := g.schema.Types[typ.Name()]
	if def == nil {
		return pick(g, junkJSON)
	}
	switch def.Kind {
	case ast.Enum:
		return pick(g, def.EnumValues).Name
	case ast.InputObject:
		fields := map[string]any{}
		for _, f := range g.supplied(def) {
			fields[f.Name] = g.json(f.Type, depth+1)
		}
		if g.fault() {
			fields[pick(g, []string{"absent", "__typename", "roles", ""})] = pick(g, junkJSON)
		}
		return fields
	}
	return g.scalar(def.Name)
}

// supplied returns the fields of an input object that get a value.
func (g *generator) supplied(def *ast.Definition) (fields []*ast.FieldDefinition) {
	for _, f := range def.Fields {
		needed := f.Type.NonNull && f.DefaultValue == nil
		if g.percent(30) && g.fault() {
			needed = !needed
		}
		if needed || g.percent(50) {
			fields = append(fields, f)
		}
	}
	return fields
}

func (g *generator) scalar(name string) any {
	switch name {
	case "Int":
		return pick(g, []int{1, 2, 2, 2, 3, 3, 4, 5, 20, 100, 0, -1, 101, 2147483647, -2147483648})
	case "Float":
		return pick(g, []float64{0, 1, 1.5, -1e10})
	case "Boolean":
		return g.percent(50)
	case "JSONObject":
		object := map[string]any{}
		for range g.IntN(3) {
			object[pick(g, []string{"a", "b", "__typename", "on"})] = pick(g, []any{
				nil, true, "x", 1, -1.5, 1e300, 1 << 53, []any{}, []any{nil, "y"}, map[string]any{}, map[string]any{"c": []any{2}},
			})
		}
		return object
	}
	if words := g.words[name]; len(words) > 0 && g.percent(75) {
		return pick(g, words)
	}
	return pick(g, []string{"", "x", "ada", "a b", "🙂", "é", "2026-01-31T12:00:00Z", "a@example.com", strings.Repeat("long ", 200), "%' OR 1=1 --"})
}
