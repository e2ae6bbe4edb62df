package transport

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"
)

// TestPersistedQuery checks that a hash instead of a query gets the answer that makes clients send the query.
func TestPersistedQuery(t *testing.T) {
	t.Parallel()
	const hash = `{"persistedQuery":{"version":1,"sha256Hash":"ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38"}}`
	const refused = `{"errors":[{"message":"PersistedQueryNotSupported","extensions":{"code":"PERSISTED_QUERY_NOT_SUPPORTED","requestId":"request-1"}}]}`
	tests := map[string]struct {
		request func() *http.Request
		status  int // for application/graphql-response+json; application/json always gets 200
		want    string
	}{
		"hash by POST":           {func() *http.Request { return post(`{"operationName":"A","variables":{},"extensions":` + hash + `}`) }, 400, refused},
		"hash by GET":            {func() *http.Request { return get("operationName", "A", "extensions", hash) }, 400, refused},
		"documentId by POST":     {func() *http.Request { return post(`{"documentId":"a"}`) }, 400, refused},
		"documentId by GET":      {func() *http.Request { return get("documentId", "a") }, 400, refused},
		"null query":             {func() *http.Request { return post(`{"query":null,"extensions":` + hash + `}`) }, 400, refused},
		"query and hash by POST": {func() *http.Request { return post(`{"query":"{ echo }","extensions":` + hash + `}`) }, 200, `{"data":{"echo":null}}`},
		"query and hash by GET":  {func() *http.Request { return get("query", "{ echo }", "extensions", hash) }, 200, `{"data":{"echo":null}}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for format, status := range map[mediaType]int{graphqlResponse: tt.status, plainJSON: 200} {
				got := serve(t, newServer(newExecutable()), with(tt.request(), "Accept", string(format)))
				if got.StatusCode != status || string(got.body) != tt.want {
					t.Errorf("%s: status %d and %s, want %d and %s", format, got.StatusCode, got.body, status, tt.want)
				}
			}
		})
	}
}

// documents are documents by id.
type documents map[string]string

func (d documents) Text(id string) (string, bool) {
	text, ok := d[id]
	return text, ok
}

func (d documents) Contains(text string) bool {
	return slices.Contains(slices.Collect(maps.Values(d)), text)
}

// TestDocuments names documents by their ids.
func TestDocuments(t *testing.T) {
	t.Parallel()
	known := documents{"one": "{ echo }", "two": `query A($t: String) { echo(text: $t) } query B { number(n: 1) }`, "touch": "mutation { touch }", "bad": "{ nothing }"}
	hash := func(id string) string { return `{"persistedQuery":{"version":1,"sha256Hash":` + id + `}}` }
	answer := func(message, code string) string {
		return `{"errors":[{"message":` + strconv.Quote(message) + `,"extensions":{"code":"` + code + `","requestId":"request-1"}}]}`
	}
	unknown := answer("PersistedQueryNotFound", CodePersistedQueryNotFound)
	const echo = `{"data":{"echo":null}}`
	tests := map[string]struct {
		request *http.Request
		status  int
		want    string
	}{
		"documentId by POST":       {post(`{"documentId":"one"}`), 200, echo},
		"documentId by GET":        {get("documentId", "one"), 200, echo},
		"with null query":          {post(`{"documentId":"one","query":null}`), 200, echo},
		"hash by POST":             {post(`{"extensions":` + hash(`"one"`) + `}`), 200, echo},
		"hash by GET":              {get("extensions", hash(`"one"`)), 200, echo},
		"documentId and hash":      {post(`{"documentId":"one","extensions":` + hash(`"two"`) + `}`), 200, echo},
		"documentId and query":     {post(`{"documentId":"two","query":"{ echo }"}`), 200, echo},
		"hash and query":           {post(`{"query":"{ echo }","extensions":` + hash(`"unknown"`) + `}`), 200, echo},
		"variables by POST":        {post(`{"documentId":"two","operationName":"A","variables":{"t":"hi"}}`), 200, `{"data":{"echo":"hi"}}`},
		"variables by GET":         {get("documentId", "two", "operationName", "A", "variables", `{"t":"hi"}`), 200, `{"data":{"echo":"hi"}}`},
		"another operation":        {post(`{"documentId":"two","operationName":"B"}`), 200, `{"data":{"number":1}}`},
		"mutation by POST":         {post(`{"documentId":"touch"}`), 200, `{"data":{"touch":true}}`},
		"mutation by GET":          {get("documentId", "touch"), 405, answer("Send mutations with POST.", CodeBadRequest)},
		"unknown id by POST":       {post(`{"documentId":"unknown"}`), 400, unknown},
		"unknown id by GET":        {get("documentId", "unknown"), 400, unknown},
		"empty id":                 {post(`{"documentId":""}`), 400, unknown},
		"unknown hash":             {post(`{"extensions":` + hash(`"unknown"`) + `}`), 400, unknown},
		"documentId is no string":  {post(`{"documentId":1}`), 400, answer(`"documentId" must be a string.`, CodeBadRequest)},
		"hash is no string":        {post(`{"extensions":` + hash(`["one"]`) + `}`), 400, answer(`"extensions.persistedQuery.sha256Hash" must be a string.`, CodeBadRequest)},
		"no hash":                  {post(`{"extensions":{"persistedQuery":{}}}`), 400, answer(`"extensions.persistedQuery.sha256Hash" must be a string.`, CodeBadRequest)},
		"persistedQuery no object": {post(`{"extensions":{"persistedQuery":"one"}}`), 400, answer(`"extensions.persistedQuery.sha256Hash" must be a string.`, CodeBadRequest)},
		"neither":                  {post(`{"operationName":"A"}`), 400, answer(`"query" is missing.`, CodeBadRequest)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := serve(t, newServerWith(newExecutable(), known), tt.request)
			if got.StatusCode != tt.status || string(got.body) != tt.want {
				t.Errorf("status %d and %s, want %d and %s", got.StatusCode, got.body, tt.status, tt.want)
			}
		})
	}
}
