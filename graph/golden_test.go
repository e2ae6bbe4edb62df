package graph_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"golang.org/x/tools/txtar"

	"usher/graph"
	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

var update = flag.Bool("update", false, "write the answers into the golden cases")

// TestGolden asks the whole server, from HTTP down to each database, and compares the answers with
// those in testdata/golden. A case is a text archive with these files:
//
//	query      the document
//	variables  its variables, as JSON; may be missing. <id of ada> stands for an id, and in the answer. <reset token> and
//	           the like stand for secrets, see server.secrets and server.prepare.
//	method     GET, to send both in the URL; POST when missing
//	body       the body of the request, instead of query and variables
//	as         who asks, see people; nobody when missing
//	status     the HTTP status of the answer
//	answer     its body; tokens are cut
//
// `go test ./graph -update` writes status and answer.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/golden/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden cases", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "testdata/golden/"), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				server := newServer(t, s, graph.New)
				server.prepare(t, string(txtar.Format(archive)))
				before := mails(t, s)
				testGolden(t, server, file, *archive)
				if mails(t, s) > before {
					checkSenders(t, archive)
				}
			})
		})
	}
}

func testGolden(t *testing.T, s *server, file string, archive txtar.Archive) {
	var parts struct{ query, variables, method, body, as, status, answer string }
	for _, f := range archive.Files {
		text := strings.TrimSpace(string(f.Data))
		switch f.Name {
		case "query":
			parts.query = text
		case "variables":
			parts.variables = text
		case "method":
			parts.method = text
		case "body":
			parts.body = text
		case "as":
			parts.as = text
		case "status":
			parts.status = text
		case "answer":
			parts.answer = text
		default:
			t.Fatalf("%s: a case has no file %q", file, f.Name)
		}
	}
	variables := s.ids(parts.variables, false)
	var status int
	var answer map[string]any
	switch {
	case parts.body != "":
		status, answer = s.post(t, parts.as, parts.body)
	case parts.method == http.MethodGet:
		parameters := url.Values{"query": {parts.query}}
		if variables != "" {
			parameters.Set("variables", variables)
		}
		status, answer = s.get(t, parts.as, parameters)
	default:
		request := map[string]any{"query": parts.query}
		if variables != "" {
			request["variables"] = json.RawMessage(variables)
		}
		body, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		status, answer = s.post(t, parts.as, string(body))
	}
	checkCodes(t, answer)
	got := s.ids(indent(t, answer), true)

	if *update {
		kept := archive.Files[:0:0]
		for _, f := range archive.Files {
			if f.Name != "status" && f.Name != "answer" {
				kept = append(kept, f)
			}
		}
		archive.Files = append(kept,
			txtar.File{Name: "status", Data: fmt.Appendln(nil, status)},
			txtar.File{Name: "answer", Data: []byte(got + "\n")})
		if err := os.WriteFile(file, txtar.Format(&archive), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := fmt.Sprint(status); parts.status != want {
		t.Errorf("status %s, want %s", want, parts.status)
	}
	if diff := cmp.Diff(parts.answer, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

// mails returns the number of mails in the outbox.
func mails(t *testing.T, s *store.Store) int {
	t.Helper()
	list, err := s.Mails(t.Context(), auth.MailQuery{Page: auth.Page[uuid.UUID]{Limit: 1000}})
	check(t, err)
	return len(list)
}

// checkSenders proves, over all golden cases, that fields that send mail are in sendsMail.
func checkSenders(t *testing.T, archive *txtar.Archive) {
	t.Helper()
	i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "query" })
	document, err := parser.ParseQuery(&ast.Source{Input: string(archive.Files[i].Data)})
	check(t, err)
	var fields []string
	for _, selection := range document.Operations[0].SelectionSet {
		if field, ok := selection.(*ast.Field); ok {
			fields = append(fields, "Mutation."+field.Name)
		}
	}
	if !slices.ContainsFunc(fields, func(f string) bool { return graph.SendsMail[f] }) {
		t.Errorf("one of %v sends mail, and none is in sendsMail", fields)
	}
}

// checkCodes proves, over all golden cases, that each error has a code of the schema.
func checkCodes(t *testing.T, answer map[string]any) {
	t.Helper()
	list, _ := answer["list"].([]any)
	for _, response := range list {
		checkCodes(t, response.(map[string]any))
	}
	errs, _ := answer["errors"].([]any)
	for _, e := range errs {
		extensions, _ := e.(map[string]any)["extensions"].(map[string]any)
		code, _ := extensions["code"].(string)
		if !graph.ErrorCode(code).IsValid() {
			t.Errorf("the code %q is not in the schema", code)
		}
		if id, _ := extensions["requestId"].(string); id == "" {
			t.Errorf("an error with the code %s has no requestId", code)
		}
	}
}

// indent formats an answer, without what is long and says nothing. Errors come in the order of their
// paths, since fields that are resolved at the same time fail in any.
func indent(t *testing.T, answer map[string]any) string {
	t.Helper()
	mask(answer)
	if errs, ok := answer["errors"].([]any); ok {
		path := func(e any) string { return fmt.Sprint(e.(map[string]any)["path"]) }
		slices.SortStableFunc(errs, func(a, b any) int { return strings.Compare(path(a), path(b)) })
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(answer); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func mask(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			switch s, _ := value.(string); {
			case key == "accessToken" && strings.Count(s, ".") == 2:
				v[key] = "<access token>"
			case key == "deviceToken" && strings.HasPrefix(s, "udt_"):
				v[key] = "<device token>"
			case key == "challenge" && len(s) == 43:
				v[key] = "<challenge>"
			case key == "flow" && len(s) == 43:
				v[key] = "<flow>"
			case key == "refreshToken" && strings.HasPrefix(s, "urt_"):
				v[key] = "<refresh token>"
			}
			mask(value)
		}
	case []any:
		for _, value := range v {
			mask(value)
		}
	}
}
