// Package rekey owns the change of the server's secret: how long the previous one is accepted, and that the current one
// encrypts what the previous one has encrypted.
//
// Each server records in the database that it uses its current secret. A previous secret is accepted until everything that
// was made with it has expired, counted from the last of these records. A previous secret without a record has never been
// a current one: it is accepted without a limit, because other servers may already use it.
package rekey

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"usher/internal/seal"
)

const (
	// Interval is how often to call [Service.Keep].
	Interval = 10 * time.Minute

	// margin is added to the lifetime of what a secret makes. It exceeds Interval and the maximum difference of clocks.
	margin = time.Hour

	// shortest is the shortest time that a previous secret is accepted. Codes in mails are valid for less.
	shortest = time.Hour

	// quiet is how long after its last record no server uses a secret any more. It exceeds two Intervals.
	quiet = 30 * time.Minute
)

// Record says when servers used a secret as their current one.
type Record struct {
	Fingerprint             string
	FirstUsedAt, LastUsedAt time.Time
	// GoodUntil is when everything that was made with the secret has expired.
	GoodUntil time.Time
}

// Store keeps the records for all replicas. It stores times with microsecond precision.
type Store interface {
	// ServerSecrets returns all records, the first used first.
	ServerSecrets(ctx context.Context) ([]Record, error)
	// UseServerSecret adds a record, or moves LastUsedAt and GoodUntil of an existing one to later times.
	UseServerSecret(ctx context.Context, r *Record) error
}

// Reseal encrypts what is stored of one kind with the current secret. It returns how many it has changed. Several replicas
// may call it at once, and it may be interrupted.
type Reseal func(ctx context.Context) (int, error)

// Options are what a Service needs. All are required.
type Options struct {
	Store   Store
	Secrets *seal.Secrets
	// Lifetime is how long the longest-lived text of clients is valid: a refresh token.
	Lifetime time.Duration
	Now      func() time.Time
	Log      *slog.Logger
}

// Service changes the secret of one server.
type Service struct {
	options           Options
	current, previous string // fingerprints; previous is empty if there is none
	reseals           map[string]Reseal

	mu     sync.Mutex
	logged State // the last one that was logged
}

// New returns a Service.
func New(o Options) (*Service, error) {
	s := &Service{options: o, reseals: map[string]Reseal{}}
	var err error
	s.current, s.previous, err = o.Secrets.Fingerprints()
	return s, err
}

// State is the state of the previous secret.
type State string

// The states.
const (
	// None means that the server has no previous secret.
	None State = "none"
	// Next means that it has never been a current one.
	Next State = "next"
	// Accepted means that what was made with it may still be valid.
	Accepted State = "accepted"
	// Ended means that it is no longer accepted.
	Ended State = "ended"
)

// Status describes the secrets of a server.
type Status struct {
	Current, Previous string // fingerprints; Previous is empty if there is none
	State             State  // of the previous one
	// AcceptedUntil is when the previous secret ends. It is zero for None and Next.
	AcceptedUntil time.Time
	// Records are the secrets that servers have used, the first used first.
	Records []Record
}

// Load reads how long the previous secret is accepted, and applies it.
func (s *Service) Load(ctx context.Context) (*Status, error) {
	records, err := s.options.Store.ServerSecrets(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the secrets of servers: %w", err)
	}
	status := &Status{Current: s.current, Previous: s.previous, State: None, Records: records}
	if s.previous == "" {
		return status, nil
	}
	previous := find(records, s.previous)
	if previous == nil {
		status.State = Next
		return status, nil
	}
	status.State, status.AcceptedUntil = Accepted, previous.GoodUntil
	if find(records, s.current) == nil {
		return status, nil // until Use, the previous one is the newest
	}
	s.options.Secrets.EndPrevious(previous.GoodUntil)
	if s.options.Secrets.PreviousEnded() {
		status.State = Ended
	}
	return status, nil
}

func find(records []Record, fingerprint string) *Record {
	i := slices.IndexFunc(records, func(r Record) bool { return r.Fingerprint == fingerprint })
	if i < 0 {
		return nil
	}
	return &records[i]
}

// Use records that this server uses its current secret. Call it before the server makes anything with it. If no server
// has recorded the current secret, the previous one was in use until now, also if servers were stopped for long or did not
// record it, as those of an earlier release.
func (s *Service) Use(ctx context.Context) error {
	_, err := s.use(ctx)
	return err
}

// use is Use. It returns the status afterwards.
func (s *Service) use(ctx context.Context) (*Status, error) {
	status, err := s.Load(ctx)
	if err != nil {
		return nil, err
	}
	if s.previous != "" && find(status.Records, s.current) == nil {
		if err := s.record(ctx, s.previous); err != nil {
			return nil, err
		}
	}
	if err := s.record(ctx, s.current); err != nil {
		return nil, err
	}
	if status, err = s.Load(ctx); err == nil {
		s.log(ctx, status)
	}
	return status, err
}

func (s *Service) record(ctx context.Context, fingerprint string) error {
	now := s.options.Now().UTC().Truncate(time.Microsecond)
	r := &Record{fingerprint, now, now, now.Add(max(s.options.Lifetime, shortest) + margin)}
	if err := s.options.Store.UseServerSecret(ctx, r); err != nil {
		return fmt.Errorf("record the use of the secret: %w", err)
	}
	return nil
}

// Register adds something that is stored encrypted. Call it before Keep.
func (s *Service) Register(name string, r Reseal) { s.reseals[name] = r }

// Keep records again that the server uses its current secret, and encrypts with it what the previous one has encrypted.
func (s *Service) Keep(ctx context.Context) error {
	status, err := s.use(ctx)
	if err != nil || !s.leads(status) {
		return err
	}
	_, err = s.Reseal(ctx)
	return err
}

// leads reports whether the current secret is the newer one. While servers change one after the other, those with the old
// secret must not encrypt again what the others have changed. A secret that nobody uses any more does not count: then the
// change was undone.
func (s *Service) leads(status *Status) bool {
	current, previous := find(status.Records, s.current), find(status.Records, s.previous)
	if current == nil || previous == nil {
		return false // there is nothing of the previous one
	}
	return !previous.FirstUsedAt.After(current.FirstUsedAt) || previous.LastUsedAt.Add(quiet).Before(s.options.Now())
}

// Reseal encrypts everything that is stored with the current secret. It returns how many of each kind it has changed.
func (s *Service) Reseal(ctx context.Context) (map[string]int, error) {
	changed := map[string]int{}
	for name, reseal := range s.reseals {
		n, err := reseal(ctx)
		if changed[name] = n; n > 0 {
			s.options.Log.InfoContext(ctx, "encrypted with the current secret", "what", name, "count", n)
		}
		if err != nil {
			return changed, fmt.Errorf("encrypt %s with the current secret: %w", name, err)
		}
	}
	return changed, nil
}

// log logs the state of the previous secret when it changes.
func (s *Service) log(ctx context.Context, status *Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logged == status.State {
		return
	}
	s.logged = status.State
	log := s.options.Log.With("previous", status.Previous)
	switch status.State {
	case None:
	case Next:
		log.InfoContext(ctx, "the previous secret has not been the current one of any server")
	case Accepted:
		log.InfoContext(ctx, "the previous secret is needed for now", "until", status.AcceptedUntil)
	case Ended:
		log.WarnContext(ctx, "the previous secret is no longer accepted; remove USHER_SECRET_KEY_PREVIOUS", "since", status.AcceptedUntil)
	}
}
