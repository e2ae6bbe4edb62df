package password

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"usher/internal/guess"
)

// A password is refused when it is common, or is made of little more than common passwords, context words,
// sequences, years and repetition. NIST SP 800-63B-4 §3.1.1.2 asks to compare the whole password with a
// blocklist, and not the words that it contains. So does isGuessable: four unrelated words make a good password,
// although each of them may be in the list.

const (
	// minBits is how many bits a password must have at the default minimum length. Four words have more, even if
	// they are among the 1,000 commonest passwords. Three of those have less, and so have two and a year.
	minBits = 43
	// minBitsPerCharacter holds for shorter minimum lengths. Random digits have more.
	minBitsPerCharacter = 3

	// letterBits is the cost of a character that belongs to nothing known: ten guesses.
	letterBits = 3.32
	// separatorBits is the cost of a space or punctuation character that has come before.
	separatorBits = 1
	// capitalsBits is the cost of capitals at the beginnings of words.
	capitalsBits = 2
	contextBits  = 3
	phraseBits   = 10
	yearBits     = 7.7 // one of those from 1900 to 2099

	// examined is how many characters are examined. It bounds the time to about a millisecond. A longer password counts
	// as guessable if its beginning does.
	examined = 64
	// minWord is the minimum length of a context word. Shorter ones occur in passwords by chance.
	minWord = 3
)

// isGuessable reports whether a password is easy to guess for an attacker who knows the context. The password is in its
// normal form and has at least minLength code points.
func isGuessable(password string, context []string, minLength int) bool {
	threshold := min(minBits, minBitsPerCharacter*float64(minLength))
	ascii := asciiFolder{}
	text := ascii.fold(firstRunes(password, examined))
	var words knownWords
	for _, w := range contextWords(context) {
		words = append(words, ascii.fold(w))
	}
	words = slices.Compact(slices.Sorted(slices.Values(words)))

	compact, compactBits := withoutSeparators(text)
	var seen []string
	for _, reading := range []struct {
		text string
		bits float64
	}{
		{text, 0},
		{symbolsAsLetters.Replace(text), 0},
		{symbolsAsKeys.Replace(text), 0},
		{compact, compactBits},
	} {
		forwards := period(reading.text)
		for _, t := range []string{forwards, reverse(forwards)} {
			if slices.Contains(seen, t) {
				continue
			}
			seen = append(seen, t)
			if bits, _ := guess.Bits(t, letterBits, words); bits+reading.bits < threshold {
				return true
			}
		}
	}
	return false
}

// knownWords holds context words. Its dictionary also has the common passwords, the example phrases and years.
type knownWords []string

// Words implements guess.Dictionary.
func (k knownWords) Words(text string, found func(length int, bits float64)) {
	eachCommon(text, found)
	for _, w := range k {
		if strings.HasPrefix(text, w) {
			found(len(w), contextBits)
		}
	}
	for _, p := range examplePhrases {
		if strings.HasPrefix(text, p) {
			found(len(p), phraseBits)
		}
	}
	if len(text) >= 4 && (text[:2] == "19" || text[:2] == "20") && isDigit(text[2]) && isDigit(text[3]) {
		found(4, yearBits)
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// contextWords returns the elements of the context in lower case, their parts, their parts joined, and the name of
// this program.
func contextWords(context []string) []string {
	words := []string{"usher"}
	for _, c := range context {
		c = strings.ToLower(c)
		parts := strings.FieldsFunc(c, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) })
		words = append(words, c, strings.Join(parts, ""))
		words = append(words, parts...)
	}
	return slices.DeleteFunc(words, func(w string) bool { return utf8.RuneCountInString(w) < minWord })
}

// firstRunes returns the first n code points of s.
func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// asciiFolder turns texts into ASCII, as package guess requires. It replaces each letter outside ASCII, in either case,
// by a control character, which no normal form of a password contains. After 32 different letters it reuses control
// characters, which makes a text look easier to guess.
type asciiFolder map[rune]rune

func (f asciiFolder) fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			return r
		}
		r = unicode.ToLower(r)
		c, ok := f[r]
		if !ok {
			c = rune(len(f) % ' ')
			f[r] = c
		}
		return c
	}, s)
}

// withoutSeparators returns a text in lower case without spaces and punctuation, and the cost of these and of capitals.
func withoutSeparators(text string) (compact string, bits float64) {
	var letters strings.Builder
	var separators [utf8.RuneSelf]bool
	for _, c := range []byte(text) {
		switch {
		case unicode.IsControl(rune(c)), unicode.IsLetter(rune(c)), unicode.IsDigit(rune(c)):
			letters.WriteByte(c)
		case separators[c]:
			bits += separatorBits
		default:
			separators[c] = true
			bits += letterBits
		}
	}
	compact = strings.ToLower(letters.String())
	if compact != letters.String() {
		bits += capitalsBits
	}
	return compact, bits
}

// period returns the shortest part that s repeats, such as "abc" for "abcabcab". Without repetition it returns s.
func period(s string) string {
	for n := 1; n <= len(s)/2; n++ {
		if s[n:] == s[:len(s)-n] {
			return s[:n]
		}
	}
	return s
}

func reverse(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// Symbols can stand for letters that look like them, as in p@$$word, or for the keys that type them, as in !qaz@wsx.
// Package guess reads digits as letters by itself.
var (
	symbolsAsLetters = strings.NewReplacer(
		"@", "a", "(", "c", "[", "c", "{", "c", "<", "c", "!", "i", "|", "l", "$", "s", "+", "t", "%", "x")
	symbolsAsKeys = strings.NewReplacer(
		"~", "`", "!", "1", "@", "2", "#", "3", "$", "4", "%", "5", "^", "6", "&", "7", "*", "8", "(", "9", ")", "0",
		"_", "-", "+", "=", "{", "[", "}", "]", "|", `\`, ":", ";", `"`, "'", "<", ",", ">", ".", "?", "/")
)
