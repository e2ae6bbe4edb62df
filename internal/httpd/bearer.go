package httpd

import "strings"

// maxBearer is the longest token that is looked at, in bytes.
const maxBearer = 8 << 10

// bearer finds the access token in the Authorization headers of a request. It reports false when
// there is no bearer token: no header, or one of another scheme. It returns "" when there is one
// that is not usable: empty, too long, not of the form that RFC 6750 §2.1 gives, or one of several
// headers, of which no two readers would choose the same.
func bearer(authorization []string) (token string, found bool) {
	switch len(authorization) {
	case 0:
		return "", false
	case 1:
	default:
		return "", true
	}
	scheme, rest, _ := strings.Cut(authorization[0], " ")
	if !strings.EqualFold(scheme, "Bearer") { // in any case: RFC 9110 §11.1
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

// inB64Token holds the bytes of a b64token. Tokens are long, and come with each request.
var inB64Token = func() (in [256]bool) {
	for c := range in {
		in[c] = isAlphanumeric(byte(c)) || strings.IndexByte("-._~+/", byte(c)) >= 0
	}
	return in
}()
