package password

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"runtime"
)

// ErrBusy says that every hashing slot is taken and the queue for them is full. Trying again in a
// second may help.
var ErrBusy = errors.New("password: too many passwords to hash")

// defaultQueue is how many callers wait for a slot. At 25 ms a hash and two slots, the last in
// the queue waits for less than a second, which a person still takes for slow and not for broken.
const defaultQueue = 64

// Options set up a Hasher. The zero Options are those for production.
type Options struct {
	// Parallel is how many hashes run at once. Zero means GOMAXPROCS: more would not be faster, but
	// take 19 MiB each.
	Parallel int
	// Queue is how many callers may wait while Parallel hashes run. Zero means 64.
	Queue int
	// InFlight returns how many requests the process serves, those for a hash included. They get a
	// share of the CPUs while passwords are hashed. Nil means that there are no others.
	InFlight func() int64
	// Rand is the source of salts, safe for concurrent use. Nil means crypto/rand.
	Rand io.Reader
	// CheapForTests makes hashes that cost next to nothing and protect nothing. It is for the tests
	// of every package; no setting leads here. Otherwise the cost is what OWASP's Password Storage
	// Cheat Sheet asks for: m=19456, t=2, p=1.
	CheapForTests bool
}

// Hasher makes and verifies password hashes, a bounded number at once. It is safe for concurrent use.
type Hasher struct {
	cost    cost
	nothing string // a hash that no password has
	rand    io.Reader

	running  chan struct{} // holds an element for each slot in use
	admitted chan struct{} // and for each slot in use or waited for
	crowd    crowd
}

// New returns a Hasher.
func New(o Options) *Hasher {
	parallel := cmp.Or(o.Parallel, runtime.GOMAXPROCS(0))
	h := &Hasher{
		cost:     defaultCost,
		rand:     o.Rand,
		running:  make(chan struct{}, parallel),
		admitted: make(chan struct{}, parallel+cmp.Or(o.Queue, defaultQueue)),
	}
	if h.rand == nil {
		h.rand = rand.Reader
	}
	h.crowd.inFlight, h.crowd.half = o.InFlight, make(chan struct{}, max(1, parallel/2))
	if o.InFlight == nil {
		h.crowd.inFlight = h.crowd.hashing.Load
	}
	if o.CheapForTests {
		h.cost = testCost
	}
	h.nothing = argon2Hash{h.cost, make([]byte, saltLength), make([]byte, tagLength)}.encode()
	return h
}

// Hash is Acquire, Slot.Hash and Slot.Release.
func (h *Hasher) Hash(ctx context.Context, p Plaintext) (string, error) {
	slot, err := h.Acquire(ctx)
	if err != nil {
		return "", err
	}
	defer slot.Release()
	return slot.Hash(p)
}

// Acquire waits for a slot and takes it; the caller must release it. The error is ErrBusy, at
// once, when the queue is full, or that of ctx when it ends first.
func (h *Hasher) Acquire(ctx context.Context) (*Slot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h.crowd.expect(ctx)
	select {
	case h.admitted <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	select {
	case h.running <- struct{}{}:
		half, err := h.crowd.enter(ctx)
		if err != nil {
			<-h.running
			<-h.admitted
			return nil, err
		}
		return &Slot{h, half}, nil
	case <-ctx.Done():
		<-h.admitted
		return nil, ctx.Err()
	}
}

// Slot is the right to hash, one password at a time. It is for one goroutine, which may look at the
// database while it holds the slot.
type Slot struct {
	hasher *Hasher
	half   bool // of the crowd's
}

// Release gives the slot back. Only the first call counts; no other method may follow.
func (s *Slot) Release() {
	if s.hasher == nil {
		return
	}
	s.hasher.crowd.leave(s.half)
	<-s.hasher.running
	<-s.hasher.admitted
	s.hasher = nil
}

// Hash returns the argon2id hash of p as a PHC string, with a new salt. The error is a Problem when
// p has no normal form; Policy.Check would have refused it.
func (s *Slot) Hash(p Plaintext) (string, error) {
	text, problem := normalize(p)
	if problem != "" {
		return "", problem
	}
	salt := make([]byte, saltLength)
	if _, err := io.ReadFull(s.hasher.rand, salt); err != nil {
		return "", fmt.Errorf("password: read salt: %w", err)
	}
	a := argon2Hash{cost: s.hasher.cost, salt: salt}
	a.tag = a.derive(text, tagLength)
	return a.encode(), nil
}

// Verify reports whether p is the password that encoded was made from, and if so, whether to
// replace encoded by a new hash of p: because it is of another system or of other parameters.
// It costs one evaluation of the hash, right or wrong. Only a password that is too long for any
// account is refused without. The error is ErrMalformed.
//
// A wrong password for a hash that is cheaper than ours costs one of ours in addition, so that an
// account that exists is never answered faster than one that does not. It can be answered later: until
// its owner has signed in once, the time of an answer can tell that an account was imported.
func (s *Slot) Verify(encoded string, p Plaintext) (ok, rehash bool, err error) {
	stored, err := parse(encoded)
	if err != nil {
		return false, false, err
	}
	text, problem := normalize(p)
	switch problem {
	case "":
	case TooLong:
		return false, false, nil
	default:
		text = string(p) // no hash of ours matches this, but one of another system may
	}
	ok = stored.verify(p, text)
	if !ok && stored.cheaper(s.hasher.cost) {
		s.VerifyNothing(p)
	}
	return ok, ok && problem == "" && !stored.current(s.hasher.cost), nil
}

// VerifyNothing costs what Verify does for a hash of ours. It is for accounts that do not exist.
func (s *Slot) VerifyNothing(p Plaintext) {
	_, _, _ = s.Verify(s.hasher.nothing, p)
}
