package guess

import (
	"math"
	"strings"
	"testing"
)

// testWords are a dictionary in which each word takes eight bits.
type testWords []string

func (words testWords) Words(text string, found func(length int, bits float64)) {
	for _, w := range words {
		if strings.HasPrefix(text, w) {
			found(len(w), 8)
		}
	}
}

// TestBits compares texts with others of the same length that have no pattern.
func TestBits(t *testing.T) {
	const letterBits = 4
	words := testWords{"horse", "battery", "stallion"}
	tests := []struct {
		text     string
		parts    float64 // bits of all parts except single letters, without the bits that name their kind
		letters  float64 // number of single letters
		overhead float64 // maximum number of bits that name the kinds of parts
	}{
		{text: ""},
		{text: "h", letters: 1, overhead: 2},
		{text: "xkqvjwzpfm", letters: 10, overhead: 4},
		{text: "horse", parts: 8, overhead: 1},
		{text: "horsebattery", parts: 16, overhead: 2},
		{text: "Horse", parts: 8 + 2, overhead: 1},
		{text: "HORSE", parts: 8, overhead: 1}, // all in one case
		{text: "HORSEbattery", parts: 8 + 2.73 + 8 + 1, overhead: 2},
		{text: "hOrSe", parts: 8 + 3.33 + 5, overhead: 1},
		{text: "h0rs3", parts: 8 + 3.33 + 3, overhead: 1},                 // o, s and e may be digits
		{text: "bat7ery", parts: 8 + 3.33 + 4, overhead: 1},               // a, t, t and e
		{text: "57a11i0n", parts: 8 + 3.33 + 7, overhead: 1},              // s, t, a, l, l, i and o; 1 is an l here
		{text: "qhorse", parts: 8, letters: 1, overhead: 6},               // a letter, then a word
		{text: "abcdefghij", parts: 7.76 + 7, overhead: 5},                // a run
		{text: "jihgfedcba", parts: 7.76 + 7, overhead: 5},                // backwards
		{text: "poiuytrewq", parts: 7.76 + 7, overhead: 5},                // on the keyboard
		{text: "xkqvxkqvxkqvxkqv", parts: 2 + 7, letters: 4, overhead: 9}, // a repeat of twelve, which overlaps
		{text: "aaaaaaaaaaaaaaaa", parts: 0 + 7, letters: 1, overhead: 9},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			bits, letters := Bits(tt.text, letterBits, words)
			if least := tt.parts + letterBits*tt.letters; bits < least-0.1 || bits > least+tt.overhead {
				t.Errorf("%.2f bits, want %.2f and at most %.2f for the kinds of parts", bits, least, tt.overhead)
			}
			if letters != letterBits*tt.letters {
				t.Errorf("%.2f bits for letters, want %.2f", letters, letterBits*tt.letters)
			}
		})
	}
}

// counter is a dictionary without words that counts how often it is asked.
type counter int

func (c *counter) Words(string, func(int, float64)) { *c++ }

// FuzzBits shows what holds for every text.
func FuzzBits(f *testing.F) {
	f.Add("h0rs3 battery HORSE 12345 horsehorse", "horse")
	f.Add(strings.Repeat("qwerty1", 36), "y1q")
	f.Add(strings.Repeat("0", 256), "0")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, text, word string) {
		for _, s := range []string{text, word} {
			if len(s) > 256 || strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 }) {
				return
			}
		}
		lookUps := counter(0)
		bits, letters := Bits(text, 4, &lookUps)
		if most := 3 * len(text); int(lookUps) > most {
			t.Errorf("looks up words %d times, want at most %d", lookUps, most)
		}
		n := float64(len(text))
		if plain := n*(4+partBits[0][letterPart]) + partBits[1][letterPart]; math.IsNaN(bits) || bits < 0 || bits > plain {
			t.Errorf("%v bits; letter by letter there are %v", bits, plain)
		}
		if letters < 0 || letters > bits || letters > 4*n {
			t.Errorf("%v bits for letters, of %v", letters, bits)
		}
		if word == "" {
			return
		}
		if more, _ := Bits(text, 4, testWords{strings.ToLower(word)}); more > bits {
			t.Errorf("%v bits with a word more, %v without", more, bits)
		}
	})
}

func BenchmarkBits(b *testing.B) {
	text := strings.Repeat("h0rse-Battery+123", 4)
	b.ReportAllocs()
	for b.Loop() {
		Bits(text, 4, testWords{"horse", "battery"})
	}
}
