// Package transaction owns the domain's transactions: who one is for, the check that they may still act, and
// the lines of the audit log that it leaves. Everything that writes for a caller goes through Runner.Run.
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

// Actor is who does something: a user, in a session if there is one, the operator, or nobody who is
// known. Run checks it.
type Actor struct {
	userID    *uuid.UUID
	sessionID *uuid.UUID
	operator  bool
	// administers says that this is an act of administration. Such acts take turns, and need the role
	// ADMIN when a session does them.
	administers bool
}

// The actors without a user. The server itself is Nobody.
var (
	Nobody   Actor
	Operator = Actor{operator: true}
)

// ByUser is a user that has just authenticated, before the session begins.
func ByUser(id uuid.UUID) Actor { return Actor{userID: &id} }

// InSession is the user of a session that a guard has found live. Run checks that again.
func InSession(v *auth.Viewer) Actor { return Actor{userID: &v.User.ID, sessionID: &v.Session.ID} }

// Administering is the actor at an act of administration.
func (a Actor) Administering() Actor {
	a.administers = true
	return a
}

// About sets who an event that Nobody records is about as its actor: the event happened at their request.
func (a Actor) About(e auth.AuditEvent) auth.AuditEvent {
	e.ActorID, e.SessionID = a.userID, a.sessionID
	return e
}

// Options are what a Runner stands on. All are required.
type Options struct {
	Store auth.Store
	// IdleLimit is how long a session lives without a refresh.
	IdleLimit time.Duration
	Now       func() time.Time
	Rand      io.Reader
	Log       *slog.Logger
}

// Runner runs transactions.
type Runner struct{ options Options }

// New returns a Runner.
func New(o Options) *Runner { return &Runner{o} }

// Now is the time as the databases keep it: UTC, in microseconds.
func (r *Runner) Now() time.Time { return r.options.Now().UTC().Truncate(time.Microsecond) }

// NewID returns an id for something that is created now.
func (r *Runner) NewID() (uuid.UUID, error) { return auth.NewID(r.Now(), r.options.Rand) }

// Rand is the source of secrets.
func (r *Runner) Rand() io.Reader { return r.options.Rand }

// CheckLive returns why a session is no longer valid, nil while it is.
func (r *Runner) CheckLive(v *auth.Viewer) error { return v.CheckLive(r.Now(), r.options.IdleLimit) }

// IdleSince is when a session that is idle too long at now was last used, at the latest.
func (r *Runner) IdleSince(now time.Time) time.Time { return now.Add(-r.options.IdleLimit) }

// Tx is one transaction of one actor, and its lines of the audit log.
type Tx struct {
	auth.Store
	// Now is the time of everything that the transaction writes.
	Now time.Time
	// Viewer are the session and the user of the actor, as the transaction has found them; nil without a session.
	Viewer *auth.Viewer

	who    Actor
	rand   io.Reader
	events []auth.AuditEvent
	ended  []uuid.UUID
}

// Run runs f in one transaction for an actor. Nothing else in the domain opens one. For an actor with a
// session, f runs only if session and user are still valid, and neither can be revoked before the transaction
// ends. Otherwise the error is the one that the guard would have returned.
//
// f may run more than once, see auth.Store.InTx. What f records is logged after the commit, so that the log never
// tells of what did not happen. A request that ends its own session is anonymous from then on.
func (r *Runner) Run(ctx context.Context, who Actor, f func(ctx context.Context, tx *Tx) error) error {
	var tx *Tx
	err := r.options.Store.InTx(ctx, func(ctx context.Context, store auth.Store) error {
		tx = &Tx{Store: store, who: who, rand: r.options.Rand}
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
	}
	for _, session := range tx.ended {
		caller.End(ctx, session)
	}
	return nil
}

// admit checks who a transaction is for. Between the guard and here the caller may have been revoked. The
// locks on user and session make a revocation that comes now wait until the transaction has ended.
func (r *Runner) admit(ctx context.Context, tx *Tx) error {
	if tx.who.administers {
		if err := tx.LockAdministration(ctx); err != nil {
			return err
		}
	}
	tx.Now = r.Now()
	if tx.who.sessionID == nil {
		return nil
	}
	lives, err := tx.LockSession(ctx, *tx.who.userID, *tx.who.sessionID, tx.Now)
	if err != nil {
		return err
	}
	tx.Now = r.Now() // the wait for the lock may have been long
	v, err := tx.Store.Viewer(ctx, *tx.who.sessionID)
	if errors.Is(err, auth.ErrNotFound) {
		return auth.Unauthenticated(auth.ReasonSessionEnded)
	}
	if err != nil {
		return err
	}
	if err := r.CheckLive(v); err != nil {
		return err
	}
	if !lives {
		return auth.Unauthenticated(auth.ReasonSessionEnded)
	}
	if tx.who.administers && !v.User.IsAdmin() {
		return auth.ErrForbidden
	}
	tx.Viewer = v
	return nil
}

// EndSession ends a session that lives, and reports whether it did.
func (tx *Tx) EndSession(ctx context.Context, id uuid.UUID, now time.Time) (bool, error) {
	tx.ended = append(tx.ended, id)
	return tx.Store.EndSession(ctx, id, now)
}

// EndOtherSessions ends the sessions of a user but one, and returns how many.
func (tx *Tx) EndOtherSessions(ctx context.Context, userID, except uuid.UUID, now time.Time) (int, error) {
	tx.endOwn(userID, except)
	return tx.Store.EndOtherSessions(ctx, userID, except, now)
}

// DeleteUser deletes an account, with its credentials and its sessions.
func (tx *Tx) DeleteUser(ctx context.Context, userID uuid.UUID) error {
	tx.endOwn(userID, uuid.Nil)
	return tx.Store.DeleteUser(ctx, userID)
}

// endOwn notes that the sessions of a user end but one. Only that of the request matters.
func (tx *Tx) endOwn(userID, except uuid.UUID) {
	if v := tx.Viewer; v != nil && v.User.ID == userID && v.Session.ID != except {
		tx.ended = append(tx.ended, v.Session.ID)
	}
}

// Record writes what happened to the audit log. The transaction knows when and from where, and who did it unless
// the event says so. The ids of its lines are in their order.
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

// logEvent writes an event to the server's log, without what it does not have.
func logEvent(ctx context.Context, log *slog.Logger, e *auth.AuditEvent) {
	attrs := []slog.Attr{slog.String("id", request.From(ctx).ID), slog.String("event", string(e.Kind))}
	for _, id := range []struct {
		key   string
		value *uuid.UUID
	}{{"actor", e.ActorID}, {"user", e.UserID}, {"session", e.SessionID}, {"client", e.ClientID}} {
		if id.value != nil {
			attrs = append(attrs, slog.String(id.key, id.value.String()))
		}
	}
	if e.Operator {
		attrs = append(attrs, slog.Bool("operator", true))
	}
	log.LogAttrs(ctx, slog.LevelInfo, "audit", attrs...)
}

// InSessionOf is an event about a user in one of their sessions.
func InSessionOf(v *auth.Viewer, kind auth.AuditEventKind) auth.AuditEvent {
	return auth.AuditEvent{Kind: kind, UserID: &v.User.ID, SessionID: &v.Session.ID}
}
