// Package challenge owns proof of work: puzzles that take a browser about a second and nobody's attention. Their format
// is version 1 of ALTCHA (https://altcha.org/docs/v1/api/challenge-api/), so that its widget and libraries solve them.
//
// The server keeps nothing about a challenge. The signature covers the digest, and the digest covers the salt, which
// contains the field that the challenge is for and the time when it expires. A caller that wants each challenge to be
// used once remembers the ids that Verify returns, until they expire.
package challenge

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"strconv"
	"strings"
	"time"

	"usher/internal/jsonobject"
)

const (
	// Lifetime is how long a challenge can be solved.
	Lifetime = 10 * time.Minute

	// base is the largest number of a challenge with the factor 1, as in ALTCHA by default. On average half of the
	// numbers are tried. docs/clients.md says how long that takes.
	base = 1_000_000

	// maxFactor bounds the price. A phone still solves a challenge of this price within the lifetime.
	maxFactor = 16

	algorithm = "SHA-256"

	// maxSolution is the length of the longest solution that is read. Solutions have about 500 bytes.
	maxSolution = 1024
)

// Challenge asks for the number from 0 to MaxNumber whose digits, appended to Salt, have the SHA-256 digest Challenge.
type Challenge struct {
	Algorithm string `json:"algorithm"`
	Challenge string `json:"challenge"`
	Salt      string `json:"salt"`
	MaxNumber int64  `json:"maxnumber"`
	Signature string `json:"signature"`
}

// Key signs challenges with HMAC-SHA256. seal.Key is one.
type Key interface {
	MAC(text []byte) []byte
	VerifyMAC(text, sum []byte) bool
}

// Challenges issues challenges and verifies their solutions. Servers with the same key accept each other's.
type Challenges struct {
	key  Key
	now  func() time.Time
	rand io.Reader
}

// New returns the Challenges of a key.
func New(key Key, now func() time.Time, random io.Reader) *Challenges {
	return &Challenges{key: key, now: now, rand: random}
}

// Issue returns a new challenge for a field. The work grows with the factor, which is from 1 to 16.
func (c *Challenges) Issue(field string, factor int) (Challenge, error) {
	maxNumber := int64(base) * int64(min(max(factor, 1), maxFactor))
	nonce := make([]byte, 12)
	if _, err := io.ReadFull(c.rand, nonce); err != nil {
		return Challenge{}, fmt.Errorf("challenge: %w", err)
	}
	number, err := rand.Int(c.rand, big.NewInt(maxNumber+1))
	if err != nil {
		return Challenge{}, fmt.Errorf("challenge: %w", err)
	}
	salt := hex.EncodeToString(nonce) + expiresParam + strconv.FormatInt(c.now().Add(Lifetime).Unix(), 10) + fieldParam(field)
	digest := digestOf(salt, number.String())
	return Challenge{algorithm, digest, salt, maxNumber, hex.EncodeToString(c.key.MAC([]byte(digest)))}, nil
}

// The parameters of a salt, in the order of their names, as ALTCHA's libraries write them.
const expiresParam = "?expires="

// fieldParam ends the salt. The last & keeps the digits of the number apart from the parameters. Without it, digits
// could move from the one to the other, to a later expiry.
func fieldParam(field string) string { return "&field=" + url.QueryEscape(field) + "&" }

// Verify reports whether a text is the solution of a challenge for the field that has not expired. It returns the id of
// the challenge, which is the same for all solutions of it, and the time when the challenge expires.
func (c *Challenges) Verify(field, solution string) (id string, expires time.Time, ok bool) {
	s, ok := read(solution)
	if !ok || !c.signed(s) ||
		s.algorithm != algorithm || s.challenge != digestOf(s.salt, s.number) {
		return "", time.Time{}, false
	}
	// The salt and the number are what Issue made: no others have the digest, unless the boundary between them moved.
	params, ok := strings.CutSuffix(s.salt, fieldParam(field))
	if !ok {
		return "", time.Time{}, false
	}
	_, seconds, _ := strings.Cut(params, expiresParam)
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return "", time.Time{}, false
	}
	expires = time.Unix(unix, 0)
	return s.challenge, expires, c.now().Before(expires)
}

// signed reports whether the key has signed the challenge of a solution. A signature has one spelling, in lower case.
func (c *Challenges) signed(s solution) bool {
	sum, err := hex.DecodeString(s.signature)
	return err == nil && hex.EncodeToString(sum) == s.signature && c.key.VerifyMAC([]byte(s.challenge), sum)
}

func digestOf(salt, number string) string {
	digest := sha256.Sum256([]byte(salt + number))
	return hex.EncodeToString(digest[:])
}

// solution is what a client sends. number has its digits.
type solution struct {
	algorithm, challenge, number, salt, signature string
}

// read reads a solution: Base64 of a JSON object. Other members than those of solution are ignored, because ALTCHA's
// widget adds the time that it took.
func read(text string) (solution, bool) {
	if len(text) > maxSolution {
		return solution{}, false
	}
	doc, err := base64.StdEncoding.Strict().DecodeString(text)
	// The decoder ignores CR and LF, even when strict. The length reveals them.
	if err != nil || len(text) != base64.StdEncoding.EncodedLen(len(doc)) {
		return solution{}, false
	}
	members, err := jsonobject.Read(doc)
	if err != nil {
		return solution{}, false
	}
	var s solution
	for name, member := range map[string]*string{
		"algorithm": &s.algorithm, "challenge": &s.challenge, "salt": &s.salt, "signature": &s.signature,
	} {
		text, ok := members[name].(string)
		if !ok {
			return solution{}, false
		}
		*member = text
	}
	number, ok := members["number"].(json.Number)
	s.number = number.String()
	return s, ok
}
