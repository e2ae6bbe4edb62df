package jsonobject

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}` }
	tests := map[string]struct {
		doc  string
		want map[string]any // when there is no error
		err  error
	}{
		"empty object":     {doc: " {\r\n\t} ", want: map[string]any{}},
		"all kinds":        {doc: `{"a":[1,-2.5e+3,true,false,null,"",[],{}], "b" : {"c":"d"}}`, want: map[string]any{"a": []any{json.Number("1"), json.Number("-2.5e+3"), true, false, nil, "", []any{}, map[string]any{}}, "b": map[string]any{"c": "d"}}},
		"escapes":          {doc: `{"\u0061\"":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"}`, want: map[string]any{`a"`: "é😀\"\\/\b\f\n\r\t"}},
		"escaped escape":   {doc: `{"a":"\\ud83d"}`, want: map[string]any{"a": `\ud83d`}},
		"brackets in text": {doc: `{"a":"}]\"{[,:","b":1}`, want: map[string]any{"a": `}]"{[,:`, "b": json.Number("1")}},
		"case of names":    {doc: `{"a":1,"A":2}`, want: map[string]any{"a": json.Number("1"), "A": json.Number("2")}},
		"large number":     {doc: `{"a":99999999999999999999999999}`, want: map[string]any{"a": json.Number("99999999999999999999999999")}},
		"same name within": {doc: `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}`, want: map[string]any{"a": map[string]any{"a": map[string]any{"a": json.Number("1")}}, "b": []any{map[string]any{"a": json.Number("1")}, map[string]any{"a": json.Number("2")}}}},

		"equal names":                {doc: `{"a":1,"b":2,"a":1}`, err: ErrDuplicateName},
		"equal names, once escaped":  {doc: `{"a":1,"\u0061":2}`, err: ErrDuplicateName},
		"equal empty names":          {doc: `{"":1,"":2}`, err: ErrDuplicateName},
		"equal names in an object":   {doc: `{"a":{"b":1,"b":2}}`, err: ErrDuplicateName},
		"equal names in an array":    {doc: `{"a":[0,{"b":1,"b":2}]}`, err: ErrDuplicateName},
		"high surrogate":             {doc: `{"a":"\ud83d"}`, err: ErrSurrogate},
		"high surrogate, then text":  {doc: `{"a":"\ud83dx"}`, err: ErrSurrogate},
		"two high surrogates":        {doc: `{"a":"\ud83d\ud83d"}`, err: ErrSurrogate},
		"low surrogate":              {doc: `{"a":"\ude00"}`, err: ErrSurrogate},
		"surrogates in wrong order":  {doc: `{"a":"\ude00\ud83d"}`, err: ErrSurrogate},
		"surrogate in a name":        {doc: `{"\ud83d":1}`, err: ErrSurrogate},
		"surrogate deep in an array": {doc: `{"a":[[["\ud83d"]]]}`, err: ErrSurrogate},

		"array":              {doc: `[{}]`, err: ErrNotObject},
		"null":               {doc: `null`, err: ErrNotObject},
		"string":             {doc: `"{}"`, err: ErrNotObject},
		"number":             {doc: ` 1 `, err: ErrNotObject},
		"empty":              {doc: ``, err: ErrSyntax},
		"spaces":             {doc: ` `, err: ErrSyntax},
		"cut off":            {doc: `{"a":1`, err: ErrSyntax},
		"trailing brace":     {doc: `{}}`, err: ErrSyntax},
		"trailing object":    {doc: `{}{}`, err: ErrSyntax},
		"trailing comma":     {doc: `{"a":1,}`, err: ErrSyntax},
		"trailing NUL":       {doc: "{}\x00", err: ErrSyntax},
		"comment":            {doc: `{/**/}`, err: ErrSyntax},
		"name without quote": {doc: `{a:1}`, err: ErrSyntax},
		"NaN":                {doc: `{"a":NaN}`, err: ErrSyntax},
		"leading zero":       {doc: `{"a":01}`, err: ErrSyntax},
		"control character":  {doc: "{\"a\":\"\n\"}", err: ErrSyntax},
		"byte order mark":    {doc: "\uFEFF{}", err: ErrSyntax},
		"not UTF-8":          {doc: "{\"a\":\"\xff\"}", err: ErrSyntax},
		"surrogate in UTF-8": {doc: "{\"a\":\"\xed\xa0\xbd\"}", err: ErrSyntax},
		"too deep":           {doc: deep(10_001), err: ErrSyntax},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Read([]byte(tt.doc))
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := Read([]byte(deep(10_000))); err != nil {
		t.Errorf("10,000 deep: %v", err)
	}
}

// FuzzRead compares with encoding/json: what both accept must be the same, and Read accepts nothing
// that encoding/json rejects.
func FuzzRead(f *testing.F) {
	f.Add(`{"a":[1,-2.5e+3,true,false,null,"",[],{}], "b" : {"c":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"}}`)
	f.Add(`{" \\ud83d" :0}`)
	f.Add(`{"a":["\ud83d"]}`)
	f.Add(`{"a":1,"\u0061":2}`)
	f.Add(`{"iss":"https://auth.example","exp":1772367300,"roles":[ ],"x":{"y":["}"]}}`)
	f.Add(`[[[[0 ] ] , 1	]
]`)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Read([]byte(s))
		if err != nil {
			if got != nil {
				t.Errorf("a value and the error %v", err)
			}
			return
		}
		if !utf8.ValidString(s) {
			t.Error("accepted what is not UTF-8")
		}
		decoder := json.NewDecoder(strings.NewReader(s))
		decoder.UseNumber()
		var want map[string]any
		if err := decoder.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-encoding/json +Read):\n%s", diff)
		}
	})
}
