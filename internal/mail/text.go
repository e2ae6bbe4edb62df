package mail

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits in characters.
const (
	maxText    = 120 // a text that a user chooses, and the name of the application
	maxSubject = 150
	maxReply   = 300
)

// clean returns s as one line of at most limit characters. It removes control characters, and those that are
// invisible or reverse the direction of text (Unicode category C). Header fields and plain text have no other
// escape for these.
func clean(s string, limit int) string {
	var b strings.Builder
	for word := range strings.FieldsSeq(strings.ToValidUTF8(s, "�")) {
		word = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.C, r) {
				return -1
			}
			return r
		}, word)
		if word == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return shorten(b.String(), limit)
}

func shorten(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}

// wordJoiner is invisible and has no width (U+2060).
const wordJoiner = "\u2060"

// defuse keeps mail programs from making links of a text that a user has chosen, or else everybody could send
// mail with links in Usher's name. A word joiner after each dot, colon and slash splits what programs take for a
// URL or a domain.
func defuse(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		b.WriteRune(r)
		if strings.ContainsRune(".:/。．｡", r) && i+1 < len(runes) && !unicode.IsSpace(runes[i+1]) {
			b.WriteString(wordJoiner)
		}
	}
	return b.String()
}

// tidy removes spaces at the ends of lines and all but one of several empty lines.
func tidy(text string) string {
	var b strings.Builder
	empty := true
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" && empty {
			continue
		}
		empty = line == ""
		b.WriteString(line + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// redact replaces secrets in an answer of a server. A server that rejects a mail may quote a line of it, with
// the link. It may break the line in another place, so a word that has eight characters in common with a secret
// counts too.
func redact(text string, secrets []string) string {
	const window = 8
	words := strings.Fields(text)
	for i, word := range words {
		for _, secret := range secrets {
			switch {
			case secret == "":
			case strings.Contains(word, secret), sharesWindow(word, secret, window):
				words[i] = "[redacted]"
			}
		}
	}
	return strings.Join(words, " ")
}

func sharesWindow(word, secret string, window int) bool {
	for i := 0; i+window <= len(word); i++ {
		if strings.Contains(secret, word[i:i+window]) {
			return true
		}
	}
	return false
}
