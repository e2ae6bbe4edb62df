//go:build ignore

// Command make writes common.bin from the list in an npm package; see README.md.
//
//	go run make.go package/data/passwords.txt.gz
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/fnv"
	"log"
	"os"
	"slices"
	"strings"
)

const (
	commonest = 100_000 // lines of the file that are in order of frequency
	entrySize = 5

	shortest = 3
	longest  = 20 // so that few look-ups are needed for each character of a password
	// long is the default minimum length. Few of the commonest passwords are so long, so those of the other
	// lines are added.
	long = 15
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run make.go passwords.txt.gz")
	}
	if err := write(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func write(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := gzip.NewReader(f)
	if err != nil {
		return err
	}

	var digests []uint64
	seen := map[string]bool{}
	lines := bufio.NewScanner(text)
	for line := 0; lines.Scan(); line++ {
		password := strings.ToLower(lines.Text())
		least := shortest
		if line >= commonest {
			least = long
		}
		if seen[password] || len(password) < least || len(password) > longest {
			continue
		}
		seen[password] = true
		h := fnv.New64a()
		h.Write([]byte(password))
		digests = append(digests, h.Sum64()>>26<<2|class(len(seen)))
	}
	if err := lines.Err(); err != nil {
		return err
	}

	slices.Sort(digests)
	var out bytes.Buffer
	last := ^uint64(0)
	for _, d := range digests {
		if d>>2 == last>>2 {
			continue // the more frequent of two with one digest
		}
		last = d
		out.Write(binary.BigEndian.AppendUint64(nil, d)[8-entrySize:])
	}
	log.Printf("%d passwords, %d entries", len(digests), out.Len()/entrySize)
	return os.WriteFile("common.bin", out.Bytes(), 0o644)
}

// class is 0 for the 1,000 commonest, 1 for the 9,000 after them, and 2 for the rest.
func class(rank int) uint64 {
	switch {
	case rank <= 1_000:
		return 0
	case rank <= 10_000:
		return 1
	default:
		return 2
	}
}
