// Package coerce owns the check of an operation's values against the schema, by the rules of input
// coercion of the GraphQL specification (October 2021 §3.5 to §3.12, §5.6, §6.1.2, §6.4.1). It checks
// every literal and every variable of the operation, in arguments of fields and of directives, at every
// depth, before a directive or a resolver runs. So a wrong value is a request error, and nothing has run.
//
// gqlgen and gqlparser check only a part of this. They accept {} for a variable of the type Int, "1" for
// an Int, and null for a Boolean! whose variable has a default. Later they panic over some of these values
// and guess what others mean.
//
// Some rules are stricter than the specification. A scalar accepts what its Go function accepts, so an ID
// of this schema is a string. A scalar accepts an enum value only as a Name. An object literal for a scalar
// must not contain variables, or numbers that gqlparser would change. And a variable that is null is refused
// in every non-null position, even in a field that @skip omits.
package coerce

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Scalar reports whether a scalar accepts a value: a string, a json.Number, a bool, a map[string]any or
// []any, and in a document also a Name. In an object or list literal for a scalar, numbers are int64 and float64.
type Scalar func(value any) bool

// Name is a literal in the form of an enum value, where a scalar is expected (§2.9.6).
type Name string

// Checker is the extension of gqlgen that checks the variables of operations, and has the rule of
// validation that checks their literals.
type Checker struct {
	schema  *ast.Schema
	scalars map[string]Scalar
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = (*Checker)(nil)

// New returns the checker of a schema. It needs a function for each scalar of the schema other than
// Int, Float and Boolean.
func New(schema *ast.Schema, scalars map[string]Scalar) (*Checker, error) {
	c := &Checker{schema: schema, scalars: map[string]Scalar{"Int": isInt, "Float": isFloat, "Boolean": isBoolean}}
	for name, def := range schema.Types {
		if def.Kind != ast.Scalar || c.scalars[name] != nil {
			continue
		}
		if scalars[name] == nil {
			return nil, fmt.Errorf("the scalar %s has no function that says which values it accepts", name)
		}
		c.scalars[name] = scalars[name]
	}
	return c, nil
}

// ExtensionName is for gqlgen's statistics.
func (*Checker) ExtensionName() string { return "Coerce" }

// Validate has nothing to check.
func (*Checker) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext checks the variables. The rule that Apply adds has checked the literals, with the
// document.
func (c *Checker) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if len(op.Operation.VariableDefinitions) == 0 {
		return nil
	}
	return c.variables(op.Operation, op.Variables)
}

// isInt is the input coercion of Int (§3.5.1). A number of a variable comes as JSON, or as an int64
// when gqlparser has read it.
func isInt(value any) bool {
	switch v := value.(type) {
	case json.Number:
		_, err := strconv.ParseInt(string(v), 10, 32)
		return err == nil
	case int64:
		return v >= math.MinInt32 && v <= math.MaxInt32
	}
	return false
}

// isFloat is the input coercion of Float (§3.5.2).
func isFloat(value any) bool {
	switch v := value.(type) {
	case json.Number:
		_, err := strconv.ParseFloat(string(v), 64)
		return err == nil
	case int64:
		return true
	case float64:
		return !math.IsInf(v, 0) && !math.IsNaN(v)
	}
	return false
}

// isBoolean is the input coercion of Boolean (§3.5.4).
func isBoolean(value any) bool {
	_, ok := value.(bool)
	return ok
}
