package mailing

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"usher/internal/auth"
	"usher/internal/mail"
	"usher/internal/observe"
)

const (
	// The first wait is 30 s, and each further one twice as long. A reset link is valid for an hour, so waits
	// that are longer than the longest would be too late for most mails. There is no jitter, because no more than a few
	// mails are sent at once, however many are due.
	firstRetry   = 30 * time.Second
	longestRetry = 15 * time.Minute
	// mostUnknown limits the attempts of a mail whose outcome is unknown: each may have been a mail to the recipient.
	mostUnknown = 3
	// mostFaults limits the attempts of a mail that fails at this server. Another replica may have a newer release or
	// another secret, so it is worth some more: in about an hour.
	mostFaults = 8
	// maxError is less than the length of a stored error.
	maxError = 500
)

// attempt prepares and sends a mail that is claimed, and records the outcome. ctx ends when the server stops, and
// limited when the attempt must end.
func (o *Outbox) attempt(ctx, limited context.Context, by *route, m *auth.MailMessage) {
	ctx, end := o.observer.Step(ctx, observe.Mail, "")
	limited = observe.Within(limited, ctx)
	defer func() {
		observe.Mailed(ctx, string(m.Kind), string(m.State), m.Attempts)
		end(nil)
	}()
	if !o.tx.Now().Before(m.ExpiresAt) {
		o.record(ctx, m, auth.MailExpired, "")
		return
	}
	fresh := !m.Prepared
	if fresh && !o.prepare(ctx, limited, m) {
		return
	}
	var letter Letter
	if err := o.open(m, &letter); err != nil {
		o.fault(ctx, m, err, otherSecret)
		return
	}
	if !fresh { // otherwise prepare has linked it
		observe.Link(ctx, letter.From.Trace)
	}
	composed, err := by.compose(m, &letter)
	if err != nil {
		err = errors.New(letter.redact(err.Error()))
		o.fault(ctx, m, err, "content: "+err.Error())
		return
	}
	reply, err := o.sendBy(limited, by.transport, composed)
	if err != nil {
		o.notSent(ctx, m, err, letter.redact(err.Error()))
		return
	}
	m.SentAt = new(o.tx.Now())
	o.record(ctx, m, auth.MailSent, "")
	o.log.InfoContext(ctx, "mail sent", about(m, "reply", withoutAddress(m, reply))...)
}

// sendBy sends a mail. The SMTP server hears nothing of the trace, because a header would reach the recipient.
func (o *Outbox) sendBy(ctx context.Context, transport Transport, m *mail.Mail) (reply string, err error) {
	ctx, end := o.observer.Step(ctx, observe.Outgoing, "SMTP")
	reply, err = transport.Send(ctx, m)
	end(err)
	return reply, err
}

// notSent records why the SMTP server has not accepted a mail.
func (o *Outbox) notSent(ctx context.Context, m *auth.MailMessage, err error, reason string) {
	failure, _ := errors.AsType[*mail.Error](err)
	switch {
	case failure != nil && failure.Outcome == mail.Permanent:
		o.record(ctx, m, auth.MailFailed, reason)
	case failure != nil && failure.Outcome == mail.Unknown && m.Attempts >= mostUnknown:
		o.record(ctx, m, auth.MailFailed, reason+" (the mail may have been sent)")
	default:
		// Nothing is wrong with a mail that was cut off because this server stops.
		o.later(ctx, m, reason, ctx.Err() != nil && failure != nil && failure.Outcome == mail.Temporary)
	}
}

// otherSecret is the reason of a content that cannot be opened.
const otherSecret = "content: it was sealed with another secret"

// fault records that this server has failed to make a mail. The reason is for administrators, and err for the log.
func (o *Outbox) fault(ctx context.Context, m *auth.MailMessage, err error, reason string) {
	o.log.ErrorContext(ctx, "mail not made", about(m, "err", err)...)
	if m.Attempts >= mostFaults {
		o.record(ctx, m, auth.MailFailed, reason)
		return
	}
	o.later(ctx, m, reason, ctx.Err() != nil)
}

// later queues a mail again.
func (o *Outbox) later(ctx context.Context, m *auth.MailMessage, reason string, now bool) {
	m.NextAttemptAt = o.tx.Now()
	if !now {
		m.NextAttemptAt = m.NextAttemptAt.Add(backOff(m.Attempts))
	}
	if m.NextAttemptAt.After(m.ExpiresAt) { // the next attempt records that
		m.NextAttemptAt = m.ExpiresAt
	}
	o.record(ctx, m, auth.MailQueued, reason)
}

// backOff returns how long after a failed attempt the next one follows.
func backOff(attempts int) time.Duration {
	return min(firstRetry<<min(attempts-1, 10), longestRetry)
}

// record stores the outcome of an attempt, unless the lease has expired and another replica has claimed the mail. While
// the database fails it tries again: otherwise the mail would be sent again.
func (o *Outbox) record(ctx context.Context, m *auth.MailMessage, state auth.MailState, reason string) {
	m.State = state
	switch {
	case reason != "":
		m.LastError = new(shorten(reason))
	case state == auth.MailSent || state == auth.MailDropped:
		m.LastError = nil // others keep the reason of an earlier attempt
	}
	if state == auth.MailSent || state == auth.MailExpired || state == auth.MailDropped {
		m.Content = nil
	}
	limited, cancel := lasting(ctx, recordLimit, stopGrace)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		_, err := o.store.UpdateMail(limited, m, auth.MailQueued, m.Attempts)
		if err == nil {
			o.tx.Meter().CountMail(outcomes[state])
			break
		}
		select {
		case <-time.After(wait):
		case <-limited.Done():
			o.log.ErrorContext(ctx, "outcome of mail not recorded", about(m, "state", state, "err", err)...)
			return
		}
	}
	if m.LastError == nil {
		return
	}
	switch details := about(m, "reason", withoutAddress(m, *m.LastError)); state {
	case auth.MailFailed, auth.MailExpired, auth.MailDropped:
		o.log.WarnContext(ctx, "mail not sent", append(details, "state", state)...)
	case auth.MailQueued:
		o.log.WarnContext(ctx, "mail delayed", append(details, "next_attempt", m.NextAttemptAt)...)
	}
}

// outcomes are the outcomes of attempts for metrics.
var outcomes = map[auth.MailState]string{
	auth.MailSent: "sent", auth.MailQueued: "delayed", auth.MailFailed: "failed", auth.MailExpired: "expired", auth.MailDropped: "dropped",
}

// about is what the log says of a mail. It does not say to whom it is.
func about(m *auth.MailMessage, more ...any) []any {
	return append([]any{"mail", m.ID, "kind", m.Kind, "attempts", m.Attempts}, more...)
}

// withoutAddress returns a text of the SMTP server without the address that it may quote.
func withoutAddress(m *auth.MailMessage, text string) string {
	if m.Recipient == nil {
		return text
	}
	return strings.NewReplacer(*m.Recipient, "[recipient]", *m.RecipientKey, "[recipient]").Replace(text)
}

// redact removes the secrets of a letter from a text.
func (l *Letter) redact(text string) string {
	for _, secret := range []string{l.Token, l.Code} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return text
}

// shorten cuts a text to maxError bytes.
func shorten(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
	for len(text) > maxError {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// compose renders a letter. The same row makes the same mail.
func (p *Post) compose(m *auth.MailMessage, l *Letter) (*mail.Mail, error) {
	return p.Composer.Compose(mail.Message{
		Template: strings.ReplaceAll(strings.ToLower(string(l.Kind)), "_", "-"),
		To:       l.To.Display, Locale: p.Composer.Locale(l.Locale, l.From.AcceptLanguage),
		ID: m.ID.String(), Date: m.CreatedAt,
		Token: l.Token, Code: l.Code, LinkExpires: l.LinkExpires, CodeExpires: l.CodeExpires, Due: l.Due,
		Username: l.Username, NewAddress: l.NewAddress, IP: l.From.Client, Device: l.From.UserAgent,
	})
}
