package observe

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// measure observes the steps of one kind and name. Nil observes nothing.
type measure interface {
	// observe observes a step. calls is the number of calls that shared it, 0 for one call.
	observe(took time.Duration, calls int, err error)
}

// step returns what to do with a step; nil for nothing. It allocates only for a name that it has not seen before.
func (m *Metrics) step(kind StepKind, name string) measure {
	if m == nil {
		return nil
	}
	switch kind {
	case Statement:
		return m.statement(name)
	case Hash:
		return (*hashMeasure)(m)
	case HashWait:
		return (*hashWaitMeasure)(m)
	}
	return nil
}

// statement counts the statements of a name.
type statement struct {
	duration, size prometheus.Observer // size is nil unless the statement answers several calls at once
	errors         prometheus.Counter
}

func (m *Metrics) statement(name string) *statement {
	if s, ok := m.statements.Load(name); ok {
		return s.(*statement)
	}
	s := &statement{duration: m.statementDuration.WithLabelValues(name), errors: m.statementErrors.WithLabelValues(name)}
	if slices.Contains(m.batched, name) {
		s.size = m.batchSize.WithLabelValues(name)
	}
	stored, _ := m.statements.LoadOrStore(name, s)
	return stored.(*statement)
}

func (s *statement) observe(took time.Duration, calls int, err error) {
	s.duration.Observe(took.Seconds())
	if s.size != nil {
		s.size.Observe(float64(max(calls, 1)))
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		s.errors.Inc()
	}
}

type hashMeasure Metrics

func (m *hashMeasure) observe(took time.Duration, _ int, _ error) {
	m.hashDuration.Observe(took.Seconds())
}

type hashWaitMeasure Metrics

func (m *hashWaitMeasure) observe(took time.Duration, _ int, err error) {
	m.hashWait.Observe(took.Seconds())
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) { // the only other error is that the queue is full
		m.hashRefused.Inc()
	}
}
