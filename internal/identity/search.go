package identity

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// SearchKey returns the form in which names are searched: in lower case, without the forms of
// characters that only look different (NFKC), with single spaces between words. The key of a user
// name or an e-mail address is its own search key.
func SearchKey(text string) string {
	folded := norm.NFKC.String(strings.ToLower(norm.NFKC.String(strings.ToValidUTF8(text, ""))))
	return strings.Join(strings.Fields(folded), " ")
}
