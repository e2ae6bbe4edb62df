// Package transport owns GraphQL over HTTP: it turns an HTTP request into a GraphQL request and a
// GraphQL response into an HTTP response, as the GraphQL-over-HTTP specification has it.
package transport

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"usher/internal/observe"
	"usher/internal/request"
)

// The values of extensions.code in the errors that this package makes.
const (
	CodeBadRequest = "BAD_REQUEST"
	// CodePersistedQueryNotSupported answers a request that has the hash of a query instead of the query. It
	// and the message PersistedQueryNotSupported tell clients to send the query, and no more hashes.
	CodePersistedQueryNotSupported = "PERSISTED_QUERY_NOT_SUPPORTED"
	// CodePersistedQueryNotFound answers a request with an id that the server does not know. It and the message
	// PersistedQueryNotFound tell clients to send the same request with the document.
	CodePersistedQueryNotFound = "PERSISTED_QUERY_NOT_FOUND"
)

// Documents are documents that requests can name by an id.
type Documents interface {
	// Text returns the document with this id.
	Text(id string) (string, bool)
	// Contains reports whether one of them has this text.
	Contains(text string) bool
}

// codeForbidden is the extensions.code when a signed-in caller may not do something.
const codeForbidden = "FORBIDDEN"

// maxErrors limits the errors in the response to an invalid document. Each unknown field is an error, so a
// short document could cause a long response.
const maxErrors = 10

// HTTP is the transport of queries and mutations: one request in, one JSON object out. It accepts every
// method and media type, so that it also writes the error responses.
type HTTP struct {
	// Observer measures operations, including parsing and validation. Nil disables that.
	Observer *observe.Observer
	// Documents are the documents that requests can name. Nil disables the lookup by id.
	Documents Documents
}

var _ graphql.Transport = HTTP{}

// Supports implements graphql.Transport.
func (HTTP) Supports(*http.Request) bool { return true }

// Do answers one request. All errors, its own too, pass through the executor's error presenter.
func (t HTTP) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	format, acceptable := negotiate(r.Header["Accept"])
	setHeaders(w.Header(), format) // first, so that they are there when a panic is answered further up

	var status int
	var response *graphql.Response
	copies := 0
	if params, err := t.read(w, r, acceptable); err != nil {
		status, response = err.answer(r.Context(), w, exec, format)
		copies = err.batch
	} else {
		status, response = t.execute(w, r, exec, params, format)
	}
	describe(request.OutcomeOf(r.Context()), response.Errors)
	write(w, status, response, copies)
}

// describe notes for the log and the headers what went wrong.
func describe(outcome *request.Outcome, errs gqlerror.List) {
	for i, err := range errs {
		code, _ := err.Extensions["code"].(string)
		retryAfter, _ := err.Extensions["retryAfter"].(int) // in seconds
		outcome.RetryAfter = max(outcome.RetryAfter, time.Duration(retryAfter)*time.Second)
		if i == 0 {
			outcome.Code = code
		}
		outcome.Forbidden = outcome.Forbidden || code == codeForbidden
	}
}

// refusal says why a request is not executed, in terms of HTTP.
type refusal struct {
	status  int    // 0 for that of a GraphQL response without data
	message string // for the client; never holds anything of the request
	code    string // "" for CodeBadRequest
	allow   string // the methods that are allowed, with status 405 (RFC 9110 §15.5.6)
	batch   int    // the number of operations in a batch. Its client expects a list of as many responses
}

func (f *refusal) answer(ctx context.Context, w http.ResponseWriter, exec graphql.GraphExecutor, format mediaType) (status int, response *graphql.Response) {
	if f.allow != "" {
		w.Header().Set("Allow", f.allow)
	}
	response = exec.DispatchError(ctx, gqlerror.List{{
		Message:    f.message,
		Extensions: map[string]any{"code": cmp.Or(f.code, CodeBadRequest)},
	}})
	return cmp.Or(f.status, statusOf(response, format)), response
}

// checkKind checks the kind of an operation. GET must not execute mutations (GraphQL over HTTP, "GET"): a
// browser sends a GET for a link or an image, of any page and with the user's cookies.
func checkKind(method string, kind ast.Operation) *refusal {
	switch {
	case kind == ast.Mutation && method == http.MethodGet:
		return &refusal{status: http.StatusMethodNotAllowed, message: "Send mutations with POST.", allow: http.MethodPost}
	case kind == ast.Subscription:
		return badRequest("Subscriptions are not supported.")
	}
	return nil
}

func (t HTTP) execute(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, params *graphql.RawParams, format mediaType) (status int, response *graphql.Response) {
	ctx, end := t.Observer.Step(r.Context(), observe.Operation, "")
	defer func() { end(failure(response)) }()
	outcome := request.OutcomeOf(ctx)
	outcome.Operation = params.OperationName
	operation, errs := exec.CreateOperationContext(ctx, params)
	if operation.Operation != nil {
		outcome.Operation = operation.Operation.Name
		t.trace(ctx, operation)
		if err := checkKind(r.Method, operation.Operation.Operation); err != nil {
			return err.answer(ctx, w, exec, format)
		}
	}
	if len(errs) > 0 {
		response = exec.DispatchError(graphql.WithOperationContext(ctx, operation), errs[:min(len(errs), maxErrors)])
		return statusOf(response, format), response
	}
	next, ctx := exec.DispatchOperation(ctx, operation)
	response = next(ctx)
	if response == nil { // the context ended, and nothing was executed
		return http.StatusServiceUnavailable, exec.DispatchError(ctx, gqlerror.List{gqlerror.Wrap(ctx.Err())})
	}
	return statusOf(response, format), response
}

// trace names the operation in its span. Anybody can choose the name of an operation, except in a trusted document.
func (t HTTP) trace(ctx context.Context, operation *graphql.OperationContext) {
	if !observe.Traced(ctx) {
		return
	}
	name := ""
	if t.Documents != nil && t.Documents.Contains(operation.RawQuery) {
		name = operation.Operation.Name
	}
	observe.Executes(ctx, string(operation.Operation.Operation), name)
}

// failed is the code of the first error of an operation. An observer sees no message, which may name outside text.
type failed string

func (f failed) Error() string { return string(f) }

// Class implements observe.Classified. Other codes say what the client has done wrong.
func (f failed) Class() (name string, fault bool) {
	return string(f), f == panicked || f == codeInternal
}

const (
	panicked failed = "panic"
	// codeInternal is the extensions.code when the server fails.
	codeInternal failed = "INTERNAL_SERVER_ERROR"
)

// failure says how an operation failed; nil if it did not. Without a response it panicked.
func failure(response *graphql.Response) error {
	switch {
	case response == nil:
		return panicked
	case len(response.Errors) == 0:
		return nil
	}
	code, _ := response.Errors[0].Extensions["code"].(string)
	return failed(code)
}

// statusOf returns 200 for what was executed, even with errors, and 400 for what could not be. A
// client that takes application/json always gets 200: other servers on the way answer in that type
// too, so that it cannot rely on the status.
func statusOf(response *graphql.Response, format mediaType) int {
	if response.Data == nil && format == graphqlResponse {
		return http.StatusBadRequest
	}
	return http.StatusOK
}
