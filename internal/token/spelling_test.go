package token

import (
	"encoding/base64"
	"strings"
	"testing"
)

// respell returns other texts that a lenient decoder of base64url decodes to the same bytes.
func respell(segment string) []string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	texts := []string{segment + "=", segment + "=="}
	for i := range len(segment) + 1 {
		for _, junk := range []string{"\n", "\r", "\r\n", " ", "="} {
			texts = append(texts, segment[:i]+junk+segment[i:])
		}
	}
	if standard := strings.NewReplacer("-", "+", "_", "/").Replace(segment); standard != segment {
		texts = append(texts, standard)
	}
	if unused := len(segment) * 6 % 8; unused > 0 { // trailing bits of the last character
		last := strings.IndexByte(alphabet, segment[len(segment)-1])
		for bits := 1; bits < 1<<unused; bits++ {
			texts = append(texts, segment[:len(segment)-1]+string(alphabet[last^bits]))
		}
	}
	return texts
}

// TestOneSpelling encodes each segment of a token in other ways. The signature covers the text of header and
// payload, so each variant of these has its own signature.
func TestOneSpelling(t *testing.T) {
	key := newTestKey(t)
	a := newTestAuthority(t, key, testNow)
	for _, pad := range []string{"", "x", "xx"} { // segments of every length modulo 4
		header := encode(`{"typ":"at+jwt","alg":"HS256","pad":"` + pad + `"}`)
		payload := encode(strings.Replace(validPayload, `"jti":"j"`, `"jti":"j`+pad+`"`, 1))
		sign := func(header, payload string) string {
			sum, err := key.sign(header + "." + payload)
			if err != nil {
				t.Fatal(err)
			}
			return header + "." + payload + "." + encode(string(sum))
		}
		valid := sign(header, payload)
		checkVerify(t, a, valid, "")
		check := func(raw string) {
			t.Helper()
			if _, err := a.Verify(raw); err == nil {
				t.Errorf("accepted: %q", raw)
			}
		}
		for _, text := range respell(header) {
			check(sign(text, payload))
		}
		for _, text := range respell(payload) {
			check(sign(header, text))
		}
		for _, text := range respell(valid[len(header)+len(payload)+2:]) {
			check(header + "." + payload + "." + text)
		}
		for i := range len(valid) + 1 {
			check(valid[:i] + "\n" + valid[i:])
		}
	}
}

// FuzzSegment decodes arbitrary text. Encoding the result must return the same text.
func FuzzSegment(f *testing.F) {
	for _, text := range append(respell(encode("token")), "", "A", "AA", "AAA", "AAAA", "\r\n", "____", "Zg\n") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := decodeSegment(text)
		if err != nil {
			return
		}
		if again := base64.RawURLEncoding.EncodeToString(doc); again != text {
			t.Errorf("%q decodes to bytes with the encoding %q", text, again)
		}
	})
}
