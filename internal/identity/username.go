package identity

import (
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// The length of a user name, in code points. The least is 2 because many Chinese, Japanese and
// Korean names have no more.
const (
	MinUsername = 2
	MaxUsername = 64
)

// ParseUsername accepts what PRECIS allows in a user name (RFC 8265 §3): letters, digits and
// marks of any language, and ASCII punctuation. Beyond that it wants a name to have [MinUsername]
// to [MaxUsername] code points, letters of one script, no invisible characters, no marks that do not
// show (see marksShow), and no "@", so that no user name can pass for an e-mail address, nor for the id
// of another user. Spaces around it are dropped.
//
// The key is the name in the UsernameCaseMapped profile (RFC 8265 §3.3): full-width letters are
// ordinary ones, and upper case is lower case. The error is a [Problem].
func ParseUsername(raw string) (Name, error) {
	name, err := parseUsername(raw)
	if err == nil && !marksShow(name.Display) { // the key is not shown, and lower case gives "İ" such a mark
		return Name{}, InvalidFormat
	}
	return name, err
}

// parseUsername is ParseUsername for names of any age.
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
