package auth

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"usher/internal/request"
)

// actor is who does something: a user, in a session if there is one, the operator, or nobody who is
// known.
type actor struct {
	userID    *uuid.UUID
	sessionID *uuid.UUID
	operator  bool
}

var (
	nobody   actor
	operator = actor{operator: true}
)

func by(u *User) actor { return actor{userID: &u.ID} }

func inSession(v *Viewer) actor { return actor{userID: &v.User.ID, sessionID: &v.Session.ID} }

// act is something that somebody does at one time: the transaction, and its lines of the audit log.
type act struct {
	Store
	who    actor
	now    time.Time
	rand   io.Reader
	events []AuditEvent
}

// inTx runs f in one transaction. What f records is logged after the commit, so that the log never
// tells of what did not happen.
func (s *Service) inTx(ctx context.Context, who actor, f func(ctx context.Context, tx *act) error) error {
	var tx *act
	err := s.store.InTx(ctx, func(ctx context.Context, store Store) error {
		tx = &act{Store: store, who: who, now: s.now(), rand: s.rand}
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

// record writes what happened to the audit log. The act knows who did it, when and from where. The
// ids of its lines are in their order.
func (tx *act) record(ctx context.Context, e AuditEvent) (err error) {
	if e.ID, err = newID(tx.now.Add(time.Duration(len(tx.events))*time.Microsecond), tx.rand); err != nil {
		return err
	}
	e.At, e.ActorID, e.Operator = tx.now, tx.who.userID, tx.who.operator
	if e.SessionID == nil {
		e.SessionID = tx.who.sessionID
	}
	info := request.From(ctx)
	if info.Client.IsValid() {
		e.IPAddress = new(info.Client.String())
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
