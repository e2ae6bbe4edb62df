package observe

import (
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Served is a request that was answered.
type Served struct {
	// Route is the pattern of the route; empty if none matched.
	Route  string
	Status int
	// GraphQL says that the request was for the GraphQL endpoint. Then Operation is the name of the operation as the client
	// sent it, and Code that of the first error; empty for none.
	GraphQL         bool
	Operation, Code string
	// Disconnected says that the client disconnected before the end of the response.
	Disconnected bool
	Took         time.Duration
}

// route counts the requests of a route.
type route struct {
	duration prometheus.Observer
	byStatus [6]prometheus.Counter // by the first digit; the first element is for all that are no status
}

// operation counts the operations of a name.
type operation struct {
	name      string
	duration  prometheus.Observer
	succeeded prometheus.Counter
}

// Serve counts a request.
func (m *Metrics) Serve(s Served) {
	if m == nil {
		return
	}
	r, ok := m.routes.Load(s.Route)
	if !ok {
		r = m.newRoute(s.Route)
	}
	route := r.(*route)
	route.duration.Observe(s.Took.Seconds())
	class := s.Status / 100
	if class < 1 || class > 5 {
		class = 0
	}
	route.byStatus[class].Inc()
	if !s.GraphQL {
		return
	}
	operations := *m.operations.Load()
	o := operations[s.Operation]
	if o == nil {
		o = operations[other]
	}
	o.duration.Observe(s.Took.Seconds())
	if s.Code == "" {
		o.succeeded.Inc()
		return
	}
	code := s.Code
	switch {
	case s.Disconnected && code == unavailable:
		code = cancelled
	case !m.codes[code]:
		code = other
	}
	m.operationCount.WithLabelValues(o.name, code).Inc()
}

// newRoute makes the counters of a route with its first request. Two requests may do so at once: both get the same.
func (m *Metrics) newRoute(pattern string) any {
	name := strings.TrimSuffix(pattern, "{$}")
	if name == "" {
		name = other
	}
	r := &route{duration: m.requestDuration.WithLabelValues(name)}
	r.byStatus[0] = m.requests.WithLabelValues(name, other)
	for class := 1; class < len(r.byStatus); class++ {
		r.byStatus[class] = m.requests.WithLabelValues(name, strconv.Itoa(class)+"xx")
	}
	stored, _ := m.routes.LoadOrStore(pattern, r)
	return stored
}
