package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"usher/internal/auth"
	"usher/internal/request"
)

// hostile panics wherever it is asked for something.
type hostile struct{ context.Context }

func (hostile) Error() string    { panic("Error") }
func (hostile) String() string   { panic("String") }
func (hostile) Unwrap() error    { panic("Unwrap") }
func (hostile) Value(any) any    { panic("Value") }
func (hostile) Is(error) bool    { panic("Is") }
func (hostile) As(any) bool      { panic("As") }
func (hostile) GoString() string { panic("GoString") }

// badText is an error with nothing to panic over but its text.
type badText struct{}

func (badText) Error() string { panic("Error") }

// hostileHandler is a log that cannot be written to.
type hostileHandler struct{ slog.Handler }

func (hostileHandler) Enabled(context.Context, slog.Level) bool { panic("Enabled") }

// hostileContexts are contexts as gqlgen makes them in odd moments, and as it never should.
func hostileContexts() map[string]context.Context {
	index, name := 1, "input"
	base := request.With(context.Background(), &request.Exchange{Info: request.Info{ID: "req-1"}})
	field := func(ctx context.Context, fc *graphql.FieldContext) context.Context {
		return graphql.WithFieldContext(ctx, fc)
	}
	inField := field(base, &graphql.FieldContext{Object: "Query", Field: graphql.CollectedField{Field: &ast.Field{Name: "me", Alias: "me"}}})
	element := field(inField, &graphql.FieldContext{Index: &index})
	return map[string]context.Context{
		"nothing in it":                    base,
		"no request":                       context.Background(),
		"field":                            inField,
		"element of a list":                element,
		"field without its node":           field(base, &graphql.FieldContext{Field: graphql.CollectedField{Field: nil}}),
		"field in an element":              field(element, &graphql.FieldContext{}),
		"argument without a field":         graphql.WithPathContext(base, &graphql.PathContext{Field: &name}),
		"argument of an element":           graphql.WithPathContext(element, graphql.NewPathWithIndex(3)),
		"path with nothing in it":          graphql.WithPathContext(element, &graphql.PathContext{}),
		"operation that has no parts":      graphql.WithOperationContext(element, &graphql.OperationContext{}),
		"operation that is nil":            graphql.WithOperationContext(element, nil),
		"cancelled":                        cancelled(element),
		"everything panics":                hostile{},
		"response whose presenter is ours": graphql.WithResponseContext(element, (&presenter{log: quiet()}).present, (&presenter{log: quiet()}).recover),
	}
}

func cancelled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

func hostileErrors() map[string]error {
	var noDomain *auth.Error
	var noLocated *gqlerror.Error
	return map[string]error{
		"nil":                  nil,
		"plain":                errors.New("x"),
		"everything panics":    hostile{},
		"text panics":          badText{},
		"wraps one that does":  fmt.Errorf("x: %w", hostile{}),
		"located, text panics": &gqlerror.Error{Err: badText{}},
		"nil domain":           noDomain,
		"nil located":          noLocated,
		"wraps nil domain":     fmt.Errorf("%w", error(noDomain)),
		"wraps nil located":    fmt.Errorf("%w", error(noLocated)),
		"joined":               errors.Join(badText{}, nil, noDomain),
		"empty located":        &gqlerror.Error{},
		"validation":           &gqlerror.Error{Path: ast.Path{ast.PathName("variable")}, Extensions: map[string]any{"code": "GRAPHQL_VALIDATION_FAILED"}},
		"path with nil in it":  &gqlerror.Error{Path: ast.Path{nil, nil}, Extensions: map[string]any{"code": "GRAPHQL_VALIDATION_FAILED"}},
		"code of another type": &gqlerror.Error{Extensions: map[string]any{"code": hostile{}}},
		"bad input, no path":   auth.BadInput(auth.FieldError{Code: auth.InputInvalidFormat}),
		"bad input of nothing": &auth.Error{Code: auth.CodeBadUserInput},
		"forbidden":            &auth.Error{Code: auth.CodeForbidden},
		"nil cause":            &auth.Error{Code: auth.CodeServiceUnavailable, Err: nil},
	}
}

// TestPresenterNeverPanics has the presenter and the recover function meet every error in every
// context. gqlgen calls both in deferred functions of its own goroutines, where a panic ends the process.
func TestPresenterNeverPanics(t *testing.T) {
	t.Parallel()
	logs := map[string]*slog.Logger{"a log": quiet(), "a log that panics": slog.New(hostileHandler{})}
	for log, logger := range logs {
		for where, ctx := range hostileContexts() {
			for what, err := range hostileErrors() {
				for _, verbose := range []bool{false, true} {
					survive(ctx, t, fmt.Sprintf("%s in %q with %s", what, where, log), &presenter{log: logger, verbose: verbose}, err)
				}
			}
		}
	}
}

func survive(ctx context.Context, t *testing.T, name string, p *presenter, err error) {
	t.Helper()
	defer func() {
		if cause := recover(); cause != nil {
			t.Errorf("%s: panic: %v", name, cause)
		}
	}()
	out := p.present(ctx, err)
	if code, _ := out.Extensions["code"].(string); !ErrorCode(code).IsValid() || out.Message == "" {
		t.Errorf("%s: code %q, message %q", name, code, out.Message)
	}
	for _, cause := range []any{err, nil, "text", badText{}, hostile{}, []any{hostile{}}} {
		if got := p.recover(ctx, cause); got == nil {
			t.Errorf("%s: the panic of %T is no error", name, cause)
		}
	}
}

// TestPresenterNeverPanicsAtRandom nests contexts of fields, elements, arguments and operations in any
// order, with and without what they should hold.
func TestPresenterNeverPanicsAtRandom(t *testing.T) {
	t.Parallel()
	p := &presenter{log: quiet()}
	var errs []error
	for _, err := range hostileErrors() {
		errs = append(errs, err)
	}
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		ctx := context.Background()
		maybe := func() bool { return r.IntN(2) == 0 }
		for range r.IntN(8) {
			n, name := r.IntN(5), []string{"", "__schema", "__type", "me"}[r.IntN(4)]
			switch r.IntN(5) {
			case 0:
				fc := &graphql.FieldContext{}
				if maybe() {
					fc.Field.Field = &ast.Field{Name: name}
				}
				if maybe() {
					fc.Index = &n
				}
				ctx = graphql.WithFieldContext(ctx, fc)
			case 1:
				pc := &graphql.PathContext{}
				if maybe() {
					pc.Field = &name
				}
				if maybe() {
					pc.Index = &n
				}
				ctx = graphql.WithPathContext(ctx, pc)
			case 2:
				ctx = graphql.WithOperationContext(ctx, []*graphql.OperationContext{nil, {}}[r.IntN(2)])
			case 3:
				ctx = request.With(ctx, &request.Exchange{Info: request.Info{ID: "req-1"}})
			default:
				ctx = graphql.WithResponseContext(ctx, p.present, p.recover)
			}
		}
		survive(ctx, t, fmt.Sprint("seed ", seed), p, errs[r.IntN(len(errs))])
	}
}
