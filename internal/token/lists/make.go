//go:build ignore

// Command make writes the lists in this folder. See README.md.
//
//	go run make.go words package/lib/frequency_lists.js
//	go run make.go published FILE...
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"log"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"usher/internal/token"
)

func main() {
	log.SetFlags(0)
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 2 && args[0] == "words":
		err = writeWords(args[1])
	case len(args) > 1 && args[0] == "published":
		err = addPublished(args[1:])
	default:
		log.Fatal("usage: go run make.go words frequency_lists.js | published FILE...")
	}
	if err != nil {
		log.Fatal(err)
	}
}

// technical are words of secrets and placeholders that are rare in everyday language.
const technical = `is in to of on my be it at by or an as we us no do if me so up secret key token jwt password auth string random your my change replace generate generated use here
long very byte bytes bits bit char chars characters secure security private public hmac sha256 sha512 sha hs256 hs512 hash
base64 hex hexadecimal encoded encode signing sign signature api app application access refresh session cookie user admin
root test testing example sample default dev development prod production staging local localhost server service backend
frontend node nodejs express react django flask fastapi laravel rails spring java python golang php web website database
postgres mysql mongo mongodb redis docker kubernetes github config env environment variable value placeholder todo fixme
foo bar baz lorem ipsum qwerty asdf login oauth openid graphql usher super strong minimum least must should please never
shared store keep changeme passphrase encryption decrypt encrypt crypto salt pepper entropy insecure unsafe dummy fake temp
temporary demo tutorial bearer authorization authentication webtoken json
clave secreta secreto llave senha chave segredo cle motdepasse geheim geheimer schluessel passwort kennwort wachtwoord`

func writeWords(file string) error {
	source, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	frequency := map[string][]string{}
	for _, list := range regexp.MustCompile(`(\w+): "([^"]*)"`).FindAllStringSubmatch(string(source), -1) {
		frequency[list[1]] = strings.Split(list[2], ",")
	}
	return os.WriteFile("words.txt", []byte(strings.Join(words(frequency), "\n")+"\n"), 0o644)
}

// words merges the lists by rank, so that frequent words come first.
func words(frequency map[string][]string) []string {
	lists := [][]string{strings.Fields(technical)}
	for _, l := range []struct {
		name string
		n    int
	}{{"english_wikipedia", 4500}, {"us_tv_and_film", 1500}, {"passwords", 1500}, {"male_names", 200}, {"female_names", 300}, {"surnames", 300}} {
		lists = append(lists, frequency[l.name][:l.n])
	}
	seen := map[string]bool{}
	var out []string
	add := func(word string, short bool) {
		word = strings.ToLower(word)
		if (len(word) < 3 && !short) || len(word) > 16 || seen[word] || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
			return
		}
		seen[word] = true
		out = append(out, word)
	}
	for i := range len(lists[1]) {
		for kind, list := range lists {
			if i < len(list) {
				add(list[i], kind == 0)
			}
		}
	}
	return out
}

// plain is a copy of plain in package token.
func plain(secret string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, secret)
}

// addPublished adds the digests of secrets in files, one per line, that CheckSecret would accept.
func addPublished(files []string) error {
	old, err := os.ReadFile("published.bin")
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	digests := [][]byte{}
	for d := range slices.Chunk(old, 8) {
		digests = append(digests, d)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		lines, long := 0, 0
		for s := bufio.NewScanner(f); s.Scan(); {
			lines++
			secret := bytes.TrimSpace(s.Bytes())
			if len(secret) < 32 {
				continue
			}
			long++
			if token.CheckSecret(secret) != nil {
				continue
			}
			sum := sha256.Sum256([]byte(plain(string(secret))))
			digests = append(digests, sum[:8])
		}
		f.Close()
		log.Printf("%s: %d lines, %d of 32 bytes or more", name, lines, long)
	}
	slices.SortFunc(digests, bytes.Compare)
	digests = slices.CompactFunc(digests, bytes.Equal)
	log.Printf("published.bin: %d digests", len(digests))
	return os.WriteFile("published.bin", bytes.Join(digests, nil), 0o644)
}
