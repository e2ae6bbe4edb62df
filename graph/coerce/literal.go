package coerce

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/big"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// RuleName is the rule of every error about a literal. Its messages hold names of the schema only.
const RuleName = "ValuesFitTheSchema"

// Apply puts the check of literals in the place of gqlparser's "Values of Correct Type" (§5.6.1),
// which leaves out the scalars of the schema and repeats the values in its messages.
func (c *Checker) Apply(r *rules.Rules) {
	r.RemoveRule(rules.ValuesOfCorrectTypeRule.Name)
	r.RemoveRule(rules.ValuesOfCorrectTypeRuleWithoutSuggestions.Name)
	r.AddRule(RuleName, c.rule)
}

func (c *Checker) rule(observers *core.Events, addError core.AddErrFunc) {
	reported := map[*ast.Value]bool{} // a fragment is visited with each operation, and by itself
	observers.OnValue(func(_ *core.Walker, v *ast.Value) {
		if v.ExpectedType == nil || v.Definition == nil || reported[v] {
			return // another rule refuses the argument, or this one the value around it
		}
		if problem := c.literal(v); problem != "" {
			reported[v] = true
			addError(core.Message("%s", problem), core.At(v.Position))
		}
	})
	// The walker ties a variable in a fragment to its definition in the last operation of the
	// document, and gqlparser would take that one's default for a variable that the client left out.
	// Defaults are among the values of the variables already.
	observers.OnOperation(func(_ *core.Walker, op *ast.OperationDefinition) {
		for v := range values(op) {
			v.VariableDefinition = nil
		}
	})
}

// literal says what is wrong with a value itself; those in it are visited on their own.
func (c *Checker) literal(v *ast.Value) string {
	def := v.Definition
	ok := false
	switch v.Kind {
	case ast.Variable:
		return "" // see variables, and the rule VariablesInAllowedPosition
	case ast.NullValue:
		ok = !v.ExpectedType.NonNull
	case ast.ListValue:
		ok = v.ExpectedType.Elem != nil
		if !ok && def.Kind == ast.Scalar {
			return c.composite(v)
		}
	case ast.ObjectValue:
		if def.Kind == ast.InputObject {
			return object(def, v)
		}
		if def.Kind == ast.Scalar {
			return c.composite(v)
		}
	case ast.EnumValue:
		ok = def.Kind == ast.Enum && def.EnumValues.ForName(v.Raw) != nil ||
			def.Kind == ast.Scalar && c.scalars[def.Name](Name(v.Raw))
	default:
		ok = def.Kind == ast.Scalar && c.scalars[def.Name](constant(v))
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("Expected a value of the type %q.", v.ExpectedType)
}

// composite says what is wrong with an object or list that is the literal of a scalar. gqlparser gives the values in
// it no type, so nothing else checks them.
func (c *Checker) composite(v *ast.Value) string {
	if problem := inComposite(v); problem != "" {
		return problem
	}
	if value, err := v.Value(nil); err != nil || !c.scalars[v.Definition.Name](value) {
		return fmt.Sprintf("Expected a value of the type %q.", v.ExpectedType)
	}
	return ""
}

func inComposite(v *ast.Value) string {
	switch v.Kind {
	case ast.Variable, ast.EnumValue:
		return "A JSON literal must not contain variables or enum values. Send the whole object as a variable."
	case ast.IntValue, ast.FloatValue:
		if !isExact(v) {
			return "A number in the JSON literal would lose digits. Send the value as a variable."
		}
	}
	for _, child := range v.Children {
		if problem := inComposite(child.Value); problem != "" {
			return problem
		}
	}
	return ""
}

// isExact reports whether gqlparser, which makes an int64 or a float64 of a number, keeps its value.
func isExact(number *ast.Value) bool {
	if number.Kind == ast.IntValue {
		_, err := strconv.ParseInt(number.Raw, 10, 64)
		return err == nil
	}
	// A large exponent would make the exact value below long.
	f, err := strconv.ParseFloat(number.Raw, 64)
	if err != nil || f == 0 || len(number.Raw) > maxExact {
		return err == nil && isZero(number.Raw)
	}
	written, _ := new(big.Rat).SetString(number.Raw)
	kept, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	return written.Cmp(kept) == 0
}

// maxExact is the length of the longest number whose digits are compared.
const maxExact = 100

// isZero reports whether a number has no other digits than 0 before its exponent.
func isZero(raw string) bool {
	digits, _, _ := strings.Cut(strings.ToLower(raw), "e")
	return !strings.ContainsAny(digits, "123456789")
}

// object says what is wrong with the fields of an input object (§3.10, §5.6.2, §5.6.4).
func object(def *ast.Definition, v *ast.Value) string {
	for _, child := range v.Children {
		if def.Fields.ForName(child.Name) == nil {
			return fmt.Sprintf("The type %q does not have one of the given fields.", def.Name)
		}
	}
	if isOneOf(def) && (len(v.Children) != 1 || v.Children[0].Value.Kind == ast.NullValue) {
		return fmt.Sprintf("Give exactly one field of the type %q, and not null.", def.Name)
	}
	for _, f := range def.Fields {
		if required(f) && v.Children.ForName(f.Name) == nil {
			return fmt.Sprintf("The field %q of the type %q is required.", def.Name+"."+f.Name, f.Type)
		}
	}
	return ""
}

func required(f *ast.FieldDefinition) bool { return f.Type.NonNull && f.DefaultValue == nil }

func isOneOf(def *ast.Definition) bool { return def.Directives.ForName("oneOf") != nil }

// constant is a literal as a Scalar takes it.
func constant(v *ast.Value) any {
	switch v.Kind {
	case ast.IntValue, ast.FloatValue:
		return json.Number(v.Raw)
	case ast.BooleanValue:
		return v.Raw == "true"
	default:
		return v.Raw
	}
}

// values yields every value in the arguments of an operation, those in values included. It visits a
// fragment once. The document has been validated, or is about to be refused.
func values(op *ast.OperationDefinition) iter.Seq[*ast.Value] {
	return func(yield func(*ast.Value) bool) {
		w := &walk{yield: yield, seen: map[*ast.FragmentDefinition]bool{}}
		_ = w.directives(op.Directives) && w.selections(op.SelectionSet)
	}
}

type walk struct {
	yield func(*ast.Value) bool
	seen  map[*ast.FragmentDefinition]bool
}

func (w *walk) selections(set ast.SelectionSet) bool {
	for _, selection := range set {
		ok := true
		switch s := selection.(type) {
		case *ast.Field:
			ok = w.arguments(s.Arguments) && w.directives(s.Directives) && w.selections(s.SelectionSet)
		case *ast.InlineFragment:
			ok = w.directives(s.Directives) && w.selections(s.SelectionSet)
		case *ast.FragmentSpread:
			ok = w.directives(s.Directives)
			if f := s.Definition; ok && f != nil && !w.seen[f] {
				w.seen[f] = true
				ok = w.directives(f.Directives) && w.selections(f.SelectionSet)
			}
		}
		if !ok {
			return false
		}
	}
	return true
}

func (w *walk) directives(list ast.DirectiveList) bool {
	for _, d := range list {
		if !w.arguments(d.Arguments) {
			return false
		}
	}
	return true
}

func (w *walk) arguments(list ast.ArgumentList) bool {
	for _, a := range list {
		if !w.value(a.Value) {
			return false
		}
	}
	return true
}

func (w *walk) value(v *ast.Value) bool {
	if !w.yield(v) {
		return false
	}
	for _, child := range v.Children {
		if !w.value(child.Value) {
			return false
		}
	}
	return true
}
