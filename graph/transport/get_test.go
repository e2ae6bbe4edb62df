package transport

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestGET shows what a GET request executes.
func TestGET(t *testing.T) {
	t.Parallel()
	const none = `{"data":{"echo":null}}`
	tests := map[string]struct {
		request   *http.Request
		want      string
		operation string
	}{
		"query":                {get("query", "{ echo }"), none, ""},
		"plus is a space":      {getRaw("query=query+A+%7B+echo+%7D"), none, "A"},
		"not all escaped":      {getRaw("query={echo(text:%22é%22)}"), `{"data":{"echo":"é"}}`, ""},
		"variables":            {get("query", "query($t: String) { echo(text: $t) }", "variables", `{"t":"+ &;=😀"}`), `{"data":{"echo":"+ \u0026;=😀"}}`, ""},
		"large number":         {get("query", "query($n: Int!) { number(n: $n) }", "variables", `{"n":9007199254740993}`), `{"data":{"number":9007199254740993}}`, ""},
		"operation name":       {get("query", "query A { echo } mutation B { touch }", "operationName", "A"), none, "A"},
		"empty operation name": {getRaw("query={echo}&operationName="), none, ""},
		"operation null":       {get("query", "query null { echo } query B { fail }", "operationName", "null"), none, "null"},
		"null":                 {get("query", "{ echo }", "variables", "null", "extensions", "null"), none, ""},
		"extensions":           {get("query", "{ echo }", "extensions", `{"a":{"b":[]}}`), none, ""},
		"unknown parameter":    {getRaw("query={echo}&documentId=x&Query=1&=&id&variables[t]=1"), none, ""},
		"content type":         {with(get("query", "{ echo }"), "Content-Type", "text/plain"), none, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := serve(t, newServer(newExecutable()), tt.request)
			if got.StatusCode != http.StatusOK || string(got.body) != tt.want {
				t.Errorf("status %d and %s, want 200 and %s", got.StatusCode, got.body, tt.want)
			}
			if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", got.Header)
			}
			if got.Outcome.Operation != tt.operation || got.Outcome.Code != "" {
				t.Errorf("logged as %q with code %q, want %q", got.Outcome.Operation, got.Outcome.Code, tt.operation)
			}
		})
	}
}

// TestRefusedGET shows what is no GraphQL request by GET. Each of them would be one but for one thing.
func TestRefusedGET(t *testing.T) {
	t.Parallel()
	const good = "query={echo}"
	body := getRaw(good)
	body.Body, body.ContentLength = io.NopCloser(strings.NewReader("x")), 1
	chunked := getRaw(good)
	chunked.Body, chunked.ContentLength = io.NopCloser(strings.NewReader("x")), -1
	authorized := with(getRaw(good), "Authorization", "Bearer abc")
	authorized.Header.Add("Authorization", "Bearer abc")
	variables := func(text string) *http.Request { return getRaw(good + "&variables=" + url.QueryEscape(text)) }

	tests := map[string]struct {
		request *http.Request
		status  int
	}{
		"mutation":                   {get("query", "mutation { touch }"), 405},
		"mutation with __typename":   {get("query", "mutation { __typename }"), 405},
		"mutation by its name":       {get("query", "query A { echo } mutation B { touch }", "operationName", "B"), 405},
		"mutation, wrong variables":  {get("query", "mutation($n: Boolean!) { touch @include(if: $n) }"), 405},
		"mutation, application/json": {with(get("query", "mutation { touch }"), "Accept", "application/json"), 405},
		"subscription":               {get("query", "subscription { tick }"), 400},
		"accept others":              {with(getRaw(good), "Accept", "text/html, image/*"), 406},
		"two authorizations":         {authorized, 400},
		"body":                       {body, 400},
		"chunked body":               {chunked, 400},
		"too long":                   {getRaw(good + "&x=" + strings.Repeat("x", MaxURLQuery-len(good)-2)), 414},
		"no parameters":              {getRaw(""), 400},
		"no query":                   {getRaw("Query={echo}"), 400},
		"query twice":                {getRaw(good + "&" + good), 400},
		"query twice, one escaped":   {getRaw(good + "&qu%65ry={echo}"), 400},
		"variables twice":            {getRaw(good + "&variables={}&variables={}"), 400},
		"unknown twice":              {getRaw(good + "&x=1&x=1"), 400},
		"semicolon":                  {getRaw(good + ";x=1"), 400},
		"incomplete escape":          {getRaw(good + "&x=%"), 400},
		"no escape":                  {getRaw(good + "&x=%zz"), 400},
		"query not UTF-8":            {getRaw("query={echo(text:%22%ff%22)}"), 400},
		"name not UTF-8":             {getRaw(good + "&operationName=%ff"), 400},
		"surrogate":                  {getRaw(good + "&operationName=%ed%a0%80"), 400},
		"empty variables":            {variables(""), 400},
		"variables not UTF-8":        {variables("{\"a\":\"\xff\"}"), 400},
		"variables not JSON":         {variables("{a:1}"), 400},
		"variables with more":        {variables("{} {}"), 400},
		"array":                      {variables("[]"), 400},
		"string":                     {variables(`"{}"`), 400},
		"number":                     {variables("0"), 400},
		"name twice":                 {variables(`{"a":1,"\u0061":2}`), 400},
		"half a surrogate pair":      {variables(`{"a":"\ud83d"}`), 400},
		"extensions":                 {getRaw(good + "&extensions=[]"), 400},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			executable := newExecutable()
			got := serve(t, newServer(executable), tt.request)
			if got.StatusCode != tt.status {
				t.Errorf("status %d, want %d", got.StatusCode, tt.status)
			}
			if allow := got.Header.Get("Allow"); (allow == "POST") != (tt.status == 405) {
				t.Errorf("Allow is %q", allow)
			}
			checkRefused(t, executable, got)
		})
	}
}

func TestLongestURL(t *testing.T) {
	t.Parallel()
	const good = "query={echo}&x="
	got := serve(t, newServer(newExecutable()), getRaw(good+strings.Repeat("x", MaxURLQuery-len(good))))
	if got.StatusCode != http.StatusOK {
		t.Errorf("status %d for a query of MaxURLQuery bytes, want 200", got.StatusCode)
	}
}

// FuzzURL checks that a GET request executes no mutation, that it gets what a POST request with the same
// parameters gets, and that a refusal repeats nothing of the URL.
func FuzzURL(f *testing.F) {
	const canary = "CANARY"
	known := documents{"touch": "mutation { touch }", "echo": "{ echo }"}
	for _, query := range []string{
		"query=%7B+CANARY+%7D", "query={number(n:CANARY)}&operationName=CANARY", "query=mutation{touch}",
		"query=query+A{echo}mutation+B{touch}&operationName=B", "query={echo}&variables=%7B%22CANARY%22:%22\\ud83d%22}",
		"query=query($n:Int!){number(n:$n)}&variables={%22n%22:1}", "query={echo}&query={CANARY}", "CANARY;=%", "&&=&=&a[]=%00",
		"query=subscription{tick}", "extensions={%22persistedQuery%22:1}", "documentId=CANARY", "documentId=touch", "documentId=echo", "query={echo}&variables=null&operationName=",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		executable := newExecutable()
		got := serve(t, newServerWith(executable, known), getRaw(query))
		if executable.mutations.Load() > 0 {
			t.Error("executed a mutation")
		}
		if !json.Valid(got.body) {
			t.Fatalf("answered %s", got.body)
		}
		if executable.executions.Load() == 0 {
			if bytes.Contains(got.body, []byte(canary)) {
				t.Errorf("%s repeats the URL", got.body)
			}
			return
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		body := map[string]any{"operationName": values.Get("operationName")}
		for _, name := range []string{"query", "documentId"} {
			if values.Has(name) {
				body[name] = values.Get(name)
			}
		}
		for _, name := range []string{"variables", "extensions"} {
			if values.Has(name) {
				body[name] = json.RawMessage(values.Get(name))
			}
		}
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		posted := serve(t, newServerWith(newExecutable(), known), post(string(text)))
		if posted.StatusCode != got.StatusCode || !bytes.Equal(posted.body, got.body) {
			t.Errorf("GET got %d %s, POST %d %s", got.StatusCode, got.body, posted.StatusCode, posted.body)
		}
	})
}

// with sets a header of a request.
func with(r *http.Request, name, value string) *http.Request {
	r.Header.Set(name, value)
	return r
}
