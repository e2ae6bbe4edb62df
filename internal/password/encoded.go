package password

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// ErrMalformed says that a stored hash is damaged, asks for an absurd amount of work, or is of a
// kind that is not supported.
var ErrMalformed = errors.New("password: stored hash malformed or not supported")

// storedHash is a hash from the database.
type storedHash interface {
	// verify reports whether this is the hash of a password, given as typed and normalized.
	verify(typed Plaintext, normalized string) bool
	// current reports whether a new hash would be made with the same parameters.
	current(cost) bool
	// cheaper reports whether verify may take less time than a hash of this cost.
	cheaper(cost) bool
}

// maxEncoded is more bytes than the bounds below need.
const maxEncoded = 256

func parse(encoded string) (storedHash, error) {
	switch {
	case len(encoded) > maxEncoded:
		return nil, ErrMalformed
	case bcryptForm.MatchString(encoded):
		return bcryptHash(encoded), nil
	default:
		return parseArgon2(encoded)
	}
}

// cost is what one argon2id hash takes, with the names of RFC 9106 §3.1.
type cost struct {
	m uint32 // memory in KiB
	t uint32 // passes over it
	p uint8  // lanes in parallel
}

// The cost of a new hash. The one for tests takes some 50 µs.
var (
	defaultCost = cost{m: 19456, t: 2, p: 1}
	testCost    = cost{m: 8, t: 1, p: 1}
)

// Lengths in bytes: of what is made, and of what is verified.
const (
	saltLength, minSaltLength, maxSaltLength = 16, 8, 64
	tagLength, minTagLength, maxTagLength    = 32, 16, 64
)

// sane reports whether a hash of this cost may be verified. Whoever can write a hash to the
// database must not bring the server down with it; the defaults of common libraries pass, which
// go up to 100 MiB. Less than 8 KiB a lane is not argon2.
func (c cost) sane() bool {
	return c.p >= 1 && c.p <= 16 &&
		c.t >= 1 && c.t <= 10 &&
		c.m >= 8*uint32(c.p) && c.m <= 128<<10
}

type argon2Hash struct {
	cost
	salt, tag []byte
}

// parseArgon2 reads what encode writes, and nothing else: what it cannot read is missing when the
// hash is encoded again.
func parseArgon2(encoded string) (a argon2Hash, err error) {
	fields := strings.Split(encoded, "$")
	if len(fields) != 6 {
		return a, ErrMalformed
	}
	_, _ = fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &a.m, &a.t, &a.p)
	a.salt, _ = base64.RawStdEncoding.DecodeString(fields[4])
	a.tag, _ = base64.RawStdEncoding.DecodeString(fields[5])
	if a.encode() != encoded || !a.sane() ||
		len(a.salt) < minSaltLength || len(a.salt) > maxSaltLength ||
		len(a.tag) < minTagLength || len(a.tag) > maxTagLength {
		return a, ErrMalformed
	}
	return a, nil
}

// encode returns the PHC string, with the parameters in the order of the reference implementation.
func (a argon2Hash) encode() string {
	base64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, a.m, a.t, a.p, base64(a.salt), base64(a.tag))
}

// derive computes the tag, and then collects the memory that took: the collector's pacing takes
// such blocks for a heap that is here to stay, and lets as much garbage pile up. A flood over two
// slots peaks at some 75 MB in this way, and at 115 MB and more without.
func (a argon2Hash) derive(normalized string, length int) []byte {
	tag := argon2.IDKey([]byte(normalized), a.salt, a.t, a.m, a.p, uint32(length)) //nolint:gosec // at most maxTagLength
	if a.m >= defaultCost.m {
		runtime.GC()
	}
	return tag
}

func (a argon2Hash) verify(_ Plaintext, normalized string) bool {
	return subtle.ConstantTimeCompare(a.tag, a.derive(normalized, len(a.tag))) == 1
}

func (a argon2Hash) current(c cost) bool {
	return a.cost == c && len(a.salt) == saltLength && len(a.tag) == tagLength
}

// The time that argon2id takes is about proportional to the blocks of memory that it fills in each lane. The
// lanes are filled in parallel, as far as there are processor cores for them.
func (a argon2Hash) cheaper(c cost) bool {
	return uint64(a.m)*uint64(a.t)*uint64(c.p) < uint64(c.m)*uint64(c.t)*uint64(a.p)
}

// bcryptForm is what a bcrypt hash looks like. $2x$ is left out: it marks hashes in which
// different passwords with characters outside ASCII may be the same. Cost 14 takes about a second;
// 31, which bcrypt allows, a day.
var bcryptForm = regexp.MustCompile(`^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$`)

// bcryptHash is a hash of another system.
type bcryptHash string

// bcryptMax is how many bytes of a password bcrypt looks at.
const bcryptMax = 72

// verify uses the password as typed, because other systems do not normalize. It refuses what
// bcrypt cannot tell from another password: one with more than 72 bytes, or with a NUL, since
// bcrypt repeats a short password with a NUL between.
func (b bcryptHash) verify(typed Plaintext, _ string) bool {
	exact := len(typed) <= bcryptMax && !strings.Contains(string(typed), "\x00")
	err := bcrypt.CompareHashAndPassword([]byte(b), []byte(typed[:min(len(typed), bcryptMax)]))
	return err == nil && exact
}

func (bcryptHash) current(cost) bool { return false }

// A bcrypt hash of cost 9 takes about as long as one of ours, and each cost twice as long as the one before.
func (b bcryptHash) cheaper(cost) bool { return b[len("$2b$"):len("$2b$10")] < "10" }
