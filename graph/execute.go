package graph

import (
	"bytes"
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph/directive"
	"usher/internal/auth/access"
)

// operationExecutor executes operations. It is the executable schema of gqlgen's server: operations are
// validated against the whole schema, and introspection reads the part that the caller may use.
type operationExecutor struct {
	*executableSchema
	visible *visibleSchemas
}

func newOperationExecutor(config Config, service *access.Service, schema *directive.Schema) *operationExecutor {
	return &operationExecutor{
		executableSchema: executableOf(config),
		visible:          &visibleSchemas{config: config, service: service, schema: schema},
	}
}

func executableOf(config Config) *executableSchema {
	return NewExecutableSchema(config).(*executableSchema)
}

// Exec prepares the operation of ctx. The operation runs when gqlgen calls the result.
//
// It replaces the generated Exec, which also serves @defer (removed from the schema, see init in
// handler.go) and which builds a map of all inputs in each request for
// graphql.UnmarshalInputFromContext, which nothing here calls. docs/performance.md has the effect.
func (e *operationExecutor) Exec(ctx context.Context) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	kind := op.Operation.Operation
	if kind != ast.Query && kind != ast.Mutation {
		// A subscription needs a transport and an Exec that send more than one response.
		graphql.AddError(ctx, errOperationKind)
		return nil // gqlgen answers with the error
	}
	schema := e.executableSchema
	if introspects(op.Operation.SelectionSet) {
		schema = e.visible.schemaOf(ctx)
	}
	done := false
	return func(ctx context.Context) *graphql.Response {
		if done {
			return nil // tells gqlgen that no response follows
		}
		done = true
		ec := newExecutionContext(op, schema, nil)
		var data graphql.Marshaler
		if kind == ast.Mutation {
			data = ec._Mutation(ctx, op.Operation.SelectionSet)
		} else {
			data = ec._Query(ctx, op.Operation.SelectionSet)
		}
		var text bytes.Buffer
		text.Grow(typicalData)
		data.MarshalGQL(&text)
		return &graphql.Response{Data: text.Bytes()}
	}
}

var errOperationKind = errors.New("the server executes queries and mutations only")

// typicalData is a size in bytes that the data of most responses does not exceed.
const typicalData = 512
