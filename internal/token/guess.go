package token

import (
	_ "embed" // words.txt
	"math"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
	"weak"

	"usher/internal/guess"
)

// The estimate of package guess is the length of a prefix code. By Kraft's inequality, at most one in 2^k
// uniformly random texts has a code that is shorter by k bits. This holds for any list of words, and bounds how
// often a random secret is rejected.

const (
	// minBits is the minimum entropy of a secret in bits: that of 32 hexadecimal digits.
	minBits = 128
	// minSaving is how many bits the code must save before a text counts as not random. At most one random
	// secret in 2^24 of each alphabet saves that many.
	minSaving = 24
	// minLetterBits is how many bits of single letters make a secret with words acceptable, for example
	// "production-" followed by random text. It is less than minBits because random text contains words by chance.
	minLetterBits = 112
	// examined limits how many letters and digits are examined. Longer texts have minBits.
	examined = 256
)

//go:embed lists/words.txt
var wordList string

// shortestWord is the length of the shortest word in wordList.
const shortestWord = 2

// dictionary maps words to the length of their code in bits, which is shorter for frequent words. It maps
// other prefixes of words to infinity.
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

// loadDictionary returns the words of wordList. They are cached only until the next garbage collection,
// because secrets are checked only at the start of a server.
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
	const flat = 8 // flattens the distribution of the first ranks
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

// isGuessable reports whether a secret consists of words, or has too few bits even if it is random.
func isGuessable(secret []byte, words dictionary) bool {
	if !utf8.Valid(secret) {
		return false // Random bytes: 32 of them are valid UTF-8 with a probability of 10^-7.
	}
	text, others := split(string(secret))
	text = text[:min(len(text), examined)]
	letterBits := math.Log2(float64(alphabet(text)))
	random := float64(len(text)) * letterBits
	if others+random < minBits {
		return true
	}
	bits, letters := guess.Bits(text, letterBits, words)
	return bits < random-minSaving && others+letters < minLetterBits
}

// split returns the ASCII letters and digits of a secret, and the bits of the other characters. At first all 32
// punctuation characters are equally likely. Each occurrence makes a character more likely. Characters outside
// of ASCII have two bits, as in prose, because no generator uses them.
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

// alphabet returns the size of the smallest common alphabet that contains text: decimal digits, hexadecimal
// digits, or letters of one or both cases with or without digits.
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
