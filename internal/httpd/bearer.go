package httpd

import "strings"

// maxBearer is the maximum length of a token in bytes.
const maxBearer = 8 << 10

// bearer returns the access token in the Authorization headers of a request. It reports false if there is no
// header or its scheme is not Bearer. It returns "" for an unusable token: an empty or overlong one, or one
// without the syntax of RFC 6750 §2.1. Several headers also give "", because two parsers could choose
// different ones.
func bearer(authorization []string) (token string, found bool) {
	switch len(authorization) {
	case 0:
		return "", false
	case 1:
	default:
		return "", true
	}
	scheme, rest, _ := strings.Cut(authorization[0], " ")
	if !strings.EqualFold(scheme, "Bearer") { // schemes are case-insensitive: RFC 9110 §11.1
		return "", false
	}
	token = strings.TrimLeft(rest, " ")
	if len(token) > maxBearer || !isB64Token(token) {
		return "", true
	}
	return token, true
}

// isB64Token reports whether s is a b64token of RFC 6750 §2.1.
func isB64Token(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		if !inB64Token[s[i]] {
			return false
		}
	}
	return s != ""
}

// inB64Token is the set of bytes of a b64token. It is a table for speed: tokens are long, and most requests
// have one.
var inB64Token = func() (in [256]bool) {
	for c := range in {
		in[c] = isAlphanumeric(byte(c)) || strings.IndexByte("-._~+/", byte(c)) >= 0
	}
	return in
}()
