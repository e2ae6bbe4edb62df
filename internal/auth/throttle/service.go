package throttle

import (
	"context"
	"log/slog"
	"math"
	"time"

	"usher/internal/auth"
	"usher/internal/ratelimit"
	"usher/internal/request"
)

// Challenger makes challenges and checks their solutions.
type Challenger interface {
	// Issue returns a new challenge for a field. It takes factor times as much work as the cheapest.
	Issue(field string, factor int) (*auth.Challenge, error)
	// Verify reports whether a solution is that of a challenge for the field, and when it expires. The id is that of the
	// challenge, and no secret. Whether the solution was used before is for the caller to know.
	Verify(field, solution string) (id string, expires time.Time, ok bool)
}

// Options are what a Service needs. Store, Now, Log and Digest are required if there are rules.
type Options struct {
	// Rules are the limits of each field, by its schema coordinate.
	Rules map[string][]Rule
	Store auth.RateLimitStore
	Now   func() time.Time
	Log   *slog.Logger
	// Digest returns a digest of 32 bytes, by a key of the server, so that nobody else can tell what the counters in the
	// database count.
	Digest func(content []byte) []byte
	// Challenges is proof of work. Without it, a use that would need it is refused.
	Challenges Challenger
	// Device reports whether a device token marks a device as known for an account, by the canonical form of a name that
	// the account has. Nil means that none is known.
	Device func(token, account string) bool
	// Meter counts the decisions. Nil means that nothing is counted.
	Meter auth.Meter
}

// settleTimeout bounds the statements of Settle.
const settleTimeout = 5 * time.Second

// maxCounters limits the counters in memory. They take about 20 MiB.
const maxCounters = 1 << 16

// Service decides about uses. It is safe for concurrent use.
type Service struct {
	options  Options
	limiter  *ratelimit.Limiter
	pressure *pressure
}

// New returns a Service.
func New(o Options) *Service {
	if o.Meter == nil {
		o.Meter = auth.Uncounted{}
	}
	return &Service{options: o, limiter: ratelimit.New(counters{o.Store, o.Digest}, o.Now, maxCounters), pressure: &pressure{}}
}

// With returns a Service with other rules and the same counters. Both can be used at the same time.
func (s *Service) With(rules map[string][]Rule) *Service {
	other := *s
	other.options.Rules = rules
	return &other
}

// counters keeps the counters in the database, under keys that tell nothing.
type counters struct {
	store  auth.RateLimitStore
	digest func([]byte) []byte
}

// Add implements ratelimit.Store.
func (c counters) Add(ctx context.Context, key ratelimit.Key, period, count int64, expires time.Time) (ratelimit.Sums, error) {
	sums, err := c.store.AddUses(ctx, auth.RateLimitUses{Key: c.digest(key[:]), Period: period, Count: count, ExpiresAt: expires})
	return ratelimit.Sums(sums), err
}

// Limited reports whether a field has a limit.
func (s *Service) Limited(field string) bool { return len(s.options.Rules[field]) > 0 }

// Admit admits all uses of an operation, or none. Its errors are a *Refusal, and those of the store: without the database,
// nobody can sign in or change anything anyway. It sets the limits of the request's Outcome.
func (s *Service) Admit(ctx context.Context, uses []Use) (*Admission, error) {
	a := s.collect(ctx, uses)
	if len(a.takes) == 0 {
		return a, nil
	}
	for {
		states, ok, err := s.limiter.Take(ctx, a.takes)
		if err != nil {
			return nil, err
		}
		a.states = states
		a.warn(ctx)
		request.OutcomeOf(ctx).Limits = a.limits()
		if ok {
			break
		}
		if err := a.refused(); err != nil {
			a.meter(err)
			return nil, err
		}
	}
	if err := a.useSolutions(ctx); err != nil {
		a.giveBack(ctx, func(*counted) bool { return true })
		a.meter(err)
		return nil, err
	}
	a.meter(nil)
	return a, nil
}

// Admission are the uses of an operation that may run.
type Admission struct {
	service *Service
	uses    []use
	// counted describes each of takes, and states is the answer.
	counted []counted
	takes   []ratelimit.Use
	states  []ratelimit.State
}

// unlimited admits uses of fields without a limit.
var unlimited Admission

// use is a Use and what is known of it.
type use struct {
	*Use
	account string // see accountName
	known   bool   // it is on a known device
	// failures says that it matters whether this use fails, and caller whether the caller is signed in.
	failures, caller bool
	settled          bool
	// solution is the solved challenge that the use needs; nil for none.
	solution *solution
}

type solution struct {
	id      string
	expires time.Time
}

// accountName returns the canonical name of the account that the use names; empty for none.
func (u *use) accountName() string {
	if u.account == "" {
		u.account = canonical(u.Account)
	}
	return u.account
}

// counted is one counter of a use.
type counted struct {
	use   int
	limit *Limit
}

// collect returns what to count for the uses.
func (s *Service) collect(ctx context.Context, uses []Use) *Admission {
	a := &unlimited
	var who *client
	var keys []key
	for i := range uses {
		rules := s.options.Rules[uses[i].Field]
		if len(rules) == 0 {
			continue
		}
		if who == nil {
			who = clientOf(ctx)
			a = &Admission{service: s, uses: make([]use, len(uses))}
			a.counted, a.takes = make([]counted, 0, 2*len(uses)*len(rules)), make([]ratelimit.Use, 0, 2*len(uses)*len(rules))
		}
		u := &a.uses[i]
		u.Use = &uses[i]
		u.known = s.options.Device != nil && u.DeviceToken != "" && u.accountName() != "" &&
			s.options.Device(u.DeviceToken, u.accountName())
		for _, rule := range rules {
			if u.known && (rule.Counts == CountFailures || rule.Exceeded == Challenge) {
				continue
			}
			u.failures = u.failures || rule.Counts == CountFailures
			u.caller = u.caller || rule.byCaller()
			keys = who.counters(keys[:0], rule.Limit, u)
			for _, c := range keys {
				a.counted = append(a.counted, counted{i, rule.Limit})
				a.takes = append(a.takes, ratelimit.Use{
					Key: c.key, Max: int64(rule.Max) * c.times, Cost: int64(rule.Cost), Per: rule.Per,
					Peek: rule.Counts == CountFailures && s.action(rule.Limit) == Challenge,
				})
			}
		}
	}
	return a
}

// action returns what happens to uses over a limit.
func (s *Service) action(l *Limit) Action {
	if s.options.Challenges == nil {
		return Refuse
	}
	return l.Exceeded
}

// refused returns the error of uses that are over a limit; nil if they all have the solution of a challenge. Then they
// count in spite of the limit.
func (a *Admission) refused() error {
	var limited *Refusal
	for i := range a.states {
		if a.states[i].Over && a.service.action(a.counted[i].limit) == Refuse {
			if limited == nil {
				limited = &Refusal{Use: a.counted[i].use, Err: &auth.Error{Code: auth.CodeRateLimited}}
			}
			limited.Err.RetryAfter = max(limited.Err.RetryAfter, a.states[i].Retry)
		}
	}
	if limited != nil {
		return limited
	}
	for i := range a.states {
		if a.states[i].Over {
			if !a.solved(a.counted[i].use) {
				return a.challenge(a.counted[i].use)
			}
			a.takes[i].Force = true
		}
	}
	return nil
}

// solved reports whether a use has a valid solution that no other use of the operation has.
func (a *Admission) solved(i int) bool {
	u := &a.uses[i]
	if u.solution != nil {
		return true
	}
	id, expires, ok := a.service.options.Challenges.Verify(u.Field, u.Solution)
	for _, other := range a.uses {
		ok = ok && (other.solution == nil || other.solution.id != id)
	}
	if ok {
		u.solution = &solution{id, expires}
	}
	return ok
}

// useSolutions uses up the solutions that the uses need.
func (a *Admission) useSolutions(ctx context.Context) error {
	for i := range a.uses {
		if solved := a.uses[i].solution; solved != nil {
			unused, err := a.service.options.Store.UseChallenge(ctx, solved.id, solved.expires)
			if err != nil {
				return err
			}
			if !unused {
				return a.challenge(i)
			}
		}
	}
	return nil
}

// challenge returns the error of a use that needs the solution of a challenge.
func (a *Admission) challenge(i int) error {
	times := 1.0
	for n, c := range a.counted {
		if take := &a.takes[n]; c.use == i && (a.states[n].Over || take.Force) {
			times = max(times, float64(a.states[n].Used)/float64(max(take.Max, 1)))
		}
	}
	times *= a.service.pressure.price(a.service.options.Now())
	challenge, err := a.service.options.Challenges.Issue(a.uses[i].Field, int(math.Round(min(times, maxFactor))))
	if err != nil {
		return err
	}
	return &Refusal{Use: i, Err: &auth.Error{Code: auth.CodeChallengeRequired, Challenge: challenge}}
}

// Settle notes the result of the use with an index, once it has run. A use that is not settled counts as a failure for
// limits that refuse. Uses with different indexes may be settled at the same time.
//
// A caller that turns out not to be signed in does not count for limits by user or session. Otherwise a copy of an access
// token, which is valid for some minutes after its session has ended, could use up what its owner needs.
//
// It counts even if the client has disconnected. A client can close only its side of the connection, which looks the same,
// and still read the answer.
func (a *Admission) Settle(ctx context.Context, i int, result Result) {
	if i >= len(a.uses) || a.uses[i].settled {
		return
	}
	u := &a.uses[i]
	u.settled = true
	if !u.failures && (!u.caller || result != NotSignedIn) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if u.failures {
		a.service.pressure.note(a.service.options.Now(), result == Guessed)
	}
	if result != Guessed {
		a.giveBack(ctx, func(c *counted) bool {
			return c.use == i && (c.limit.Counts == CountFailures || result == NotSignedIn && c.limit.byCaller())
		})
		return
	}
	var takes []ratelimit.Use
	for n, c := range a.counted {
		if take := a.takes[n]; c.use == i && take.Peek {
			take.Peek, take.Force = false, true
			takes = append(takes, take)
		}
	}
	if len(takes) > 0 {
		_, _, err := a.service.limiter.Take(ctx, takes)
		a.service.unsettled(ctx, err)
	}
}

// giveBack uncounts what has been counted.
func (a *Admission) giveBack(ctx context.Context, which func(*counted) bool) {
	for n := range a.counted {
		if !a.takes[n].Peek && which(&a.counted[n]) {
			a.service.unsettled(ctx, a.service.limiter.GiveBack(ctx, a.takes[n], a.states[n].Period))
		}
	}
}

// unsettled logs that the database does not know yet what this process has counted. The next use tells it.
func (s *Service) unsettled(ctx context.Context, err error) {
	if err != nil {
		s.options.Log.WarnContext(ctx, "rate limit not stored yet", "err", err)
	}
}
