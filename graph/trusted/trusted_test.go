package trusted

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	t.Parallel()
	const me = `query Me { me { id } }`
	tests := map[string]struct {
		manifest string
		want     map[string]string
		fault    string // part of the error
	}{
		"texts by id":           {`{"a1": "query Me { me { id } }", "b2": "{ __typename }"}`, map[string]string{"a1": me, "b2": "{ __typename }"}, ""},
		"two ids of one text":   {`{"a": "{ a }", "b": "{ a }"}`, map[string]string{"a": "{ a }", "b": "{ a }"}, ""},
		"Apollo":                {`{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "x", "name": "Me", "type": "query", "body": "query Me { me { id } }"}]}`, map[string]string{"x": me}, ""},
		"Apollo, same twice":    {`{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "x", "body": "{ a }"}, {"id": "x", "body": "{ a }"}]}`, map[string]string{"x": "{ a }"}, ""},
		"Apollo, one id of two": {`{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "x", "body": "{ a }"}, {"id": "x", "body": "{ b }"}]}`, nil, `two documents have the id "x"`},
		"Apollo, no operations": {`{"format": "apollo-persisted-query-manifest", "version": 1}`, nil, `"operations" must be a list`},
		"Apollo, version 2":     {`{"format": "apollo-persisted-query-manifest", "version": 2, "operations": []}`, nil, "version 1"},
		"Apollo, no body":       {`{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "x", "body": "{ a }"}, {"id": "x"}]}`, nil, "operations[1]"},
		"Apollo, no object":     {`{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [1]}`, nil, "operations[0]"},
		"another format":        {`{"format": "something", "version": 1}`, nil, `the document "version" is not a string`},
		"a list":                {`[{"a": "{ a }"}]`, nil, "not a JSON object"},
		"no JSON":               {`query Me { me { id } }`, nil, "not JSON"},
		"one id twice":          {`{"a": "{ a }", "a": "{ b }"}`, nil, "occurs twice"},
		"empty":                 {`{}`, nil, "no documents"},
		"empty, Apollo":         {`{"format": "apollo-persisted-query-manifest", "version": 1, "operations": []}`, nil, "no documents"},
		"no id":                 {`{"": "{ a }"}`, nil, "must have 1 to 256 bytes"},
		"longest id":            {`{"` + strings.Repeat("i", 256) + `": "{ a }"}`, map[string]string{strings.Repeat("i", 256): "{ a }"}, ""},
		"too long an id":        {`{"` + strings.Repeat("i", 257) + `": "{ a }"}`, nil, "must have 1 to 256 bytes"},
		"too large":             {`{"a": "{ a }"}` + strings.Repeat(" ", MaxManifest), nil, "larger than 4 MiB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Read([]byte(tt.manifest))
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Fatalf("error %v, want one with %q", err, tt.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, maps.Collect(got.All())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.Len() != len(tt.want) {
				t.Errorf("%d documents, want %d", got.Len(), len(tt.want))
			}
		})
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	// The hash is the example of GraphQL over HTTP, "SHA256 Hex Document Identifier".
	const text, hash = `query($id:ID!){user(id:$id){name}}`, "71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b"
	d, err := Read([]byte(`{"own": "` + text + `", "sha1:ab": "{ b }"}`))
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"own": text, hash: text, "sha256:" + hash: text, "sha1:ab": "{ b }",
		"": "", "OWN": "", "sha256:own": "", "sha1:" + hash: "", strings.ToUpper(hash): "", "sha256:sha256:" + hash: "",
	} {
		if got, ok := d.Text(id); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %t", id, got, ok)
		}
	}
	if !d.Contains(text) || d.Contains(text+" ") || d.Contains("own") {
		t.Error("Contains does not compare texts")
	}
}

// TestTextOfManifestFirst shows that an id of the manifest counts more than a hash.
func TestTextOfManifestFirst(t *testing.T) {
	t.Parallel()
	d, err := Read([]byte(`{"a": "{ a }", "` + hash("{ a }") + `": "{ b }"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := d.Text(hash("{ a }")); got != "{ b }" {
		t.Errorf("got %q", got)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	read := func(manifest string) *Documents {
		d, err := Read([]byte(manifest))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := read(`{"a": "{ a }", "both": "{ first }", "same": "{ same }"}`)
	second := read(`{"b": "{ b }", "both": "{ second }", "same": "{ same }"}`)
	d := Join(first, second)
	want := map[string]string{"a": "{ a }", "b": "{ b }", "both": "{ first }", "same": "{ same }"}
	if diff := cmp.Diff(want, maps.Collect(d.All())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, text := range []string{"{ a }", "{ b }", "{ first }", "{ second }", "{ same }"} {
		if got, ok := d.Text("sha256:" + hash(text)); !d.Contains(text) || !ok || got != text {
			t.Errorf("%s is not trusted", text)
		}
	}
	if d.Contains("{ c }") || first.Contains("{ b }") || second.Contains("{ a }") {
		t.Error("a document is trusted that was in none of the manifests")
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "manifest.json")
	if _, err := ReadFile(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a missing file: %v", err)
	}
	for manifest, fault := range map[string]string{
		`{"a": "{ a }"}`:                   "",
		`{"a": 1}`:                         `the document "a" is not a string`,
		strings.Repeat(" ", MaxManifest+2): "larger than",
	} {
		if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadFile(file)
		if fault == "" && err != nil || fault != "" && (err == nil || !strings.Contains(err.Error(), fault) || !strings.Contains(err.Error(), file)) {
			t.Errorf("%.20q: %v, want the file and %q", manifest, err, fault)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, manifest := range []string{
		`{"a": "{ a }", "b": "{ a }"}`, `{"a": 1}`, `{}`, `{"": ""}`,
		`{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "x", "name": "Me", "type": "query", "body": "{ a }"}]}`,
		`{"format": "apollo-persisted-query-manifest", "version": 1.0, "operations": [null, {"id": null, "body": []}]}`,
	} {
		f.Add([]byte(manifest))
	}
	f.Fuzz(func(t *testing.T, manifest []byte) {
		d, err := Read(manifest)
		if err != nil {
			return
		}
		if d.Len() == 0 {
			t.Error("accepted without documents")
		}
		for id, text := range d.All() {
			if got, ok := d.Text(id); !ok || got != text || !d.Contains(text) {
				t.Errorf("%q is not found by its id", id)
			}
			if got, ok := d.Text("sha256:" + hash(text)); !ok || got != text {
				if _, own := d.byID["sha256:"+hash(text)]; !own {
					t.Errorf("%q is not found by its hash", id)
				}
			}
		}
	})
}
