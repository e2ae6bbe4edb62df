package graph

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph/guard"
	"usher/internal/auth"
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
func directives(service *auth.Service, schema *guard.Schema) DirectiveRoot {
	return DirectiveRoot{
		Auth: func(
			ctx context.Context, object any, next graphql.Resolver,
			requires []auth.Role, permissions []string, orOwner bool, check auth.Check, maxAge *int,
		) (any, error) {
			rule := schema.Rule(requires, permissions, orOwner, check, maxAge)
			if rule == nil {
				return nil, errUnknownRule
			}
			if err := service.Authorize(ctx, rule, object); err != nil {
				return nil, err
			}
			return next(ctx)
		},
	}
}

var errUnknownRule = errors.New("a guard whose rule was not in the schema at start")

// decideFirst is the extension of gqlgen that decides over all root fields of a mutation before any
// of them runs, so that none is done by half. The guards decide again when it comes to them, as they
// do over everything below: an earlier field may have ended the session.
//
// In a query each field is on its own, so there is nothing to be decided before.
type decideFirst struct {
	service   *auth.Service
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
	refused := d.schema.Refusals(op, func(rule *auth.Rule) error { return d.service.Authorize(ctx, rule, nil) })
	if refused == nil {
		return next(ctx)
	}
	response := &graphql.Response{Data: json.RawMessage("null")}
	for _, r := range refused {
		ctx := graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: r.Field})
		response.Errors = append(response.Errors, d.presenter.present(ctx, graphql.AddFieldLocationToError(ctx, r.Err)))
	}
	return graphql.OneShot(response)
}
