package mailing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/identity"
	"usher/internal/mail"
	"usher/internal/request"
)

const (
	// PollInterval is how often a replica looks for mails that it was not woken for: those of other replicas that have
	// stopped, and those to try again.
	PollInterval = 5 * time.Second
	// lease is how long a claimed mail belongs to the replica that has claimed it. It must exceed sendLimit: otherwise
	// two replicas could send a mail.
	lease = 2 * time.Minute
	// sendLimit limits one attempt.
	sendLimit = 90 * time.Second
	// parallel is how many mails one replica sends at once. A recipient whose server hangs takes one place of these.
	parallel = 4
	// claims is how many due mails are read at once.
	claims = 50

	firstRetry   = 30 * time.Second
	longestRetry = time.Hour
)

// Deliver sends the mails that are due and returns when there are no more. Each mail is sent by one replica. If a
// replica stops in between, another one tries again after the lease, with the same Message-ID.
func (o *Outbox) Deliver(ctx context.Context) error {
	if !o.Enabled() {
		return nil
	}
	for {
		due, err := o.store.DueMails(ctx, o.tx.Now(), claims)
		if err != nil || len(due) == 0 {
			return err
		}
		claimed, err := o.deliverAll(ctx, due)
		if err != nil || claimed == 0 { // other replicas have them
			return err
		}
	}
}

// deliverAll sends mails, several at once, and returns how many this replica has claimed.
func (o *Outbox) deliverAll(ctx context.Context, due []auth.MailMessage) (claimed int, err error) {
	var (
		queue   = make(chan *auth.MailMessage)
		mu      sync.Mutex
		senders sync.WaitGroup
	)
	for range min(parallel, len(due)) {
		senders.Go(func() {
			transport := o.post.Open()
			defer transport.Close()
			for m := range queue {
				ok, failure := o.deliver(ctx, transport, m)
				mu.Lock()
				if ok {
					claimed++
				}
				err = errors.Join(err, failure)
				mu.Unlock()
			}
		})
	}
	for i := range due {
		if ctx.Err() != nil {
			break
		}
		queue <- &due[i]
	}
	close(queue)
	senders.Wait()
	return claimed, err
}

// deliver claims, prepares and sends one mail. It reports false if another replica has claimed it.
func (o *Outbox) deliver(ctx context.Context, transport Transport, m *auth.MailMessage) (claimed bool, err error) {
	attempts := m.Attempts
	m.Attempts++
	m.NextAttemptAt = o.tx.Now().Add(lease)
	if claimed, err = o.store.UpdateMail(ctx, m, auth.MailQueued, attempts); err != nil || !claimed {
		return false, err
	}
	if err := o.attempt(ctx, transport, m); err != nil {
		return true, fmt.Errorf("mail %s: %w", m.ID, err)
	}
	return true, nil
}

// attempt is deliver for a mail that is claimed. It returns an error only if the outcome could not be recorded.
func (o *Outbox) attempt(ctx context.Context, transport Transport, m *auth.MailMessage) error {
	if !o.tx.Now().Before(m.ExpiresAt) {
		return o.finish(ctx, m, auth.MailExpired, "")
	}
	if !m.Prepared {
		if err := o.prepare(ctx, m); err != nil || m.State != auth.MailQueued {
			return err
		}
	}
	var letter Letter
	if err := o.open(m, &letter); err != nil {
		return o.finish(ctx, m, auth.MailFailed, "content: it was sealed with another secret")
	}
	composed, err := o.compose(m, &letter)
	if err != nil {
		return o.finish(ctx, m, auth.MailFailed, err.Error())
	}
	limited, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	_, err = transport.Send(limited, composed)
	failure, _ := errors.AsType[*mail.Error](err)
	switch {
	case err == nil:
		m.SentAt = new(o.tx.Now())
		return o.finish(ctx, m, auth.MailSent, "")
	case failure != nil && failure.Outcome == mail.Permanent:
		return o.finish(ctx, m, auth.MailFailed, err.Error())
	default:
		m.NextAttemptAt = o.tx.Now().Add(backOff(m.Attempts))
		return o.finish(ctx, m, auth.MailQueued, err.Error())
	}
}

// backOff returns how long after a failed attempt the next one follows.
func backOff(attempts int) time.Duration {
	return min(firstRetry<<min(attempts-1, 10), longestRetry)
}

// finish records the outcome of an attempt, unless the lease has expired and another replica has claimed the mail. The
// server may stop meanwhile, so the outcome is recorded even if ctx has ended.
func (o *Outbox) finish(ctx context.Context, m *auth.MailMessage, state auth.MailState, reason string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	m.State, m.LastError = state, nil
	if reason != "" {
		m.LastError = &reason
	}
	if state == auth.MailSent || state == auth.MailExpired || state == auth.MailDropped {
		m.Content = nil
	}
	if state == auth.MailFailed {
		o.log.WarnContext(ctx, "mail not sent", "mail", m.ID, "kind", m.Kind, "err", reason)
	}
	_, err := o.store.UpdateMail(ctx, m, auth.MailQueued, m.Attempts)
	return err
}

// prepare makes the letter of a request and stores it, in one transaction. Without a letter the mail is dropped.
func (o *Outbox) prepare(ctx context.Context, m *auth.MailMessage) error {
	var r Request
	if err := o.open(m, &r); err != nil {
		return o.finish(ctx, m, auth.MailFailed, "content: it was sealed with another secret")
	}
	prepare := o.prepares[m.Kind]
	if prepare == nil {
		return o.finish(ctx, m, auth.MailFailed, "content: this version does not know such mails")
	}
	ctx = request.With(ctx, &request.Exchange{Info: r.From})
	prepared := *m
	err := o.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		prepared = *m
		letter, err := prepare(ctx, tx, &r)
		if err != nil {
			return err
		}
		if letter == nil {
			prepared.State, prepared.Content = auth.MailDropped, nil
		} else {
			tooMany, err := o.TooMany(ctx, tx, letter.To, letter.Kind)
			if err != nil {
				return err
			}
			if tooMany {
				return errTooMany // and the secret before stays valid
			}
			letter.From, prepared.Prepared = r.From, true
			letter.describe(&prepared, tx.Now)
			if prepared.Content, err = o.seal(m.ID, letter); err != nil {
				return err
			}
		}
		updated, err := tx.UpdateMail(ctx, &prepared, auth.MailQueued, m.Attempts)
		if err == nil && !updated {
			err = errors.New("the lease has expired")
		}
		return err
	})
	if errors.Is(err, errTooMany) {
		return o.finish(ctx, m, auth.MailDropped, err.Error())
	}
	if err != nil {
		return err
	}
	*m = prepared
	return nil
}

// perHour and perDay limit the mails of one kind to one recipient, so that nobody can fill the mailbox of another
// person, or guess many codes.
const (
	perHour = 5
	perDay  = 10
)

var errTooMany = errors.New("limit: too many mails of this kind to the recipient")

// TooMany reports whether a recipient has got so many mails of a kind that they get no more for now.
func (o *Outbox) TooMany(ctx context.Context, tx *transaction.Tx, to identity.Name, kind auth.MailKind) (bool, error) {
	for _, limit := range []struct {
		most   int
		within time.Duration
	}{{perHour, time.Hour}, {perDay, 24 * time.Hour}} {
		n, err := tx.CountMailsTo(ctx, to.Key, kind, tx.Now.Add(-limit.within))
		if err != nil || n >= limit.most {
			return err == nil, err
		}
	}
	return false, nil
}

// compose renders a letter. The same row makes the same mail.
func (o *Outbox) compose(m *auth.MailMessage, l *Letter) (*mail.Mail, error) {
	return o.post.Composer.Compose(mail.Message{
		Template: strings.ReplaceAll(strings.ToLower(string(l.Kind)), "_", "-"),
		To:       l.To.Display, Locale: o.post.Composer.Locale(l.Locale, l.From.AcceptLanguage),
		ID: m.ID.String(), Date: m.CreatedAt,
		Token: l.Token, Code: l.Code, LinkExpires: l.LinkExpires, CodeExpires: l.CodeExpires, Due: l.Due,
		Username: l.Username, NewAddress: l.NewAddress, IP: l.From.Client, Device: l.From.UserAgent,
	})
}
