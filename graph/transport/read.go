package transport

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"usher/internal/jsonobject"
)

// MaxBody is the size of the largest request body, in bytes.
const MaxBody = 256 << 10

// read turns an HTTP request into a GraphQL request.
func read(w http.ResponseWriter, r *http.Request, acceptable bool) (*graphql.RawParams, *refusal) {
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return nil, &refusal{http.StatusMethodNotAllowed, "Send GraphQL requests with POST."}
	case !acceptable:
		return nil, &refusal{http.StatusNotAcceptable, "Accept must allow " + string(graphqlResponse) + " or " + string(plainJSON) + "."}
	case !isJSON(r.Header):
		return nil, &refusal{http.StatusUnsupportedMediaType, "The request body must be application/json in UTF-8, without a Content-Encoding."}
	case len(r.Header["Authorization"]) > 1: // not a list, so it occurs once: RFC 9110 §5.3
		return nil, badRequest("Send only one Authorization header.")
	case r.ContentLength > MaxBody:
		return nil, tooLarge
	}
	body := buffers.Get().(*bytes.Buffer)
	defer recycle(body)
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody)); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, tooLarge
		}
		return nil, badRequest("The request body could not be read.")
	}
	params, err := decode(body.Bytes())
	if err != nil {
		return nil, err
	}
	params.Headers = r.Header
	return params, nil
}

var tooLarge = &refusal{http.StatusRequestEntityTooLarge, "The request body is larger than 256 KiB."}

func badRequest(message string) *refusal { return &refusal{http.StatusBadRequest, message} }

// isJSON reports whether a body is JSON as it stands. A form cannot be: browsers send forms from
// any site without asking, with the user's cookies.
func isJSON(header http.Header) bool {
	if header.Get("Content-Encoding") != "" {
		return false
	}
	switch types := header["Content-Type"]; {
	case len(types) != 1:
		return false
	case types[0] == string(plainJSON): // nearly always
		return true
	default:
		media, parameters, err := mime.ParseMediaType(types[0])
		charset, ok := parameters["charset"]
		return err == nil && media == string(plainJSON) && (!ok || strings.EqualFold(charset, "utf-8"))
	}
}

// decode reads a body: one JSON object, and nothing after it. Names that it does not know are left
// to extensions of the specification.
func decode(body []byte) (*graphql.RawParams, *refusal) {
	object, err := jsonobject.Read(body)
	if err != nil {
		return nil, badRequest("The request body is invalid: " + err.Error() + ".")
	}
	var params graphql.RawParams
	if !member(object, "query", &params.Query) {
		return nil, badRequest(`"query" must be a string.`)
	}
	if object["query"] == nil {
		return nil, badRequest(`"query" is missing.`)
	}
	if !member(object, "operationName", &params.OperationName) {
		return nil, badRequest(`"operationName" must be a string.`)
	}
	if !member(object, "variables", &params.Variables) {
		return nil, badRequest(`"variables" must be an object.`)
	}
	if !member(object, "extensions", &params.Extensions) {
		return nil, badRequest(`"extensions" must be an object.`)
	}
	return &params, nil
}

// member stores a member of object in target. It reports false if the value is of another type;
// null counts as no value.
func member[T any](object map[string]any, name string, target *T) bool {
	value := object[name]
	if value == nil {
		return true
	}
	v, ok := value.(T)
	*target = v
	return ok
}

// buffers are for bodies on their way in and responses on their way out.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keepBuffer is the capacity up to which a buffer is worth keeping, in bytes.
const keepBuffer = 64 << 10

func recycle(b *bytes.Buffer) {
	if b.Cap() <= keepBuffer {
		b.Reset()
		buffers.Put(b)
	}
}
