package graph

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// checkSchema returns an error for everything in the schema that would leave a field open by
// mistake, each with the field's name: a root field that does not say who may call it, a guard
// where gqlgen would not run it, and a guard that admits nobody.
func checkSchema(schema *ast.Schema) error {
	var problems []error
	for _, name := range []string{directiveAuth, directivePublic} {
		d := schema.Directives[name]
		switch {
		case d == nil:
			problems = append(problems, fmt.Errorf("directive @%s is not declared", name))
		case !slices.Equal(d.Locations, []ast.DirectiveLocation{ast.LocationFieldDefinition}):
			problems = append(problems, fmt.Errorf("directive @%s must be declared on FIELD_DEFINITION only", name))
		}
	}
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		if root != nil {
			problems = append(problems, checkRoot(root)...)
		}
	}
	for _, name := range sortedKeys(schema.Types) {
		problems = append(problems, checkPlaces(schema.Types[name])...)
	}
	return errors.Join(problems...)
}

func checkRoot(root *ast.Definition) (problems []error) {
	for _, f := range root.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue // introspection is part of the language and has its own switch
		}
		guards := len(f.Directives.ForNames(directiveAuth)) + len(f.Directives.ForNames(directivePublic))
		if guards != 1 {
			problems = append(problems, fmt.Errorf("field %s.%s bears %d of @%s and @%s, want exactly one",
				root.Name, f.Name, guards, directiveAuth, directivePublic))
		}
	}
	return problems
}

// checkPlaces finds guards on types, arguments, input fields and enum values, where they do not
// guard: gqlgen runs a directive of an object neither on root types nor behind an interface. It
// also finds guards without a role.
func checkPlaces(def *ast.Definition) (problems []error) {
	misplaced := func(place string, list ast.DirectiveList) {
		for _, d := range list {
			if d.Name == directiveAuth || d.Name == directivePublic {
				problems = append(problems, fmt.Errorf("%s bears @%s, which guards fields only", place, d.Name))
			}
		}
	}
	misplaced(def.Name, def.Directives)
	for _, v := range def.EnumValues {
		misplaced(def.Name+"."+v.Name, v.Directives)
	}
	for _, f := range def.Fields {
		place := def.Name + "." + f.Name
		if def.Kind != ast.Object {
			misplaced(place, f.Directives)
		}
		for _, a := range f.Arguments {
			misplaced(place+"("+a.Name+":)", a.Directives)
		}
		for _, d := range f.Directives.ForNames(directiveAuth) {
			if a := d.Arguments.ForName("requires"); a != nil && a.Value.Kind == ast.ListValue && len(a.Value.Children) == 0 {
				problems = append(problems, fmt.Errorf("field %s requires no role at all, which nobody has", place))
			}
		}
	}
	return problems
}

// checkDirectives returns an error for each directive of the schema that has no function: gqlgen
// would fail the field on every request instead of the start.
func checkDirectives(root DirectiveRoot) error {
	var problems []error
	v := reflect.ValueOf(root)
	for i := range v.NumField() {
		if v.Field(i).IsNil() {
			problems = append(problems, fmt.Errorf("directive @%s has no function", strings.ToLower(v.Type().Field(i).Name)))
		}
	}
	return errors.Join(problems...)
}

func sortedKeys(types map[string]*ast.Definition) []string {
	names := make([]string, 0, len(types))
	for name := range types {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
