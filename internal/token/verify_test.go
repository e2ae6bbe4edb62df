package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"usher/internal/seal/sealtest"
)

// A token with this header and payload is valid at testNow. Each case below changes one detail.
const (
	validHeader  = `{"typ":"at+jwt","alg":"HS256"}`
	validPayload = `{"iss":"https://auth.example","aud":"https://api.example","sub":"u","sid":"s",` +
		`"client_id":"c","iat":1772366400,"exp":1772367300,"jti":"j","auth_time":1772362800,"roles":["USER"]}`
)

// edit replaces the only occurrence of old.
func edit(t *testing.T, s, old, replacement string) string {
	t.Helper()
	if strings.Count(s, old) != 1 {
		t.Fatalf("%q does not occur once in %s", old, s)
	}
	return strings.Replace(s, old, replacement, 1)
}

func TestVerifyHeader(t *testing.T) {
	const (
		okay     = ""
		notJSON  = "token: invalid: not JSON"
		badCrit  = "token: invalid: crit is not supported"
		badKid   = "token: invalid: unknown kid"
		badAlg   = "token: invalid: alg does not match the key"
		badTyp   = "token: invalid: typ is not at+jwt"
		twice    = "token: invalid: a name occurs twice"
		wrongFor = "token: invalid: a name is in the wrong case"
	)
	tests := []struct{ name, header, want string }{
		{"valid", validHeader, okay},
		{"other order and spaces", "\n{ \"alg\" : \"HS256\" ,\t\"typ\" : \"at+jwt\" }\r\n", okay},
		{"escapes", `{"\u0074yp":"at\u002bjwt","alg":"HS256"}`, okay},
		{"long media type", `{"typ":"application/at+jwt","alg":"HS256"}`, okay},
		{"media type in another case", `{"typ":"Application/AT+JWT","alg":"HS256"}`, okay},
		{"key by jku", `{"typ":"at+jwt","alg":"HS256","jku":"https://evil.example/jwks"}`, okay},
		{"key by x5u", `{"typ":"at+jwt","alg":"HS256","x5u":"https://evil.example/x5u"}`, okay},
		{"key by jwk", `{"typ":"at+jwt","alg":"HS256","jwk":{"kty":"oct","k":"AA"}}`, okay},
		{"key by x5c", `{"typ":"at+jwt","alg":"HS256","x5c":["AA"]}`, okay},

		{"type of an ID token", `{"typ":"JWT","alg":"HS256"}`, badTyp},
		{"type of a refresh token", `{"typ":"rt+jwt","alg":"HS256"}`, badTyp},
		{"type with a parameter", `{"typ":"at+jwt;v=1","alg":"HS256"}`, badTyp},
		{"no type", `{"alg":"HS256"}`, badTyp},
		{"null type", `{"typ":null,"alg":"HS256"}`, "token: invalid: typ is not a string"},
		{"array type", `{"typ":["at+jwt"],"alg":"HS256"}`, "token: invalid: typ is not a string"},
		{"alg none", `{"typ":"at+jwt","alg":"none"}`, badAlg},
		{"alg NONE", `{"typ":"at+jwt","alg":"NONE"}`, badAlg},
		{"alg in lower case", `{"typ":"at+jwt","alg":"hs256"}`, badAlg},
		{"alg HS512", `{"typ":"at+jwt","alg":"HS512"}`, badAlg},
		{"alg RS256", `{"typ":"at+jwt","alg":"RS256"}`, badAlg},
		{"alg ES256", `{"typ":"at+jwt","alg":"ES256"}`, badAlg},
		{"alg EdDSA", `{"typ":"at+jwt","alg":"EdDSA"}`, badAlg},
		{"no alg", `{"typ":"at+jwt"}`, badAlg},
		{"empty alg", `{"typ":"at+jwt","alg":""}`, "token: invalid: alg is empty"},
		{"alg is a number", `{"typ":"at+jwt","alg":256}`, "token: invalid: alg is not a string"},
		{"unknown crit", `{"typ":"at+jwt","alg":"HS256","crit":["exp"]}`, badCrit},
		{"crit b64", `{"typ":"at+jwt","alg":"HS256","b64":false,"crit":["b64"]}`, badCrit},
		{"empty crit", `{"typ":"at+jwt","alg":"HS256","crit":[]}`, badCrit},
		{"null crit", `{"typ":"at+jwt","alg":"HS256","crit":null}`, badCrit},
		{"unknown kid", `{"typ":"at+jwt","alg":"HS256","kid":"1"}`, badKid},
		{"kid is a path", `{"typ":"at+jwt","alg":"HS256","kid":"../../dev/null"}`, badKid},
		{"empty kid", `{"typ":"at+jwt","alg":"HS256","kid":""}`, "token: invalid: kid is empty"},
		{"null kid", `{"typ":"at+jwt","alg":"HS256","kid":null}`, "token: invalid: kid is not a string"},
		{"alg twice", `{"typ":"at+jwt","alg":"none","alg":"HS256"}`, twice},
		{"alg twice, once escaped", `{"typ":"at+jwt","alg":"HS256","\u0061lg":"none"}`, twice},
		{"unknown member twice", `{"typ":"at+jwt","alg":"HS256","x":1,"x":1}`, twice},
		{"names in upper case", `{"TYP":"at+jwt","ALG":"HS256"}`, wrongFor},
		{"Crit", `{"typ":"at+jwt","alg":"HS256","Crit":["exp"]}`, wrongFor},
		{"kid with the Kelvin sign", `{"typ":"at+jwt","alg":"HS256","Kid":"1"}`, wrongFor},
		{"many members", `{"typ":"at+jwt","alg":"HS256"` + manyMembers + `}`, "token: invalid: too many members"},
		{"empty", ``, notJSON},
		{"spaces", `  `, notJSON},
		{"truncated", `{"typ":"at+jwt","alg":"HS256"`, notJSON},
		{"trailing brace", validHeader + `}`, notJSON},
		{"trailing object", validHeader + validHeader, notJSON},
		{"trailing NUL", validHeader + "\x00", notJSON},
		{"byte order mark", "\uFEFF" + validHeader, notJSON},
		{"not UTF-8", `{"typ":"at+jwt","alg":"HS256","x":"` + "\xff" + `"}`, notJSON},
		{"array", `["at+jwt","HS256"]`, "token: invalid: not a JSON object"},
		{"null", `null`, "token: invalid: not a JSON object"},
	}
	key := newTestKey(t)
	a := newTestAuthority(t, key, testNow)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkVerify(t, a, forge(t, key, tt.header, validPayload), tt.want)
		})
	}
}

// manyMembers fill an object up to the maximum number of members.
var manyMembers = func() string {
	var b strings.Builder
	for i := range maxMembers {
		fmt.Fprintf(&b, `,"x%d":0`, i)
	}
	return b.String()
}()

func TestVerifyClaims(t *testing.T) {
	const (
		okay     = ""
		expired  = "token: expired"
		missing  = "token: invalid: a claim is missing"
		notJSON  = "token: invalid: not JSON"
		twice    = "token: invalid: a name occurs twice"
		wrongFor = "token: invalid: a name is in the wrong case"
		badExp   = "token: invalid: exp is not a number of seconds"
		badIss   = "token: invalid: iss is not this issuer"
		badAud   = "token: invalid: aud is not this API"
		badRoles = "token: invalid: roles is not an array"
	)
	tests := []struct{ name, old, replacement, want string }{
		{"valid", `"iss"`, `"iss"`, okay},
		{"unknown claims", `"iss"`, `"scope":"a b","cnf":{"iss":["}"],"x":"\"]"},"n":-1.5e3,"iss"`, okay},
		{"spaces", `"iss":`, ` "iss" : `, okay},
		{"escaped name", `"iss"`, `"\u0069ss"`, okay},
		{"escaped value", `"https://auth.example"`, `"https:\/\/auth.exampl\u0065"`, okay},
		{"no roles", `["USER"]`, `[ ]`, okay},
		{"nbf now", `"iat"`, `"nbf":1772366400,"iat"`, okay},
		{"nbf within leeway", `"iat"`, `"nbf":1772366430,"iat"`, okay},
		{"iat within leeway", `"iat":1772366400`, `"iat":1772366430`, okay},
		{"far exp", `"exp":1772367300`, `"exp":253402300799`, okay},
		{"exp within leeway", `"exp":1772367300`, `"exp":1772366371`, okay},

		{"exp at the end of leeway", `"exp":1772367300`, `"exp":1772366370`, expired},
		{"exp in 1970", `"exp":1772367300`, `"exp":0`, expired},
		{"no exp", `"exp":1772367300,`, ``, missing},
		{"exp is a string", `"exp":1772367300`, `"exp":"1772367300"`, badExp},
		{"exp is null", `"exp":1772367300`, `"exp":null`, badExp},
		{"exp is true", `"exp":1772367300`, `"exp":true`, badExp},
		{"exp is an array", `"exp":1772367300`, `"exp":[1772367300]`, badExp},
		{"exp is a fraction", `"exp":1772367300`, `"exp":1772367300.5`, badExp},
		{"exp has an exponent", `"exp":1772367300`, `"exp":1e300`, badExp},
		{"exp is negative", `"exp":1772367300`, `"exp":-1`, badExp},
		{"exp is after the year 9999", `"exp":1772367300`, `"exp":253402300800`, badExp},
		{"exp is huge", `"exp":1772367300`, `"exp":99999999999999999999999999`, badExp},
		{"exp is NaN", `"exp":1772367300`, `"exp":NaN`, notJSON},
		{"exp has a leading zero", `"exp":1772367300`, `"exp":01772367300`, notJSON},
		{"EXP", `"exp"`, `"EXP"`, wrongFor},
		{"exp and Exp", `"exp"`, `"Exp":253402300799,"exp"`, wrongFor},
		{"exp twice", `"exp"`, `"exp":253402300799,"exp"`, twice},

		{"no iat", `"iat":1772366400,`, ``, missing},
		{"iat is a string", `"iat":1772366400`, `"iat":"1772366400"`, "token: invalid: iat is not a number of seconds"},
		{"iat beyond leeway", `"iat":1772366400`, `"iat":1772366431`, "token: invalid: iat is in the future"},
		{"nbf beyond leeway", `"iat"`, `"nbf":1772366431,"iat"`, "token: invalid: nbf is in the future"},
		{"nbf is a string", `"iat"`, `"nbf":"0","iat"`, "token: invalid: nbf is not a number of seconds"},
		{"NBF", `"iat"`, `"NBF":0,"iat"`, wrongFor},
		{"no auth_time", `"auth_time":1772362800,`, ``, missing},
		{"auth_time is a string", `1772362800`, `"1772362800"`, "token: invalid: auth_time is not a number of seconds"},
		{"auth_time beyond leeway", `1772362800`, `1772366431`, "token: invalid: auth_time is in the future"},

		{"no iss", `"iss":"https://auth.example",`, ``, missing},
		{"empty iss", `"https://auth.example"`, `""`, "token: invalid: iss is empty"},
		{"another iss", `https://auth.example`, `https://auth.test`, badIss},
		{"iss with a slash", `https://auth.example`, `https://auth.example/`, badIss},
		{"iss in another case", `https://auth.example`, `https://AUTH.example`, badIss},
		{"iss is an array", `"https://auth.example"`, `["https://auth.example"]`, "token: invalid: iss is not a string"},

		{"no aud", `"aud":"https://api.example",`, ``, missing},
		{"another aud", `https://api.example`, `https://api.test`, badAud},
		{"aud of another API", `https://api.example`, testResource, badAud},
		{"aud with a slash", `https://api.example`, `https://api.example/`, badAud},
		{"aud in another case", `https://api.example`, `https://API.example`, badAud},
		{"no audience", `"https://api.example"`, `[]`, "token: invalid: aud is not a string"},
		{"audiences", `"https://api.example"`, `["https://other.example","https://api.example"]`, "token: invalid: aud is not a string"},
		{"aud is an object", `"https://api.example"`, `{"https://api.example":1}`, "token: invalid: aud is not a string"},
		{"aud is null", `"https://api.example"`, `null`, "token: invalid: aud is not a string"},
		{"empty aud", `"https://api.example"`, `""`, "token: invalid: aud is empty"},

		{"no sub", `"sub":"u",`, ``, missing},
		{"empty sub", `"sub":"u"`, `"sub":""`, "token: invalid: sub is empty"},
		{"sub is a number", `"sub":"u"`, `"sub":1`, "token: invalid: sub is not a string"},
		{"Sub", `"sub"`, `"Sub"`, wrongFor},
		{"sub with a long s", `"sub"`, `"ſub"`, wrongFor},
		{"sub twice", `"sub"`, `"sub":"admin","sub"`, twice},
		{"no sid", `"sid":"s",`, ``, missing},
		{"empty sid", `"sid":"s"`, `"sid":""`, "token: invalid: sid is empty"},
		{"no jti", `"jti":"j",`, ``, missing},
		{"empty jti", `"jti":"j"`, `"jti":""`, "token: invalid: jti is empty"},
		{"no client_id", `"client_id":"c",`, ``, missing},
		{"client_id is null", `"client_id":"c"`, `"client_id":null`, "token: invalid: client_id is not a string"},

		{"amr", `,"roles"`, `,"amr":["pwd"],"roles"`, okay},
		{"amr is a string", `,"roles"`, `,"amr":"pwd","roles"`, "token: invalid: amr is not an array"},
		{"a method is a number", `,"roles"`, `,"amr":[1],"roles"`, "token: invalid: amr is not a string"},
		{"AMR", `,"roles"`, `,"AMR":["pwd"],"roles"`, wrongFor},

		{"roles missing", `,"roles":["USER"]`, ``, missing},
		{"roles is a string", `["USER"]`, `"ADMIN"`, badRoles},
		{"roles is null", `["USER"]`, `null`, badRoles},
		{"a role is null", `["USER"]`, `["USER",null]`, "token: invalid: roles is not a string"},
		{"a role is a number", `["USER"]`, `[1]`, "token: invalid: roles is not a string"},
		{"a role is an array", `["USER"]`, `[["ADMIN"]]`, "token: invalid: roles is not a string"},
		{"a role is empty", `["USER"]`, `[""]`, "token: invalid: roles is empty"},
		{"Roles", `"roles"`, `"Roles"`, wrongFor},

		{"too many members", `,"roles"`, manyMembers + `,"roles"`, "token: invalid: too many members"},
		{"trailing object", `["USER"]}`, `["USER"]}{}`, notJSON},
		{"trailing comma", `["USER"]}`, `["USER"],}`, notJSON},
		{"not UTF-8", `"u"`, `"` + "\xff" + `"`, notJSON},
	}
	key := newTestKey(t)
	a := newTestAuthority(t, key, testNow)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payload := edit(t, validPayload, tt.old, tt.replacement)
			checkVerify(t, a, forge(t, key, validHeader, payload), tt.want)
		})
	}
}

func TestVerifySegments(t *testing.T) {
	const (
		segments  = "token: invalid: not three segments"
		base64URL = "token: invalid: segment is not base64url"
		signature = "token: invalid: signature does not match"
		notJSON   = "token: invalid: not JSON"
		tooLong   = "token: invalid: longer than 8 KiB"
	)
	key := newTestKey(t)
	otherKey, err := NewHMACKey(sealtest.Secrets("Zk3Xp9Wc1Vb7Nm5Qa8Ls2Df6Gh4Jt0Ry"))
	if err != nil {
		t.Fatal(err)
	}
	valid := forge(t, key, validHeader, validPayload)
	parts := strings.Split(valid, ".")
	head, body, sum := parts[0], parts[1], parts[2]
	// fit returns a token of this size, padded with spaces in the payload.
	fit := func(size int) string {
		n := base64.RawURLEncoding.DecodedLen(size - len(head) - len(sum) - 2)
		return forge(t, key, validHeader, validPayload+strings.Repeat(" ", n-len(validPayload)))
	}

	tests := []struct{ name, raw, want string }{
		{"valid", valid, ""},
		{"8 KiB", fit(maxSize), ""},
		{"over 8 KiB", fit(maxSize + 2), tooLong},
		{"20 MB of dots", strings.Repeat(".", 20<<20), tooLong},
		{"empty", "", segments},
		{"one segment", head, segments},
		{"two segments", head + "." + body, segments},
		{"four segments", valid + ".", segments},
		{"five segments, as in JWE", valid + "." + body + "." + sum, segments},
		{"only dots", "..", notJSON},
		{"Bearer in front", "Bearer " + valid, base64URL},
		{"space in front", " " + valid, base64URL},
		{"newline behind", valid + "\n", base64URL},
		{"line break in the header", head[:4] + "\r\n" + head[4:] + "." + body + "." + sum, base64URL},
		{"padded signature", valid + "=", base64URL},
		{"padded header", head + "=." + body + "." + sum, base64URL},
		{"stray bits in the signature", head + "." + body + "." + sum[:len(sum)-1] + strayBits(sum), base64URL},
		{"standard alphabet", head + "." + body + "." + "+" + sum[1:], base64URL},
		{"payload replaced", head + "." + encode(`{"sub":"admin"}`) + "." + sum, signature},
		{"payload padded", head + "." + body + "=." + sum, signature},
		{"header respelled", encode(`{"alg":"HS256","typ":"at+jwt"}`) + "." + body + "." + sum, signature},
		{"no signature", head + "." + body + ".", signature},
		{"short signature", head + "." + body + "." + sum[:40], signature},
		{"alg none without signature", encode(`{"typ":"at+jwt","alg":"none"}`) + "." + body + ".", "token: invalid: alg does not match the key"},
		{"another key", forge(t, otherKey, validHeader, validPayload), signature},
		{"server secret as the key", forge(t, newRawKey(t, testSecret), validHeader, validPayload), signature},
	}
	a := newTestAuthority(t, key, testNow)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkVerify(t, a, tt.raw, tt.want) })
	}
}

// strayBits returns the last character of a 32-byte signature with a trailing bit
// set.
func strayBits(sum string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(alphabet, sum[len(sum)-1])
	return string(alphabet[i|1])
}

// TestExpiredIsTheLastWord checks that Verify returns ErrExpired only for tokens
// that are otherwise valid.
func TestExpiredIsTheLastWord(t *testing.T) {
	key := newTestKey(t)
	a := newTestAuthority(t, key, testNow)
	old := edit(t, validPayload, `"exp":1772367300`, `"exp":1600000000`)
	forged := forge(t, key, validHeader, old)
	forged = forged[:len(forged)-2] + "AA"
	tests := []struct{ name, raw, want string }{
		{"nothing", forge(t, key, validHeader, old), "token: expired"},
		{"signature", forged, "token: invalid: signature does not match"},
		{"typ", forge(t, key, `{"typ":"JWT","alg":"HS256"}`, old), "token: invalid: typ is not at+jwt"},
		{"iss", forge(t, key, validHeader, edit(t, old, "auth.example", "x")), "token: invalid: iss is not this issuer"},
		{"aud", forge(t, key, validHeader, edit(t, old, "api.example", "x")), "token: invalid: aud is not this API"},
		{"jti", forge(t, key, validHeader, edit(t, old, `"jti":"j",`, "")), "token: invalid: a claim is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkVerify(t, a, tt.raw, tt.want) })
	}
}

// checkVerify fails the test unless Verify returns an error with this text, or
// none. The full text is compared, so that each case tests its own rule and no
// value from the token is in the error.
func checkVerify(t *testing.T, a *Authority, raw, want string) {
	t.Helper()
	claims, err := a.Verify(raw)
	got := ""
	if err != nil {
		got = err.Error()
		if claims != nil {
			t.Error("Verify returned the claims of a rejected token")
		}
		if errors.Is(err, ErrExpired) == errors.Is(err, ErrInvalid) {
			t.Errorf("%v is not exactly one of ErrExpired, ErrInvalid", err)
		}
	}
	if got != want {
		t.Errorf("Verify: %q, want %q", got, want)
	}
}
