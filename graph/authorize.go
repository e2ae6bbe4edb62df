package graph

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph/directive"
	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/access"
)

// guardedTypes are the types whose fields must each have @auth or @public, with the Go types that serve
// them. A Go type with a method OwnerID allows orOwner. Add yours here.
var guardedTypes = map[string]any{
	"User":    (*auth.User)(nil),
	"Session": (*auth.Session)(nil),
}

// directives returns the implementation of @auth. gqlgen calls it before the resolver of each field with
// the directive, and before it reads each argument and input field with the directive. Without an
// implementation gqlgen refuses them all.
func directives(service *access.Service, schema *directive.Schema) DirectiveRoot {
	return DirectiveRoot{
		Auth: func(
			ctx context.Context, object any, next graphql.Resolver,
			requires []auth.Role, permissions []string, orOwner bool, check auth.Check, maxAge *int,
			assurance *auth.RequiredAssurance, verified *bool,
		) (any, error) {
			rule := schema.Rule(requires, permissions, orOwner, check, maxAge, assurance, verified)
			if rule == nil {
				return nil, errUnknownRule
			}
			if err := authorizeField(ctx, service, schema); err != nil {
				return nil, err
			}
			if err := service.Authorize(ctx, rule, object); err != nil {
				return nil, err
			}
			return next(ctx)
		},
	}
}

// authorizeField authorizes the field of a guarded argument or input field, because gqlgen reads the
// arguments of a field before it authorizes the field. Nothing else about an argument can be refused
// then: graph/coerce has checked the values.
func authorizeField(ctx context.Context, service *access.Service, schema *directive.Schema) error {
	field := graphql.GetFieldContext(ctx)
	if graphql.GetPathContext(ctx) == nil || field == nil || field.Field.Field == nil {
		return nil // the directive is on a field
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

// pointer returns a pointer to a struct, as gqlgen passes objects to directives. A field context has the
// struct itself, a pointer to it or, in a list, a pointer to the pointer.
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

var errUnknownRule = errors.New("a rule of @auth that was not in the schema at the start")

// mutationAuthorizer is the extension of gqlgen that authorizes all root fields of a mutation before any
// of them runs, so that no mutation runs in part. @auth checks each field again when its turn comes,
// because an earlier field may have ended the session.
//
// The fields of a query are independent, so a query needs no such check. After a mutation it settles the cookie
// of the browser.
type mutationAuthorizer struct {
	service   *access.Service
	signin    *signin.Service
	schema    *directive.Schema
	presenter *presenter
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationInterceptor
} = (*mutationAuthorizer)(nil)

// ExtensionName is for gqlgen's statistics.
func (*mutationAuthorizer) ExtensionName() string { return "MutationAuthorizer" }

// Validate has nothing to check.
func (*mutationAuthorizer) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation answers a refused operation with an error for each refused root field.
func (m *mutationAuthorizer) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	if op.Operation.Operation == ast.Query {
		return next(ctx)
	}
	refused := m.schema.Refusals(op, func(rule *auth.Rule) error { return m.service.Authorize(ctx, rule, nil) })
	if refused == nil {
		respond := next(ctx)
		if respond == nil {
			return nil
		}
		return func(ctx context.Context) *graphql.Response {
			response := respond(ctx)
			m.signin.Settle(ctx)
			return response
		}
	}
	response := &graphql.Response{Data: json.RawMessage("null")}
	for _, r := range refused {
		ctx := graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: r.Field})
		response.Errors = append(response.Errors, m.presenter.present(ctx, graphql.AddFieldLocationToError(ctx, r.Err)))
	}
	return graphql.OneShot(response)
}
