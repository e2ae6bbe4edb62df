package password

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"runtime"

	"usher/internal/observe"
)

// defaultQueue is how many requests wait for a slot. At 25 ms a hash and two slots, the last one waits for less than a
// second. People take that for slow, not for broken.
const defaultQueue = 64

// Options configure a Hasher. The zero value is for production.
type Options struct {
	// Parallel is how many hashes run at once. Zero means GOMAXPROCS: more would take 19 MiB each and not be
	// faster.
	Parallel int
	// Queue is how many requests may wait while Parallel hashes run. Zero means 64.
	Queue int
	// Observer times the hashes and the waits for them. It also counts the requests in flight, including those for a
	// hash: while there are others, fewer hashes run at once. Nil means no steps and no others.
	Observer *observe.Observer
	// Rand is the source of salts. It must be safe for concurrent use. Nil means crypto/rand.
	Rand io.Reader
	// CheapForTests makes hashes that cost next to nothing and protect nothing. It is for tests of all packages;
	// no setting enables it. Otherwise the cost is the one of OWASP's Password Storage Cheat Sheet: m=19456, t=2, p=1.
	CheapForTests bool
}

// Hasher makes and verifies password hashes. It bounds how many are computed at once. It is safe for concurrent
// use.
type Hasher struct {
	cost      cost
	noAccount string // a hash of no password, see Slot.VerifyNothing
	rand      io.Reader
	limiter   *limiter
	observer  *observe.Observer
}

// New returns a Hasher.
func New(o Options) *Hasher {
	h := &Hasher{
		cost:     defaultCost,
		rand:     o.Rand,
		limiter:  newLimiter(cmp.Or(o.Parallel, runtime.GOMAXPROCS(0)), cmp.Or(o.Queue, defaultQueue), o.Observer.InFlight),
		observer: o.Observer,
	}
	if h.rand == nil {
		h.rand = rand.Reader
	}
	if o.CheapForTests {
		h.cost = testCost
	}
	h.noAccount = argon2Hash{h.cost, make([]byte, saltLength), make([]byte, tagLength)}.encode()
	return h
}

// Hash acquires a slot, hashes p and releases the slot.
func (h *Hasher) Hash(ctx context.Context, p Plaintext) (string, error) {
	slot, err := h.Acquire(ctx)
	if err != nil {
		return "", err
	}
	defer slot.Release()
	return slot.Hash(ctx, p)
}

// Acquire waits for a slot and takes it. The caller must release it. The error is ErrBusy, at once, when the queue is
// full, or the error of ctx when that ends first.
func (h *Hasher) Acquire(ctx context.Context) (*Slot, error) { return h.acquire(ctx, false) }

// AcquireReserved is Acquire for a request that can have one of the places that are reserved when the queue is full.
// Otherwise a flood of guesses would keep out those who are known.
func (h *Hasher) AcquireReserved(ctx context.Context) (*Slot, error) { return h.acquire(ctx, true) }

func (h *Hasher) acquire(ctx context.Context, reserved bool) (*Slot, error) {
	waiting, end := h.observer.Step(ctx, observe.HashWait, "")
	t, err := h.limiter.acquire(waiting, reserved)
	end(err)
	if err != nil {
		return nil, err
	}
	return &Slot{h, t}, nil
}

// Usage is how many slots and places in the queue are in use, and how many there are.
type Usage struct{ InUse, Slots, Queued, QueueLimit int }

// Usage returns the usage at this moment.
func (h *Hasher) Usage() Usage { return h.limiter.usage() }

// Slot permits its holder to compute one hash at a time. Only one goroutine may use it. The holder may query the
// database meanwhile. A hash cannot be cancelled: the contexts of the methods only say what the hash is part of.
type Slot struct {
	hasher *Hasher
	taken  *taken
}

// Release frees the slot. Call no other method afterwards; further calls of Release do nothing.
func (s *Slot) Release() {
	if s.hasher == nil {
		return
	}
	s.hasher.limiter.release(s.taken)
	s.hasher = nil
}

// Hash returns the argon2id hash of p as a PHC string, with a new salt. The error is a Problem when
// p has no normal form. Policy.Check would have rejected it.
func (s *Slot) Hash(ctx context.Context, p Plaintext) (string, error) {
	text, problem := normalize(p)
	if problem != "" {
		return "", problem
	}
	salt := make([]byte, saltLength)
	if _, err := io.ReadFull(s.hasher.rand, salt); err != nil {
		return "", fmt.Errorf("password: read salt: %w", err)
	}
	a := argon2Hash{cost: s.hasher.cost, salt: salt}
	_, end := s.hasher.observer.Step(ctx, observe.Hash, "")
	a.tag = a.derive(text, tagLength)
	end(nil)
	return a.encode(), nil
}

// Verify reports whether encoded is the hash of p. If so, rehash says whether to replace encoded by a new hash of p,
// because it has other parameters or is from another system. The error is ErrMalformed.
//
// Verify computes one hash whether the password is right or wrong, except for a password that is too long for any
// account. A wrong password for a hash that is cheaper than ours costs one of ours in addition. So
// a wrong password is never answered faster for an account that exists than for one that does not. It can be answered
// later: until the owner has signed in once, the time of the answer can show that an account was imported.
func (s *Slot) Verify(ctx context.Context, encoded string, p Plaintext) (ok, rehash bool, err error) {
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
	_, end := s.hasher.observer.Step(ctx, observe.Hash, "")
	ok = stored.verify(p, text)
	end(nil)
	if !ok && stored.cheaper(s.hasher.cost) {
		s.VerifyNothing(ctx, p)
	}
	return ok, ok && problem == "" && !stored.current(s.hasher.cost), nil
}

// VerifyNothing costs what Verify costs for a hash of ours. It is for accounts that do not exist.
func (s *Slot) VerifyNothing(ctx context.Context, p Plaintext) {
	_, _, _ = s.Verify(ctx, s.hasher.noAccount, p)
}
