package identity

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/unicode/rangetable"
)

// maxMarks is the maximum number of nonspacing marks of one letter (UTS #39 §5.4).
const maxMarks = 4

// marksVisible reports whether every mark of a name is visible, so that no two names differ only by invisible
// marks. It makes the checks of UTS #39 §5.4 for nonspacing marks:
//
//   - A letter must have at most four marks and none of them twice, because the second is drawn over the first.
//   - An i or a j must not have an explicit dot above. Its own dot disappears below a mark (Unicode §7.1), so the
//     two forms look the same. A dotless i or j must not have a mark above, because it would look like an i or a
//     j with that mark.
//   - A mark without a script must be one of visibleMarks and be on a letter. That excludes strokes through a
//     letter, which look like "ø" and "đ" or are hidden by the letter's own lines. It also excludes marks of
//     phonetics and mathematics, because many of them look like one of visibleMarks.
//
// Similar marks that form different letters, such as "ă" and "ǎ", are allowed. Marks of a single script, such as
// vowel signs, are checked only for repetition.
func marksVisible(name string) bool {
	if isPlain(name) {
		return true
	}
	var base rune
	var marks []rune
	var above bool // the base has a mark above
	for _, r := range norm.NFD.String(name) {
		if !unicode.Is(unicode.Mn, r) && !unicode.Is(unicode.Me, r) {
			base, marks, above = r, marks[:0], false
			continue
		}
		if len(marks) == maxMarks || slices.Contains(marks, r) || unicode.Is(unicode.Inherited, r) && !isVisible(base, r) {
			return false
		}
		marks = append(marks, r)
		if !isAbove(r) {
			continue
		}
		if unicode.Is(dotless, base) || r == dotAbove && !above && unicode.In(base, unicode.Soft_Dotted, iotas) {
			return false
		}
		above = true
	}
	return true
}

const dotAbove = '\u0307'

var (
	dotless = rangetable.New('\u0131', '\u0237', '\u025f')           // ı, ȷ, ɟ
	iotas   = rangetable.New('\u0269', '\u026a', '\u03b9', '\u2c92') // ɩ, ɪ, ι, ⲓ: with a dot above, they look like an i
)

// visibleMarks are the marks without a script that living languages use on letters of names.
var visibleMarks = rangetable.New(
	// Above: grave, acute, circumflex, tilde, macron, breve, dot, diaeresis, hook, ring, double acute, caron,
	// vertical line, double grave, candrabindu, inverted breve, horn.
	'\u0300', '\u0301', '\u0302', '\u0303', '\u0304', '\u0306', '\u0307', '\u0308', '\u0309', '\u030a', '\u030b', '\u030c',
	'\u030d', '\u030f', '\u0310', '\u0311', '\u031b',
	// Below: dot, diaeresis, ring, comma, cedilla, ogonek, vertical line, circumflex, breve, tilde, macron.
	'\u0323', '\u0324', '\u0325', '\u0326', '\u0327', '\u0328', '\u0329', '\u032d', '\u032e', '\u0330', '\u0331',
	// Arabic vowel signs, and Japanese voicing marks.
	'\u064b', '\u064c', '\u064d', '\u064e', '\u064f', '\u0650', '\u0651', '\u0652', '\u0653', '\u0654', '\u0655', '\u0670',
	'\u3099', '\u309a',
)

// greekMarks are the marks of polytonic Greek: breathings, circumflex, iota subscript. On a Latin letter they look
// like other marks.
var greekMarks = rangetable.New('\u0313', '\u0314', '\u0342', '\u0345')

// isVisible reports whether a mark without a script is allowed on a base.
func isVisible(base, mark rune) bool {
	switch {
	case !unicode.IsLetter(base):
		return false
	case mark == '\u0358': // the dot to the right of an o in Taiwanese
		return base == 'o' || base == 'O'
	case unicode.Is(greekMarks, mark):
		return unicode.Is(unicode.Greek, base)
	case mark == '\u0303': // the tilde, which looks like the Greek circumflex
		return !unicode.Is(unicode.Greek, base)
	default:
		return unicode.Is(visibleMarks, mark)
	}
}

// isAbove reports whether a mark has the combining class Above.
func isAbove(mark rune) bool {
	var b [utf8.UTFMax]byte
	return norm.NFD.Properties(b[:utf8.EncodeRune(b[:], mark)]).CCC() == 230
}
