package observe

import (
	"strings"
	"time"
)

// Metrics counts for the domain, which has an interface with these methods. Their texts are constants of the program.

// CountSignIn counts an attempt to sign in.
func (m *Metrics) CountSignIn(method, outcome string) {
	if m != nil {
		m.signIns.WithLabelValues(method, outcome).Inc()
	}
}

// CountSessionStarted counts a session that began.
func (m *Metrics) CountSessionStarted() {
	if m != nil {
		m.sessionsStarted.Inc()
	}
}

// CountSessionsEnded counts sessions that were ended.
func (m *Metrics) CountSessionsEnded(cause string, n int) {
	if m != nil {
		m.sessionsEnded.WithLabelValues(strings.ToLower(cause)).Add(float64(n))
	}
}

// CountEvent counts an event of the audit log.
func (m *Metrics) CountEvent(kind string) {
	if m != nil {
		m.events.WithLabelValues(kind).Inc()
	}
}

// CountLimit counts a decision of a rate limit.
func (m *Metrics) CountLimit(limit, decision string) {
	if m != nil {
		m.limits.WithLabelValues(limit, decision).Inc()
	}
}

// CountMail counts an attempt to send a mail.
func (m *Metrics) CountMail(outcome string) {
	if m != nil && m.mails != nil {
		m.mails.WithLabelValues(outcome).Inc()
	}
}

// CountBreachLookup counts a look-up in the lists of breached passwords.
func (m *Metrics) CountBreachLookup(failed bool) {
	if m == nil || m.breachLookups == nil {
		return
	}
	m.breachLookups.Inc()
	if failed {
		m.breachesUnanswered.Inc()
	}
}

// CountJob counts a run of a background job that ended at a time.
func (m *Metrics) CountJob(job string, at time.Time, succeeded bool) {
	switch {
	case m == nil:
	case succeeded:
		m.jobSuccess.WithLabelValues(job).Set(float64(at.UnixMilli()) / 1000)
	default:
		m.jobFailures.WithLabelValues(job).Inc()
	}
}
