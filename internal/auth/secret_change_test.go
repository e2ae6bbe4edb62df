package auth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/domain"
	known "usher/internal/auth/internal/device"
	"usher/internal/auth/throttle"
	"usher/internal/request"
	"usher/internal/seal"
	"usher/internal/seal/sealtest"
)

// The secret of the fixture, and the one that it is changed to.
const (
	olderSecret = "7e2c3f0b9d1a48c6b5e4f3a2918d7c6b"
	newerSecret = "Zk3Xp9Wc1Vb7Nm5Qa8Ls2Df6Gh4Jt0Ry"
)

// with returns the parts of a replica with other secrets.
func (f *fixture) with(t testing.TB, secrets *seal.Secrets) *fixture {
	t.Helper()
	return &fixture{f.newParts(t, domain.Options{Secrets: secrets}), f.Fixture}
}

// TestSecretChange changes the server's secret, with replicas in all phases at once. What the one has issued is valid at
// the others. When the previous secret has ended, what was made with it is not.
func TestSecretChange(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, before *fixture) {
		changed, err := seal.NewSecrets([]byte(newerSecret), []byte(olderSecret), before.Clock.Now)
		if err != nil {
			t.Fatal(err)
		}
		phase1, phase2, after := before.with(t, sealtest.Secrets(olderSecret, newerSecret)), before.with(t, changed), before.with(t, sealtest.Secrets(newerSecret))
		ada := before.signupEmail(t, "ada", adaAddress)
		first := *ada.RefreshToken

		chain := first
		for n, replica := range []*fixture{phase1, phase2, phase1, phase2, after, phase1, phase2} {
			p, failed := replica.refresh(t.Context(), chain)
			if failed != "" {
				t.Fatalf("refresh %d: %s", n, failed)
			}
			// The answer was lost: another replica gives the same successor, whichever secret seals it.
			again, failed := phase1.refresh(t.Context(), chain)
			if failed != "" {
				t.Fatalf("refresh %d again: %s", n, failed)
			}
			if n%2 == 0 {
				p = again
			}
			chain = *p.RefreshToken
		}

		devices := func(secrets *seal.Secrets) known.Tokens {
			tokens, err := known.NewTokens(secrets, before.Clock.Now)
			if err != nil {
				t.Fatal(err)
			}
			return tokens
		}
		device := *ada.DeviceToken
		for name, d := range map[string]struct {
			secrets *seal.Secrets
			want    bool
		}{"previous": {changed, true}, "next": {sealtest.Secrets(olderSecret, newerSecret), true}, "neither": {sealtest.Secrets(newerSecret), false}} {
			if got := devices(d.secrets).Known(device, "ada"); got != d.want {
				t.Errorf("device token, %s: %t", name, got)
			}
		}

		m, flow := before.resetMail(t)
		if got := after.reset(t.Context(), withCode(flow, m.Code, otherPassword)); got != wrongCode {
			t.Errorf("a code, without the previous secret: %q", got)
		}
		if got := phase2.reset(t.Context(), withCode(flow, otherCode(m.Code, 0), otherPassword)); got != wrongCode {
			t.Errorf("a wrong code: %q", got)
		}
		if got := phase2.reset(t.Context(), withCode(flow, m.Code, otherPassword)); got != "" {
			t.Errorf("a code mailed before: %q", got)
		}
		before.Clock.Advance(time.Hour)
		m, _ = before.resetMail(t)
		if got := after.reset(t.Context(), withToken(m, otherPassword)); got != "" {
			t.Errorf("a link mailed before, without the previous secret: %q", got)
		}

		bob := before.signup(t, "bob")
		changed.EndPrevious(before.Clock.Now())
		if _, failed := phase2.refresh(t.Context(), *bob.RefreshToken); failed == "" {
			t.Error("a refresh token of the previous secret is accepted after its end")
		}
		if devices(changed).Known(*bob.DeviceToken, "bob") {
			t.Error("a device token of the previous secret is accepted after its end")
		}
		eve := phase2.signup(t, "eve")
		if _, failed := after.refresh(t.Context(), *eve.RefreshToken); failed != "" {
			t.Errorf("a refresh token of the current secret: %s", failed)
		}
	})
}

// TestSecretChangeChallenge solves challenges of replicas with the old and with the new secret. Counters of rate limits
// begin at zero with the new secret.
func TestSecretChangeChallenge(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		const field = "Mutation.requestSignup"
		use := throttle.Use{Field: field, Recipient: "ada@example.com"}
		rules := map[string][]throttle.Rule{field: {{Cost: 1, Limit: &throttle.Limit{
			Name: "mail", By: []throttle.Key{throttle.KeyRecipient}, Max: 5, Per: time.Hour, Counts: throttle.CountCalls, Exceeded: throttle.Challenge,
		}}}}
		replica := func(secrets *seal.Secrets) *throttle.Service {
			return f.NewDomain(t, domain.Options{RateLimits: rules, Secrets: secrets}).Throttle
		}
		ctx := request.With(t.Context(), &request.Exchange{Info: request.Info{Client: netip.MustParseAddr("192.0.2.1")}})
		ask := func(s *throttle.Service, use throttle.Use) *auth.Error {
			_, err := s.Admit(ctx, []throttle.Use{use})
			e, _ := errors.AsType[*auth.Error](err)
			return e
		}
		fill := func(s *throttle.Service) *auth.Error {
			for n := range 5 {
				if e := ask(s, use); e != nil {
					t.Fatalf("use %d: %v", n, e)
				}
			}
			e := ask(s, use)
			if e == nil || e.Challenge == nil {
				t.Fatalf("over the limit: %v", e)
			}
			return e
		}
		older, newer := replica(sealtest.Secrets(olderSecret, newerSecret)), replica(sealtest.Secrets(newerSecret, olderSecret))
		ofOlder, ofNewer := use, use
		ofOlder.Solution = solveChallenge(t, fill(older).Challenge)
		ofNewer.Solution = solveChallenge(t, fill(newer).Challenge)
		if e := ask(newer, ofOlder); e != nil {
			t.Errorf("a challenge of the previous secret: %v", e)
		}
		if e := ask(older, ofNewer); e != nil {
			t.Errorf("a challenge of the next secret: %v", e)
		}
		for name, s := range map[string]*throttle.Service{"older": older, "newer": newer} {
			if e := ask(s, ofOlder); e == nil {
				t.Errorf("%s: a solution is accepted twice", name)
			}
		}
	})
}

// solveChallenge returns the solution of a challenge.
func solveChallenge(t testing.TB, c *auth.Challenge) string {
	t.Helper()
	for number := range c.MaxNumber + 1 {
		digest := sha256.Sum256([]byte(c.Salt + strconv.FormatInt(number, 10)))
		if hex.EncodeToString(digest[:]) == c.Challenge {
			return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"algorithm":%q,"challenge":%q,"number":%d,"salt":%q,"signature":%q}`,
				c.Algorithm, c.Challenge, number, c.Salt, c.Signature))
		}
	}
	t.Fatal("the challenge has no solution")
	return ""
}

// TestResealSeeds changes the server's secret. Authenticator apps and recovery codes from before stay valid.
func TestResealSeeds(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, before *fixture) {
		ada := before.signup(t, "ada")
		a := before.setUpTOTP(t, ada.AccessToken)
		before.setUpTOTP(t, before.signup(t, "bob").AccessToken)
		changing := before.NewDomain(t, domain.Options{Secrets: sealtest.Secrets(newerSecret, olderSecret)})
		changed := before.with(t, sealtest.Secrets(newerSecret))
		signIn := func(at *fixture) string {
			return at.complete(t.Context(), signin.CompleteLoginInput{Challenge: at.begin(t), Totp: new(a.next(before))})
		}
		if got := signIn(&fixture{partsOf(changing), before.Fixture}); got != "" {
			t.Errorf("with the previous secret: %q", got)
		}
		for _, want := range []int{2, 0} {
			if n, err := changing.Factors.Reseal(t.Context()); n != want || err != nil {
				t.Errorf("Reseal: %d, %v, want %d", n, err, want)
			}
		}
		if got := signIn(changed); got != "" {
			t.Errorf("with the new secret alone: %q", got)
		}
		if got := changed.complete(t.Context(), signin.CompleteLoginInput{Challenge: changed.begin(t), RecoveryCode: &a.codes[0]}); got != "" {
			t.Errorf("a recovery code: %q", got)
		}
	})
}
