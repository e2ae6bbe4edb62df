package challenge

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

const login = "Mutation.login"

var (
	key = rawKey(bytes.Repeat([]byte("k"), 32))
	now = time.Unix(1764450000, 0)
)

// rawKey is a key without derivation, as the vectors have it.
type rawKey []byte

func (k rawKey) MAC(text []byte) []byte {
	h := hmac.New(sha256.New, k)
	h.Write(text)
	return h.Sum(nil)
}

func (k rawKey) VerifyMAC(text, sum []byte) bool { return hmac.Equal(sum, k.MAC(text)) }

func hexMAC(digest string) string { return hex.EncodeToString(key.MAC([]byte(digest))) }

func newTest(tb testing.TB, at time.Time, random io.Reader) *Challenges {
	tb.Helper()
	return New(key, func() time.Time { return at }, random)
}

func issue(tb testing.TB, c *Challenges, field string) Challenge {
	tb.Helper()
	challenge, err := c.Issue(field, 1)
	if err != nil {
		tb.Fatal(err)
	}
	return challenge
}

// solve returns the number that solves a challenge.
func solve(tb testing.TB, c Challenge) int64 {
	tb.Helper()
	for number := range c.MaxNumber + 1 {
		if digestOf(c.Salt, strconv.FormatInt(number, 10)) == c.Challenge {
			return number
		}
	}
	tb.Fatalf("%+v has no solution", c)
	return 0
}

func encode(doc string) string { return base64.StdEncoding.EncodeToString([]byte(doc)) }

func payload(c Challenge, number int64) string {
	return encode(fmt.Sprintf(`{"algorithm":%q,"challenge":%q,"number":%d,"salt":%q,"signature":%q}`,
		c.Algorithm, c.Challenge, number, c.Salt, c.Signature))
}

func TestSolve(t *testing.T) {
	c := newTest(t, now, rand.Reader)
	for _, field := range []string{login, "Mutation.requestPasswordReset", "Mutation.ünlikely&expires=9999999999&"} {
		challenge := issue(t, c, field)
		solution := payload(challenge, solve(t, challenge))
		id, expires, ok := c.Verify(field, solution)
		if !ok || id == "" || !expires.Equal(now.Add(Lifetime)) {
			t.Errorf("%s: got %q, %v, %v", field, id, expires, ok)
		}
		if again, _, _ := newTest(t, now.Add(Lifetime-time.Second), rand.Reader).Verify(field, solution); again != id {
			t.Errorf("%s: another server with the key has the id %q, want %q", field, again, id)
		}
		if other := issue(t, c, field); other.Challenge == challenge.Challenge {
			t.Errorf("%s: two challenges are the same", field)
		}
	}
}

// TestPrice checks that the work grows with the factor, within its bounds.
func TestPrice(t *testing.T) {
	c := newTest(t, now, rand.Reader)
	for factor, want := range map[int]int64{-1: 1e6, 0: 1e6, 1: 1e6, 2: 2e6, 16: 16e6, 17: 16e6, 1 << 40: 16e6} {
		challenge, err := c.Issue(login, factor)
		if err != nil || challenge.MaxNumber != want {
			t.Errorf("factor %d: maxnumber %d (%v), want %d", factor, challenge.MaxNumber, err, want)
		}
	}
}

// altcha are challenges that altcha-lib 2.8.0, the reference in JavaScript, makes of the key, a salt, its parameters and
// a number, and their solutions, which it accepts.
var altcha = []struct{ field, challenge, solution string }{
	{
		login,
		`{"algorithm":"SHA-256","challenge":"12595f09376d21608dee1ceb9e4290cabb86f8d7386c689a4cc753887934f4e4","maxnumber":1000000,"salt":"000000000000000000000000?expires=1764450600&field=Mutation.login&","signature":"c853c1b2ed826ee9926d5a588d49e8bf5443c472a502765b50c52d2be812076c"}`,
		"eyJhbGdvcml0aG0iOiJTSEEtMjU2IiwiY2hhbGxlbmdlIjoiMTI1OTVmMDkzNzZkMjE2MDhkZWUxY2ViOWU0MjkwY2FiYjg2ZjhkNzM4NmM2ODlhNGNjNzUzODg3OTM0ZjRlNCIsIm51bWJlciI6MCwic2FsdCI6IjAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD9leHBpcmVzPTE3NjQ0NTA2MDAmZmllbGQ9TXV0YXRpb24ubG9naW4mIiwic2lnbmF0dXJlIjoiYzg1M2MxYjJlZDgyNmVlOTkyNmQ1YTU4OGQ0OWU4YmY1NDQzYzQ3MmE1MDI3NjViNTBjNTJkMmJlODEyMDc2YyJ9",
	},
	{
		"Mutation.requestPasswordReset",
		`{"algorithm":"SHA-256","challenge":"cf65fdcade404c8a271d29d6045682880ad049844f4e2bfbbbd2191db5a948ff","maxnumber":1000000,"salt":"0123456789abcdef01234567?expires=1764450600&field=Mutation.requestPasswordReset&","signature":"c18e0cba60139bd4c8855683bda364421fb331f6c2d40356bedf0032a40c355d"}`,
		"eyJhbGdvcml0aG0iOiJTSEEtMjU2IiwiY2hhbGxlbmdlIjoiY2Y2NWZkY2FkZTQwNGM4YTI3MWQyOWQ2MDQ1NjgyODgwYWQwNDk4NDRmNGUyYmZiYmJkMjE5MWRiNWE5NDhmZiIsIm51bWJlciI6NzY1NDMyLCJzYWx0IjoiMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3P2V4cGlyZXM9MTc2NDQ1MDYwMCZmaWVsZD1NdXRhdGlvbi5yZXF1ZXN0UGFzc3dvcmRSZXNldCYiLCJzaWduYXR1cmUiOiJjMThlMGNiYTYwMTM5YmQ0Yzg4NTU2ODNiZGEzNjQ0MjFmYjMzMWY2YzJkNDAzNTZiZWRmMDAzMmE0MGMzNTVkIn0=",
	},
}

func TestAltchaVectors(t *testing.T) {
	for i, vector := range altcha {
		nonce, number := make([]byte, 12), []byte{0, 0, 0}
		if i == 1 {
			nonce, _ = hex.DecodeString("0123456789abcdef01234567")
			number = []byte{765432 >> 16, 765432 >> 8 & 0xff, 765432 & 0xff}
		}
		c := newTest(t, now, bytes.NewReader(append(nonce, number...)))
		var want Challenge
		if err := json.Unmarshal([]byte(vector.challenge), &want); err != nil {
			t.Fatal(err)
		}
		if got := issue(t, c, vector.field); got != want {
			t.Errorf("issued\n%+v\nwant\n%+v", got, want)
		}
		if _, expires, ok := c.Verify(vector.field, vector.solution); !ok || !expires.Equal(now.Add(Lifetime)) {
			t.Errorf("%s: the solution is refused", vector.field)
		}
	}
}

// TestForged checks what is no solution of a challenge that the server issued.
func TestForged(t *testing.T) {
	c := newTest(t, now, rand.Reader)
	challenge := issue(t, c, login)
	number := solve(t, challenge)
	good := payload(challenge, number)
	doc, _ := base64.StdEncoding.DecodeString(good)
	text := string(doc)
	replace := func(old, by string) string {
		if strings.Count(text, old) != 1 {
			t.Fatalf("%q is not in %s once", old, text)
		}
		return encode(strings.Replace(text, old, by, 1))
	}
	digits := strconv.FormatInt(number, 10)
	// signed has a valid signature, for a challenge that the server would not issue.
	signed := func(salt, number string) string {
		digest := digestOf(salt, number)
		return encode(fmt.Sprintf(`{"algorithm":"SHA-256","challenge":%q,"number":%s,"salt":%q,"signature":%q}`,
			digest, number, salt, hexMAC(digest)))
	}
	if _, _, ok := c.Verify(login, signed(challenge.Salt, digits)); !ok {
		t.Fatal("signed does not sign")
	}
	other := issue(t, c, login)
	for name, solution := range map[string]string{
		"nothing":               "",
		"no Base64":             "{}",
		"no JSON":               encode("solution"),
		"no object":             encode(`["SHA-256"]`),
		"a null":                replace(`"SHA-256"`, `null`),
		"another algorithm":     replace("SHA-256", "SHA-1"),
		"another number":        replace(`"number":`+digits, `"number":`+strconv.FormatInt(number+1, 10)),
		"a negative number":     replace(`"number":`, `"number":-`),
		"a leading zero":        replace(`"number":`, `"number":0`),
		"a fraction":            replace(`"number":`+digits, `"number":`+digits+`.0`),
		"an exponent":           replace(`"number":`+digits, `"number":`+digits+`e0`),
		"a text as number":      replace(`"number":`+digits, `"number":"`+digits+`"`),
		"no number":             replace(`"number":`+digits+`,`, ""),
		"another challenge":     replace(challenge.Challenge, other.Challenge),
		"another salt":          replace(challenge.Salt, other.Salt),
		"another signature":     replace(challenge.Signature, other.Signature),
		"upper case":            replace(challenge.Signature, strings.ToUpper(challenge.Signature)),
		"challenge in capitals": replace(challenge.Challenge, strings.ToUpper(challenge.Challenge)),
		"no signature":          replace(challenge.Signature, ""),
		"a later expiry":        replace("?expires=1", "?expires=2"),
		"a member twice":        replace(`{`, `{"number":0,`),
		"names in other case":   replace(`"salt"`, `"Salt"`),
		"after the object":      encode(text + "{}"),
		"a byte after":          good + "=",
		"a line":                good + "\n",
		"a line inside":         good[:8] + "\r\n" + good[8:],
		"base64url, no padding": base64.RawURLEncoding.EncodeToString(doc) + "-",
		"too long":              encode(text + strings.Repeat(" ", maxSolution)),
		"digits in the salt":    replace(`&","signature"`, `&`+digits+`","signature"`),
		"no delimiter":          signed(strings.TrimSuffix(challenge.Salt, "&"), digits),
		"number from the salt":  signed(challenge.Salt+digits[:1], digits[1:]+"0"),
		"no expiry":             signed("00&field=Mutation.login&", "1"),
		"an empty expiry":       signed("00?expires=&field=Mutation.login&", "1"),
		"two expiries":          signed("00?expires=1&expires=1764450600&field=Mutation.login&", "1"),
	} {
		if id, _, ok := c.Verify(login, solution); ok {
			t.Errorf("%s: accepted with the id %q", name, id)
		}
	}
	if _, _, ok := c.Verify("Mutation.signup", good); ok {
		t.Error("accepted for another field")
	}
	if _, _, ok := c.Verify("login", good); ok {
		t.Error("accepted for the end of the field")
	}
	if _, _, ok := newTest(t, now.Add(Lifetime), rand.Reader).Verify(login, good); ok {
		t.Error("accepted when it has expired")
	}
	stranger := New(rawKey(bytes.Repeat([]byte("x"), 32)), func() time.Time { return now }, rand.Reader)
	if _, _, ok := stranger.Verify(login, good); ok {
		t.Error("accepted with another key")
	}
	if _, _, ok := c.Verify(login, good); !ok {
		t.Error("the solution itself is refused")
	}
}

// TestIDs checks that other spellings of a solution do not have another id, with which it could be used again.
func TestIDs(t *testing.T) {
	c := newTest(t, now, rand.Reader)
	challenge := issue(t, c, login)
	number := solve(t, challenge)
	want, _, _ := c.Verify(login, payload(challenge, number))
	for _, doc := range []string{
		`{"took":123,"algorithm":%q,"challenge":%q,"number":%d,"salt":%q,"signature":%q}`,
		` { "algorithm" : %q , "challenge" : %q , "number" : %d , "salt" : %q , "signature" : %q , "test" : false } `,
	} {
		doc = fmt.Sprintf(doc, challenge.Algorithm, challenge.Challenge, number, challenge.Salt, challenge.Signature)
		if id, _, ok := c.Verify(login, encode(doc)); !ok || id != want {
			t.Errorf("%s has the id %q (%v), want %q", doc, id, ok, want)
		}
	}
}

func TestFailures(t *testing.T) {
	broken := errors.New("no randomness")
	for _, random := range []io.Reader{iotest.ErrReader(broken), io.MultiReader(bytes.NewReader(make([]byte, 12)), iotest.ErrReader(broken))} {
		if _, err := newTest(t, now, random).Issue(login, 1); !errors.Is(err, broken) {
			t.Errorf("got %v, want %v", err, broken)
		}
	}
}

// FuzzVerify checks that nothing is accepted but a solution that the key has signed.
func FuzzVerify(f *testing.F) {
	for _, vector := range altcha {
		f.Add(vector.field, vector.solution)
		f.Add("", vector.solution+"\n")
	}
	c := newTest(f, now, rand.Reader)
	f.Fuzz(func(t *testing.T, field, solution string) {
		id, _, ok := c.Verify(field, solution)
		if !ok {
			return
		}
		doc, err := base64.StdEncoding.DecodeString(solution)
		if err != nil {
			t.Fatal(err)
		}
		var s struct {
			Challenge, Salt, Signature string
			Number                     json.Number
		}
		if err := json.Unmarshal(doc, &s); err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256([]byte(s.Salt + s.Number.String()))
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(s.Challenge))
		if s.Challenge != hex.EncodeToString(digest[:]) || s.Signature != hex.EncodeToString(mac.Sum(nil)) || id != s.Challenge {
			t.Errorf("accepted %s", doc)
		}
		if !strings.Contains(s.Salt, "?expires=1764450600&field=Mutation.") {
			t.Errorf("accepted the salt %q", s.Salt)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	c := newTest(b, now, rand.Reader)
	for b.Loop() {
		if _, _, ok := c.Verify(altcha[0].field, altcha[0].solution); !ok {
			b.Fatal("refused")
		}
	}
}

// BenchmarkSolve measures what one core of a native attacker does, for docs/clients.md.
func BenchmarkSolve(b *testing.B) {
	const salt = "000000000000000000000000?expires=1764450600&field=Mutation.login&"
	text := []byte(salt)
	for i := 0; b.Loop(); i++ {
		sha256.Sum256(strconv.AppendInt(text[:len(salt)], int64(i), 10))
	}
}
