package identity_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"usher/internal/identity"
)

// stems are the letters that look the same when a mark replaces the dot.
var stems = map[rune]rune{'\u0131': 'i', '\u0237': 'j'}

// alike are marks that look like another mark, or like none (0) because the letter hides them.
var alike = map[rune]rune{
	'\u0342': '\u0303', '\u0305': '\u0304', '\u0332': '\u0331', '\u0333': '\u0331', '\u033f': '\u0304', '\u0334': 0, '\u0335': 0,
	'\u0336': 0, '\u0337': 0, '\u0338': 0, '\u0315': '\u0313', '\u0343': '\u0313', '\u0351': '\u0314', '\u0357': '\u0314',
	'\u0352': '\u0311', '\u20d7': '\u0362', '\u034f': 0, '\u1dc4': '\u0304',
	'\ufe26': '\u0304', '\u1ab4': '\u0308', '\u0346': '\u0304', '\u0347': '\u0331',
}

// render models how a name is displayed: for each letter its stem, the mark or dot above it, and the other marks,
// each once. It is independent of the code under test.
func render(name string) string {
	var drawn strings.Builder
	var stem rune
	var marks []rune
	dotted := false
	flush := func() {
		if dotted && !slices.ContainsFunc(marks, func(r rune) bool { return norm.NFD.PropertiesString(string(r)).CCC() == 230 }) {
			marks = append(marks, '\u0307')
		}
		var seen []rune
		for _, mark := range marks {
			if other, ok := alike[mark]; ok {
				mark = other
			}
			if mark != 0 && !slices.Contains(seen, mark) {
				seen = append(seen, mark)
			}
		}
		slices.SortStableFunc(seen, func(a, b rune) int {
			return int(norm.NFD.PropertiesString(string(a)).CCC()) - int(norm.NFD.PropertiesString(string(b)).CCC())
		})
		drawn.WriteRune(stem)
		drawn.WriteString(string(seen))
	}
	for _, r := range norm.NFD.String(name) {
		if unicode.Is(unicode.M, r) {
			marks = append(marks, r)
			continue
		}
		flush()
		stem, marks, dotted = r, nil, unicode.Is(unicode.Soft_Dotted, r)
		if s, ok := stems[r]; ok {
			stem = s
		}
	}
	flush()
	return drawn.String()
}

// TestMarksVisible puts one and two marks on letters of every kind. No two valid user names may look the same.
func TestMarksVisible(t *testing.T) {
	t.Parallel()
	var marks []string
	for r := range unicode.MaxRune {
		if unicode.Is(unicode.Inherited, r) && unicode.Is(unicode.M, r) {
			marks = append(marks, string(r))
		}
	}
	for _, mark := range slices.Clone(marks) {
		// With a second mark: one that composes, one below, and one through the letter.
		for _, other := range []string{"\u0301", "\u0307", "\u0323", mark} {
			marks = append(marks, mark+other)
		}
	}
	marks = append(marks, "")
	names := map[string]string{} // by their rendering
	for _, letter := range []string{
		"a", "d", "e", "i", "j", "o", "\u0131", "\u0237", "\u0268", "\u0249", "\u1e2d", "\u1ecb",
		"\u012f", "\u00ed", "\u00f8", "I", "J", "\u0130",
		"\u0456", "\u0458", "\u0430", "\u03b9", "\u03b1", "\u05d0", "\u0627", "\u0e01",
	} {
		for _, mark := range marks {
			name, err := identity.ParseUsername("x" + letter + mark + "x")
			if !unicode.Is(unicode.Latin, []rune(letter)[0]) {
				name, err = identity.ParseUsername(letter + mark + letter)
			}
			if err != nil {
				continue
			}
			drawn := render(name.Display)
			if other, ok := names[drawn]; ok && other != name.Display {
				t.Errorf("%+q and %+q look alike", name.Display, other)
			}
			names[drawn] = name.Display
		}
	}
	if len(names) < 1000 {
		t.Errorf("only %d names are valid", len(names))
	}
}
