package token

import (
	_ "embed" // for the words
	"math"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
	"weak"

	"usher/internal/guess"
)

// A secret is described in the fewest bits that a simple language takes for it: letter by letter, or by
// words, by parts that came before, and by runs such as "abcd" and "qwerty". The language is a code, so of all
// the texts that a generator makes, all as likely, no more than one in 2^k has a description that is shorter by
// k bits (Kraft's inequality). That holds whatever the words are, and bounds how often a random secret is refused.

const (
	// minBits is how many bits a secret must have: those of 32 hexadecimal digits.
	minBits = 128
	// margin is by how many bits a description must be shorter than the text to tell that the text is not
	// random: of each alphabet one random secret in 2^24 is taken for words, at most.
	margin = 24
	// enough is how many bits of plain letters make up for words beside them, as in "production-" and a random
	// text. It is below minBits because random text has words by chance.
	enough = 112
	// examined is how many letters and digits are looked at. In more than that there are minBits.
	examined = 256
)

//go:embed lists/words.txt
var wordList string

// shortestWord is that of wordList.
const shortestWord = 2

// dictionary is what each word takes: the more frequent, the less. What only begins words takes more than anything.
type dictionary map[string]float64

// Words implements guess.Dictionary.
func (d dictionary) Words(text string, found func(length int, bits float64)) {
	for n := shortestWord; n <= len(text); n++ {
		bits, ok := d[text[:n]]
		if !ok {
			return
		}
		found(n, bits)
	}
}

// loadDictionary returns the words of wordList. Secrets are checked when a server starts, so the words are kept
// until memory is next collected.
func loadDictionary() dictionary {
	lastDictionary.Lock()
	defer lastDictionary.Unlock()
	if words := lastDictionary.words.Value(); words != nil {
		return *words
	}
	words := newDictionary()
	lastDictionary.words = weak.Make(&words)
	return words
}

var lastDictionary struct {
	sync.Mutex

	words weak.Pointer[dictionary]
}

func newDictionary() dictionary {
	words := strings.Fields(wordList)
	bits := make(dictionary, 4*len(words))
	const flat = 8 // ranks up to here differ little
	var total float64
	for rank := range words {
		total += 1 / float64(rank+flat)
	}
	for rank, word := range words {
		bits[word] = math.Log2(float64(rank+flat) * total)
		for n := shortestWord; n < len(word); n++ {
			if _, ok := bits[word[:n]]; !ok {
				bits[word[:n]] = math.Inf(1)
			}
		}
	}
	return bits
}

// isGuessable reports whether a secret is made of words rather than by a generator, or has fewer bits than it
// should whoever made it.
func isGuessable(secret []byte, words dictionary) bool {
	if !utf8.Valid(secret) {
		return false // random bytes, of which 32 are text once in 10^7 times
	}
	text, others := split(string(secret))
	text = text[:min(len(text), examined)]
	letterBits := math.Log2(float64(alphabet(text)))
	random := float64(len(text)) * letterBits
	if others+random < minBits {
		return true
	}
	bits, letters := guess.Bits(text, letterBits, words)
	return bits < random-margin && others+letters < enough
}

// split returns the ASCII letters and digits of a secret, and how many bits the other characters take. Of
// punctuation each of 32 is as likely as any at first, and more so once it has come. Characters beyond ASCII
// make prose, for no generator uses them, and are counted as such.
func split(secret string) (text string, others float64) {
	var b strings.Builder
	seen, all := map[rune]float64{}, 0.0
	for _, r := range secret {
		switch {
		case r > unicode.MaxASCII:
			others += 2
		case '0' <= r && r <= '9', 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z':
			b.WriteRune(r)
		default:
			others += math.Log2((all + 32) / (seen[r] + 1))
			seen[r] += 8
			all += 8
		}
	}
	return b.String(), others
}

// alphabet is how many characters the smallest of the usual alphabets has that text is of: decimal or
// hexadecimal digits, letters of one case or both, with digits or without.
func alphabet(text string) int {
	var digit, lower, upper, beyondF bool
	for _, c := range []byte(text) {
		switch {
		case c <= '9':
			digit = true
		case c <= 'Z':
			upper = true
			beyondF = beyondF || c > 'F'
		default:
			lower = true
			beyondF = beyondF || c > 'f'
		}
	}
	n := 26
	switch {
	case !lower && !upper:
		return 10
	case lower && upper:
		n = 52
	case !beyondF:
		return 16
	}
	if digit {
		n += 10
	}
	return n
}
