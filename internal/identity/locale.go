package identity

import (
	"strings"

	"golang.org/x/text/language"
)

// MaxLocale is the maximum length of a language tag. RFC 5646 §4.4.1 recommends buffers of 35 characters.
const MaxLocale = 35

// ParseLocale parses a language tag (BCP 47) such as "pt-BR", and returns its canonical form. Surrounding spaces are
// removed. It returns "" for an empty tag. Subtags that are not registered are invalid, and so are "und" and private use
// tags such as "x-klingon", which name no language. The error is a [Problem].
func ParseLocale(raw string) (string, error) {
	raw = strings.Trim(raw, " ")
	switch {
	case raw == "":
		return "", nil
	case len(raw) > MaxLocale:
		return "", InvalidFormat
	}
	tag, err := language.Parse(raw)
	if err != nil {
		return "", InvalidFormat
	}
	locale := tag.String()
	if language, _, _ := strings.Cut(locale, "-"); len(locale) > MaxLocale || language == "und" || language == "x" {
		return "", InvalidFormat
	}
	return locale, nil
}
