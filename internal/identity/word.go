package identity

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// parseWord reads what all names are made of: a user name, one atom of a local part, one label of a
// domain. A word is not empty and conforms to the user name profiles of PRECIS (RFC 8265 §3.3 and
// §3.4), which map full-width forms, refuse nearly all that is invisible, and hold right-to-left
// text to the bidi rule. It also begins with something for marks to sit on, has no joiners, and has
// letters of one script.
func parseWord(raw string) (Name, bool) {
	if isPlain(raw) {
		return Name{Display: raw, Key: strings.ToLower(raw)}, true
	}
	// PRECIS lets the empty string pass.
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

// isPlain reports whether s is not empty and all printable ASCII without spaces, of which PRECIS
// accepts everything and maps nothing but case.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// isFormat reports whether r is a format character. PRECIS refuses all of them but the two
// joiners, which it wants between certain letters; two names that differ by them look the same.
func isFormat(r rune) bool { return unicode.Is(unicode.Cf, r) }

// mixes are the scripts that are written together: the level "Highly Restrictive" of UTS #39 §5.2.
var mixes = [][]*unicode.RangeTable{
	{unicode.Common, unicode.Inherited, unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana},
	{unicode.Common, unicode.Inherited, unicode.Latin, unicode.Han, unicode.Hangul},
	{unicode.Common, unicode.Inherited, unicode.Latin, unicode.Han, unicode.Bopomofo},
}

// isOneScript reports whether all letters of s are of one script or of one of the mixes.
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

// scriptOf returns the only script that r is of, or an empty one if it is of none.
func scriptOf(r rune) *unicode.RangeTable {
	for _, script := range unicode.Scripts {
		if unicode.Is(script, r) {
			return script
		}
	}
	return new(unicode.RangeTable)
}
