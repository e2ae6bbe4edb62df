package identity

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxFullName is the maximum length of a full name in code points.
const MaxFullName = 200

// ParseFullName parses free text of one line. It returns the text in Unicode normal form NFC without surrounding
// white space. It rejects control characters, line breaks, invisible characters, and characters that change the
// text direction. The zero width joiners are allowed inside the text, because some scripts and emoji need them.
// ParseFullName returns "" for a text without content. The error is a [Problem].
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
	if strings.ContainsFunc(name, isForbidden) {
		return "", InvalidFormat
	}
	if utf8.RuneCountInString(name) > MaxFullName {
		return "", TooLong
	}
	return name, nil
}

// isForbidden reports whether r breaks a line of text, changes its direction or is invisible. It also rejects
// U+FFFD, the replacement for text that was lost.
func isForbidden(r rune) bool {
	return r == utf8.RuneError || !isJoiner(r) && unicode.In(r,
		unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
}

// isJoiner reports whether r is the zero width joiner or non-joiner.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }
