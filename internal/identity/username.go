package identity

import (
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// The minimum and maximum length of a user name in code points. Many Chinese, Japanese and Korean names have only
// two.
const (
	MinUsername = 2
	MaxUsername = 64
)

// ParseUsername parses a user name. It allows the characters that PRECIS allows in user names (RFC 8265 §3):
// letters, digits and marks of any language, and ASCII punctuation. In addition, a name must have [MinUsername] to
// [MaxUsername] code points, letters of one script, no invisible characters and no invisible marks (see
// marksVisible). It must not contain "@" or be a UUID, so that it cannot be confused with an e-mail address or a
// user's id. Surrounding spaces are removed.
//
// The key is the name in the UsernameCaseMapped profile (RFC 8265 §3.3), which maps full-width letters to ordinary
// letters and upper case to lower case. The error is a [Problem].
func ParseUsername(raw string) (Name, error) {
	name, err := parseUsername(raw)
	if err == nil && !marksVisible(name.Display) { // not the key, in which lower case gives "İ" such a mark
		return Name{}, InvalidFormat
	}
	return name, err
}

// parseUsername is ParseUsername without the checks that older accounts may not satisfy.
func parseUsername(raw string) (Name, error) {
	raw = strings.Trim(raw, " ")
	switch {
	case raw == "":
		return Name{}, Required
	case len(raw) > MaxUsername*maxTyped:
		return Name{}, TooLong
	}
	name, ok := parseWord(raw)
	if !ok || strings.Contains(name.Key, "@") || isUUID(name.Key) {
		return Name{}, InvalidFormat
	}
	// Lower case can have more code points than upper case, or fewer.
	display, key := utf8.RuneCountInString(name.Display), utf8.RuneCountInString(name.Key)
	switch {
	case min(display, key) < MinUsername:
		return Name{}, TooShort
	case max(display, key) > MaxUsername:
		return Name{}, TooLong
	}
	return name, nil
}

func isUUID(s string) bool {
	_, err := uuid.Parse(s)
	return err == nil
}
