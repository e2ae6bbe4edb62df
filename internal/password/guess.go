package password

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// examined is how many code points zxcvbn gets to see. Its cost grows faster than the square of
	// the length: a few milliseconds for a hostile password of 32 code points, 10 s for one of 256.
	examined = 32

	// minWord is the least number of code points of a context word: shorter ones are found in
	// passwords by chance.
	minWord = 3

	// contextWord stands for a context word. No normalized password holds it.
	contextWord = "\x7f"
)

// guesses estimates how many guesses an attacker needs who knows the context. It looks at the
// beginning of text only, so a long password with a guessable beginning counts as guessable.
func guesses(text string, context []string) float64 {
	words := contextWords(context)
	text = strings.ToLower(text)
	text = collapse(text, words)
	text = cut(text, examined)
	text = singleBytes(text)

	fewest := math.Inf(1)
	for _, reading := range readings {
		fewest = min(fewest, estimator.guesses(reading.Replace(text), words))
	}
	return fewest
}

// contextWords returns the context in lower case, with the parts of each element alone and run
// together, and the name of this program; longest first.
func contextWords(context []string) []string {
	words := []string{"usher"}
	for _, c := range context {
		c = strings.ToLower(c)
		parts := strings.FieldsFunc(c, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) })
		words = append(words, c, strings.Join(parts, ""))
		words = append(words, parts...)
	}
	words = slices.DeleteFunc(words, func(w string) bool { return utf8.RuneCountInString(w) < minWord })
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return words
}

// collapse replaces each of words, which come longest first, by one character. zxcvbn is told the
// words too, to find them in disguise, but does not see how weak their repetition is.
func collapse(text string, words []string) string {
	var pairs []string
	for _, w := range words {
		pairs = append(pairs, w, contextWord)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// cut returns the first n code points of s.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// singleBytes replaces each code point outside ASCII by a control character of its own. zxcvbn
// works on bytes in parts, and takes fifteen times the letter é for a strong password.
func singleBytes(s string) string {
	seen := map[rune]rune{}
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			return r
		}
		c, ok := seen[r]
		if !ok {
			c = rune(standIns[len(seen)%len(standIns)])
			seen[r] = c
		}
		return c
	}, s)
}

// standIns are the control characters that are no white space, in an order in which neighbors are
// too far apart to be taken for a sequence such as abc.
const standIns = "\x01\x08\x14\x1b\x03\x0f\x16\x1d\x05\x11\x18\x1f\x07\x13\x1a\x02\x0e\x15\x1c\x04\x10\x17\x1e\x06\x12\x19"

// readings are two ways to read the symbols in a password: as letters that look like them, as in
// p@$$word, and as the keys they are typed with, as in !qaz@wsx. zxcvbn knows the readings too, but
// tries all combinations, which takes it up to 60 ms. Digits it may still read as letters.
var readings = [...]*strings.Replacer{
	strings.NewReplacer(
		"@", "a", "(", "c", "[", "c", "{", "c", "<", "c", "!", "i", "|", "l", "$", "s", "+", "t", "%", "x"),
	strings.NewReplacer(
		"~", "`", "!", "1", "@", "2", "#", "3", "$", "4", "%", "5", "^", "6", "&", "7", "*", "8", "(", "9", ")", "0",
		"_", "-", "+", "=", "{", "[", "}", "]", "|", `\`, ":", ";", `"`, "'", "<", ",", ">", ".", "?", "/"),
}
