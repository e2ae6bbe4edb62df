package identity_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"usher/internal/identity"
)

var usernameTests = []parseTest{
	// Valid names and their keys.
	{name: "ASCII", raw: "ada", display: "ada", key: "ada"},
	{name: "upper case", raw: "AdaLovelace", display: "AdaLovelace", key: "adalovelace"},
	{name: "punctuation", raw: "ada_l.99-x!", display: "ada_l.99-x!", key: "ada_l.99-x!"},
	{name: "spaces around", raw: "  Ada ", display: "Ada", key: "ada"},
	{name: "full-width", raw: "\uff21\uff44\uff41\uff11", display: "Ada1", key: "ada1"},
	{name: "half-width katakana", raw: "\uff76\uff9e\uff76", display: "\u30ac\u30ab", key: "\u30ac\u30ab"},
	{name: "decomposed", raw: "Jose\u0301", display: "Jos\u00e9", key: "jos\u00e9"},
	{name: "composed by lower case", raw: "J\u030can", display: "J\u030can", key: "\u01f0an"},
	{name: "lengthened by lower case", raw: "\u0130stanbul", display: "\u0130stanbul", key: "i\u0307stanbul"},
	{name: "Kelvin sign", raw: "mi\u212ae", display: "miKe", key: "mike"},
	{name: "sharp s stays", raw: "Stra\u00dfe", display: "Stra\u00dfe", key: "stra\u00dfe"},
	{name: "final sigma", raw: "\u03a3\u039f\u03a3", display: "\u03a3\u039f\u03a3", key: "\u03c3\u03bf\u03c3"},
	{name: "Cyrillic", raw: "\u0410\u043d\u043d\u0430", display: "\u0410\u043d\u043d\u0430", key: "\u0430\u043d\u043d\u0430"},
	{name: "Cyrillic and ASCII digits", raw: "\u0430\u043d\u043d\u0430_99", display: "\u0430\u043d\u043d\u0430_99", key: "\u0430\u043d\u043d\u0430_99"},
	{name: "Hebrew", raw: "\u05d0\u05d1\u05d2", display: "\u05d0\u05d1\u05d2", key: "\u05d0\u05d1\u05d2"},
	{name: "Arabic and digits", raw: "\u0639\u0644\u064a1", display: "\u0639\u0644\u064a1", key: "\u0639\u0644\u064a1"},
	{name: "Devanagari", raw: "\u0930\u093e\u092e", display: "\u0930\u093e\u092e", key: "\u0930\u093e\u092e"},
	{name: "two ideographs", raw: "\u674e\u660e", display: "\u674e\u660e", key: "\u674e\u660e"},
	{name: "Japanese and Latin", raw: "A\u6f22\u5b57\u3072\u30ab\u30fc", display: "A\u6f22\u5b57\u3072\u30ab\u30fc", key: "a\u6f22\u5b57\u3072\u30ab\u30fc"},
	{name: "Korean and Latin", raw: "K\u97d3\uae40", display: "K\u97d3\uae40", key: "k\u97d3\uae40"},
	{name: "Bopomofo and Latin", raw: "A\u6f22\u3105", display: "A\u6f22\u3105", key: "a\u6f22\u3105"},
	{name: "okina", raw: "Hawai\u02bbi", display: "Hawai\u02bbi", key: "hawai\u02bbi"},
	{name: "middle dot between l", raw: "col\u00b7legi", display: "col\u00b7legi", key: "col\u00b7legi"},
	{name: "middle dot in Japanese", raw: "\u30ab\u30fb\u30ab", display: "\u30ab\u30fb\u30ab", key: "\u30ab\u30fb\u30ab"},

	// Empty.
	{name: "empty", raw: "", err: identity.Required},
	{name: "spaces", raw: "   ", err: identity.Required},

	// Length of Display and of Key.
	{name: "one code point", raw: "a", err: identity.TooShort},
	{name: "one full-width letter", raw: "\uff21", err: identity.TooShort},
	{name: "one once composed", raw: "e\u0301", err: identity.TooShort},
	{name: "one once in lower case", raw: "H\u0331", err: identity.TooShort},
	{name: "two", raw: "ab", display: "ab", key: "ab"},
	{name: "64", raw: strings.Repeat("a", 64), display: strings.Repeat("a", 64), key: strings.Repeat("a", 64)},
	{name: "65", raw: strings.Repeat("a", 65), err: identity.TooLong},
	{name: "64 of 9 bytes each", raw: strings.Repeat("\u1112\u1161\u11ab", 64), display: strings.Repeat("\ud55c", 64), key: strings.Repeat("\ud55c", 64)},
	{name: "65 once in lower case", raw: "\u0130" + strings.Repeat("a", 63), err: identity.TooLong},
	{name: "a megabyte", raw: strings.Repeat("\u0130", 1<<19), err: identity.TooLong},
	{name: "a megabyte of junk", raw: strings.Repeat("\xff", 1<<20), err: identity.TooLong},

	// E-mail addresses.
	{name: "a UUID", raw: "01940000-0000-7000-8000-000000000001", err: identity.InvalidFormat},
	{name: "hexadecimal digits of a UUID", raw: "0123456789ABCDEF0123456789ABCDEF", err: identity.InvalidFormat},
	{name: "at sign", raw: "ada@example.com", err: identity.InvalidFormat},
	{name: "full-width at sign", raw: "ada\uff20example.com", err: identity.InvalidFormat},
	{name: "small at sign", raw: "ada\ufe6bexample.com", err: identity.InvalidFormat},

	// White space and control characters.
	{name: "space", raw: "ada lovelace", err: identity.InvalidFormat},
	{name: "no-break space", raw: "ada\u00a0lovelace", err: identity.InvalidFormat},
	{name: "ideographic space", raw: "\u674e\u3000\u660e", err: identity.InvalidFormat},
	{name: "tab", raw: "ada\t", err: identity.InvalidFormat},
	{name: "line break", raw: "ada\r\n", err: identity.InvalidFormat},
	{name: "NUL", raw: "ada\x00", err: identity.InvalidFormat},
	{name: "DEL", raw: "ada\x7f", err: identity.InvalidFormat},
	{name: "C1 control", raw: "ada\u0085", err: identity.InvalidFormat},

	// Invalid UTF-8. JSON turns a lone surrogate into U+FFFD, or leaves it as it is.
	{name: "not UTF-8", raw: "ada\xff", err: identity.InvalidFormat},
	{name: "cut UTF-8", raw: "ada\xc3", err: identity.InvalidFormat},
	{name: "overlong UTF-8", raw: "ada\xc0\x80", err: identity.InvalidFormat},
	{name: "lone surrogate", raw: "ada\xed\xa0\x80", err: identity.InvalidFormat},
	{name: "replacement character", raw: "ada\ufffd", err: identity.InvalidFormat},
	{name: "noncharacter", raw: "ada\uffff", err: identity.InvalidFormat},
	{name: "private use", raw: "ada\ue000", err: identity.InvalidFormat},
	{name: "unassigned", raw: "ada\u0378", err: identity.InvalidFormat},

	// Invisible characters, and characters that change the text direction.
	{name: "zero width space", raw: "ada\u200b", err: identity.InvalidFormat},
	{name: "zero width space alone", raw: "\u200b\u200b", err: identity.InvalidFormat},
	{name: "zero width joiner", raw: "ada\u200dl", err: identity.InvalidFormat},
	{name: "joiner where PRECIS has it", raw: "\u0915\u094d\u200d\u0937", err: identity.InvalidFormat},
	{name: "non-joiner where PRECIS has it", raw: "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", err: identity.InvalidFormat},
	{name: "word joiner", raw: "ada\u2060l", err: identity.InvalidFormat},
	{name: "byte order mark", raw: "\ufeffada", err: identity.InvalidFormat},
	{name: "soft hyphen", raw: "a\u00adda", err: identity.InvalidFormat},
	{name: "left-to-right mark", raw: "ada\u200e", err: identity.InvalidFormat},
	{name: "right-to-left mark", raw: "ada\u200f", err: identity.InvalidFormat},
	{name: "right-to-left override", raw: "\u202eada", err: identity.InvalidFormat},
	{name: "isolate", raw: "\u2066ada\u2069", err: identity.InvalidFormat},
	{name: "Arabic letter mark", raw: "\u061c\u0639\u0644\u064a", err: identity.InvalidFormat},
	{name: "variation selector", raw: "ada\ufe0f", err: identity.InvalidFormat},
	{name: "tag", raw: "ada\U000e0061", err: identity.InvalidFormat},
	{name: "Hangul filler", raw: "ada\u3164", err: identity.InvalidFormat},
	{name: "grapheme joiner", raw: "ada\u034f", err: identity.InvalidFormat},
	{name: "31 marks in a row", raw: "a" + strings.Repeat("\u0316", 31), err: identity.InvalidFormat},
	{name: "mark first", raw: "\u0301ada", err: identity.InvalidFormat},

	// Invisible marks.
	{name: "dot on i", raw: "ri\u0307ta", err: identity.InvalidFormat},
	{name: "dot on j", raw: "j\u0307an", err: identity.InvalidFormat},
	{name: "dot on Cyrillic i", raw: "\u043c\u0456\u0307\u0440", err: identity.InvalidFormat},
	{name: "dot on i with a mark below", raw: "ri\u0307\u0323ta", err: identity.InvalidFormat},
	{name: "dot on i with ogonek", raw: "r\u012f\u0307ta", err: identity.InvalidFormat},
	{name: "dot and acute on i", raw: "ri\u0307\u0301ta", err: identity.InvalidFormat},
	{name: "dot on dotless i", raw: "r\u0131\u0307ta", err: identity.InvalidFormat},
	{name: "acute on dotless i", raw: "r\u0131\u0301ta", err: identity.InvalidFormat},
	{name: "dot on dotless j", raw: "\u0237\u0307an", err: identity.InvalidFormat},
	{name: "dot on Latin iota", raw: "r\u0269\u0307ta", err: identity.InvalidFormat},
	{name: "long stroke", raw: "bjo\u0338rn", err: identity.InvalidFormat},
	{name: "short stroke", raw: "d\u0335uro", err: identity.InvalidFormat},
	{name: "tilde through a letter", raw: "ada\u0334l", err: identity.InvalidFormat},
	{name: "stroke through t", raw: "t\u0335om", err: identity.InvalidFormat},
	{name: "acute twice", raw: "jose\u0301\u0301", err: identity.InvalidFormat},
	{name: "acute twice, composed", raw: "jos\u00e9\u0301", err: identity.InvalidFormat},
	{name: "dot below twice", raw: "ada\u0323\u0307\u0323", err: identity.InvalidFormat},
	{name: "Thai vowel twice", raw: "\u0e01\u0e34\u0e34\u0e01", err: identity.InvalidFormat},
	{name: "five marks", raw: "ada\u0323\u0331\u0301\u0302\u0303", err: identity.InvalidFormat},
	{name: "Greek circumflex in Latin", raw: "ada\u0342m", err: identity.InvalidFormat},
	{name: "overline", raw: "ada\u0305m", err: identity.InvalidFormat},
	{name: "low line", raw: "ada\u0332m", err: identity.InvalidFormat},
	{name: "letter above", raw: "ada\u0363m", err: identity.InvalidFormat},
	{name: "mark for symbols", raw: "ada\u20d7m", err: identity.InvalidFormat},
	{name: "mark on punctuation", raw: "ada.\u0307m", err: identity.InvalidFormat},
	{name: "mark on a digit", raw: "ada1\u0307m", err: identity.InvalidFormat},

	// Orthographies with marks that do not compose.
	{name: "Yoruba", raw: "ad\u1eb9\u0301m\u1ecd\u0300la\u0301", display: "ad\u1eb9\u0301m\u1ecd\u0300l\u00e1", key: "ad\u1eb9\u0301m\u1ecd\u0300l\u00e1"},
	{name: "Lithuanian", raw: "vilnie\u0307\u0301", display: "vilni\u0117\u0301", key: "vilni\u0117\u0301"},
	{name: "Vietnamese", raw: "nguye\u0302\u0303n", display: "nguy\u1ec5n", key: "nguy\u1ec5n"},
	{name: "Turkish", raw: "\u0130lker\u0131", display: "\u0130lker\u0131", key: "i\u0307lker\u0131"},
	{name: "Guarani", raw: "g\u0303uarani", display: "g\u0303uarani", key: "g\u0303uarani"},
	{name: "Navajo", raw: "dine\u0301bi\u0328\u0301", display: "din\u00e9b\u012f\u0301", key: "din\u00e9b\u012f\u0301"},
	{name: "Marshallese", raw: "m\u0327ajel\u0327", display: "m\u0327aje\u013c", key: "m\u0327aje\u013c"},
	{name: "Taiwanese", raw: "ka\u030do\u0358", display: "ka\u030do\u0358", key: "ka\u030do\u0358"},
	{name: "acute on i", raw: "ri\u0301ta", display: "r\u00edta", key: "r\u00edta"},
	{name: "dot above acute on i", raw: "ri\u0301\u0307ta", display: "r\u00ed\u0307ta", key: "r\u00ed\u0307ta"},
	{name: "Russian stress", raw: "\u0430\u0301\u043d\u043d\u0430", display: "\u0430\u0301\u043d\u043d\u0430", key: "\u0430\u0301\u043d\u043d\u0430"},
	{name: "Ukrainian", raw: "\u0457\u0436\u0430", display: "\u0457\u0436\u0430", key: "\u0457\u0436\u0430"},
	{name: "polytonic Greek", raw: "\u1fb7\u03c1", display: "\u1fb7\u03c1", key: "\u1fb7\u03c1"},
	{name: "Arabic with vowels", raw: "\u0639\u064e\u0644\u0650\u064a\u0651", display: "\u0639\u064e\u0644\u0650\u064a\u0651", key: "\u0639\u064e\u0644\u0650\u064a\u0651"},
	{name: "Hebrew with points", raw: "\u05d3\u05b8\u05bc\u05d5\u05b4\u05d3", display: "\u05d3\u05b8\u05bc\u05d5\u05b4\u05d3", key: "\u05d3\u05b8\u05bc\u05d5\u05b4\u05d3"},
	{name: "Hindi", raw: "\u0939\u093f\u0928\u094d\u0926\u0940", display: "\u0939\u093f\u0928\u094d\u0926\u0940", key: "\u0939\u093f\u0928\u094d\u0926\u0940"},
	{name: "Thai", raw: "\u0e17\u0e35\u0e48\u0e19\u0e35\u0e48", display: "\u0e17\u0e35\u0e48\u0e19\u0e35\u0e48", key: "\u0e17\u0e35\u0e48\u0e19\u0e35\u0e48"},

	// Characters that look like letters.
	{name: "emoji", raw: "ada\U0001f600", err: identity.InvalidFormat},
	{name: "mathematical letters", raw: "\U0001d41a\U0001d41d\U0001d41a", err: identity.InvalidFormat},
	{name: "circled letters", raw: "\u24d0\u24d3\u24d0", err: identity.InvalidFormat},
	{name: "ligature", raw: "\ufb01na", err: identity.InvalidFormat},
	{name: "long s", raw: "ada\u017f", err: identity.InvalidFormat},
	{name: "superscript", raw: "ada\u00b2", err: identity.InvalidFormat},
	{name: "Roman numeral", raw: "ada\u2163", err: identity.InvalidFormat},
	{name: "curly quote", raw: "ada\u2019s", err: identity.InvalidFormat},

	// Mixed scripts.
	{name: "Cyrillic a in Latin", raw: "p\u0430ypal", err: identity.InvalidFormat},
	{name: "Greek o in Latin", raw: "g\u03bfogle", err: identity.InvalidFormat},
	{name: "Greek and Cyrillic", raw: "\u03b1\u0430", err: identity.InvalidFormat},
	{name: "Cherokee in Latin", raw: "\u13aada", err: identity.InvalidFormat},
	{name: "Armenian in Latin", raw: "ad\u0561", err: identity.InvalidFormat},
	{name: "Bengali digit in Latin", raw: "ada\u09ea", err: identity.InvalidFormat},
	{name: "Cyrillic and Han", raw: "\u0430\u6f22", err: identity.InvalidFormat},
	{name: "Hangul and kana", raw: "\uae40\u3072", err: identity.InvalidFormat},
	{name: "Bopomofo and kana", raw: "\u3105\u3072", err: identity.InvalidFormat},

	// The bidi rule and the context rules of PRECIS.
	{name: "Hebrew and Latin", raw: "\u05d0\u05d1a", err: identity.InvalidFormat},
	{name: "digit before Hebrew", raw: "1\u05d0\u05d1", err: identity.InvalidFormat},
	{name: "Hebrew ends in punctuation", raw: "\u05d0\u05d1!", err: identity.InvalidFormat},
	{name: "two kinds of Arabic digits", raw: "\u0639\u0661\u06f1", err: identity.InvalidFormat},
	{name: "middle dot elsewhere", raw: "a\u00b7b", err: identity.InvalidFormat},
	{name: "katakana middle dot in Latin", raw: "a\u30fbb", err: identity.InvalidFormat},
	{name: "Hebrew geresh in Latin", raw: "a\u05f3b", err: identity.InvalidFormat},
}

func TestParseUsername(t *testing.T) {
	runParseTests(t, identity.ParseUsername, usernameTests)
}

// TestParseUsernameCase checks that every letter with a case has a stable key, alone and with marks that compose
// with it.
func TestParseUsernameCase(t *testing.T) {
	marks := []string{"", "\u030c", "\u0331", "\u0345"}
	accepted := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.SimpleFold(r) == r && unicode.ToLower(r) == r {
			continue
		}
		for _, mark := range marks {
			if _, ok := checkName(t, identity.ParseUsername, strings.Repeat(string(r)+mark, 2)); ok {
				accepted++
			}
		}
	}
	if accepted < 8_000 {
		t.Errorf("only %d names are valid", accepted)
	}
}

func FuzzParseUsername(f *testing.F) {
	for _, tt := range usernameTests {
		f.Add(tt.raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		name, ok := checkName(t, identity.ParseUsername, raw)
		if !ok {
			return
		}
		for _, s := range []string{name.Display, name.Key} {
			if n := utf8.RuneCountInString(s); n < identity.MinUsername || n > identity.MaxUsername {
				t.Fatalf("%+q has %d code points", s, n)
			}
			if strings.ContainsAny(s, "@ \u200c\u200d") {
				t.Fatalf("accepted %+q", s)
			}
		}
		marks := 0
		for _, r := range norm.NFD.String(name.Display) {
			if marks++; !unicode.Is(unicode.Mn, r) {
				marks = 0
			}
			overlay := norm.NFD.PropertiesString(string(r)).CCC() == 1
			if marks > 4 || overlay && unicode.Is(unicode.Inherited, r) {
				t.Fatalf("accepted %+q with %U", name.Display, r)
			}
		}
		key, err := precis.UsernameCaseMapped.String(strings.Trim(raw, " "))
		if err != nil || key != name.Key {
			t.Fatalf("%+q: key %+q, but PRECIS says %+q, %v", raw, name.Key, key, err)
		}
	})
}
