// Package guess owns the estimate of how hard a text is to guess. A text can be described by single letters, by words, by
// repeats of earlier parts, and by runs such as "abcd" and "qwerty". The estimate is the length of the shortest
// description in bits. Callers provide the words and the cost of a letter.
package guess

import (
	"math"
	"strings"
)

// Dictionary holds words with their costs in bits: the more frequent a word, the fewer.
type Dictionary interface {
	// Words calls found for each word at the beginning of text, which is in lower case.
	Words(text string, found func(length int, bits float64))
}

// The kinds of parts in a description.
const (
	letterPart = iota
	wordPart
	repeatPart
	runPart
)

// partBits is the cost of the kind of the next part, after a letter and after any other part.
var partBits = [2][4]float64{
	{bitsOf(0.92), bitsOf(0.05), bitsOf(0.02), bitsOf(0.01)},
	{bitsOf(0.35), bitsOf(0.55), bitsOf(0.06), bitsOf(0.04)},
}

// The cost of how a word is written: its case, and whether digits replace letters.
var (
	lowerBits = bitsOf(0.50)
	titleBits = bitsOf(0.25)
	upperBits = bitsOf(0.15)
	mixedBits = bitsOf(0.10) // and one bit for each letter
	plainBits = bitsOf(0.90)
	leetBits  = bitsOf(0.10) // and one bit for each letter that a digit could replace
)

func bitsOf(chance float64) float64 { return -math.Log2(chance) }

// runs holds the alphabet, the digits and the keys of a keyboard in order, forwards and backwards.
const runs = "abcdefghijklmnopqrstuvwxyzabc zyxwvutsrqponmlkjihgfedcba 01234567890123456789 98765432109876543210 " +
	"qwertyuiopasdfghjklzxcvbnm mnbvcxzlkjhgfdsapoiuytrewq 1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p 1q2w3e4r5t6y7u8i9o0p " +
	"`1234567890-="

const (
	shortestRepeat = 2
	shortestRun    = 3
)

// description is the cost of a description, and how many of its bits are for single letters.
type description struct{ bits, letters float64 }

// Bits returns the cost of the shortest description of text, and how many of its bits are for single letters. The text
// must be ASCII. Each of its characters counts as a letter and costs letterBits.
func Bits(text string, letterBits float64, words Dictionary) (bits, letters float64) {
	lower := strings.ToLower(text)
	readings := []reading{{text: lower}}
	if strings.ContainsAny(text, "0123456789") {
		readings = []reading{{lower, plainBits, 0}, {leet[0].Replace(lower), leetBits, 1}, {leet[1].Replace(lower), leetBits, 1}}
	}
	cased := lower != text && strings.ToUpper(text) != text

	// shortest[i] holds the shortest description of text[:i] that ends in a letter, and the one that ends in
	// another part.
	shortest := make([][2]description, len(text)+1)
	for i := range shortest {
		shortest[i] = [2]description{{bits: math.Inf(1)}, {bits: math.Inf(1)}}
	}
	shortest[0][1] = description{}
	for i := range len(text) {
		add := func(length, part int, bits float64) {
			if cased && (part == wordPart || part == runPart) {
				bits += caseBits(text[i : i+length])
			}
			for after, from := range shortest[i] {
				to := &shortest[i+length][min(part, 1)]
				total := from.bits + partBits[after][part] + bits
				if total >= to.bits {
					continue
				}
				*to = description{total, from.letters}
				if part == letterPart {
					to.letters += bits
				}
			}
		}
		add(1, letterPart, letterBits)
		for _, r := range readings {
			words.Words(r.text[i:], func(length int, bits float64) {
				add(length, wordPart, bits+r.bits+r.each*float64(substitutable(r.text[i:i+length])))
			})
		}
		eachRepeat(text, i, func(length int) { add(length, repeatPart, math.Log2(float64(i))+lengthBits(length)) })
		eachRun(lower[i:], func(length int) { add(length, runPart, math.Log2(float64(len(runs)))+lengthBits(length)) })
	}
	last := shortest[len(text)]
	if last[0].bits < last[1].bits {
		return last[0].bits, last[0].letters
	}
	return last[1].bits, last[1].letters
}

// reading is a way to read the digits of a text, and the cost of reading a word in this way.
type reading struct {
	text       string
	bits, each float64 // for the word, and for each letter that a digit could replace
}

// eachRepeat calls found with the length of each part at i that also occurs earlier. Both may overlap.
func eachRepeat(text string, i int, found func(length int)) {
	for length, where := shortestRepeat, 0; i+length <= len(text); length++ {
		at := strings.Index(text[where:i+length-1], text[i:i+length])
		if at < 0 {
			return
		}
		where += at
		found(length)
	}
}

// eachRun calls found with the length of each run at the beginning of text.
func eachRun(text string, found func(length int)) {
	for length, where := shortestRun, 0; length <= len(text); length++ {
		at := strings.Index(runs[where:], text[:length])
		if at < 0 {
			return
		}
		where += at
		found(length)
	}
}

// lengthBits is the length of n in Elias's gamma code.
func lengthBits(n int) float64 { return 2*math.Floor(math.Log2(float64(n))) + 1 }

// caseBits is the cost of the capitals in a word.
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

// leet holds two ways to read digits as letters that look like them.
var leet = [2]*strings.Replacer{
	strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t"),
	strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "5", "s", "7", "t"),
}

// substitutable counts the letters of a word that a digit could replace.
func substitutable(word string) (n int) {
	for _, c := range word {
		if strings.ContainsRune("oileast", c) {
			n++
		}
	}
	return n
}
