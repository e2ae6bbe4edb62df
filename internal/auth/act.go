package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"usher/internal/request"
)

// actor is who does something: a user, in a session if there is one, the operator, or nobody who is
// known. It is made only by what follows, and inTx checks it.
type actor struct {
	userID    *uuid.UUID
	sessionID *uuid.UUID
	operator  bool
	// administers says that the act is one of administration. Such acts take turns, and need the role
	// ADMIN when a session does them.
	administers bool
}

var (
	nobody   actor
	operator = actor{operator: true}
)

// by is the user of a proof, before the session begins.
func by(p proof) actor { return actor{userID: &p.user.ID} }

// inSession is the user of a session that a guard has found live. inTx checks that again.
func inSession(v *Viewer) actor { return actor{userID: &v.User.ID, sessionID: &v.Session.ID} }

// act is something that somebody does at one time: the transaction, and its lines of the audit log.
type act struct {
	Store
	who actor
	// viewer are the session and the user of who, as the transaction has found them; nil without a session.
	viewer *Viewer
	now    time.Time
	rand   io.Reader
	events []AuditEvent
}

// inTx runs f in one transaction for an actor. Nothing else in this package opens one. For an actor with a
// session, f runs only if session and user are still valid, and neither can be revoked before the transaction
// ends. Otherwise the error is the one that the guard would have returned.
//
// f may run more than once, see Store.InTx. What f records is logged after the commit, so that the log never
// tells of what did not happen.
func (s *Service) inTx(ctx context.Context, who actor, f func(ctx context.Context, tx *act) error) error {
	var tx *act
	err := s.store.InTx(ctx, func(ctx context.Context, store Store) error {
		tx = &act{Store: store, who: who, rand: s.rand}
		if err := s.admit(ctx, tx); err != nil {
			return err
		}
		return f(ctx, tx)
	})
	if err != nil {
		return err
	}
	for i := range tx.events {
		logEvent(ctx, s.log, &tx.events[i])
	}
	return nil
}

// inTxOf is inTx for the user of a session. f gets session and user as the transaction has found them.
func (s *Service) inTxOf(ctx context.Context, v *Viewer, f func(ctx context.Context, tx *act, v *Viewer) error) error {
	return s.inTx(ctx, inSession(v), func(ctx context.Context, tx *act) error { return f(ctx, tx, tx.viewer) })
}

// admit checks who a transaction is for. Between the guard and here the caller may have been revoked. The
// locks on user and session make a revocation that comes now wait until the transaction has ended.
func (s *Service) admit(ctx context.Context, tx *act) error {
	if tx.who.administers {
		if err := tx.LockAdministration(ctx); err != nil {
			return err
		}
	}
	tx.now = s.now()
	if tx.who.sessionID == nil {
		return nil
	}
	lives, err := tx.LockSession(ctx, *tx.who.userID, *tx.who.sessionID, tx.now)
	if err != nil {
		return err
	}
	tx.now = s.now() // the wait for the lock may have been long
	v, err := tx.Viewer(ctx, *tx.who.sessionID)
	if errors.Is(err, ErrNotFound) {
		return unauthenticated(ReasonSessionEnded)
	}
	if err != nil {
		return err
	}
	if err := s.checkLive(v); err != nil {
		return err
	}
	if !lives {
		return unauthenticated(ReasonSessionEnded)
	}
	if tx.who.administers && !v.User.isAdmin() {
		return errForbidden
	}
	tx.viewer = v
	return nil
}

// record writes what happened to the audit log. The act knows when and from where, and who did it unless the
// event says so. The ids of its lines are in their order.
func (tx *act) record(ctx context.Context, e AuditEvent) (err error) {
	if e.ID, err = newID(tx.now.Add(time.Duration(len(tx.events))*time.Microsecond), tx.rand); err != nil {
		return err
	}
	e.At, e.Operator = tx.now, tx.who.operator
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
func logEvent(ctx context.Context, log *slog.Logger, e *AuditEvent) {
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

// eventIn is an event about a user in one of their sessions.
func eventIn(v *Viewer, kind AuditEventKind) AuditEvent {
	return AuditEvent{Kind: kind, UserID: &v.User.ID, SessionID: &v.Session.ID}
}
