package identity

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxFullName is the length of the longest full name, in code points.
const MaxFullName = 200

// ParseFullName accepts free text of one line and returns it in Unicode normal form NFC, without
// the white space around it. It refuses control characters, line breaks, and characters that are
// invisible or turn the direction of what follows; only the joiners that some scripts and emoji
// need may stand inside. It returns "" for a text without content: there is no full name then. The
// error is a [Problem].
func ParseFullName(raw string) (string, error) {
	if len(raw) > MaxFullName*maxTyped {
		return "", TooLong
	}
	if !utf8.ValidString(raw) {
		return "", InvalidFormat
	}
	name := strings.TrimFunc(norm.NFC.String(raw), func(r rune) bool {
		return isJoiner(r) || unicode.IsSpace(r)
	})
	if strings.ContainsFunc(name, isUnfit) {
		return "", InvalidFormat
	}
	if utf8.RuneCountInString(name) > MaxFullName {
		return "", TooLong
	}
	return name, nil
}

// isUnfit reports whether r can harm or hide in a line of text. U+FFFD stands for something that
// was lost on the way here.
func isUnfit(r rune) bool {
	return r == utf8.RuneError || !isJoiner(r) && unicode.In(r,
		unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
}

// isJoiner reports whether r is the zero width joiner or non-joiner.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }
