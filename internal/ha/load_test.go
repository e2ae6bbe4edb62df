//go:build ha

package ha

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	password  = "four small green turtles"
	perSecond = 100
	users     = 20
)

// account is a user of the load, with a session that must never end.
type account struct {
	name string

	mu              sync.Mutex // held while the session is refreshed
	access, refresh string
	side            []signIn // sessions to revoke
}

type signIn struct {
	AccessToken  string
	RefreshToken string
	Session      struct{ ID string }
}

// revoked is a session whose end was acknowledged.
type revoked struct {
	signIn

	at time.Time
}

// acknowledgement is a write that a replica acknowledged.
type acknowledgement struct {
	replica string
	at      time.Time
}

// load sends operations through all replicas and records what they acknowledge.
type load struct {
	replicas []*replica
	accounts []*account
	prefix   string // of the names of its users
	stop     func()

	created  atomic.Int64 // names of sign-ups
	requests atomic.Int64
	failed   atomic.Int64 // got no answer, or SERVICE_UNAVAILABLE

	mu        sync.Mutex
	acks      []acknowledgement
	signups   []string
	sessions  []string // ids
	ended     []revoked
	refreshes int
	accepted  []wrong
	signedOut []string
	surprises map[string]int // answers that should not occur
}

// wrong is a request that a replica accepted although the end of its session had been acknowledged.
type wrong struct {
	replica  string
	at       time.Time     // the start of the request
	lateness time.Duration // since the acknowledgement
}

const tokens = `accessToken refreshToken session { id }`

// startLoad signs up the accounts and starts the load.
func startLoad(t *testing.T, prefix string, replicas ...*replica) *load {
	t.Helper()
	l := &load{replicas: replicas, prefix: prefix, surprises: map[string]int{}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	for i := range users {
		a := &account{name: fmt.Sprintf("%suser%d", prefix, i)}
		var data struct{ Signup signIn }
		err := replicas[i%len(replicas)].call(ctx, "", `mutation ($input: SignupInput!) { signup(input: $input) { `+tokens+` } }`,
			map[string]string{"username": a.name, "password": password}, &data)
		if err != nil {
			cancel()
			t.Fatal(err)
		}
		a.access, a.refresh = data.Signup.AccessToken, data.Signup.RefreshToken
		l.accounts = append(l.accounts, a)
	}
	var clients sync.WaitGroup
	clients.Go(func() {
		begin, due := time.Now(), 0
		for ticker := time.NewTicker(time.Second / perSecond); ctx.Err() == nil; <-ticker.C {
			for ; due < int(time.Since(begin).Seconds()*perSecond); due++ { // a busy machine skips ticks
				clients.Go(func() { l.operate(context.WithoutCancel(ctx)) })
			}
		}
	})
	for _, r := range replicas { // both look for revoked sessions all the time
		clients.Go(func() {
			for ticker := time.NewTicker(50 * time.Millisecond); ctx.Err() == nil; <-ticker.C {
				clients.Go(func() { l.probe(context.WithoutCancel(ctx), r) })
			}
		})
	}
	l.stop = sync.OnceFunc(func() { cancel(); clients.Wait() })
	t.Cleanup(l.stop)
	return l
}

// operate sends one operation.
func (l *load) operate(ctx context.Context) {
	r := l.replicas[rand.IntN(len(l.replicas))]
	a := l.accounts[rand.IntN(len(l.accounts))]
	l.requests.Add(1)
	switch kind := rand.IntN(100); {
	case kind < 55:
		l.me(ctx, r, a)
	case kind < 90:
		l.refresh(ctx, r, a)
	case kind < 94:
		l.login(ctx, r, a)
	case kind < 98:
		l.revoke(ctx, r, a)
	default:
		l.signup(ctx, r)
	}
}

func (l *load) me(ctx context.Context, r *replica, a *account) {
	a.mu.Lock()
	access := a.access
	a.mu.Unlock()
	var data struct{ Me struct{ ID string } }
	l.failure("me", a, r.call(ctx, access, `{ me { id } }`, nil, &data))
}

// refresh sends the account's refresh token. It sends it again later if there is no answer.
func (l *load) refresh(ctx context.Context, r *replica, a *account) {
	if !a.mu.TryLock() {
		return
	}
	defer a.mu.Unlock()
	var data struct{ Refresh signIn }
	err := r.call(ctx, "", `mutation ($input: RefreshInput!) { refresh(input: $input) { `+tokens+` } }`,
		map[string]string{"refreshToken": a.refresh}, &data)
	if l.failure("refresh", a, err) {
		return
	}
	a.access, a.refresh = data.Refresh.AccessToken, data.Refresh.RefreshToken
	l.acknowledged(r, func() { l.refreshes++ })
}

func (l *load) login(ctx context.Context, r *replica, a *account) {
	var data struct{ Login signIn }
	err := r.call(ctx, "", `mutation ($input: LoginInput!) { login(input: $input) { `+tokens+` } }`,
		map[string]string{"identifier": a.name, "password": password}, &data)
	if l.failure("login", a, err) {
		return
	}
	l.acknowledged(r, func() {
		l.sessions = append(l.sessions, data.Login.Session.ID)
		a.side = append(a.side, data.Login)
	})
}

func (l *load) signup(ctx context.Context, r *replica) {
	name := fmt.Sprintf("%snew%d", l.prefix, l.created.Add(1))
	var data struct{ Signup signIn }
	err := r.call(ctx, "", `mutation ($input: SignupInput!) { signup(input: $input) { `+tokens+` } }`,
		map[string]string{"username": name, "password": password}, &data)
	if !l.failure("signup", nil, err) {
		l.acknowledged(r, func() { l.signups = append(l.signups, name) })
	}
}

// revoke ends one session from the account's other one.
func (l *load) revoke(ctx context.Context, r *replica, a *account) {
	l.mu.Lock()
	if len(a.side) == 0 {
		l.mu.Unlock()
		return
	}
	session := a.side[0]
	a.side = a.side[1:]
	l.mu.Unlock()
	a.mu.Lock()
	access := a.access
	a.mu.Unlock()
	var data struct{ RevokeSession struct{ SessionID string } }
	err := r.call(ctx, access, `mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) { sessionId } }`,
		map[string]string{"sessionId": session.Session.ID}, &data)
	at := time.Now()
	var answer answerError
	if errors.As(err, &answer) && answer.Extensions.Code == "NOT_FOUND" {
		return // an earlier try ended it, without an answer
	}
	if l.failure("revokeSession", a, err) {
		l.mu.Lock()
		a.side = append(a.side, session)
		l.mu.Unlock()
		return
	}
	l.acknowledged(r, func() { l.ended = append(l.ended, revoked{session, at}) })
}

// probe sends the token of a session that has ended: one of the last 20 in three of four cases.
func (l *load) probe(ctx context.Context, r *replica) {
	l.mu.Lock()
	candidates := l.ended
	if recent := len(candidates) - 20; recent > 0 && rand.IntN(4) > 0 {
		candidates = candidates[recent:]
	}
	if len(candidates) == 0 {
		l.mu.Unlock()
		return
	}
	one := candidates[rand.IntN(len(candidates))]
	l.mu.Unlock()
	begin := time.Now()
	var data struct{ Me struct{ ID string } }
	err := r.call(ctx, one.AccessToken, `{ me { id } }`, nil, &data)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.accepted = append(l.accepted, wrong{r.name, begin, begin.Sub(one.at)})
	}
}

// acknowledged records an acknowledged write.
func (l *load) acknowledged(r *replica, record func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	record()
	l.acks = append(l.acks, acknowledgement{r.name, time.Now()})
}

// failure reports whether an operation failed. No answer and SERVICE_UNAVAILABLE are expected during a fault.
func (l *load) failure(operation string, a *account, err error) bool {
	if err == nil {
		return false
	}
	l.failed.Add(1)
	var answer answerError
	if !errors.As(err, &answer) {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch code := answer.Extensions.Code; code {
	case "SERVICE_UNAVAILABLE":
	case "UNAUTHENTICATED", "INVALID_REFRESH_TOKEN", "INVALID_GRANT":
		if a != nil && !slices.Contains(l.signedOut, a.name) {
			l.signedOut = append(l.signedOut, a.name)
		}
		l.surprises[operation+": "+answer.Error()]++
	default:
		l.surprises[operation+": "+answer.Error()]++
	}
	return true
}

// firstAck returns the time of the first write that one of the replicas acknowledged after a time.
func (l *load) firstAck(after time.Time, names ...string) (first time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ack := range l.acks {
		if ack.at.After(after) && slices.Contains(names, ack.replica) && (first.IsZero() || ack.at.Before(first)) {
			first = ack.at
		}
	}
	return first
}

// silence returns the longest time since a fault in which none of the replicas acknowledged a write.
func (l *load) silence(since time.Time, names ...string) (longest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := since
	for _, ack := range l.acks {
		if ack.at.After(last) && slices.Contains(names, ack.replica) {
			longest = max(longest, ack.at.Sub(last))
			last = ack.at
		}
	}
	return max(longest, time.Since(last))
}
