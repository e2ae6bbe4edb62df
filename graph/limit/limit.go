// Package limit owns how large a GraphQL operation may be. It refuses what is too large before
// validation and execution, so that a short request cannot ask for much work.
package limit

import (
	"context"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/complexity"
	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// CodeTooComplex is the extensions.code of every error that this package makes.
const CodeTooComplex = "OPERATION_TOO_COMPLEX"

// Limits are the most that one document may have. Everything is counted over all its operations if
// not said otherwise, again for each time that a fragment is spread, and whatever @skip and @include
// say. Zero allows nothing.
//
// One more limit is not to be set: an operation has at most one field that checks a credential,
// which is one with a Password among its arguments. Or one request could try a thousand passwords.
type Limits struct {
	// Bytes and Tokens bound the text of the document.
	Bytes, Tokens int
	// Depth bounds the nesting. A field, a fragment spread and an inline fragment are one level each.
	Depth int
	// Selections bounds the fields, fragment spreads and inline fragments.
	Selections int
	// Comparisons bounds the work of validation, which compares each two selections that have one
	// name and one place in the response, again at each level above them, and each two fragments.
	Comparisons int
	// Aliases bounds the fields under another name, which are the way to have one field twice.
	Aliases int
	// RootFields bounds the fields of Query or Mutation in each operation, aliased or not.
	RootFields int
	// Complexity bounds the cost of the one operation that is to be executed, as gqlgen counts it:
	// 1 for each field, or what the ComplexityRoot of the schema says.
	Complexity int
}

// Default has room for what applications ask for, such as a page of 100 users with all their fields, and for
// introspection. The slowest documents
// known that are within it take about 10 ms to validate; see BenchmarkSlowest.
var Default = Limits{
	Bytes:       32 << 10,
	Tokens:      4000,
	Depth:       20,
	Selections:  1000,
	Comparisons: 10_000,
	Aliases:     50,
	RootFields:  20,
	Complexity:  3000,
}

// Apply makes server keep to l, and gives it a cache of documents that do. It panics if the schema
// has no scalar Password, because then nothing tells which fields check one.
func (l Limits) Apply(server *handler.Server) {
	g := &guard{limits: l, documents: newDocuments()}
	server.SetParserTokenLimit(l.Tokens)
	server.SetQueryCache(g.documents)
	server.Use(g)
}

// guard is the extension of gqlgen that refuses. gqlgen parses, validates and caches a document in
// one step, and validation takes exponential time for some. So guard looks at the document first,
// which costs a second parsing, unless it is in the cache: then it was looked at before.
type guard struct {
	limits    Limits
	documents *documents

	executable  graphql.ExecutableSchema
	schema      *ast.Schema
	credentials map[*ast.FieldDefinition]bool
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
	graphql.OperationContextMutator
} = (*guard)(nil)

// ExtensionName is for gqlgen's statistics.
func (g *guard) ExtensionName() string { return "Limits" }

// Validate learns the schema.
func (g *guard) Validate(executable graphql.ExecutableSchema) error {
	g.executable, g.schema = executable, executable.Schema()
	if def := g.schema.Types[credentialScalar]; def == nil || def.Kind != ast.Scalar {
		return errors.New("limit: the schema has no scalar " + credentialScalar)
	}
	g.credentials = credentialFields(g.schema)
	return nil
}

// MutateOperationParameters refuses by the document alone, before it is validated.
func (g *guard) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if _, ok := g.documents.Get(ctx, params.Query); ok {
		return nil
	}
	if len(params.Query) > g.limits.Bytes {
		return tooComplex("The document has more than %d bytes.", g.limits.Bytes)
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: params.Query}, g.limits.Tokens)
	switch {
	case err == nil:
		return g.measure(document)
	case err.Error() == gqlerror.Errorf("exceeded token limit of %d", g.limits.Tokens).Error(): // nothing else tells it from others
		return tooComplex("The document has more than %d tokens.", g.limits.Tokens)
	default:
		return nil // gqlgen finds the same and words it
	}
}

// MutateOperationContext refuses by the cost of the operation with its variables, before it is
// executed.
func (g *guard) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if g.cost(ctx, op) > g.limits.Complexity {
		return tooComplex("The operation has a complexity of more than %d.", g.limits.Complexity)
	}
	return nil
}

// cost is the complexity of an operation. Without variables it is always the same, and remembered with
// the document: to count it takes 4 % of the work for a request.
func (g *guard) cost(ctx context.Context, op *graphql.OperationContext) int {
	count := func() int { return complexity.Calculate(ctx, g.executable, op.Operation, op.Variables) }
	if len(op.Operation.VariableDefinitions) > 0 {
		return count()
	}
	return g.documents.cost(op.RawQuery, op.Operation, count)
}

func tooComplex(format string, limit int) *gqlerror.Error {
	return &gqlerror.Error{
		Message:    fmt.Sprintf(format, limit),
		Extensions: map[string]any{"code": CodeTooComplex},
	}
}
