package password

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestPlaintextIsRedacted(t *testing.T) {
	const canary Plaintext = "canary"
	type input struct {
		Name     string
		Password Plaintext
		Old      *Plaintext
		More     map[string]Plaintext
	}
	old := canary
	in := input{"ada", canary, &old, map[string]Plaintext{"new": canary}}

	var printed []string
	for _, flags := range []string{"", "+", "#", "-30", "030", ".2"} {
		for verb := 'A'; verb <= 'z'; verb++ {
			if verb != 'p' && verb != 'w' { // see Plaintext
				printed = append(printed, fmt.Sprintf("%"+flags+string(verb), canary))
				printed = append(printed, fmt.Sprintf("%"+flags+string(verb), in))
			}
		}
	}
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(handler).Info("sign-up", slog.Any("password", canary), slog.Any("input", in))
	}
	encoded, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	printed = append(printed, log.String(), string(encoded), fmt.Sprint(canary), fmt.Errorf("bad: %w: %v", TooShort, canary).Error())

	for _, s := range printed {
		if strings.Contains(s, string(canary)) || strings.Contains(s, fmt.Sprintf("%x", string(canary))) {
			t.Errorf("the password is visible in %s", s)
		}
	}
	if want := `{"Name":"ada","Password":"[redacted]","Old":"[redacted]","More":{"new":"[redacted]"}}`; string(encoded) != want {
		t.Errorf("as JSON: %s, want %s", encoded, want)
	}
}

func TestNormalize(t *testing.T) {
	tests := []struct {
		name    string
		in      Plaintext
		want    string
		problem Problem
	}{
		{name: "ASCII", in: "correct horse ~!@", want: "correct horse ~!@"},
		{name: "case and outer spaces stay", in: " Ab ", want: " Ab "},
		{name: "composed", in: "u\u0308", want: "\u00fc"},
		{name: "no-break and ideographic space", in: "a\u00a0b\u3000c", want: "a b c"},
		{name: "full width stays", in: "ａｂ", want: "ａｂ"},
		{name: "right to left", in: "סיסמה כלשהי", want: "סיסמה כלשהי"},
		{name: "joiner of a script", in: "\u0915\u094d\u200d\u0937", want: "\u0915\u094d\u200d\u0937"},
		{name: "emoji", in: "🐎🔋👍🏽🇪🇺", want: "🐎🔋👍🏽🇪🇺"},
		{name: "emoji with variation selector", in: "\u2764\ufe0f 1\ufe0f\u20e3", want: "\u2764 1\u20e3"},
		{name: "joined emoji", in: "👨\u200d👩\u200d👧 👩🏽\u200d🚀 \u2764\ufe0f\u200d🔥", want: "👨👩👧 👩🏽🚀 \u2764🔥"},
		{name: "longest", in: Plaintext(strings.Repeat("x", 256)), want: strings.Repeat("x", 256)},
		{name: "longest, decomposed", in: Plaintext(strings.Repeat("\u1112\u1161\u11ab", 256)), want: strings.Repeat("한", 256)},

		{name: "empty", in: "", problem: TooShort},
		{name: "too long", in: Plaintext(strings.Repeat("x", 257)), problem: TooLong},
		{name: "far too long, and looked at no further", in: Plaintext(strings.Repeat("\xff", maxBytes+1)), problem: TooLong},
		{name: "nothing but glue", in: "\ufe0f\ufe0f", problem: InvalidFormat},
		{name: "invalid UTF-8", in: "abc\xff", problem: InvalidFormat},
		{name: "surrogate", in: "abc\xed\xa0\x80", problem: InvalidFormat},
		{name: "replacement character", in: "abc\ufffd", problem: InvalidFormat},
		{name: "NUL", in: "abc\x00", problem: InvalidFormat},
		{name: "tab", in: "a\tb", problem: InvalidFormat},
		{name: "line feed", in: "a\nb", problem: InvalidFormat},
		{name: "delete", in: "a\x7f", problem: InvalidFormat},
		{name: "right-to-left override", in: "a\u202eb", problem: InvalidFormat},
		{name: "zero-width space", in: "a\u200bb", problem: InvalidFormat},
		{name: "joiner of nothing", in: "a\u200db", problem: InvalidFormat},
		{name: "private use", in: "a\ue000", problem: InvalidFormat},
		{name: "unassigned", in: "a\u0378", problem: InvalidFormat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, problem := normalize(tt.in)
			if got != tt.want || problem != tt.problem {
				t.Errorf("normalize(%q) = %q, %q; want %q, %q", string(tt.in), got, problem, tt.want, tt.problem)
			}
		})
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		a, b Plaintext
		want bool
	}{
		"equal":                        {"four small turtles", "four small turtles", true},
		"composed and decomposed":      {"sm\u00e4ll", "sma\u0308ll", true},
		"another space":                {"four\u3000small", "four small", true},
		"another case":                 {"four", "Four", false},
		"more at the end":              {"four", "four ", false},
		"no normal form, equal":        {"a\x00b", "a\x00b", true},
		"no normal form, not equal":    {"a\x00b", "a\x00c", false},
		"no normal form and one":       {"a\x00b", "ab", false},
		"too long, with the same text": {Plaintext(strings.Repeat("x", 5000)), Plaintext(strings.Repeat("x", 5001)), false},
	} {
		if Same(tt.a, tt.b) != tt.want || Same(tt.b, tt.a) != tt.want {
			t.Errorf("%s: want %v", name, tt.want)
		}
	}
}
