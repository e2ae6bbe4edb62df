package password

import (
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestCommonList(t *testing.T) {
	if len(commonList)%entrySize != 0 || len(commonList)/entrySize < 90_000 {
		t.Fatalf("the list has %d bytes", len(commonList))
	}
	classes := map[uint64]int{}
	for i := range len(commonList) / entrySize {
		if i > 0 && commonEntry(i-1)>>classBits >= commonEntry(i)>>classBits {
			t.Fatalf("the list is not in order at %d", i)
		}
		classes[commonEntry(i)&(1<<classBits-1)]++
	}
	if classes[0] != 1_000 || classes[1] != 9_000 || len(classes) != 3 {
		t.Errorf("entries by class: %v", classes)
	}
}

// whole returns the class of a password in the list.
func whole(password string) (bits float64, ok bool) {
	eachCommon(password, func(length int, b float64) {
		if length == len(password) {
			bits, ok = b, true
		}
	})
	return bits, ok
}

func TestEachCommon(t *testing.T) {
	for password, want := range map[string]float64{
		// From each class.
		"123456": 10, "password": 10, "qwerty": 10, "monkey": 10, "blue23": 13.3,
		"07021957": 16.6, "catering": 16.6, "1qaz2wsx3edc4rfv": 16.6,
		"12345678901234567890":  16.6, // as long as any
		"libertarianmypassword": 0, "Password": 0, "": 0, "12": 0, "lamp river": 0, strong: 0,
	} {
		if got, ok := whole(password); got != want || ok != (want != 0) {
			t.Errorf("%q: %v bits, %t; want %v", password, got, ok, want)
		}
	}
	var lengths []int
	eachCommon("passwords of others", func(length int, _ float64) { lengths = append(lengths, length) })
	if len(lengths) < 3 || lengths[0] < 3 || lengths[len(lengths)-1] != len("passwords") {
		t.Errorf("parts of %v characters are found, want those up to \"passwords\"", lengths)
	}
}

// TestEachCommonDigest shows that the digests are those that lists/make.go wrote.
func TestEachCommonDigest(t *testing.T) {
	h := fnv.New64a()
	_, _ = h.Write([]byte("password"))
	if _, ok := findCommon(h.Sum64() >> digestShift); !ok {
		t.Error("the digest of hash/fnv is not found")
	}
}

// TestEachCommonByChance looks up a million random texts. Some few are taken for entries, as three in 10^7 should be.
func TestEachCommonByChance(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 100_000 {
		eachCommon(randomText(r, "bcdfghjklmnpqrstvwxz", 20)[:12], func(length int, _ float64) {
			if length >= 9 { // shorter ones are entries by right
				found++
			}
		})
	}
	if found > 3 {
		t.Errorf("%d of 400,000 random texts are taken for entries", found)
	}
}

func randomText(r *rand.Rand, alphabet string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

func BenchmarkEachCommon(b *testing.B) {
	for b.Loop() {
		eachCommon("lamprivercandlestone", func(int, float64) {})
	}
}
