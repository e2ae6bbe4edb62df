package app

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"usher/graph"
	"usher/graph/trusted"
	"usher/internal/admin"
	"usher/internal/console"
	"usher/internal/observe"
	"usher/internal/store"
)

// The names of the background jobs.
const (
	jobKeys        = "keys"
	jobPermissions = "permissions"
	jobMail        = "mail"
	jobSecrets     = "secrets"
	jobSweep       = "sweep"
)

// newMetrics returns the metrics of a server; nil without the operator's listener.
func (a *App) newMetrics(ctx context.Context, s Settings, documents *trusted.Documents, sendsMail bool, log *slog.Logger) (*observe.Metrics, error) {
	if s.AdminListen == "" {
		return nil, nil
	}
	operations, err := operationNames(ctx, s, documents, log)
	if err != nil {
		return nil, err
	}
	codes := make([]string, len(graph.AllErrorCode))
	for i, code := range graph.AllErrorCode {
		codes[i] = code.String()
	}
	return observe.NewMetrics(observe.MetricsOptions{
		Version: s.Version, Revision: s.Commit, Operations: operations, Codes: codes, Batched: store.Batched(),
		Jobs: []string{jobKeys, jobPermissions, jobMail, jobSecrets, jobSweep},
		Mail: sendsMail, Breaches: s.BreachesFile != "" || s.BreachesURL != "",
		State: a.state,
	}), nil
}

// operationNames returns the names of the operations of the trusted documents and of the console's. Clients may name their
// operations as they like, so no other name can be a label.
func operationNames(ctx context.Context, s Settings, documents *trusted.Documents, log *slog.Logger) ([]string, error) {
	var names []string
	if documents != nil {
		names = graph.OperationNames(documents)
	}
	if manifest, built := console.Manifest(); built && (s.Console || s.Dev) {
		own, err := trusted.Read(manifest)
		if err != nil {
			return nil, err
		}
		names = append(names, graph.OperationNames(own)...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > observe.MaxOperations {
		log.WarnContext(ctx, "metrics name only some of the operations of the trusted documents",
			"operations", len(names), "named", observe.MaxOperations)
	}
	return names, nil
}

// mailStateTTL is how long the state of the mail queue is reused, so that many scrapes cost no more than a few.
const mailStateTTL = 10 * time.Second

// mailState caches the state of the mail queue.
type mailState struct {
	mu    sync.Mutex
	state *observe.MailState // nil if the database did not answer
	until time.Time
}

// state reads the gauges for a scrape. It takes at most two statements: the check of /readyz, whose answer is reused for a
// second, and a look at the mail queue, which is skipped while the server is not ready.
func (a *App) state(ctx context.Context) observe.State {
	p := a.parts
	hash := p.passwords.Usage()
	s := observe.State{
		Ready: a.edge.Load().server.IsReady(ctx), InFlight: p.observer.InFlight(),
		Hash: observe.HashState(hash),
	}
	if p.db != nil {
		for _, pool := range p.db.Pools() {
			s.Pools = append(s.Pools, observe.PoolState{
				Name: pool.Name, InUse: pool.InUse, Idle: pool.Idle, Limit: pool.MaxOpenConnections,
				Waits: pool.WaitCount, Waited: pool.WaitDuration,
			})
		}
	}
	if keys, ok := a.keys.Usage(); ok {
		s.Keys = (*observe.KeyState)(&keys)
	}
	if s.Ready && a.Domain.Outbox.Enabled() {
		s.Mail = a.mailState(ctx)
	}
	return s
}

func (a *App) mailState(ctx context.Context) *observe.MailState {
	m, now := &a.mails, a.parts.observer.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Before(m.until) {
		return m.state
	}
	backlog, err := a.Domain.Outbox.Backlog(ctx)
	m.state, m.until = nil, now.Add(mailStateTTL)
	if err != nil {
		a.parts.observer.Log().WarnContext(ctx, "state of the mail queue not read", "err", err)
		return nil
	}
	age := func(at *time.Time) time.Duration {
		if at == nil {
			return 0
		}
		return max(now.Sub(*at), 0)
	}
	m.state = &observe.MailState{
		Queued: backlog.Queued, Failed: backlog.Failed, OldestDue: age(backlog.FirstDue), OldestQueued: age(backlog.Oldest),
	}
	return m.state
}

// counted returns a job that metrics count. A run that is cut short because the server stops is not counted, and a panic is
// a failure.
func (a *App) counted(name string, run func(context.Context) error) func(context.Context) error {
	o := a.parts.observer
	return func(ctx context.Context) (err error) {
		returned := false
		defer func() {
			if ctx.Err() == nil {
				o.Metrics().CountJob(name, o.Now(), returned && err == nil)
			}
		}()
		err = run(ctx)
		returned = true
		return err
	}
}

// serveAdmin serves the operator's listener until ctx ends. A failure of it does not stop the server.
func (a *App) serveAdmin(ctx context.Context) {
	o := a.parts.observer
	o.Log().InfoContext(ctx, "metrics are served", "address", a.Admin.Addr().String(), "pprof", a.parts.settings.Pprof)
	err := admin.Serve(ctx, a.Admin, admin.Options{
		Metrics: o.Metrics().Gatherer(), Profiles: a.parts.settings.Pprof, Log: o.Log(),
	})
	if err != nil {
		o.Log().ErrorContext(ctx, "metrics are not served any more", "err", err)
	}
}
