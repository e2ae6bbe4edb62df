package observe

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// State is what the gauges show.
type State struct {
	// Ready says that the server accepts requests and its database accepts writes.
	Ready    bool
	InFlight int64
	Pools    []PoolState
	Hash     HashState
	// Keys is nil if the server signs with a key that is derived from its secret.
	Keys *KeyState
	// Mail is nil if the server sends no mail or the database did not answer.
	Mail *MailState
}

// PoolState is the state of a pool of database connections.
type PoolState struct {
	Name               string
	InUse, Idle, Limit int
	Waits              int64 // for a connection, so far
	Waited             time.Duration
}

// HashState is the state of the hashing slots.
type HashState struct{ InUse, Slots, Queued, QueueLimit int }

// KeyState is the state of the signing keys.
type KeyState struct {
	// Age is how long ago the current key began to sign, and MaxAge when the next one takes over.
	Age, MaxAge time.Duration
	// Number is how many keys verify tokens.
	Number int
}

// MailState is the state of the mail queue.
type MailState struct {
	// Queued and Failed are counted up to a limit of the store.
	Queued, Failed int
	// OldestDue is how long the mail that is due for the longest has been due, and OldestQueued is how long ago the oldest
	// queued mail was written; zero for none.
	OldestDue, OldestQueued time.Duration
}

// stateCollector is a prometheus.Collector that reads a State for each scrape.
type stateCollector struct {
	read func(context.Context) State

	ready, inFlight                                                 *prometheus.Desc
	connections, connectionLimit, connectionWaits, connectionWaited *prometheus.Desc
	slots, slotsInUse, queued, queueLimit                           *prometheus.Desc
	keyAge, keyMaxAge, keys                                         *prometheus.Desc
	mails, oldestDue, oldestQueued                                  *prometheus.Desc
}

func newStateCollector(m *Metrics, o *MetricsOptions) *stateCollector {
	define := func(name, kind, help string, labels ...string) *prometheus.Desc {
		m.define(name, kind, help, labels)
		return prometheus.NewDesc(name, help, labels, nil)
	}
	c := &stateCollector{
		read:             o.State,
		ready:            define("usher_ready", "gauge", "1 if the server accepts requests and its database accepts writes, otherwise 0. It is what /readyz answers."),
		inFlight:         define("usher_http_requests_in_flight", "gauge", "HTTP requests that are being served, without those whose body the server waits for."),
		slots:            define("usher_password_hash_slots", "gauge", "Hashing slots. While other requests are in flight, at most half of them are used."),
		slotsInUse:       define("usher_password_hash_slots_in_use", "gauge", "Hashing slots in use."),
		queued:           define("usher_password_hash_queue_length", "gauge", "Requests that wait for a hashing slot."),
		queueLimit:       define("usher_password_hash_queue_limit", "gauge", "Requests that may wait for a hashing slot. Requests in a session or on a known device have a quarter as many places in addition."),
		connections:      define("usher_database_connections", "gauge", "Open database connections by pool and state: in_use or idle. PostgreSQL has one pool, and one more for a standby. SQLite has one for reading and one for writing.", "pool", "state"),
		connectionLimit:  define("usher_database_connections_limit", "gauge", "Maximum number of open database connections of a pool.", "pool"),
		connectionWaits:  define("usher_database_connection_waits_total", "counter", "Statements that waited for a database connection.", "pool"),
		connectionWaited: define("usher_database_connection_wait_seconds_total", "counter", "Time that statements waited for a database connection.", "pool"),
		keyAge:           define("usher_signing_key_age_seconds", "gauge", "Age of the current signing key since it began to sign. Absent with HS256."),
		keyMaxAge:        define("usher_signing_key_max_age_seconds", "gauge", "How long a key signs before the next one takes over."),
		keys:             define("usher_signing_keys", "gauge", "Signing keys in the JWK Set."),
	}
	if o.Mail {
		c.mails = define("usher_mail_messages", "gauge", "Mails by state: queued or failed. Each is counted up to 10,000.", "state")
		c.oldestDue = define("usher_mail_oldest_due_seconds", "gauge", "How long the oldest mail that is due has been due; 0 for none. It grows if no worker sends mail.")
		c.oldestQueued = define("usher_mail_oldest_queued_seconds", "gauge", "How long ago the oldest mail that was not sent yet was written; 0 for none. It grows if the SMTP server does not accept it.")
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *stateCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.ready, c.inFlight, c.connections, c.connectionLimit, c.connectionWaits, c.connectionWaited,
		c.slots, c.slotsInUse, c.queued, c.queueLimit, c.keyAge, c.keyMaxAge, c.keys, c.mails, c.oldestDue, c.oldestQueued,
	} {
		if d != nil {
			to <- d
		}
	}
}

// Collect implements prometheus.Collector.
func (c *stateCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), ScrapeTimeout)
	defer cancel()
	s := c.read(ctx)
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	ready := 0.0
	if s.Ready {
		ready = 1
	}
	gauge(c.ready, ready)
	gauge(c.inFlight, float64(s.InFlight))
	gauge(c.slots, float64(s.Hash.Slots))
	gauge(c.slotsInUse, float64(s.Hash.InUse))
	gauge(c.queued, float64(s.Hash.Queued))
	gauge(c.queueLimit, float64(s.Hash.QueueLimit))
	for _, pool := range s.Pools {
		name := pool.Name
		gauge(c.connections, float64(pool.InUse), name, "in_use")
		gauge(c.connections, float64(pool.Idle), name, "idle")
		gauge(c.connectionLimit, float64(pool.Limit), name)
		to <- prometheus.MustNewConstMetric(c.connectionWaits, prometheus.CounterValue, float64(pool.Waits), name)
		to <- prometheus.MustNewConstMetric(c.connectionWaited, prometheus.CounterValue, pool.Waited.Seconds(), name)
	}
	if s.Keys != nil {
		gauge(c.keyAge, s.Keys.Age.Seconds())
		gauge(c.keyMaxAge, s.Keys.MaxAge.Seconds())
		gauge(c.keys, float64(s.Keys.Number))
	}
	if s.Mail != nil && c.mails != nil {
		gauge(c.mails, float64(s.Mail.Queued), "queued")
		gauge(c.mails, float64(s.Mail.Failed), "failed")
		gauge(c.oldestDue, s.Mail.OldestDue.Seconds())
		gauge(c.oldestQueued, s.Mail.OldestQueued.Seconds())
	}
}
