package graph

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph/signin"
	"usher/internal/auth/access"
	"usher/internal/observe"
)

// TestOperationKinds checks that an operation of a kind that the executor does not know gets an error
// with a code, and runs nothing.
func TestOperationKinds(t *testing.T) {
	t.Parallel()
	schema, err := accessSchema(false)
	if err != nil {
		t.Fatal(err)
	}
	resolver := &Resolver{access: new(access.Service), signin: signin.New(nil, nil, nil, nil)}
	tests := map[ast.Operation]string{
		ast.Query:        "",
		ast.Mutation:     "",
		ast.Subscription: "GRAPHQL_VALIDATION_FAILED",
		"other":          "GRAPHQL_VALIDATION_FAILED",
	}
	for kind, want := range tests {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server, err := newServer(newConfig(resolver, schema), schema, resolver, Options{
				Access: resolver.access, Observer: observe.New(observe.Options{Log: quiet()}),
			})
			if err != nil {
				t.Fatal(err)
			}
			// The schema has no subscriptions, so validation refuses them before: the kind changes after it.
			server.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
				op := graphql.GetOperationContext(ctx)
				changed := *op.Operation
				changed.Operation = kind
				op.Operation = &changed
				return next(ctx)
			})
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/graphql", strings.NewReader(`{"query":"{ __typename }"}`))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			server.ServeHTTP(w, r)
			var got struct {
				Data   map[string]any
				Errors []struct {
					Message    string
					Extensions map[string]any
				}
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			switch {
			case want == "" && (len(got.Errors) > 0 || !strings.EqualFold(got.Data["__typename"].(string), string(kind))):
				t.Errorf("got %s", w.Body)
			case want != "" && (len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != want || got.Errors[0].Message == "" || got.Data != nil):
				t.Errorf("got %s, want one error with the code %s", w.Body, want)
			}
		})
	}
}
