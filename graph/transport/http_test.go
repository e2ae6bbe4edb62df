package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// TestResponses shows what is executed or refused by GraphQL itself, in both media types.
func TestResponses(t *testing.T) {
	t.Parallel()
	failure := func(code string) string {
		return `{"errors":[{"message":"masked","extensions":{"code":"` + code + `","requestId":"request-1"}}]`
	}
	tests := map[string]struct {
		body      string
		status    int // for application/graphql-response+json; application/json always gets 200
		want      string
		operation string
		code      string
	}{
		"query":            {`{"query":"{ echo(text: \"hi\") }"}`, 200, `{"data":{"echo":"hi"}}`, "", ""},
		"mutation":         {`{"query":"mutation Touch { touch }"}`, 200, `{"data":{"touch":true}}`, "Touch", ""},
		"variables":        {`{"query":"query($t: String) { echo(text: $t) }","variables":{"t":"<é😀>"}}`, 200, `{"data":{"echo":"\u003cé😀\u003e"}}`, "", ""},
		"operation name":   {`{"query":"query A { echo } query B { fail }","operationName":"A"}`, 200, `{"data":{"echo":null}}`, "A", ""},
		"null members":     {`{"query":"{ echo }","operationName":null,"variables":null,"extensions":null}`, 200, `{"data":{"echo":null}}`, "", ""},
		"unknown member":   {`{"query":"{ echo }","documentId":["x"],"Query":1,"id":null}`, 200, `{"data":{"echo":null}}`, "", ""},
		"extensions":       {`{"query":"{ echo }","extensions":{"a":{"b":[]}}}`, 200, `{"data":{"echo":null}}`, "", ""},
		"large number":     {`{"query":"query($n: Int!) { number(n: $n) }","variables":{"n":9007199254740993}}`, 200, `{"data":{"number":9007199254740993}}`, "", ""},
		"field error":      {`{"query":"{ fail }"}`, 200, failure("INTERNAL_SERVER_ERROR") + `,"data":{"fail":null}}`, "", "INTERNAL_SERVER_ERROR"},
		"data null":        {`{"query":"{ mustFail }"}`, 200, failure("INTERNAL_SERVER_ERROR") + `,"data":null}`, "", "INTERNAL_SERVER_ERROR"},
		"syntax":           {`{"query":"{"}`, 400, failure("GRAPHQL_PARSE_FAILED") + `}`, "", "GRAPHQL_PARSE_FAILED"},
		"empty query":      {`{"query":""}`, 400, failure("GRAPHQL_VALIDATION_FAILED") + `}`, "", "GRAPHQL_VALIDATION_FAILED"},
		"validation":       {`{"query":"{ absent }"}`, 400, failure("GRAPHQL_VALIDATION_FAILED") + `}`, "", "GRAPHQL_VALIDATION_FAILED"},
		"coercion":         {`{"query":"query Q($n: Int!) { number(n: $n) }","variables":{"n":null}}`, 400, failure("GRAPHQL_VALIDATION_FAILED") + `}`, "Q", "GRAPHQL_VALIDATION_FAILED"},
		"no such name":     {`{"query":"query A { echo } query B { echo }","operationName":"C"}`, 400, failure("GRAPHQL_VALIDATION_FAILED") + `}`, "C", "GRAPHQL_VALIDATION_FAILED"},
		"ambiguous":        {`{"query":"query A { echo } query B { echo }"}`, 400, failure("GRAPHQL_VALIDATION_FAILED") + `}`, "", "GRAPHQL_VALIDATION_FAILED"},
		"white space":      {" \r\n\t{ \"query\" :\n\"{ echo }\" } \n", 200, `{"data":{"echo":null}}`, "", ""},
		"escaped names":    {`{"qu\u0065ry":"{ echo }"}`, 200, `{"data":{"echo":null}}`, "", ""},
		"surrogate pair":   {`{"query":"query($t: String) { echo(text: $t) }","variables":{"t":"\ud83d\ude00"}}`, 200, `{"data":{"echo":"😀"}}`, "", ""},
		"escaped NUL":      {`{"query":"query($t: String) { echo(text: $t) }","variables":{"t":"\u0000"}}`, 200, `{"data":{"echo":"\u0000"}}`, "", ""},
		"replacement rune": {`{"query":"query($t: String) { echo(text: $t) }","variables":{"t":"\ufffd"}}`, 200, "{\"data\":{\"echo\":\"\ufffd\"}}", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, format := range []mediaType{graphqlResponse, plainJSON} {
				got := serve(t, newServer(newExecutable()), post(tt.body, "Accept", string(format)))
				status := tt.status
				if format == plainJSON {
					status = 200
				}
				if got.StatusCode != status {
					t.Errorf("%s: status %d, want %d", format, got.StatusCode, status)
				}
				if diff := cmp.Diff(tt.want, string(got.body)); diff != "" {
					t.Errorf("%s: body (-want +got):\n%s", format, diff)
				}
				want := map[string]string{
					"Cache-Control":          "no-store",
					"Content-Length":         strconv.Itoa(len(tt.want)),
					"Content-Type":           string(format) + "; charset=utf-8",
					"X-Content-Type-Options": "nosniff",
				}
				for name, value := range want {
					if got := got.Header.Get(name); got != value {
						t.Errorf("%s: header %s is %q, want %q", format, name, got, value)
					}
				}
				if got.Outcome.Operation != tt.operation || got.Outcome.Code != tt.code {
					t.Errorf("%s: logged as %q with code %q, want %q with %q", format, got.Outcome.Operation, got.Outcome.Code, tt.operation, tt.code)
				}
			}
		})
	}
}

// TestRefusals sends requests that are not valid GraphQL requests. Each has exactly one fault.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const good = `{"query":"mutation { touch }"}`
	body := func(s string) *http.Request { return post(s) }
	method := func(m string) *http.Request {
		r := post(good)
		r.Method = m
		return r
	}
	reading := func(r io.Reader) *http.Request {
		request := post("")
		request.Body, request.ContentLength = io.NopCloser(r), -1
		return request
	}
	twice := post(good)
	twice.Header.Add("Content-Type", "text/plain")
	authorized := post(good, "Authorization", "Bearer abc")
	authorized.Header.Add("Authorization", "Bearer abc")

	tests := map[string]struct {
		request *http.Request
		status  int
	}{
		"HEAD":                   {method(http.MethodHead), 405},
		"PUT":                    {method(http.MethodPut), 405},
		"OPTIONS":                {method(http.MethodOptions), 405},
		"no such method":         {method("QUERY"), 405},
		"accept others":          {post(good, "Accept", "text/html, image/*"), 406},
		"accept none":            {post(good, "Accept", "*/*;q=0"), 406},
		"no content type":        {post(good, "Content-Type", ""), 415},
		"form":                   {post(good, "Content-Type", "application/x-www-form-urlencoded"), 415},
		"multipart":              {post(good, "Content-Type", "multipart/form-data; boundary=x"), 415},
		"text":                   {post(good, "Content-Type", "text/plain"), 415},
		"GraphQL":                {post(good, "Content-Type", "application/graphql"), 415},
		"JSON suffix":            {post(good, "Content-Type", "application/graphql-response+json"), 415},
		"other charset":          {post(good, "Content-Type", "application/json; charset=utf-16"), 415},
		"two charsets":           {post(good, "Content-Type", "application/json; charset=utf-8; charset=utf-16"), 415},
		"broken content type":    {post(good, "Content-Type", "application/json; ="), 415},
		"two content types":      {twice, 415},
		"listed content types":   {post(good, "Content-Type", "application/json, text/plain"), 415},
		"two authorizations":     {authorized, 400},
		"compressed":             {post(good, "Content-Encoding", "gzip"), 415},
		"announced too large":    {body(good + strings.Repeat(" ", MaxBody)), 413},
		"too large":              {reading(strings.NewReader(good + strings.Repeat(" ", MaxBody))), 413},
		"cut off":                {reading(io.MultiReader(strings.NewReader(good), iotest.ErrReader(io.ErrUnexpectedEOF))), 400},
		"no body":                {body(""), 400},
		"white space":            {body(" \n"), 400},
		"not JSON":               {body(`{"query":"mutation { touch }"`), 400},
		"JavaScript":             {body(`{query:"mutation { touch }"}`), 400},
		"byte order mark":        {body("\ufeff" + good), 400},
		"trailing text":          {body(good + "x"), 400},
		"two values":             {body(good + good), 400},
		"trailing comma":         {body(`{"query":"mutation { touch }",}`), 400},
		"NUL":                    {body(good + "\x00"), 400},
		"batch":                  {body("[" + good + "]"), 400},
		"string":                 {body(`"mutation { touch }"`), 400},
		"null":                   {body("null"), 400},
		"number":                 {body("1"), 400},
		"missing query":          {body(`{}`), 400},
		"null query":             {body(`{"query":null}`), 400},
		"other case":             {body(`{"Query":"mutation { touch }"}`), 400},
		"number for query":       {body(`{"query":0}`), 400},
		"false for query":        {body(`{"query":false}`), 400},
		"object for query":       {body(`{"query":{}}`), 400},
		"array for query":        {body(`{"query":["mutation { touch }"]}`), 400},
		"number for name":        {body(`{"query":"mutation { touch }","operationName":1}`), 400},
		"object for name":        {body(`{"query":"mutation { touch }","operationName":{}}`), 400},
		"string for variables":   {body(`{"query":"mutation { touch }","variables":"{}"}`), 400},
		"array for variables":    {body(`{"query":"mutation { touch }","variables":[]}`), 400},
		"false for variables":    {body(`{"query":"mutation { touch }","variables":false}`), 400},
		"string for extensions":  {body(`{"query":"mutation { touch }","extensions":"x"}`), 400},
		"array for extensions":   {body(`{"query":"mutation { touch }","extensions":[{}]}`), 400},
		"two queries":            {body(`{"query":"mutation { touch }","query":"mutation { touch }"}`), 400},
		"two queries, one \\u":   {body(`{"query":"mutation { touch }","qu\u0065ry":"{ echo }"}`), 400},
		"equal names in depth":   {body(`{"query":"mutation { touch }","variables":{"a":[{"b":1,"b":2}]}}`), 400},
		"invalid UTF-8":          {body("{\"query\":\"mutation { touch }\",\"operationName\":\"\xff\"}"), 400},
		"encoded surrogate":      {body("{\"query\":\"mutation { touch }\",\"operationName\":\"\xed\xa0\x80\"}"), 400},
		"high surrogate":         {body(`{"query":"mutation { touch }","variables":{"a":"\ud83d"}}`), 400},
		"high surrogate, text":   {body(`{"query":"mutation { touch }","variables":{"a":"\ud83dxxxxxx"}}`), 400},
		"high surrogate, \\n":    {body(`{"query":"mutation { touch }","variables":{"a":"\ud83d\n"}}`), 400},
		"two high surrogates":    {body(`{"query":"mutation { touch }","variables":{"a":"\ud83d\ud83d"}}`), 400},
		"low surrogate":          {body(`{"query":"mutation { touch }","variables":{"a":"\uDE00"}}`), 400},
		"surrogate in a name":    {body(`{"query":"mutation { touch }","\ud83d":1}`), 400},
		"arrays without an end":  {body(strings.Repeat("[", MaxBody)), 400},
		"objects without an end": {body(strings.Repeat(`{"a":`, MaxBody/5)), 400},
		"arrays beyond depth":    {body(`{"query":"mutation { touch }","variables":{"a":` + strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000) + `}}`), 400},
		"subscription":           {body(`{"query":"subscription { tick }"}`), 400},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			executable := newExecutable()
			got := serve(t, newServer(executable), tt.request)
			if got.StatusCode != tt.status {
				t.Errorf("status %d, want %d", got.StatusCode, tt.status)
			}
			if allow := got.Header.Get("Allow"); (allow == "GET, POST") != (tt.status == 405) {
				t.Errorf("Allow is %q", allow)
			}
			checkRefused(t, executable, got)
		})
	}
}

// checkRefused checks that nothing was executed, and that the answer is one error with CodeBadRequest. It
// returns the message.
func checkRefused(t *testing.T, executable *executable, got answer) string {
	t.Helper()
	var response struct {
		Errors []struct {
			Message    string
			Extensions map[string]string
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(got.body))
	decoder.DisallowUnknownFields() // data, for example
	if err := decoder.Decode(&response); err != nil || len(response.Errors) != 1 {
		t.Fatalf("body %s (%v), want one error", got.body, err)
	}
	if diff := cmp.Diff(map[string]string{"code": CodeBadRequest, "requestId": "request-1"}, response.Errors[0].Extensions); diff != "" {
		t.Errorf("extensions (-want +got):\n%s", diff)
	}
	if got.Outcome.Code != CodeBadRequest {
		t.Errorf("logged with code %q", got.Outcome.Code)
	}
	if n := executable.executions.Load(); n != 0 {
		t.Errorf("executed %d times", n)
	}
	return response.Errors[0].Message
}

// TestBatching checks that a batch, and nothing else, is refused as one.
func TestBatching(t *testing.T) {
	t.Parallel()
	for body, batch := range map[string]bool{
		`[{"query":"{ echo }"}]`:                      true,
		`[{}` + strings.Repeat(`,{}`, maxBatch) + `]`: true,
		" \r\n\t[]":             true,
		`["{ echo }"]`:          true,
		`"[]"`:                  false,
		`{"query":[]}`:          false,
		`[{"query":"{ echo }"}`: false,
	} {
		executable := newExecutable()
		got := serve(t, newServer(executable), post(body))
		message := checkRefused(t, executable, got)
		if got.StatusCode != http.StatusBadRequest || strings.HasPrefix(message, "Batching is not supported.") != batch {
			t.Errorf("%s: status %d and %q", body, got.StatusCode, message)
		}
	}
}

// TestBatchList checks that each operation of a batch gets its error, so that clients show it.
func TestBatchList(t *testing.T) {
	t.Parallel()
	const refused = `{"errors":[{"message":"Batching is not supported. Turn it off in the client, so that each request has one operation.",` +
		`"extensions":{"code":"BAD_REQUEST","requestId":"request-1"}}]}`
	for _, n := range []int{2, maxBatch} {
		for format, status := range map[mediaType]int{graphqlResponse: 400, plainJSON: 200} {
			executable := newExecutable()
			got := serve(t, newServer(executable), post(`[{"query":"{ echo }"}`+strings.Repeat(`,{"query":"{ echo }"}`, n-1)+`]`, "Accept", string(format)))
			if want := "[" + refused + strings.Repeat(","+refused, n-1) + "]"; got.StatusCode != status || string(got.body) != want {
				t.Errorf("%d, %s: status %d and %s, want %d and %s", n, format, got.StatusCode, got.body, status, want)
			}
			if executable.executions.Load() > 0 || got.Outcome.Code != CodeBadRequest {
				t.Error("executed, or logged without its code")
			}
		}
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{
		"application/json",
		"Application/JSON",
		"application/json;charset=utf-8",
		"application/json; charset=UTF-8",
		`application/json; charset="utf-8"`,
		"application/json; profile=x",
	} {
		if got := serve(t, newServer(newExecutable()), post(`{"query":"{ echo }"}`, "Content-Type", contentType)); got.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d, want 200", contentType, got.StatusCode)
		}
	}
}

func TestLargestBody(t *testing.T) {
	t.Parallel()
	body := `{"query":"{ echo }"}`
	body += strings.Repeat(" ", MaxBody-len(body))
	if got := serve(t, newServer(newExecutable()), post(body)); got.StatusCode != http.StatusOK {
		t.Errorf("status %d for a body of MaxBody bytes, want 200", got.StatusCode)
	}
}

// TestUnreadBody shows that a body is not read when its size is known to be too large.
func TestUnreadBody(t *testing.T) {
	t.Parallel()
	r := post("")
	r.Body, r.ContentLength = io.NopCloser(iotest.ErrReader(errors.New("was read"))), MaxBody+1
	if got := serve(t, newServer(newExecutable()), r); got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", got.StatusCode)
	}
}

func TestManyValidationErrors(t *testing.T) {
	t.Parallel()
	got := serve(t, newServer(newExecutable()), post(`{"query":"{ `+strings.Repeat("absent ", 1000)+`}"}`))
	if n := bytes.Count(got.body, []byte("GRAPHQL_VALIDATION_FAILED")); n != maxErrors {
		t.Errorf("%d errors, want %d", n, maxErrors)
	}
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	executable := newExecutable()
	got := serve(t, newServer(executable), post(`{"query":"mutation { touch }"}`).WithContext(ctx))
	want := `{"errors":[{"message":"masked","extensions":{"code":"SERVICE_UNAVAILABLE","requestId":"request-1"}}]}`
	if got.StatusCode != http.StatusServiceUnavailable || string(got.body) != want {
		t.Errorf("status %d and %s, want 503 and %s", got.StatusCode, got.body, want)
	}
}

// TestPanic shows that the server's answer to a panic still has the headers of JSON.
func TestPanic(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"panic", "badExtension"} {
		got := serve(t, newServer(newExecutable()), post(`{"query":"{ `+field+` }"}`))
		if got.StatusCode != http.StatusInternalServerError || got.Header.Get("Content-Type") != contentTypes[graphqlResponse][0] {
			t.Errorf("%s: status %d and type %s", field, got.StatusCode, got.Header.Get("Content-Type"))
		}
		if !json.Valid(got.body) || bytes.Contains(got.body, []byte("secret")) {
			t.Errorf("%s: body %s", field, got.body)
		}
	}
}

// FuzzTransport sends arbitrary requests. The response must be a JSON object. It must not contain text of the
// request, unless the request was executed.
func FuzzTransport(f *testing.F) {
	const canary = "CANARY"
	f.Add("POST", "application/json", "*/*", `{"query":"{ CANARY }"}`)
	f.Add("POST", "application/json", "", `{"query":"{ number(n: CANARY) }","operationName":"CANARY"}`)
	f.Add("POST", "application/json", "application/json", `{"query":"{ echo }","CANARY":{"CANARY":"\ud83d\ude00 \\ \/ \b\f\n\r\t"}}`)
	f.Add("POST", "application/json", "text/html", `{"query":"query($n: Int!) { number(n: $n) }","variables":{"n":"CANARY"}}`)
	f.Add("POST", "application/json; charset=CANARY", "application/*;q=0.1", `{"query":1e3}`)
	f.Add("POST", "CANARY/CANARY", "CANARY", `CANARY`)
	f.Add("POST", "application/json", "", `[{"query":"{ CANARY }"},{"query":"CANARY"}]`)
	f.Add("CANARY", "", ";q=,", `{"query":[true,false,null,-1.5E+10,{}]}`)
	f.Add("POST", "application/json", "application/graphql-response+json", "{\"query\":\"\xff\"} CANARY")
	f.Add("POST", "application/json", "*/*", `{"documentId":"CANARY"}`)
	f.Add("POST", "application/json", "*/*", `{"documentId":"one","extensions":{"persistedQuery":{"sha256Hash":"CANARY"}}}`)
	f.Fuzz(func(t *testing.T, method, contentType, accept, body string) {
		r := post(body, "Content-Type", contentType, "Accept", accept)
		r.Method = method
		executable := newExecutable()
		got := serve(t, newServerWith(executable, documents{"one": "{ echo }"}), r)
		var object map[string]json.RawMessage
		if bytes.HasPrefix(got.body, []byte("[")) { // the answer to a batch, of equal responses
			var list []json.RawMessage
			if err := json.Unmarshal(got.body, &list); err != nil || len(list) > maxBatch {
				t.Fatalf("%d responses: %v", len(list), err)
			}
			got.body = list[0]
		}
		if err := json.Unmarshal(got.body, &object); err != nil {
			t.Fatalf("%v in %s", err, got.body)
		}
		if executable.executions.Load() > 0 {
			return
		}
		if object["data"] != nil || object["errors"] == nil {
			t.Errorf("not executed, and answered %s", got.body)
		}
		if bytes.Contains(got.body, []byte(canary)) {
			t.Errorf("%s repeats the request", got.body)
		}
		for name, values := range got.Header {
			if strings.Contains(strings.Join(values, ""), canary) {
				t.Errorf("header %s repeats the request", name)
			}
		}
	})
}
