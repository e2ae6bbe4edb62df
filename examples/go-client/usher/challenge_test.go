package usher

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
)

func challengeOf(number, maxNumber int64) Challenge {
	salt := "0123456789abcdef01234567?expires=1764450600&field=Mutation.login&"
	digest := sha256.Sum256([]byte(salt + strconv.FormatInt(number, 10)))
	return Challenge{Algorithm: "SHA-256", Challenge: hex.EncodeToString(digest[:]), Salt: salt, MaxNumber: maxNumber, Signature: "signed"}
}

// numberIn returns the number in a solution, or -1 for none.
func numberIn(t *testing.T, solution string) int64 {
	t.Helper()
	if solution == "" {
		return -1
	}
	doc, err := base64.StdEncoding.DecodeString(solution)
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Challenge
		Number int64 `json:"number"`
	}
	if err := json.Unmarshal(doc, &s); err != nil {
		t.Fatal(err)
	}
	if want := challengeOf(s.Number, 0); s.Challenge != want {
		t.Errorf("the solution is of %+v, want %+v", s.Challenge, want)
	}
	return s.Number
}

// TestLoginWithChallenge signs in at a server that requires proof of work.
func TestLoginWithChallenge(t *testing.T) {
	for name, test := range map[string]struct {
		challenges []int64 // the solutions of what the server requires, one after the other
		want       []int64 // what it gets
		fails      bool
	}{
		"none":  {nil, []int64{-1}, false},
		"one":   {[]int64{0}, []int64{-1, 0}, false},
		"three": {[]int64{5, 200_000, 7}, []int64{-1, 5, 200_000, 7}, false},
		"more":  {[]int64{1, 2, 3, 4, 5}, []int64{-1, 1, 2, 3}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var got []int64
			left := test.challenges
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var sent struct {
					Variables struct{ ChallengeSolution string }
				}
				if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
					t.Error(err)
				}
				got = append(got, numberIn(t, sent.Variables.ChallengeSolution))
				var answer any = map[string]any{"data": map[string]any{"login": map[string]any{"accessToken": "token"}}}
				if len(left) > 0 {
					answer = map[string]any{"errors": []any{map[string]any{
						"message": "Solve the challenge first.", "extensions": map[string]any{"code": ChallengeRequired, "challenge": challengeOf(left[0], 300_000)},
					}}}
					left = left[1:]
				}
				if err := json.NewEncoder(w).Encode(answer); err != nil {
					t.Error(err)
				}
			}))
			defer server.Close()
			var tokens Tokens
			err := WithChallenge(t.Context(), func(solution string) error {
				answer, err := Login(t.Context(), NewAnonymous(server.URL), "ada", "four small green turtles", "", solution)
				if err == nil {
					tokens = answer.Login
				}
				return err
			})
			if !slices.Equal(got, test.want) {
				t.Errorf("the server got %v, want %v", got, test.want)
			}
			if refused := new(Error); test.fails != (errors.As(err, &refused) && refused.Code == ChallengeRequired) || !test.fails && tokens.AccessToken != "token" {
				t.Errorf("got %+v and %v", tokens, err)
			}
		})
	}
}

func TestUnsolvable(t *testing.T) {
	for name, c := range map[string]Challenge{
		"too large":         challengeOf(11, 10),
		"another algorithm": {Algorithm: "SHA-512", Challenge: challengeOf(1, 10).Challenge, MaxNumber: 10},
		"a short digest":    {Algorithm: "SHA-256", Challenge: "00", MaxNumber: 10},
	} {
		if solution, err := c.Solve(t.Context()); err == nil {
			t.Errorf("%s: solved by %s", name, solution)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := challengeOf(11, 10)
	if _, err := c.Solve(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the error of the context", err)
	}
}
