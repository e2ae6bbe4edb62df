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

// The estimate of package guess is a code. So at most one in 2^k of the texts that a generator makes with equal
// probability has a description that is shorter by k bits (Kraft's inequality). That is true for any list of words,
// and bounds how often a random secret is rejected.

const (
	// minBits is how many bits a secret must have: those of 32 hexadecimal digits.
	minBits = 128
	// minSaving is by how many bits a description must be shorter than the text before the text counts as not
	// random. At most one random secret in 2^24 of each alphabet does.
	minSaving = 24
	// minLetterBits is how many bits of single letters are enough beside words, as in "production-" and a random
	// text. It is below minBits because random text contains words by chance.
	minLetterBits = 112
	// examined is how many letters and digits are examined. More than that have minBits.
	examined = 256
)

//go:embed lists/words.txt
var wordList string

// shortestWord is the length of the shortest word in wordList.
const shortestWord = 2

// dictionary maps each word to the bits that it takes: the more frequent, the fewer. Prefixes of words map to
// infinity.
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

// loadDictionary returns the words of wordList. Secrets are checked when a server starts, so the words are kept only
// until the next garbage collection.
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
	const flat = 8 // the first ranks differ little
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

// isGuessable reports whether a secret is made of words, or has too few bits even if a generator made it.
func isGuessable(secret []byte, words dictionary) bool {
	if !utf8.Valid(secret) {
		return false // random bytes; 32 of them are valid UTF-8 once in 10^7 times
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

// split returns the ASCII letters and digits of a secret, and how many bits the other characters take. At first all
// 32 punctuation characters are equally likely. Those that have come before are more likely. Characters
// beyond ASCII take two bits, as in prose, because no generator uses them.
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

// alphabet returns the size of the smallest usual alphabet that contains text: decimal digits, hexadecimal
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
