package directive

import (
	"iter"
	"reflect"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/internal/auth"
)

// Refusal is a root field of an operation that the caller may not use, and the reason.
type Refusal struct {
	Field graphql.CollectedField
	Err   error
}

// Refusals authorizes all root fields of an operation, and all values supplied to them, without running
// any. It applies fragments, @skip, @include and variables.
func (s *Schema) Refusals(op *graphql.OperationContext, authorize func(*auth.Rule) error) (refused []Refusal) {
	for _, field := range graphql.CollectFields(op, op.Operation.SelectionSet, []string{s.root(op.Operation.Operation).Name}) {
		for rule := range s.rulesOf(field, op.Variables) {
			if err := authorize(rule); err != nil {
				refused = append(refused, Refusal{field, err})
				break
			}
		}
	}
	return refused
}

// root returns the root type of an operation. It exists, because the operation has been validated.
func (s *Schema) root(operation ast.Operation) *ast.Definition {
	switch operation {
	case ast.Mutation:
		return s.Mutation
	case ast.Subscription:
		return s.Subscription
	default:
		return s.Query
	}
}

// rulesOf yields the rule of a field, and the rules of the arguments and input fields that are supplied
// to it.
func (s *Schema) rulesOf(field graphql.CollectedField, variables map[string]any) iter.Seq[*auth.Rule] {
	return func(yield func(*auth.Rule) bool) {
		if rule := s.fields[field.Definition]; rule != nil && !yield(rule) {
			return
		}
		if len(field.Definition.Arguments) == 0 {
			return
		}
		supplied := field.ArgumentMap(variables)
		for _, a := range field.Definition.Arguments {
			value, ok := supplied[a.Name]
			if !ok {
				continue
			}
			if rule := s.arguments[a]; rule != nil && !yield(rule) {
				return
			}
			if !s.walk(a.Type.Name(), value, yield) {
				return
			}
		}
	}
}

// walk yields the rules of the input fields in a value, and reports whether to continue.
func (s *Schema) walk(typeName string, value any, yield func(*auth.Rule) bool) bool {
	def := s.Types[typeName]
	if value == nil || def.Kind != ast.InputObject {
		return true
	}
	// A list can be of any Go type: gqlparser makes one when it coerces a single value to a list.
	if list := reflect.ValueOf(value); list.Kind() == reflect.Slice {
		for i := range list.Len() {
			if !s.walk(typeName, list.Index(i).Interface(), yield) {
				return false
			}
		}
		return true
	}
	object, _ := value.(map[string]any)
	for _, f := range def.Fields {
		inner, ok := object[f.Name]
		if !ok {
			continue
		}
		if rule := s.inputFields[f]; rule != nil && !yield(rule) {
			return false
		}
		if !s.walk(f.Type.Name(), inner, yield) {
			return false
		}
	}
	return true
}
