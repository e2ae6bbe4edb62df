package coerce

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
)

func TestSurrogates(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query, want string // want is empty when the query is refused
		at          gqlerror.Location
	}{
		"none":                    {query: `{ f(string: "a\u00e9") }`, want: `{ f(string: "a\u00e9") }`},
		"pair":                    {query: `{ f(string: "a\uD83D\uDE42b") }`, want: `{ f(string: "a🙂b") }`},
		"small letters":           {query: `{ f(string: "\ud83d\ude42") }`, want: `{ f(string: "🙂") }`},
		"two pairs":               {query: `{ f(string: "\uD83D\uDE42\uD83D\uDE43", id: "\uD83D\uDE42") }`, want: `{ f(string: "🙂🙃", id: "🙂") }`},
		"first half":              {query: `{ f(string: "\uD83D") }`, at: gqlerror.Location{Line: 1, Column: 14}},
		"second half":             {query: "{\n é: f(string: \"x\\uDE42\") }", at: gqlerror.Location{Line: 2, Column: 17}},
		"wrong order":             {query: `{ f(string: "\uDE42\uD83D") }`, at: gqlerror.Location{Line: 1, Column: 14}},
		"half and letter":         {query: `{ f(string: "\uD83D\u0041") }`, at: gqlerror.Location{Line: 1, Column: 14}},
		"half and end":            {query: `{ f(string: "\uD83D`, at: gqlerror.Location{Line: 1, Column: 14}},
		"half and half an escape": {query: `{ f(string: "\uD83D\uDE`, at: gqlerror.Location{Line: 1, Column: 14}},
		"escaped backslash":       {query: `{ f(string: "\\uD83D") }`, want: `{ f(string: "\\uD83D") }`},
		"escaped quote":           {query: `{ f(string: "\"\uD83D\uDE42") }`, want: `{ f(string: "\"🙂") }`},
		"comment":                 {query: "{ # \"\\uD83D\n f }", want: "{ # \"\\uD83D\n f }"},
		"comment up to a return":  {query: "{ # \"\r f(string: \"\\uD83D\\uDE42\") }", want: "{ # \"\r f(string: \"🙂\") }"},
		"block":                   {query: `{ f(string: """\uD83D""") }`, want: `{ f(string: """\uD83D""") }`},
		"block with quotes":       {query: `{ f(string: """a \""" " \uD83D""", id: "\uD83D\uDE42") }`, want: `{ f(string: """a \""" " \uD83D""", id: "🙂") }`},
		"empty string before":     {query: `{ f(string: "", id: "\uD83D\uDE42") }`, want: `{ f(string: "", id: "🙂") }`},
		"string without end":      {query: "{ f(string: \"\\u0041\n \"\\uD83D\\uDE42\") }", want: "{ f(string: \"\\u0041\n \"🙂\") }"},
		"block without end":       {query: `{ f(string: """\uD83D`, want: `{ f(string: """\uD83D`},
		"backslash at the end":    {query: `{ f(string: "\u0041\`, want: `{ f(string: "\u0041\`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			params := &graphql.RawParams{Query: tt.query}
			err := Surrogates{}.MutateOperationParameters(t.Context(), params)
			switch {
			case tt.want == "" && err == nil:
				t.Errorf("%s is accepted", params.Query)
			case tt.want == "" && err.Locations[0] != tt.at:
				t.Errorf("refused at %v, want %v", err.Locations[0], tt.at)
			case tt.want != "" && (err != nil || params.Query != tt.want):
				t.Errorf("%s, error %v, want %s", params.Query, err, tt.want)
			}
		})
	}
}

// FuzzSurrogates shows that gqlparser finds no half of a pair in what is left, and else the same tokens.
func FuzzSurrogates(f *testing.F) {
	for _, s := range []string{`{ f(a: "\uD83D\uDE42") }`, `"""\"""\uD83D"""`, "# \\uD83D\n\"\\\\uD83D\"", `"\uD83D`, `"" "\uDE42`, `"""`, `"\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if !utf8.ValidString(query) || strings.ContainsRune(query, utf8.RuneError) || strings.Contains(strings.ToLower(query), `\ufffd`) {
			return // the transport takes UTF-8 only; and the character that stands for a mistake is there anyway
		}
		joined, lone := joinSurrogates(query)
		if lone >= 0 {
			if codeUnit(query[lone:]) == 0 {
				t.Errorf("%q is refused at %d, where there is no escape", query, lone)
			}
			return
		}
		was, is := tokens(query), tokens(joined)
		if len(was) != len(is) {
			t.Fatalf("%q has the tokens %v and %q has %v", query, was, joined, is)
		}
		for i, token := range is {
			if token.Kind == lexer.String && strings.ContainsRune(token.Value, utf8.RuneError) {
				t.Errorf("%q of %q holds half a pair", token.Value, query)
			}
			if token.Kind != was[i].Kind || token.Kind != lexer.String && token.Value != was[i].Value {
				t.Errorf("%q: %v became %v", query, was[i], token)
			}
		}
	})
}

// tokens reads a document up to its end, or to the first mistake.
func tokens(query string) (out []lexer.Token) {
	l := lexer.New(&ast.Source{Input: query})
	for {
		token, err := l.ReadToken()
		if err != nil || token.Kind == lexer.EOF {
			return out
		}
		out = append(out, token)
	}
}
