package password

import (
	_ "embed" // for the list
	"strings"
)

// commonList holds digests of the 100,000 commonest passwords in lower case; lists/README.md names the source. An
// entry has five bytes: 38 bits of the FNV-1a digest of a password, and two bits for its class. The entries are sorted.
// Look-ups search the embedded bytes, so the list needs no memory on the heap and no work at start-up. Compressed
// text would have a third of the size, but it must be unpacked into the heap. A binary fuse filter with 8 bits for
// each entry would have a quarter, but it mistakes one text in 256 for an entry. The list mistakes one in
// three million. This matters because every part of a password is looked up.
//
//go:embed lists/common.bin
var commonList string

const (
	entrySize     = 5
	classBits     = 2
	digestShift   = 64 - (8*entrySize - classBits) // keeps as many bits of a 64-bit digest as an entry has
	shortestEntry = 3
	longestEntry  = 20
)

// commonBits is the cost of a common password by class: one of 1,000, of 10,000 and of 100,000.
var commonBits = [1 << classBits]float64{10, 13.3, 16.6}

// eachCommon calls found for each common password at the beginning of text.
func eachCommon(text string, found func(length int, bits float64)) {
	digest := uint64(14695981039346656037) // FNV-1a, as hash/fnv computes it
	for i := range min(len(text), longestEntry) {
		digest = (digest ^ uint64(text[i])) * 1099511628211
		if i+1 < shortestEntry {
			continue
		}
		if class, ok := findCommon(digest >> digestShift); ok {
			found(i+1, commonBits[class])
		}
	}
}

// findCommon returns the class of the entry with a digest.
func findCommon(digest uint64) (class uint64, ok bool) {
	low, high := 0, len(commonList)/entrySize
	for low < high {
		middle := (low + high) / 2
		entry := commonEntry(middle)
		switch d := entry >> classBits; {
		case d == digest:
			return entry & (1<<classBits - 1), true
		case d < digest:
			low = middle + 1
		default:
			high = middle
		}
	}
	return 0, false
}

func commonEntry(i int) uint64 {
	e := commonList[i*entrySize : (i+1)*entrySize]
	return uint64(e[0])<<32 | uint64(e[1])<<24 | uint64(e[2])<<16 | uint64(e[3])<<8 | uint64(e[4])
}

// examplePhrases are passphrases from comics and guides, typing exercises and famous lines, in lower case and without
// spaces and punctuation.
var examplePhrases = strings.Fields(`
	correcthorsebatterystaple horsebatterystaple correcthorsebattery
	cleftcamsynodlacyyrwok
	thequickbrownfox jumpsoverthelazydog jumpedoverthelazydog
	thisismypassword thisisapassword thisismysecret thisisasecret mypasswordis mysecretpassword
	averylongpassword averysecurepassword averystrongpassword
	tobeornottobe thatisthequestion maytheforcebewithyou onceuponatime
	maryhadalittlelamb twinkletwinklelittlestar
	loremipsumdolorsitamet consecteturadipiscingelit
`)
