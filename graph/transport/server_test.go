package transport

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"usher/internal/request"
)

// executable is a schema of a few fields, executed by hand.
type executable struct {
	schema     *ast.Schema
	executions atomic.Int64
	mutations  atomic.Int64 // among them
}

func newExecutable() *executable {
	return &executable{schema: gqlparser.MustLoadSchema(&ast.Source{Input: `
		type Query {
			echo(text: String): String
			number(n: Int!): Int
			fail: String
			mustFail: String!
			panic: String
			badExtension: String
		}
		type Mutation { touch: Boolean }
		type Subscription { tick: Int }
	`})}
}

func (e *executable) Schema() *ast.Schema { return e.schema }

func (e *executable) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func (e *executable) Exec(context.Context) graphql.ResponseHandler {
	return func(ctx context.Context) *graphql.Response {
		e.executions.Add(1)
		if graphql.GetOperationContext(ctx).Operation.Operation == ast.Mutation {
			e.mutations.Add(1)
		}
		return &graphql.Response{Data: data(ctx, graphql.GetOperationContext(ctx))}
	}
}

func data(ctx context.Context, op *graphql.OperationContext) json.RawMessage {
	data := map[string]any{}
	for _, f := range graphql.CollectFields(op, op.Operation.SelectionSet, nil) {
		args := f.ArgumentMap(op.Variables)
		switch f.Name {
		case "__typename":
			data[f.Alias] = f.ObjectDefinition.Name
		case "echo":
			data[f.Alias] = args["text"]
		case "number":
			data[f.Alias] = args["n"]
		case "touch":
			data[f.Alias] = true
		case "fail":
			graphql.AddError(ctx, errors.New("secret cause"))
			data[f.Alias] = nil
		case "mustFail":
			graphql.AddError(ctx, errors.New("secret cause"))
			return json.RawMessage("null")
		case "badExtension":
			graphql.RegisterExtension(ctx, "impossible", make(chan int))
		case "panic":
			panic("secret cause")
		}
	}
	b, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return b
}

// newServer presents errors as the real one does: nothing but codes and the transport's own texts,
// and the request's id.
func newServer(e *executable) *handler.Server { return newServerWith(e, nil) }

// newServerWith is newServer with documents.
func newServerWith(e *executable, documents Documents) *handler.Server {
	server := handler.New(e)
	server.AddTransport(HTTP{Documents: documents})
	server.SetRecoverFunc(func(context.Context, any) error { return errors.New("recovered") })
	server.SetErrorPresenter(func(ctx context.Context, err error) *gqlerror.Error {
		out := &gqlerror.Error{Message: "masked", Extensions: map[string]any{
			"code":      "INTERNAL_SERVER_ERROR",
			"requestId": request.From(ctx).ID,
		}}
		var located *gqlerror.Error
		if errors.Is(err, context.Canceled) {
			out.Extensions["code"] = "SERVICE_UNAVAILABLE"
		} else if errors.As(err, &located) && located.Err == nil {
			out.Extensions["code"] = located.Extensions["code"]
			if code := located.Extensions["code"]; code == CodeBadRequest || code == CodePersistedQueryNotSupported || code == CodePersistedQueryNotFound {
				out.Message = located.Message
			}
		}
		return out
	})
	return server
}

// answer is a response taken apart.
type answer struct {
	*http.Response
	body []byte
	request.Exchange
}

func serve(t testing.TB, server http.Handler, r *http.Request) answer {
	t.Helper()
	a := answer{Exchange: request.Exchange{Info: request.Info{ID: "request-1"}}}
	recorder := httptest.NewRecorder()
	server.ServeHTTP(recorder, r.WithContext(request.With(r.Context(), &a.Exchange)))
	a.Response = recorder.Result()
	a.body = recorder.Body.Bytes()
	return a
}

// post is a request as clients send it; headers come in pairs and an empty value removes one.
func post(body string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", string(graphqlResponse))
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return r
}

// get makes a GET request with these parameters, names and values in turn.
func get(parameters ...string) *http.Request {
	values := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		values.Add(parameters[i], parameters[i+1])
	}
	return getRaw(values.Encode())
}

// getRaw makes a GET request with this text as the query component of the URL.
func getRaw(query string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/graphql", nil)
	r.URL.RawQuery = query
	r.Header.Set("Accept", string(graphqlResponse))
	return r
}
