package transport

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
)

// Headers that every response bears. They are shared: net/http does not write to them.
var (
	noStore      = []string{"no-store"}
	noSniff      = []string{"nosniff"}
	contentTypes = map[mediaType][]string{
		graphqlResponse: {string(graphqlResponse) + "; charset=utf-8"},
		plainJSON:       {string(plainJSON) + "; charset=utf-8"},
	}
)

func setHeaders(header http.Header, format mediaType) {
	header["Cache-Control"] = noStore
	header["Content-Type"] = contentTypes[format]
	header["X-Content-Type-Options"] = noSniff
}

// write sends response in one piece, or a list of copies of it if copies is not zero.
func write(w http.ResponseWriter, status int, response *graphql.Response, copies int) {
	body := buffers.Get().(*bytes.Buffer)
	defer recycle(body)
	if copies == 0 {
		encode(body, response)
	}
	for i := range copies {
		body.WriteByte("[,"[min(i, 1)])
		encode(body, response)
	}
	if copies > 0 {
		body.WriteByte(']')
	}
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // a client that is gone has no use for an error
}

// encode writes the members of a response. Data is JSON already, and json.Marshal would read it
// through once more to check that. A response without data is to a request that was not executed,
// and must not have the member at all (GraphQL October 2021 §7.1).
func encode(body *bytes.Buffer, response *graphql.Response) {
	body.WriteByte('{')
	if len(response.Errors) > 0 {
		body.WriteString(`"errors":`)
		marshal(body, response.Errors)
	}
	if response.Data != nil {
		if len(response.Errors) > 0 {
			body.WriteByte(',')
		}
		body.WriteString(`"data":`)
		body.Write(response.Data)
	}
	if len(response.Extensions) > 0 {
		body.WriteString(`,"extensions":`)
		marshal(body, response.Extensions)
	}
	body.WriteByte('}')
}

func marshal(body *bytes.Buffer, value any) {
	b, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Errorf("encode response: %w", err)) // the server's recover answers
	}
	body.Write(b)
}
