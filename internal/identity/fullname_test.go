package identity_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"usher/internal/identity"
)

var fullNameTests = []struct {
	name string
	raw  string
	want string
	err  error
}{
	{name: "plain", raw: "Ada Lovelace", want: "Ada Lovelace"},
	{name: "white space around", raw: " \u00a0\tAda Lovelace\u3000\r\n", want: "Ada Lovelace"},
	{name: "decomposed", raw: "Jose\u0301", want: "Jos\u00e9"},
	{name: "punctuation", raw: "Dr. Sin\u00e9ad O\u2019Connor-Smith, Jr. (she)", want: "Dr. Sin\u00e9ad O\u2019Connor-Smith, Jr. (she)"},
	{name: "markup is text", raw: "<b>Ada</b>", want: "<b>Ada</b>"},
	{name: "several scripts", raw: "\u674e\u660e Li Ming", want: "\u674e\u660e Li Ming"},
	{name: "right-to-left letters", raw: "\u05d0\u05d1 Ada", want: "\u05d0\u05d1 Ada"},
	{name: "non-joiner", raw: "\u0645\u06cc\u200c\u062e", want: "\u0645\u06cc\u200c\u062e"},
	{name: "joiner", raw: "\u0915\u094d\u200d\u0937", want: "\u0915\u094d\u200d\u0937"},
	{name: "emoji sequence", raw: "Ada \U0001f469\u200d\U0001f52c\ufe0f", want: "Ada \U0001f469\u200d\U0001f52c\ufe0f"},
	{name: "200", raw: strings.Repeat("\U0001f600", 200), want: strings.Repeat("\U0001f600", 200)},
	{name: "200 once composed", raw: strings.Repeat("\u1112\u1161\u11ab", 200), want: strings.Repeat("\ud55c", 200)},

	{name: "empty", raw: ""},
	{name: "white space", raw: " \t\r\n\u2003"},
	{name: "joiners", raw: " \u200d\u200c "},

	{name: "201", raw: strings.Repeat("a", 201), err: identity.TooLong},
	{name: "a megabyte", raw: strings.Repeat(" ", 1<<20), err: identity.TooLong},

	{name: "NUL", raw: "Ada\x00", err: identity.InvalidFormat},
	{name: "escape", raw: "\x1b[31mAda", err: identity.InvalidFormat},
	{name: "tab inside", raw: "Ada\tLovelace", err: identity.InvalidFormat},
	{name: "line break inside", raw: "Ada\r\nBcc: eve@example.com", err: identity.InvalidFormat},
	{name: "line separator", raw: "Ada\u2028Lovelace", err: identity.InvalidFormat},
	{name: "paragraph separator", raw: "Ada\u2029Lovelace", err: identity.InvalidFormat},
	{name: "C1 control", raw: "Ada\u009bLovelace", err: identity.InvalidFormat},
	{name: "not UTF-8", raw: "Ada\xff", err: identity.InvalidFormat},
	{name: "lone surrogate", raw: "Ada\xed\xa0\x80", err: identity.InvalidFormat},
	{name: "replacement character", raw: "Ada\ufffd", err: identity.InvalidFormat},
	{name: "right-to-left override", raw: "Ada \u202eecalevoL", err: identity.InvalidFormat},
	{name: "embedding", raw: "\u202aAda\u202c", err: identity.InvalidFormat},
	{name: "isolate", raw: "\u2067Ada\u2069", err: identity.InvalidFormat},
	{name: "right-to-left mark", raw: "Ada\u200f", err: identity.InvalidFormat},
	{name: "zero width space", raw: "Ada\u200bLovelace", err: identity.InvalidFormat},
	{name: "byte order mark", raw: "\ufeffAda", err: identity.InvalidFormat},
	{name: "Hangul filler", raw: "\u3164", err: identity.InvalidFormat},
	{name: "tags", raw: "Ada\U000e0041", err: identity.InvalidFormat},
	{name: "31 marks in a row", raw: "a" + strings.Repeat("\u0316", 31), err: identity.InvalidFormat},
}

func TestParseFullName(t *testing.T) {
	for _, tt := range fullNameTests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := identity.ParseFullName(tt.raw)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("ParseFullName(%+q) = %+q, %v; want %+q, %v", tt.raw, got, err, tt.want, tt.err)
			}
		})
	}
}

func FuzzParseFullName(f *testing.F) {
	for _, tt := range fullNameTests {
		f.Add(tt.raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		name, err := identity.ParseFullName(raw)
		if err != nil {
			checkProblem(t, err)
		}
		if name == "" {
			return
		}
		if err != nil {
			t.Fatalf("%+q is rejected and yields %+q", raw, name)
		}
		checkText(t, name)
		if n := utf8.RuneCountInString(name); n > identity.MaxFullName {
			t.Fatalf("%+q has %d code points", name, n)
		}
		if again, err := identity.ParseFullName(name); err != nil || again != name {
			t.Fatalf("%+q yields %+q, which yields %+q, %v", raw, name, again, err)
		}
	})
}
