package graph

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph/guard"
	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/access"
)

// guardedTypes are the types of which every field must say who may see it, with the Go types that
// serve them. Those with a method OwnerID can be guarded with orOwner. Add yours here.
var guardedTypes = map[string]any{
	"User":    (*auth.User)(nil),
	"Session": (*auth.Session)(nil),
}

// directives returns the functions that gqlgen calls around the resolver of each field, and around
// the reading of each argument and input field, that bears a directive. Without them gqlgen serves
// nothing that is guarded.
func directives(service *access.Service, schema *guard.Schema) DirectiveRoot {
	return DirectiveRoot{
		Auth: func(
			ctx context.Context, object any, next graphql.Resolver,
			requires []auth.Role, permissions []string, orOwner bool, check auth.Check, maxAge *int,
		) (any, error) {
			rule := schema.Rule(requires, permissions, orOwner, check, maxAge)
			if rule == nil {
				return nil, errUnknownRule
			}
			if err := fieldFirst(ctx, service, schema); err != nil {
				return nil, err
			}
			if err := service.Authorize(ctx, rule, object); err != nil {
				return nil, err
			}
			return next(ctx)
		},
	}
}

// fieldFirst decides over the field of an argument or input field that is guarded. gqlgen reads the
// arguments of a field before it asks for the field, and this is all in it that can be refused: the
// kinds of all values have been checked before (graph/coerce).
func fieldFirst(ctx context.Context, service *access.Service, schema *guard.Schema) error {
	field := graphql.GetFieldContext(ctx)
	if graphql.GetPathContext(ctx) == nil || field == nil || field.Field.Field == nil {
		return nil // it is a field that is guarded
	}
	rule := schema.FieldRule(field.Field.Definition)
	if rule == nil {
		return nil
	}
	var object any
	if field.Parent != nil {
		object = pointer(field.Parent.Result)
	}
	return service.Authorize(ctx, rule, object)
}

// pointer returns the address of a struct, as which gqlgen hands objects to their guards. A field
// context has the struct itself, its address, or that of its address in a list.
func pointer(object any) any {
	v := reflect.ValueOf(object)
	for v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() == reflect.Struct {
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		v = p
	}
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	return v.Interface()
}

var errUnknownRule = errors.New("a guard whose rule was not in the schema at start")

// decideFirst is the extension of gqlgen that decides over all root fields of a mutation before any
// of them runs, so that none is done by half. The guards decide again when it comes to them, as they
// do over everything below: an earlier field may have ended the session. After a mutation it settles the cookie
// of the browser.
//
// In a query each field is on its own, so there is nothing to be decided before.
type decideFirst struct {
	access    *access.Service
	signin    *signin.Service
	schema    *guard.Schema
	presenter *presenter
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationInterceptor
} = (*decideFirst)(nil)

// ExtensionName is for gqlgen's statistics.
func (*decideFirst) ExtensionName() string { return "DecideFirst" }

// Validate has nothing to check.
func (*decideFirst) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation answers an operation that may not run with an error for each root field that
// is refused.
func (d *decideFirst) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	if op.Operation.Operation == ast.Query {
		return next(ctx)
	}
	refused := d.schema.Refusals(op, func(rule *auth.Rule) error { return d.access.Authorize(ctx, rule, nil) })
	if refused == nil {
		respond := next(ctx)
		if respond == nil {
			return nil
		}
		return func(ctx context.Context) *graphql.Response {
			response := respond(ctx)
			d.signin.Settle(ctx)
			return response
		}
	}
	response := &graphql.Response{Data: json.RawMessage("null")}
	for _, r := range refused {
		ctx := graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: r.Field})
		response.Errors = append(response.Errors, d.presenter.present(ctx, graphql.AddFieldLocationToError(ctx, r.Err)))
	}
	return graphql.OneShot(response)
}
