package identity

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// parseWord parses a word: a user name, an atom of a local part, or a label of a domain. A word must not be empty
// and must conform to the user name profiles of PRECIS (RFC 8265 §3.3 and §3.4). Those map full-width forms,
// reject nearly all invisible characters, and apply the bidi rule to right-to-left text. In addition, a word must
// not begin with a mark, must not contain joiners, and must have letters of one script.
func parseWord(raw string) (Name, bool) {
	if isPlain(raw) {
		return Name{Display: raw, Key: strings.ToLower(raw)}, true
	}
	// PRECIS accepts the empty string.
	if raw == "" || !utf8.ValidString(raw) {
		return Name{}, false
	}
	display, err := precis.UsernameCasePreserved.String(raw)
	if err != nil {
		return Name{}, false
	}
	key, err := precis.UsernameCaseMapped.String(display)
	if err != nil {
		return Name{}, false
	}
	first, _ := utf8.DecodeRuneInString(key)
	if unicode.Is(unicode.M, first) || strings.ContainsFunc(key, isFormat) || !isOneScript(key) {
		return Name{}, false
	}
	return Name{Display: display, Key: key}, true
}

// isPlain reports whether s is not empty and consists of printable ASCII without spaces. PRECIS accepts all of
// these characters and maps only their case.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// isFormat reports whether r is a format character. PRECIS allows two of them, the joiners between certain letters,
// but two names that differ only by joiners look the same.
func isFormat(r rune) bool { return unicode.Is(unicode.Cf, r) }

// mixes are the scripts that may occur together: the level "Highly Restrictive" of UTS #39 §5.2.
var mixes = [][]*unicode.RangeTable{
	{unicode.Common, unicode.Inherited, unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana},
	{unicode.Common, unicode.Inherited, unicode.Latin, unicode.Han, unicode.Hangul},
	{unicode.Common, unicode.Inherited, unicode.Latin, unicode.Han, unicode.Bopomofo},
}

// isOneScript reports whether all letters of s belong to one script or to one of the mixes.
func isOneScript(s string) bool {
	for _, scripts := range mixes {
		if isWrittenIn(s, scripts...) {
			return true
		}
	}
	for _, r := range s {
		if !unicode.In(r, unicode.Common, unicode.Inherited) {
			return isWrittenIn(s, unicode.Common, unicode.Inherited, scriptOf(r))
		}
	}
	return true
}

func isWrittenIn(s string, scripts ...*unicode.RangeTable) bool {
	for _, r := range s {
		if !unicode.In(r, scripts...) {
			return false
		}
	}
	return true
}

// scriptOf returns the script of r, or an empty table if it has none.
func scriptOf(r rune) *unicode.RangeTable {
	for _, script := range unicode.Scripts {
		if unicode.Is(script, r) {
			return script
		}
	}
	return new(unicode.RangeTable)
}
