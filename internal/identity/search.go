package identity

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// SearchKey returns the form in which names are searched: lower case, in NFKC, which unifies variants of the same
// character, with single spaces between words. The key of a user name or an e-mail address is its own search key.
func SearchKey(text string) string {
	folded := norm.NFKC.String(strings.ToLower(norm.NFKC.String(strings.ToValidUTF8(text, ""))))
	return strings.Join(strings.Fields(folded), " ")
}
