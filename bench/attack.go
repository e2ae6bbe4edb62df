package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"usher/internal/auth"
	"usher/internal/password"
)

const (
	// attackers is the number of addresses of an attack, and attackRate the guesses of all of them in a second. That is
	// several times what the machine can hash.
	attackers  = 200
	attackRate = 300
	// knownRate and newRate are the sign-ins of owners in a second. Solving a challenge takes the processor time of the
	// server, which is on the same machine, so few owners have new devices.
	knownRate = 5
	newRate   = 1
	// knownOwners is the number of owners on known devices. All users after them sign in on new ones.
	knownOwners = 100
	loginDevice = `mutation Login($input: LoginInput!) { login(input: $input) { accessToken deviceToken } }`
)

// arrival is a finished sign-in of an owner.
type arrival struct {
	at      time.Duration // of its begin
	latency time.Duration // with the time for the solution
	code    string        // of the error, or ""
}

// attacked are the sign-ins during an experiment.
type attacked struct {
	known, fresh []arrival
	guesses      map[string]int // by the code of the answer
}

// measureAttack records the sign-ins of owners before, during and after an attack that tries one password on all accounts.
// It repeats that without rate limits.
func measureAttack(ctx context.Context, b *bench) error {
	settings := map[string]string{"limited": "", "unlimited": "*=off"}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		a, err := b.attack(ctx, settings[name])
		if err != nil {
			return err
		}
		b.results.attack(name, a, b.attackSteps())
		b.say("%s: answers to guesses: %v", name, a.guesses)
	}
	for _, names := range []against{
		comparedAttack("known", "during_served_percent"), comparedAttack("known", "during_p50_ms"), comparedAttack("known", "during_p99_ms"),
		comparedAttack("new", "during_served_percent"), comparedAttack("new", "during_p50_ms"),
		{"attack_limited_guesses", "attack_unlimited_guesses", "attack_guesses_vs_unlimited"},
	} {
		b.results.set(names.ratio, b.results.figures[names.usher]/b.results.figures[names.limit])
	}
	return nil
}

// attackSteps returns the number of steps in each third of an experiment.
func (b *bench) attackSteps() int { return int(b.third / attackStep) }

// attackStep is the time that one point of a plot covers.
const attackStep = 2 * time.Second

// attack runs one experiment with a new server. The attack is in the second of three thirds.
func (b *bench) attack(ctx context.Context, limits string) (a attacked, err error) {
	_, at, err := b.filled(ctx, onPostgres, loginUsers, 0, password.New(password.Options{}))
	if err != nil {
		return a, err
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return a, err
	}
	env := []string{"USHER_SECRET_KEY=" + secret, "USHER_DATABASE_URL=" + at, "USHER_RATE_LIMITS=" + limits}
	server, err := b.serve(ctx, address, env, b.usher, "serve", "--listen", address, "--issuer", "http://"+address)
	if err != nil {
		return a, err
	}
	defer stopping(&err, server)
	owners := make([]owner, knownOwners)
	for n := range owners {
		owners[n] = owner{newVisitor(), map[string]string{"identifier": userName(n), "password": typedPassword}}
		answer, err := owners[n].visit(ctx, address)
		if err != nil || answer.DeviceToken == "" {
			return a, errors.Join(err, fmt.Errorf("sign-in without a device token: %q", answer.code()))
		}
		owners[n].input["deviceToken"] = answer.DeviceToken
	}
	guessers := make([]*visitor, attackers)
	for n := range guessers {
		guessers[n] = newVisitor()
	}

	var mu sync.Mutex
	a.guesses = map[string]int{}
	begin := now()
	record := func(to *[]arrival, start time.Time, code string) {
		mu.Lock()
		defer mu.Unlock()
		*to = append(*to, arrival{start.Sub(begin), now().Sub(start), code})
	}
	err = errors.Join(concurrently(
		func() error {
			return paced(ctx, 0, 3*b.third, knownRate, func(n int) error {
				start := now()
				answer, err := owners[n%knownOwners].visit(ctx, address)
				record(&a.known, start, answer.code())
				return err
			})
		},
		func() error {
			return paced(ctx, 0, 3*b.third, newRate, func(n int) error {
				start := now()
				o := owner{newVisitor(), map[string]string{"identifier": userName(knownOwners + n), "password": typedPassword}}
				answer, err := o.visit(ctx, address)
				record(&a.fresh, start, answer.code())
				return err
			})
		},
		func() error {
			return paced(ctx, b.third, b.third, attackRate, func(n int) error {
				answer, err := guessers[n%attackers].login(ctx, address, loginDevice, map[string]string{
					"identifier": userName(rand.IntN(loginUsers)), "password": "one wrong password", //nolint:gosec // any user
				})
				mu.Lock()
				defer mu.Unlock()
				a.guesses[answer.code()]++
				return err
			})
		},
	)...)
	return a, err
}

// concurrently calls functions at the same time and returns their errors.
func concurrently(functions ...func() error) []error {
	errs := make([]error, len(functions))
	var group sync.WaitGroup
	for i, f := range functions {
		group.Go(func() { errs[i] = f() })
	}
	group.Wait()
	return errs
}

// paced calls f at a rate, from a delay on for a duration, without waiting for earlier calls to return.
func paced(ctx context.Context, delay, d time.Duration, rate int, f func(n int) error) error {
	var group sync.WaitGroup
	defer group.Wait()
	errs := make(chan error, 1)
	begin := now().Add(delay)
	for n := range int(d.Seconds() * float64(rate)) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-errs:
			return err
		case <-time.After(begin.Add(time.Duration(n) * time.Second / time.Duration(rate)).Sub(now())):
		}
		group.Go(func() {
			if err := f(n); err != nil {
				select {
				case errs <- err:
				default: // one is enough
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// owner signs in with the right password.
type owner struct {
	*visitor
	input map[string]string
}

// visit signs in, and solves the challenge if there is one.
func (o owner) visit(ctx context.Context, address string) (loginAnswer, error) {
	answer, err := o.login(ctx, address, loginDevice, o.input)
	if err != nil || answer.challenge() == nil {
		return answer, err
	}
	solution, err := solve(answer.challenge())
	if err != nil {
		return answer, err
	}
	input := map[string]string{"challengeSolution": solution}
	maps.Copy(input, o.input)
	return o.login(ctx, address, loginDevice, input)
}

// solve tries all numbers.
func solve(c *auth.Challenge) (string, error) {
	want, err := hex.DecodeString(c.Challenge)
	if err != nil {
		return "", err
	}
	text := []byte(c.Salt)
	for n := range c.MaxNumber + 1 {
		text = strconv.AppendInt(text[:len(c.Salt)], n, 10)
		if sum := sha256.Sum256(text); !slices.Equal(sum[:], want) {
			continue
		}
		payload, err := json.Marshal(map[string]any{
			"algorithm": c.Algorithm, "challenge": c.Challenge, "number": n, "salt": c.Salt, "signature": c.Signature,
		})
		return base64.StdEncoding.EncodeToString(payload), err
	}
	return "", errors.New("the challenge has no solution")
}
