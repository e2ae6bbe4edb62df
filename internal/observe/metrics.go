package observe

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// MetricsOptions are what metrics know beforehand. All are optional.
type MetricsOptions struct {
	// Version is that of the program.
	Version string
	// Revision is the commit of the program; empty if it is unknown.
	Revision string
	// Operations are the first names for [Metrics.NameOperations].
	Operations []string
	// Codes are the error codes of GraphQL errors.
	Codes []string
	// Batched are the names of the statements that answer several calls at once.
	Batched []string
	// Jobs are the names of the background jobs.
	Jobs []string
	// Mail says that the server sends mail.
	Mail bool
	// Breaches says that the server looks passwords up in lists of breached ones.
	Breaches bool
	// State reads the gauges. It is called once for each scrape, and its context ends after ScrapeTimeout.
	// Nil means that there are none.
	State func(ctx context.Context) State
}

const (
	// MaxOperations limits the names of operations that are labels. Each costs about 15 time series.
	MaxOperations = 200
	// ScrapeTimeout is how long a scrape waits for the database.
	ScrapeTimeout = 2 * time.Second
	// other is the label of what has no label of its own.
	other = "other"
	// succeeded is the code of an operation without errors.
	succeeded = "OK"
	// cancelled is the code of an operation whose client disconnected before the end.
	cancelled = "CLIENT_CLOSED_REQUEST"
	// unavailable is the schema's ErrorCode that a cancelled operation has too.
	unavailable = "SERVICE_UNAVAILABLE"
	// internal is the schema's ErrorCode of a failure of the server.
	internal = "INTERNAL_SERVER_ERROR"
)

// Metrics are the metrics of one server, in a registry of their own. They are safe for concurrent use. A nil *Metrics
// counts nothing.
//
// No label has a text from a client, a name of a user, or an id: each label is of a fixed set.
type Metrics struct {
	registry    *prometheus.Registry
	definitions []Definition
	batched     []string

	routes     sync.Map                              // *route by pattern
	operations atomic.Pointer[map[string]*operation] // by name; replaced as a whole
	codes      map[string]bool
	statements sync.Map // *statement by name

	requests                                           *prometheus.CounterVec
	requestDuration                                    *prometheus.HistogramVec
	operationCount                                     *prometheus.CounterVec
	operationDuration                                  *prometheus.HistogramVec
	statementDuration, batchSize                       *prometheus.HistogramVec
	statementErrors                                    *prometheus.CounterVec
	hashDuration, hashWait                             prometheus.Observer
	hashRefused                                        prometheus.Counter
	signIns, limits, events, sessionsEnded, mails      *prometheus.CounterVec
	sessionsStarted, breachLookups, breachesUnanswered prometheus.Counter
	jobSuccess                                         *prometheus.GaugeVec
	jobFailures                                        *prometheus.CounterVec
}

// Definition describes a metric.
type Definition struct {
	Name, Type, Help string
	Labels           []string
}

// Definitions returns all metrics of Usher's own, in the order of the documentation.
func (m *Metrics) Definitions() []Definition { return m.definitions }

// Gatherer returns what a scrape reads.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Buckets in seconds. People notice an answer after 100 ms, and leave after some seconds.
var (
	requestBuckets   = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	operationBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}
	statementBuckets = []float64{.00025, .0005, .001, .0025, .005, .01, .025, .1, .5, 2.5}
	hashBuckets      = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5}
	sizeBuckets      = []float64{1, 2, 4, 8, 16, 32, 64}
)

// NewMetrics returns metrics. It panics if two metrics have one name, which is a mistake of this package.
func NewMetrics(o MetricsOptions) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), batched: o.Batched}
	m.requests = m.counters("usher_http_requests_total", "HTTP requests by route and class of the status. Health checks are included.", "route", "status")
	m.requestDuration = m.histograms("usher_http_request_duration_seconds", "Duration of HTTP requests, from the end of the headers to the end of the response.", requestBuckets, "route")
	m.operationCount = m.counters("usher_graphql_operations_total", "GraphQL operations by name and by the code of the first error. The code is OK without an error, and CLIENT_CLOSED_REQUEST if the client disconnected. The name is other unless it is one of a trusted document or of the console.", "operation", "code")
	m.operationDuration = m.histograms("usher_graphql_operation_duration_seconds", "Duration of the requests for GraphQL operations, by name.", operationBuckets, "operation")
	m.signIns = m.counters("usher_sign_ins_total", "Attempts to sign in, to confirm the identity again or to refresh a session, by method and outcome.", "method", "outcome")
	m.sessionsStarted = m.counter("usher_sessions_started_total", "Sessions that began.")
	m.sessionsEnded = m.counters("usher_sessions_ended_total", "Sessions that were ended, by the kind of the audit event in lower case. A session that expires is not counted, nor are those of a deleted account.", "cause")
	m.limits = m.counters("usher_rate_limit_decisions_total", "Decisions of rate limits by the limit's name: admitted, refused or challenged. An operation that one limit refuses is not counted for the others.", "limit", "decision")
	m.events = m.counters("usher_audit_events_total", "Events of the audit log by kind, written by this process.", "kind")
	m.hashDuration = m.histogram("usher_password_hash_duration_seconds", "Duration of the computation of a password hash.", hashBuckets)
	m.hashWait = m.histogram("usher_password_hash_wait_seconds", "How long requests waited for a hashing slot.", hashBuckets)
	m.hashRefused = m.counter("usher_password_hash_refused_total", "Requests that were refused because the queue for a hashing slot was full.")
	m.statementDuration = m.histograms("usher_database_statement_duration_seconds", "Duration of SQL statements by name, with the wait for a connection.", statementBuckets, "statement")
	m.statementErrors = m.counters("usher_database_statement_errors_total", "SQL statements that ended with an error, with conflicts that Usher resolves.", "statement")
	m.batchSize = m.histograms("usher_database_batch_size", "Calls that share a statement, for the statements that answer several calls at once.", sizeBuckets, "statement")
	m.jobSuccess = m.gauges("usher_job_last_success_timestamp_seconds", "When a background job last ended without an error, in seconds since 1970. It is 0 before that.", "job_name")
	m.jobFailures = m.counters("usher_job_failures_total", "Runs of background jobs that failed.", "job_name")
	build := m.gauges("usher_build_info", "Always 1. The labels describe the program.", "version", "revision", "goversion")
	if o.Mail {
		m.mails = m.counters("usher_mail_attempts_total", "Attempts to send a mail by outcome: sent, delayed (it is tried again), failed, expired or dropped (there is nobody to send it to).", "outcome")
		for _, outcome := range []string{"sent", "delayed", "failed", "expired", "dropped"} {
			m.mails.WithLabelValues(outcome)
		}
	}
	if o.Breaches {
		m.breachLookups = m.counter("usher_breach_list_lookups_total", "Passwords that were looked up in the lists of breached ones.")
		m.breachesUnanswered = m.counter("usher_breach_list_failures_total", "Look-ups in a list of breached passwords that failed.")
	}

	m.codes = map[string]bool{succeeded: true, cancelled: true}
	for _, code := range o.Codes {
		m.codes[code] = true
	}
	m.NameOperations(o.Operations)
	for _, job := range o.Jobs {
		m.jobSuccess.WithLabelValues(job)
		m.jobFailures.WithLabelValues(job)
	}
	build.WithLabelValues(o.Version, o.Revision, runtime.Version()).Set(1)
	if o.State != nil {
		m.registry.MustRegister(newStateCollector(m, &o))
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// NameOperations sets the names of GraphQL operations that are labels. All others count as "other", because clients choose
// them. At most MaxOperations are used. The counters of names that are no longer used are removed, so that servers which
// run for long do not collect them.
func (m *Metrics) NameOperations(names []string) {
	if m == nil {
		return
	}
	operations := map[string]*operation{}
	for _, name := range append([]string{other}, names[:min(len(names), MaxOperations)]...) {
		operations[name] = &operation{
			name: name, duration: m.operationDuration.WithLabelValues(name), succeeded: m.operationCount.WithLabelValues(name, succeeded),
		}
		for _, code := range []string{internal, unavailable} { // otherwise rate() would miss the first one
			m.operationCount.WithLabelValues(name, code)
		}
	}
	former := m.operations.Swap(&operations)
	if former == nil {
		return
	}
	for name := range *former {
		if operations[name] == nil {
			m.operationDuration.DeleteLabelValues(name)
			m.operationCount.DeletePartialMatch(prometheus.Labels{"operation": name})
		}
	}
}

func (m *Metrics) define(name, kind, help string, labels []string) {
	m.definitions = append(m.definitions, Definition{name, kind, help, labels})
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	m.define(name, "counter", help, labels)
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	return m.counters(name, help).WithLabelValues()
}

func (m *Metrics) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	m.define(name, "gauge", help, labels)
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	m.define(name, "histogram", help, labels)
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histogram(name, help string, buckets []float64) prometheus.Observer {
	return m.histograms(name, help, buckets).WithLabelValues()
}
