package usher

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
)

// Challenge is what the server requires with [ChallengeRequired], in the format of ALTCHA.
type Challenge struct {
	Algorithm string `json:"algorithm"`
	Challenge string `json:"challenge"`
	Salt      string `json:"salt"`
	MaxNumber int64  `json:"maxnumber"`
	Signature string `json:"signature"`
}

// Solve returns the solution: the number whose digits, appended to the salt, have the digest of the challenge.
func (c *Challenge) Solve(ctx context.Context) (string, error) {
	want, err := hex.DecodeString(c.Challenge)
	if err != nil || len(want) != sha256.Size || c.Algorithm != "SHA-256" {
		return "", errors.New("usher: the challenge is not for SHA-256")
	}
	text := []byte(c.Salt)
	for number := range c.MaxNumber + 1 {
		if number%100_000 == 0 && ctx.Err() != nil {
			return "", ctx.Err()
		}
		if sha256.Sum256(strconv.AppendInt(text[:len(c.Salt)], number, 10)) == [sha256.Size]byte(want) {
			solution, err := json.Marshal(map[string]any{
				"algorithm": c.Algorithm, "challenge": c.Challenge, "number": number, "salt": c.Salt, "signature": c.Signature,
			})
			return base64.StdEncoding.EncodeToString(solution), err
		}
	}
	return "", errors.New("usher: the challenge has no solution")
}

// attempts limits how often an operation is sent. The price can rise meanwhile, so a solution may not be enough.
const attempts = 4

// WithChallenge calls an operation. If the server requires proof of work, it calls it again with a solution.
func WithChallenge(ctx context.Context, call func(solution string) error) error {
	solution := ""
	for range attempts - 1 {
		err := call(solution)
		refused := new(Error)
		if !errors.As(err, &refused) || refused.Code != ChallengeRequired || refused.Challenge == nil {
			return err
		}
		if solution, err = refused.Challenge.Solve(ctx); err != nil {
			return err
		}
	}
	return call(solution)
}
