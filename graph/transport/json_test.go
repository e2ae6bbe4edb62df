package transport

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzJSON compares with encoding/json: what both take must be the same.
func FuzzJSON(f *testing.F) {
	f.Add(`{"a":[1,-2.5e+3,true,false,null,"",[],{}], "b" : {"c":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"}}`)
	f.Add(` "\\ud83d" `)
	f.Add(`["\ud83d"]`)
	f.Add(`{"a":1,"\u0061":2}`)
	f.Add(`[[[[0 ] ] , 1	]
]`)
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || !json.Valid([]byte(s)) {
			return
		}
		got, refused := (&text{rest: []byte(s)}).value()
		if refused != nil {
			return
		}
		decoder := json.NewDecoder(strings.NewReader(s))
		decoder.UseNumber()
		var want any
		if err := decoder.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-encoding/json +value):\n%s", diff)
		}
	})
}
