// Package transaction owns the domain's transactions: their actor, the check that the actor may still act, and their
// events in the audit log. Everything that writes for a caller goes through Runner.Run: the stores of the other
// packages have no other way to write for one.
//
// Only the domain can import it, so no edge can act as the operator.
package transaction

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/request"
)

// Actor is on whose behalf a transaction runs: a user, with or without a session, the operator, or nobody. Run checks
// it.
type Actor struct {
	userID    *uuid.UUID
	sessionID *uuid.UUID
	operator  bool
	// takesTurns marks a change that takes turns with all others of its kind.
	takesTurns bool
	// administers marks a change to other accounts. A user needs a session and the role ADMIN for it.
	administers bool
}

// The actors without a user. Nobody also means the server itself.
var (
	Nobody   Actor
	Operator = Actor{operator: true}
)

// ByUser is a user that has just authenticated and has no session yet.
func ByUser(id uuid.UUID) Actor { return Actor{userID: &id} }

// InSession is the user of a session that a guard has found valid. Run checks that again.
func InSession(v *auth.Viewer) Actor { return Actor{userID: &v.User.ID, sessionID: &v.Session.ID} }

// Administering is the actor in a change to other accounts.
func (a Actor) Administering() Actor {
	a.administers = true
	return a.TakingTurns()
}

// TakingTurns is the actor in a change that takes turns with those to other accounts, because it decides by them.
func (a Actor) TakingTurns() Actor {
	a.takesTurns = true
	return a
}

// Options are what a Runner needs. All are required.
type Options struct {
	Store auth.Store
	// IdleLimit is how long after its last refresh a session expires.
	IdleLimit time.Duration
	Now       func() time.Time
	Rand      io.Reader
	Log       *slog.Logger
	// Meter counts events and sessions. Nil means that nothing is counted.
	Meter auth.Meter
}

// Runner runs transactions.
type Runner struct{ options Options }

// New returns a Runner.
func New(o Options) *Runner {
	if o.Meter == nil {
		o.Meter = auth.Uncounted{}
	}
	return &Runner{o}
}

// Meter counts what happens, for metrics.
func (r *Runner) Meter() auth.Meter { return r.options.Meter }

// Now is the time as the databases keep it: UTC, in microseconds.
func (r *Runner) Now() time.Time { return r.options.Now().UTC().Truncate(time.Microsecond) }

// NewID returns the id of something created now.
func (r *Runner) NewID() (uuid.UUID, error) { return auth.NewID(r.Now(), r.options.Rand) }

// Rand is the source of secrets.
func (r *Runner) Rand() io.Reader { return r.options.Rand }

// CheckLive returns why a session is no longer valid, nil while it is.
func (r *Runner) CheckLive(v *auth.Viewer) error { return v.CheckLive(r.Now(), r.options.IdleLimit) }

// IdleSince is the last use of a session that has just become idle for too long at now.
func (r *Runner) IdleSince(now time.Time) time.Time { return now.Add(-r.options.IdleLimit) }

// store is auth.Store under a name that other packages cannot use. They must end sessions with the methods of Tx,
// which record that.
type store = auth.Store

// Tx is one transaction of one actor.
type Tx struct {
	store
	// Now is the time of everything that the transaction writes.
	Now time.Time
	// Viewer is the session and the user of the actor, as the transaction has read them; nil without a session.
	Viewer *auth.Viewer

	who    Actor
	rand   io.Reader
	events []auth.AuditEvent
	ended  []uuid.UUID
	endedN int // how many sessions ended, as far as the store says
	done   []func()
}

// Run runs f in one transaction for an actor. For an actor with a session, f runs only if session and user are still
// valid, and neither can be revoked before the transaction ends. Otherwise the error is the same as the guard's.
//
// f may run more than once, see auth.Store.InTx. Events are logged after the commit, so that the log has none that did
// not happen. A request that ends its own session is anonymous from then on.
func (r *Runner) Run(ctx context.Context, who Actor, f func(ctx context.Context, tx *Tx) error) error {
	var tx *Tx
	err := r.options.Store.InTx(ctx, func(ctx context.Context, store auth.Store) error {
		tx = &Tx{store: store, who: who, rand: r.options.Rand}
		if err := r.admit(ctx, tx); err != nil {
			return err
		}
		return f(ctx, tx)
	})
	if err != nil {
		return err
	}
	for i := range tx.events {
		logEvent(ctx, r.options.Log, &tx.events[i])
		r.options.Meter.CountEvent(string(tx.events[i].Kind))
	}
	if tx.endedN > 0 {
		r.options.Meter.CountSessionsEnded(tx.cause(), tx.endedN)
	}
	for _, session := range tx.ended {
		caller.End(ctx, session)
	}
	for _, f := range tx.done {
		f()
	}
	return nil
}

// NewID returns the id of something that the transaction creates.
func (tx *Tx) NewID() (uuid.UUID, error) { return auth.NewID(tx.Now, tx.rand) }

// Reread reads the session and the user of the actor again, after the transaction has changed them.
func (tx *Tx) Reread(ctx context.Context) (*auth.Viewer, error) {
	return tx.store.Viewer(ctx, *tx.who.sessionID)
}

// AfterCommit calls f after the transaction has committed, and not if it fails.
func (tx *Tx) AfterCommit(f func()) { tx.done = append(tx.done, f) }

// errNoAdministrator is a mistake of the domain's own code.
var errNoAdministrator = errors.New("transaction: only the operator and users in a session administer")

// admit checks the actor. After the guard's check the session may have been revoked. The locks on user and session make
// a revocation wait from now on until the transaction ends.
func (r *Runner) admit(ctx context.Context, tx *Tx) error {
	if tx.who.administers && !tx.who.operator && tx.who.sessionID == nil {
		return errNoAdministrator
	}
	if tx.who.takesTurns {
		if err := tx.LockAdministration(ctx); err != nil {
			return err
		}
	}
	tx.Now = r.Now()
	if tx.who.sessionID == nil {
		return nil
	}
	valid, err := tx.LockSession(ctx, *tx.who.userID, *tx.who.sessionID, tx.Now)
	if err != nil {
		return err
	}
	tx.Now = r.Now() // the wait for the lock may have been long
	v, err := tx.store.Viewer(ctx, *tx.who.sessionID)
	if errors.Is(err, auth.ErrNotFound) {
		return auth.Unauthenticated(auth.ReasonSessionEnded)
	}
	if err != nil {
		return err
	}
	if err := r.CheckLive(v); err != nil {
		return err
	}
	if !valid || v.User.ID != *tx.who.userID {
		return auth.Unauthenticated(auth.ReasonSessionEnded)
	}
	if tx.who.administers && !v.User.IsAdmin() {
		return auth.ErrForbidden
	}
	tx.Viewer = v
	return nil
}

// EndSession ends a session, and reports whether it did. It reports false when the session has ended before.
func (tx *Tx) EndSession(ctx context.Context, id uuid.UUID, now time.Time) (bool, error) {
	tx.ended = append(tx.ended, id)
	ended, err := tx.store.EndSession(ctx, id, now)
	if ended {
		tx.endedN++
	}
	return ended, err
}

// EndOtherSessions ends the sessions of a user but one, and returns how many.
func (tx *Tx) EndOtherSessions(ctx context.Context, userID, except uuid.UUID, now time.Time) (int, error) {
	tx.endOwn(ctx, userID, except)
	n, err := tx.store.EndOtherSessions(ctx, userID, except, now)
	tx.endedN += n
	return n, err
}

// EndOldestSessions ends the valid sessions of a user, except the newest ones, and returns how many.
func (tx *Tx) EndOldestSessions(ctx context.Context, userID uuid.UUID, keep int, now, idleSince time.Time) (int, error) {
	n, err := tx.store.EndOldestSessions(ctx, userID, keep, now, idleSince)
	tx.endedN += n
	return n, err
}

// cause says why sessions have ended: the kind of the transaction's first event.
func (tx *Tx) cause() string {
	if len(tx.events) == 0 {
		return "other"
	}
	return string(tx.events[0].Kind)
}

// DeleteUser deletes an account, as auth.AccountStore says.
func (tx *Tx) DeleteUser(ctx context.Context, userID uuid.UUID) error {
	tx.endOwn(ctx, userID, uuid.Nil)
	return tx.store.DeleteUser(ctx, userID)
}

// endOwn notes that all sessions of a user but one end. Only the request's own session matters. The actor may be nobody:
// a user who is signed in can present a secret from a mail.
func (tx *Tx) endOwn(ctx context.Context, userID, except uuid.UUID) {
	claims := caller.From(ctx).Claims()
	if claims == nil || claims.Subject != userID.String() {
		return
	}
	if session, err := uuid.Parse(claims.SessionID); err == nil && session != except {
		tx.ended = append(tx.ended, session)
	}
}

// RecordSession records an event about a session and its user.
func (tx *Tx) RecordSession(ctx context.Context, kind auth.AuditEventKind, v *auth.Viewer) error {
	return tx.Record(ctx, auth.AuditEvent{Kind: kind, UserID: &v.User.ID, SessionID: &v.Session.ID})
}

// Record writes an event to the audit log. The transaction adds the time and the origin, and the actor unless the
// event has one. The ids of events are in their order.
func (tx *Tx) Record(ctx context.Context, e auth.AuditEvent) (err error) {
	if e.ID, err = auth.NewID(tx.Now.Add(time.Duration(len(tx.events))*time.Microsecond), tx.rand); err != nil {
		return err
	}
	e.At, e.Operator = tx.Now, tx.who.operator
	if e.ActorID == nil {
		e.ActorID = tx.who.userID
	}
	if e.SessionID == nil {
		e.SessionID = tx.who.sessionID
	}
	info := request.From(ctx)
	if info.Client.IsValid() {
		e.IPAddress = new(info.Client.String())
	}
	if info.UserAgent != "" {
		e.UserAgent = new(info.UserAgent)
	}
	if info.ID != "" {
		e.RequestID = new(info.ID)
	}
	if err := tx.AddEvent(ctx, &e); err != nil {
		return fmt.Errorf("record event: %w", err)
	}
	tx.events = append(tx.events, e)
	return nil
}

// logEvent writes an event to the server's log, without the fields that it does not have. Those that only auditors may read,
// such as addresses, are in the audit log under the id of the event.
func logEvent(ctx context.Context, log *slog.Logger, e *auth.AuditEvent) {
	attrs := []slog.Attr{slog.String("id", request.From(ctx).ID), slog.String("event", string(e.Kind)), slog.String("event_id", e.ID.String())}
	for _, id := range []struct {
		key   string
		value *uuid.UUID
	}{{"actor", e.ActorID}, {"user", e.UserID}, {"session", e.SessionID}, {"client", e.ClientID}} {
		if id.value != nil {
			attrs = append(attrs, slog.String(id.key, id.value.String()))
		}
	}
	if len(e.Roles) > 0 { // otherwise an alert could not tell who becomes an administrator
		attrs = append(attrs, slog.Any("roles", e.Roles))
	}
	if e.Operator {
		attrs = append(attrs, slog.Bool("operator", true))
	}
	log.LogAttrs(ctx, slog.LevelInfo, "audit", attrs...)
}
