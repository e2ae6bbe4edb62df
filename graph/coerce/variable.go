package coerce

import (
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// variables checks the values of an operation's variables (§6.1.2), and then each position that uses a
// null one (§6.4.1). gqlparser has put the variables' defaults in. A null can stand in a
// non-null position when the variable or the position has a default (§5.8.5).
func (c *Checker) variables(op *ast.OperationDefinition, given map[string]any) *gqlerror.Error {
	nulls := map[string]bool{}
	for _, v := range op.VariableDefinitions {
		value, ok := given[v.Variable]
		if !ok && !v.Type.NonNull {
			continue // its position has a default, or can be null
		}
		if err := c.value(v.Type, value, ast.Path{ast.PathName("variable"), ast.PathName(v.Variable)}); err != nil {
			return err
		}
		if value == nil {
			nulls[v.Variable] = true
		}
	}
	if len(nulls) == 0 {
		return nil
	}
	for v := range values(op) {
		if v.Kind == ast.Variable && nulls[v.Raw] && v.ExpectedType != nil && v.ExpectedType.NonNull {
			err := refuse(ast.Path{ast.PathName("variable"), ast.PathName(v.Raw)}, "is null where that is not allowed")
			if p := v.Position; p != nil {
				err.Locations = []gqlerror.Location{{Line: p.Line, Column: p.Column}}
			}
			return err
		}
	}
	return nil
}

// value checks one value of a variable, down to the last. The path leads to it, and has names of the
// schema only.
func (c *Checker) value(typ *ast.Type, value any, path ast.Path) *gqlerror.Error {
	if value == nil {
		if typ.NonNull {
			return refuse(path, "must not be null")
		}
		return nil
	}
	if typ.Elem != nil { // a single value is a list of itself (§3.11)
		for i, element := range graphql.CoerceList(value) {
			if err := c.value(typ.Elem, element, extend(path, ast.PathIndex(i))); err != nil {
				return err
			}
		}
		return nil
	}
	ok := false
	switch def := c.schema.Types[typ.NamedType]; def.Kind {
	case ast.InputObject:
		if fields, isMap := value.(map[string]any); isMap {
			return c.fields(def, fields, path)
		}
	case ast.Enum:
		name, isString := value.(string)
		ok = isString && def.EnumValues.ForName(name) != nil
	case ast.Scalar:
		ok = c.scalars[def.Name](value)
	}
	if !ok {
		return refuse(path, "must be of the type "+typ.String())
	}
	return nil
}

// fields checks the fields of an input object (§3.10).
func (c *Checker) fields(def *ast.Definition, fields map[string]any, path ast.Path) *gqlerror.Error {
	for name := range fields {
		if def.Fields.ForName(name) == nil {
			return refuse(path, "has a field that the type "+def.Name+" does not have")
		}
	}
	if isOneOf(def) {
		if len(fields) != 1 {
			return refuse(path, "must have exactly one field")
		}
		for name, value := range fields {
			if value == nil {
				return refuse(extend(path, ast.PathName(name)), "must not be null")
			}
		}
	}
	for _, f := range def.Fields {
		value, ok := fields[f.Name]
		if !ok && !required(f) {
			continue
		}
		if err := c.value(f.Type, value, extend(path, ast.PathName(f.Name))); err != nil {
			return err
		}
	}
	return nil
}

func extend(path ast.Path, element ast.PathElement) ast.Path {
	return append(slices.Clip(path), element)
}

// refuse makes an error in the form of gqlparser's own about variables.
func refuse(path ast.Path, problem string) *gqlerror.Error {
	err := gqlerror.ErrorPathf(path, "%s", problem)
	err.Rule = RuleName // The problem has names of the schema only.
	errcode.Set(err, errcode.ValidationFailed)
	return err
}
