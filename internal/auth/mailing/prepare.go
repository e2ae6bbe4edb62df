package mailing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/identity"
	"usher/internal/observe"
	"usher/internal/request"
)

var (
	errTooMany = errors.New("limit: too many mails of this kind to the recipient")
	errLost    = errors.New("the lease has expired")
)

// prepare makes the letter of a request and stores it, in one transaction. Without a letter the mail is dropped. It
// reports whether the mail can be sent now.
func (o *Outbox) prepare(ctx, limited context.Context, m *auth.MailMessage) bool {
	var r Request
	if err := o.open(m, &r); err != nil {
		o.fault(ctx, m, err, otherSecret)
		return false
	}
	observe.Link(limited, r.From.Trace)
	prepare := o.prepares[m.Kind]
	if prepare == nil {
		o.fault(ctx, m, fmt.Errorf("nothing prepares mails of the kind %s", m.Kind), "content: this version does not know such mails")
		return false
	}
	prepared := *m
	limited = request.With(limited, &request.Exchange{Info: r.From})
	err := o.tx.Run(limited, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		prepared = *m
		letter, err := prepare(ctx, tx, &r)
		if err != nil {
			return err
		}
		if letter == nil {
			prepared.State, prepared.Content, prepared.LastError = auth.MailDropped, nil, nil
		} else if err := o.ready(ctx, tx, letter, &r, &prepared); err != nil {
			return err
		}
		updated, err := tx.UpdateMail(ctx, &prepared, auth.MailQueued, m.Attempts)
		if err == nil && !updated {
			err = errLost
		}
		return err
	})
	switch {
	case err == nil:
		*m = prepared
		return m.State == auth.MailQueued
	case errors.Is(err, errTooMany): // and the secret before stays valid
		o.record(ctx, m, auth.MailDropped, err.Error())
	case errors.Is(err, errLost): // another replica has claimed the mail
	default:
		o.fault(ctx, m, err, "server: it could not prepare the mail, see its log")
	}
	return false
}

// ready makes a row that of a letter.
func (o *Outbox) ready(ctx context.Context, tx *transaction.Tx, l *Letter, r *Request, m *auth.MailMessage) error {
	tooMany, err := o.TooMany(ctx, tx, l.To, l.Kind)
	if err != nil {
		return err
	}
	if tooMany {
		return errTooMany
	}
	l.From, m.Prepared = r.From, true
	l.describe(m, tx.Now)
	m.Content, err = o.seal(m.ID, l)
	return err
}

// perHour and perDay limit the mails of one kind to one recipient, so that nobody can fill the mailbox of another
// person, or guess many codes. After perDay, there is one an hour.
const (
	perHour = 5
	perDay  = 10
)

// TooMany reports whether a recipient has got so many mails of a kind that they get no more for now. It is false if they
// have got none for an hour. The link of a reset is valid for an hour, so a stranger that uses up the limit cannot keep
// the owner from a valid one.
func (o *Outbox) TooMany(ctx context.Context, tx *transaction.Tx, to identity.Name, kind auth.MailKind) (bool, error) {
	day, err := tx.CountMailsTo(ctx, to.Key, kind, tx.Now.Add(-24*time.Hour))
	if err != nil || day < perHour {
		return false, err
	}
	hour, err := tx.CountMailsTo(ctx, to.Key, kind, tx.Now.Add(-time.Hour))
	return hour >= perHour || day >= perDay && hour > 0, err
}
