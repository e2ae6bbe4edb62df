// Package totp owns the codes of authenticator apps: time-based one-time passwords (RFC 6238), the URI that an app
// reads, and the QR code of it. It keeps nothing. Its callers encrypt the seeds, limit the attempts, and remember the
// last step that was accepted.
package totp

import (
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// The parameters of all codes. Several apps ignore the parameters in a URI and always calculate with these, so other
// ones would show wrong codes there. The attacks on SHA-1 find collisions, which do not help against HMAC (RFC 4226
// appendix B.2).
const (
	// Digits is the number of digits of a code.
	Digits = 6

	// Period is the time that each code is shown for. A time step is a count of periods since 1970 (RFC 6238 §4).
	Period = 30 * time.Second

	algorithm = otp.AlgorithmSHA1

	// seedSize is the number of bytes of a seed: the length of an HMAC-SHA-1, as RFC 4226 §4 R6 recommends.
	seedSize = 20

	// drift is how many steps the clock of a user's device may be ahead or behind. RFC 6238 §5.2 recommends at most one
	// for the delay of the network. Each further step is another code that an attacker can guess.
	drift = 1
)

const redacted = "[redacted]"

// Seed is the secret that a user's app and the server share. It prints as "[redacted]" with fmt, slog, encoding/json
// and everything else that uses encoding.TextMarshaler.
type Seed []byte

// NewSeed returns a new seed of 160 bits from random. It fails only if random does.
func NewSeed(random io.Reader) (Seed, error) {
	seed := make(Seed, seedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("totp: %w", err)
	}
	return seed, nil
}

// String returns no part of the seed.
func (Seed) String() string { return redacted }

// Format implements fmt.Formatter, for every verb.
func (Seed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (Seed) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler.
func (Seed) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Base32 returns the seed as a user types it into an app that cannot scan: RFC 4648 §6 without padding.
func (s Seed) Base32() string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(s)
}

// URI returns the otpauth URI that an app reads. It contains the seed. issuer is the name of the service and account
// that of the user. The app shows both. They must not be empty. A colon in them becomes a hyphen, because the first
// colon of the label ends the issuer. See https://github.com/google/google-authenticator/wiki/Key-Uri-Format.
func (s Seed) URI(issuer, account string) string {
	issuer, account = escape(issuer), escape(account)
	return "otpauth://totp/" + issuer + ":" + account + "?secret=" + s.Base32() + "&issuer=" + issuer +
		"&algorithm=" + algorithm.String() + "&digits=" + strconv.Itoa(Digits) +
		"&period=" + strconv.Itoa(int(Period/time.Second))
}

// escape encodes a name for the path and the query of a URI. Apps show a plus sign in place of a space, so it encodes
// spaces as %20, unlike url.QueryEscape.
func escape(name string) string {
	return strings.ReplaceAll(url.QueryEscape(strings.ReplaceAll(name, ":", "-")), "+", "%20")
}

// Code returns the code of a time step.
func (s Seed) Code(step int64) string {
	counter := uint64(step) //nolint:gosec // Step accepts no code of a negative step
	code, err := hotp.GenerateCodeCustom(s.Base32(), counter, hotp.ValidateOpts{Digits: Digits, Algorithm: algorithm})
	if err != nil {
		panic(err) // it can read any Base32. An empty code would be equal to an empty input.
	}
	return code
}

// Step returns the time step that a code belongs to: the current, the previous or the next one at the time now. The
// code may contain spaces, as apps show it: "123 456". No step up to after is accepted. Callers pass the step that was
// last accepted, or 0, so that no code is accepted twice (RFC 6238 §5.2). They must store the returned step in a way
// that only one of two simultaneous calls succeeds.
//
// A seed of the wrong size has no valid code, so that codes cannot be calculated from a seed that was lost.
func (s Seed) Step(code string, now time.Time, after int64) (step int64, ok bool) {
	typed := []byte(strings.ReplaceAll(code, " ", ""))
	after = max(after, -1) // there are no steps before 1970
	current := stepAt(now)
	// It compares with all steps, so that the time does not tell which one matched. If two steps have the same code, the
	// later one counts. Otherwise the code would be accepted a second time.
	for candidate := current - drift; candidate <= current+drift; candidate++ {
		equal := subtle.ConstantTimeCompare(typed, []byte(s.Code(candidate))) == 1
		if equal && candidate > after && len(s) == seedSize {
			step, ok = candidate, true
		}
	}
	return step, ok
}

// stepAt returns the time step of a time, rounded down, also before 1970.
func stepAt(at time.Time) int64 {
	const period = int64(Period / time.Second)
	seconds := at.Unix()
	step := seconds / period
	if seconds%period < 0 {
		step--
	}
	return step
}
