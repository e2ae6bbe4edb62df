package password

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// ErrMalformed says that a stored hash is damaged, not supported, or requires too much work.
var ErrMalformed = errors.New("password: stored hash malformed or not supported")

// storedHash is a hash from the database.
type storedHash interface {
	// verify reports whether this is the hash of a password. It gets the password as typed and in its normal form.
	verify(typed Plaintext, normalized string) bool
	// current reports whether a new hash would have the same parameters.
	current(cost) bool
	// cheaper reports whether verify may take less time than a hash of this cost.
	cheaper(cost) bool
}

// maxEncoded is more bytes than any hash within the bounds below has.
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

// cost holds the parameters of argon2id, with the names of RFC 9106 §3.1.
type cost struct {
	m uint32 // memory in KiB
	t uint32 // passes over it
	p uint8  // lanes in parallel
}

// The cost of a new hash. A hash for tests takes some 50 µs.
var (
	defaultCost = cost{m: 19456, t: 2, p: 1}
	testCost    = cost{m: 8, t: 1, p: 1}
)

// Lengths in bytes: those of a new hash, and those that Verify accepts.
const (
	saltLength, minSaltLength, maxSaltLength = 16, 8, 64
	tagLength, minTagLength, maxTagLength    = 32, 16, 64
)

// allowed reports whether a hash of this cost may be verified. A hash that somebody writes to the database must not
// be able to stop the server. The defaults of common libraries are allowed, which go up to 100 MiB. argon2
// requires at least 8 KiB for each lane (RFC 9106 §3.1).
func (c cost) allowed() bool {
	return c.p >= 1 && c.p <= 16 &&
		c.t >= 1 && c.t <= 10 &&
		c.m >= 8*uint32(c.p) && c.m <= 128<<10
}

type argon2Hash struct {
	cost
	salt, tag []byte
}

// parseArgon2 accepts exactly what encode writes. Anything that it cannot parse makes the hash differ from its own
// encoding.
func parseArgon2(encoded string) (a argon2Hash, err error) {
	fields := strings.Split(encoded, "$")
	if len(fields) != 6 {
		return a, ErrMalformed
	}
	_, _ = fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &a.m, &a.t, &a.p)
	a.salt, _ = base64.RawStdEncoding.DecodeString(fields[4])
	a.tag, _ = base64.RawStdEncoding.DecodeString(fields[5])
	if a.encode() != encoded || !a.allowed() ||
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

// derive computes the tag. Then it runs the garbage collector: after such large blocks the collector would let the heap
// grow by as much again before its next cycle. A flood of logins over two slots peaks at some 75 MB with this
// call, and at 115 MB or more without.
//
// The more goroutines there are, the longer a cycle takes, and each connection has one. With thousands of connections, such
// as those of slow clients, a cycle after each hash would take almost as long as the hash. So there are fewer cycles then.
func (a argon2Hash) derive(normalized string, length int) []byte {
	tag := argon2.IDKey([]byte(normalized), a.salt, a.t, a.m, a.p, uint32(length)) //nolint:gosec // at most maxTagLength
	if a.m >= defaultCost.m && uncollected.Add(1) > int64(runtime.NumGoroutine()/goroutinesPerHash) {
		uncollected.Store(0)
		runtime.GC()
	}
	return tag
}

// uncollected is the number of hashes since the garbage collector ran, which serves the whole process.
var uncollected atomic.Int64

// goroutinesPerHash is by how many goroutines the number of hashes between two cycles grows by one: 19 MiB for each.
const goroutinesPerHash = 1500

func (a argon2Hash) verify(_ Plaintext, normalized string) bool {
	return subtle.ConstantTimeCompare(a.tag, a.derive(normalized, len(a.tag))) == 1
}

func (a argon2Hash) current(c cost) bool {
	return a.cost == c && len(a.salt) == saltLength && len(a.tag) == tagLength
}

// The time of argon2id is about proportional to the blocks of memory that it fills in each lane. It fills the lanes in
// parallel if there are enough processor cores.
func (a argon2Hash) cheaper(c cost) bool {
	return uint64(a.m)*uint64(a.t)*uint64(c.p) < uint64(c.m)*uint64(c.t)*uint64(a.p)
}

// bcryptForm matches supported bcrypt hashes. $2x$ is not supported: it marks hashes by an implementation that gives
// different passwords with characters outside ASCII the same hash. Cost 14 takes about a second. Cost 31, which
// bcrypt allows, takes a day.
var bcryptForm = regexp.MustCompile(`^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$`)

// bcryptHash is a hash from another system.
type bcryptHash string

// bcryptMax is how many bytes of a password bcrypt reads.
const bcryptMax = 72

// verify uses the password as typed, because other systems do not normalize. It rejects passwords that bcrypt cannot
// distinguish from others: those of more than 72 bytes, and those with a NUL, since bcrypt repeats a short
// password with a NUL in between.
func (b bcryptHash) verify(typed Plaintext, _ string) bool {
	exact := len(typed) <= bcryptMax && !strings.Contains(string(typed), "\x00")
	err := bcrypt.CompareHashAndPassword([]byte(b), []byte(typed[:min(len(typed), bcryptMax)]))
	return err == nil && exact
}

func (bcryptHash) current(cost) bool { return false }

// A bcrypt hash of cost 9 takes about as long as one of ours, and each higher cost takes twice as long.
func (b bcryptHash) cheaper(cost) bool { return b[len("$2b$"):len("$2b$10")] < "10" }
