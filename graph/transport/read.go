package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"usher/internal/jsonobject"
)

// MaxBody is the size of the largest request body, in bytes.
const MaxBody = 256 << 10

// MaxURLQuery is the size of the largest query component of a URL, in bytes. Proxies limit URLs too, many of
// them to 8 KiB. RFC 9110 §4.1 recommends to support 8000 bytes.
const MaxURLQuery = 8 << 10

// read turns an HTTP request into a GraphQL request.
func (t HTTP) read(w http.ResponseWriter, r *http.Request, acceptable bool) (*graphql.RawParams, *refusal) {
	var object map[string]any
	var err *refusal
	switch {
	case r.Method != http.MethodPost && r.Method != http.MethodGet:
		return nil, &refusal{status: http.StatusMethodNotAllowed, message: "Send GraphQL requests with POST or GET.", allow: "GET, POST"}
	case !acceptable:
		return nil, &refusal{status: http.StatusNotAcceptable, message: "Accept must allow " + string(graphqlResponse) + " or " + string(plainJSON) + "."}
	case len(r.Header["Authorization"]) > 1: // not a list, so it occurs once: RFC 9110 §5.3
		return nil, badRequest("Send only one Authorization header.")
	case r.Method == http.MethodGet:
		object, err = readURL(r)
	default:
		object, err = readBody(w, r)
	}
	if err != nil {
		return nil, err
	}
	params, err := t.parameters(object)
	if err != nil {
		return nil, err
	}
	params.Headers = r.Header
	return params, nil
}

// readURL reads the parameters of a GET request (GraphQL over HTTP, "GET"). It rejects what the WHATWG
// URL Standard and Go read differently: semicolons, incomplete escapes and text that is not UTF-8.
func readURL(r *http.Request) (map[string]any, *refusal) {
	switch {
	case r.ContentLength != 0: // it would have no meaning: RFC 9110 §9.3.1
		return nil, badRequest("A GET request must not have a body.")
	case len(r.URL.RawQuery) > MaxURLQuery:
		return nil, &refusal{status: http.StatusRequestURITooLong, message: "The query of the URL is longer than 8 KiB. Send the request with POST."}
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil { // repeats the text
		return nil, badRequest("The query of the URL is invalid.")
	}
	object := make(map[string]any, len(values))
	for name, value := range values {
		if len(value) > 1 {
			return nil, badRequest("A parameter of the URL occurs twice.")
		}
		if !utf8.ValidString(value[0]) {
			return nil, badRequest("A parameter of the URL is not in UTF-8.")
		}
		object[name] = value[0]
	}
	for _, name := range []string{"variables", "extensions"} {
		switch text, found := object[name].(string); {
		case !found:
		case text == "null":
			object[name] = nil
		default:
			if object[name], err = jsonobject.Read([]byte(text)); err != nil {
				return nil, badRequest(`"` + name + `" in the URL is invalid: ` + err.Error() + ".")
			}
		}
	}
	return object, nil
}

func readBody(w http.ResponseWriter, r *http.Request) (map[string]any, *refusal) {
	switch {
	case !isJSON(r.Header):
		return nil, &refusal{status: http.StatusUnsupportedMediaType, message: "The request body must be application/json in UTF-8, without a Content-Encoding."}
	case r.ContentLength > MaxBody:
		return nil, tooLarge
	}
	buffer := buffers.Get().(*bytes.Buffer)
	defer recycle(buffer)
	if _, err := buffer.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody)); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, tooLarge
		}
		return nil, badRequest("The request body could not be read.")
	}
	body := buffer.Bytes()
	object, err := jsonobject.Read(body)
	switch {
	case errors.Is(err, jsonobject.ErrNotObject) && bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")):
		return nil, refuseBatch(body)
	case err != nil:
		return nil, badRequest("The request body is invalid: " + err.Error() + ".")
	}
	return object, nil
}

// maxBatch is the number of operations up to which a batch is answered with a list of errors. Apollo Client sends at most 10.
// Without a limit, a short request could cause a long response.
const maxBatch = 10

func refuseBatch(body []byte) *refusal {
	err := badRequest("Batching is not supported. Turn it off in the client, so that each request has one operation.")
	var operations []json.RawMessage
	if json.Unmarshal(body, &operations) == nil && len(operations) > 1 && len(operations) <= maxBatch {
		// With the status 400 and plain JSON, Apollo Client does not look at the body.
		err.status, err.batch = 0, len(operations)
	}
	return err
}

var tooLarge = &refusal{status: http.StatusRequestEntityTooLarge, message: "The request body is larger than 256 KiB."}

func badRequest(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, message: message}
}

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

// parameters reads the parameters of a request. It ignores names that it does not know, which the
// specification reserves.
func (t HTTP) parameters(object map[string]any) (*graphql.RawParams, *refusal) {
	var params graphql.RawParams
	switch {
	case !member(object, "query", &params.Query):
		return nil, badRequest(`"query" must be a string.`)
	case !member(object, "operationName", &params.OperationName):
		return nil, badRequest(`"operationName" must be a string.`)
	case !member(object, "variables", &params.Variables):
		return nil, badRequest(`"variables" must be an object.`)
	case !member(object, "extensions", &params.Extensions):
		return nil, badRequest(`"extensions" must be an object.`)
	case object["query"] != nil:
		return &params, nil // whatever id the request has too
	}
	var err *refusal
	params.Query, err = t.document(object, params.Extensions)
	return &params, err
}

// document returns the document that a request names instead of sending it: by documentId (GraphQL over HTTP,
// "Persisted Documents"), or as Apollo's clients do, by extensions.persistedQuery.sha256Hash.
func (t HTTP) document(object, extensions map[string]any) (string, *refusal) {
	name, id := "documentId", object["documentId"]
	if persisted := extensions["persistedQuery"]; id == nil && persisted != nil {
		query, _ := persisted.(map[string]any)
		name, id = "extensions.persistedQuery.sha256Hash", query["sha256Hash"]
	}
	text, ok := id.(string)
	switch {
	case id == nil && extensions["persistedQuery"] == nil:
		return "", badRequest(`"query" is missing.`)
	case t.Documents == nil:
		return "", &refusal{message: "PersistedQueryNotSupported", code: CodePersistedQueryNotSupported}
	case !ok:
		return "", badRequest(`"` + name + `" must be a string.`)
	}
	if query, ok := t.Documents.Text(text); ok {
		return query, nil
	}
	return "", &refusal{message: "PersistedQueryNotFound", code: CodePersistedQueryNotFound}
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
