// Package limit owns the limits on the size of GraphQL operations. It rejects larger ones before
// validation and execution, so that a short request cannot cause much work.
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
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// CodeTooComplex is the extensions.code of every error that this package makes.
const CodeTooComplex = "OPERATION_TOO_COMPLEX"

// Limits are the limits on one document. Unless noted otherwise, they count over all its operations.
// A fragment counts again each time it is spread, and @skip and @include change nothing. Zero allows
// nothing.
//
// One more limit is fixed: an operation has at most one field that checks a credential, which is a
// field with a Password among its arguments. Otherwise one request could try a thousand passwords.
type Limits struct {
	// Bytes and Tokens bound the text of the document.
	Bytes, Tokens int
	// Depth bounds the nesting. A field, a fragment spread and an inline fragment are one level each.
	Depth int
	// Selections bounds the fields, fragment spreads and inline fragments.
	Selections int
	// Comparisons bounds the work of validation. It compares every two selections that have the same name
	// in the same object of the response, once for each level above them, and every two fragments.
	Comparisons int
	// Aliases bounds the fields with an alias, with which one field can be requested many times.
	Aliases int
	// RootFields bounds the fields of Query or Mutation in each operation, aliased or not.
	RootFields int
	// Complexity bounds the cost of the executed operation, as gqlgen counts it: 1 for each field, or
	// what the ComplexityRoot of the schema says.
	Complexity int
}

// Default allows what applications request, such as a page of 100 users with all their fields, and
// introspection. The slowest known documents within it take about 10 ms to validate: see
// BenchmarkSlowest.
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

// Apply makes server enforce the limits, and gives it a cache of documents within them. It panics if the
// schema has no scalar Password, because the fields that check one cannot be found then.
func (l Limits) Apply(server *handler.Server) *Limiter {
	limiter := &Limiter{limits: l, documents: newDocuments()}
	server.SetParserTokenLimit(l.Tokens)
	server.SetQueryCache(limiter.documents)
	server.Use(limiter)
	return limiter
}

// Limiter is the extension of gqlgen that enforces the limits. gqlgen parses, validates and caches a
// document in one step, and validation takes exponential time for some documents. So Limiter parses and
// measures a document first, unless it is in the cache, which has only measured ones.
type Limiter struct {
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
} = (*Limiter)(nil)

// ExtensionName is for gqlgen's statistics.
func (l *Limiter) ExtensionName() string { return "Limits" }

// Validate reads the schema.
func (l *Limiter) Validate(executable graphql.ExecutableSchema) error {
	l.executable, l.schema = executable, executable.Schema()
	for _, name := range credentialScalars {
		if def := l.schema.Types[name]; def == nil || def.Kind != ast.Scalar {
			return errors.New("limit: the schema has no scalar " + name)
		}
	}
	l.credentials = CredentialFields(l.schema)
	return nil
}

// MutateOperationParameters enforces the limits on the document, before it is validated.
func (l *Limiter) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if _, ok := l.documents.Get(ctx, params.Query); ok {
		return nil
	}
	_, err := l.parse(params.Query)
	if refused, ok := errors.AsType[*gqlerror.Error](err); ok && refused.Extensions["code"] == CodeTooComplex {
		return refused
	}
	return nil // gqlgen finds and reports a syntax error itself
}

// parse parses and measures a document.
func (l *Limiter) parse(text string) (*ast.QueryDocument, error) {
	if len(text) > l.limits.Bytes {
		return nil, tooComplex("The document has more than %d bytes.", l.limits.Bytes)
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, l.limits.Tokens)
	switch {
	case err == nil:
	case err.Error() == gqlerror.Errorf("exceeded token limit of %d", l.limits.Tokens).Error(): // the error has no other mark
		return nil, tooComplex("The document has more than %d tokens.", l.limits.Tokens)
	default:
		return nil, err
	}
	if err := l.measure(document); err != nil {
		return nil, err
	}
	return document, nil
}

// Prepare parses, measures and validates a document. The server then executes it without doing so again, for as long
// as it runs. Prepare must not be called after the server has begun to serve requests.
func (l *Limiter) Prepare(ctx context.Context, text string, r *rules.Rules) error {
	document, err := l.parse(text)
	if err != nil {
		return err
	}
	if len(document.Operations) == 0 {
		return errors.New("the document has no operation")
	}
	if errs := validator.ValidateWithRules(l.schema, document, r); len(errs) > 0 {
		return errs[0]
	}
	costs := map[*ast.OperationDefinition]int{}
	for _, operation := range document.Operations {
		if len(operation.VariableDefinitions) > 0 {
			continue // the cost depends on them
		}
		if costs[operation] = complexity.Calculate(ctx, l.executable, operation, nil); costs[operation] > l.limits.Complexity {
			return tooComplex("The operation has a complexity of more than %d.", l.limits.Complexity)
		}
	}
	l.documents.prepared[text] = &cachedDocument{document, costs}
	return nil
}

// MutateOperationContext enforces the limit on the cost of the operation with its variables, before it
// is executed.
func (l *Limiter) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if l.cost(ctx, op) > l.limits.Complexity {
		return tooComplex("The operation has a complexity of more than %d.", l.limits.Complexity)
	}
	return nil
}

// cost is the complexity of an operation. Without variables it never changes, so the document cache keeps
// it; docs/performance.md has the effect.
func (l *Limiter) cost(ctx context.Context, op *graphql.OperationContext) int {
	count := func() int { return complexity.Calculate(ctx, l.executable, op.Operation, op.Variables) }
	if len(op.Operation.VariableDefinitions) > 0 {
		return count()
	}
	return l.documents.cost(op.RawQuery, op.Operation, count)
}

func tooComplex(format string, limit int) *gqlerror.Error {
	return &gqlerror.Error{
		Message:    fmt.Sprintf(format, limit),
		Extensions: map[string]any{"code": CodeTooComplex},
	}
}
