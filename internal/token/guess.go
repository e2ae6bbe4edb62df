package token

import (
	_ "embed" // for the words
	"math"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
	"weak"
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

// A part of a description is a letter, or one of the others.
const (
	aLetter = iota
	aWord
	aRepeat
	aRun
)

// partBits is what it takes to say which part comes next, after a letter and after another part.
var partBits = [2][4]float64{
	{bitsOf(0.92), bitsOf(0.05), bitsOf(0.02), bitsOf(0.01)},
	{bitsOf(0.35), bitsOf(0.55), bitsOf(0.06), bitsOf(0.04)},
}

// Ways to write a word, and what it takes to say which.
var (
	lowerBits = bitsOf(0.50)
	titleBits = bitsOf(0.25)
	upperBits = bitsOf(0.15)
	mixedBits = bitsOf(0.10) // and one bit for each letter
	plainBits = bitsOf(0.90)
	leetBits  = bitsOf(0.10) // and one bit for each letter that has such a digit
)

func bitsOf(chance float64) float64 { return -math.Log2(chance) }

// runs are the order of the alphabet, of digits and of the keys of a keyboard, there and back.
const runs = "abcdefghijklmnopqrstuvwxyzabc zyxwvutsrqponmlkjihgfedcba 01234567890123456789 98765432109876543210 " +
	"qwertyuiopasdfghjklzxcvbnm mnbvcxzlkjhgfdsapoiuytrewq 1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p 1q2w3e4r5t6y7u8i9o0p"

//go:embed lists/words.txt
var wordList string

// shortestWord is that of wordList.
const shortestWord = 2

// dictionary returns what each word takes: the more frequent, the less. What only begins words takes more
// than anything. Secrets are checked when a server starts, so it is kept until memory is next collected.
func dictionary() map[string]float64 {
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

	words weak.Pointer[map[string]float64]
}

func newDictionary() map[string]float64 {
	words := strings.Fields(wordList)
	bits := make(map[string]float64, 4*len(words))
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
func isGuessable(secret []byte, words map[string]float64) bool {
	if !utf8.Valid(secret) {
		return false // random bytes, of which 32 are text once in 10^7 times
	}
	text, others := split(string(secret))
	text = text[:min(len(text), examined)]
	random := float64(len(text)) * math.Log2(float64(alphabet(text)))
	if others+random < minBits {
		return true
	}
	bits, letters := describe(text, words)
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

// describe returns in how many bits text can be described, and how many of them are for single letters.
func describe(text string, words map[string]float64) (bits, letters float64) {
	letter := math.Log2(float64(alphabet(text)))
	lower := strings.ToLower(text)
	unleet := [...]string{leet[0].Replace(lower), leet[1].Replace(lower)}
	cases, digits := lower != text && strings.ToUpper(text) != text, strings.ContainsAny(text, "0123456789")

	// least is the shortest description of what comes before each place, by what it ends in.
	type description struct{ bits, letters float64 }
	least := make([][2]description, len(text)+1)
	for i := range least {
		least[i] = [2]description{{bits: math.Inf(1)}, {bits: math.Inf(1)}}
	}
	least[0][1] = description{}
	for i := range len(text) {
		reach := func(n, part int, bits float64) {
			for after, from := range least[i] {
				to := &least[i+n][min(part, 1)]
				total := from.bits + partBits[after][part] + bits
				if total >= to.bits {
					continue
				}
				*to = description{total, from.letters}
				if part == aLetter {
					to.letters += bits
				}
			}
		}
		caseBits := func(n int) float64 {
			if !cases {
				return 0
			}
			return caseBits(text[i : i+n])
		}
		reach(1, aLetter, letter)
		read := func(as string, bits, each float64) {
			for n := shortestWord; i+n <= len(as); n++ {
				word, ok := words[as[i:i+n]]
				if !ok {
					break
				}
				reach(n, aWord, word+caseBits(n)+bits+each*float64(substitutable(as[i:i+n])))
			}
		}
		if digits {
			read(lower, plainBits, 0)
			read(unleet[0], leetBits, 1)
			read(unleet[1], leetBits, 1)
		} else {
			read(lower, 0, 0)
		}
		// Every beginning of the longest repetition is one too.
		for n, where := 2, 0; i+n <= len(text); n++ {
			at := strings.Index(text[where:i+n-1], text[i:i+n]) // may overlap what it describes
			if at < 0 {
				break
			}
			where += at
			reach(n, aRepeat, math.Log2(float64(i))+lengthBits(n))
		}
		for n, where := 3, 0; i+n <= len(text); n++ {
			at := strings.Index(runs[where:], lower[i:i+n])
			if at < 0 {
				break
			}
			where += at
			reach(n, aRun, math.Log2(float64(len(runs)))+lengthBits(n)+caseBits(n))
		}
	}
	best := least[len(text)][0]
	if other := least[len(text)][1]; other.bits < best.bits {
		best = other
	}
	return best.bits, best.letters
}

// lengthBits is what Elias's gamma code takes for n.
func lengthBits(n int) float64 { return 2*math.Floor(math.Log2(float64(n))) + 1 }

// caseBits is what it takes to say which letters of a word are capitals.
func caseBits(word string) float64 {
	lower, upper := strings.ToLower(word), strings.ToUpper(word)
	switch word {
	case lower:
		return lowerBits
	case upper:
		return upperBits
	case upper[:1] + lower[1:]:
		return titleBits
	default:
		return mixedBits + float64(len(word))
	}
}

// leet are two ways to read digits as the letters that they look like.
var leet = [2]*strings.Replacer{
	strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t"),
	strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "5", "s", "7", "t"),
}

// substitutable counts the letters of a word that a digit looks like.
func substitutable(word string) (n int) {
	for _, c := range word {
		if strings.ContainsRune("oileast", c) {
			n++
		}
	}
	return n
}
