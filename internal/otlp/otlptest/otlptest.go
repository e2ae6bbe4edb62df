// Package otlptest is a collector for tests: an HTTP server that receives traces by OTLP.
package otlptest

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// Span is an exported span.
type Span struct {
	*traces.Span

	// Resource describes the server that made it.
	Resource map[string]string
}

// Attributes returns the attributes of the span as texts.
func (s Span) Attributes() map[string]string { return texts(s.Span.Attributes) }

// TraceID returns the id of the trace in hexadecimal.
func (s Span) TraceID() string { return hex.EncodeToString(s.TraceId) }

// ID returns the id of the span in hexadecimal.
func (s Span) ID() string { return hex.EncodeToString(s.SpanId) }

// Parent returns the id of the parent in hexadecimal; empty for none.
func (s Span) Parent() string { return hex.EncodeToString(s.ParentSpanId) }

// Collector receives spans. It is safe for concurrent use.
type Collector struct {
	// URL is the endpoint for traces.
	URL string

	server     *httptest.Server
	mu         sync.Mutex
	spans      []Span
	requests   []*http.Request
	everything strings.Builder
	arrived    chan struct{}
	answer     http.HandlerFunc
}

// New starts a Collector, which ends with the test.
func New(t testing.TB) *Collector {
	t.Helper()
	c := newCollector()
	c.server = httptest.NewServer(c)
	c.URL = c.server.URL + "/v1/traces"
	t.Cleanup(c.server.Close)
	return c
}

// NewTLS is New with TLS.
func NewTLS(t testing.TB) (c *Collector, server *httptest.Server) {
	t.Helper()
	c = newCollector()
	c.server = httptest.NewTLSServer(c)
	c.URL = c.server.URL + "/v1/traces"
	t.Cleanup(c.server.Close)
	return c, c.server
}

func newCollector() *Collector { return &Collector{arrived: make(chan struct{})} }

// Base returns the URL without the path for traces.
func (c *Collector) Base() string { return c.server.URL }

// Answer replaces the answer to each request. Nil accepts the spans again.
func (c *Collector) Answer(h http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = h
}

// ServeHTTP implements http.Handler.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request, err := read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	answer := c.answer
	c.requests = append(c.requests, r)
	if answer == nil {
		c.add(request)
	}
	close(c.arrived)
	c.arrived = make(chan struct{})
	c.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	body, _ := proto.Marshal(&collector.ExportTraceServiceResponse{})
	_, _ = w.Write(body)
}

func read(r *http.Request) (*collector.ExportTraceServiceRequest, error) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return nil, fmt.Errorf("%s with %s", r.Method, r.Header.Get("Content-Type"))
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = unzipped
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	request := &collector.ExportTraceServiceRequest{}
	return request, proto.Unmarshal(text, request)
}

func (c *Collector) add(request *collector.ExportTraceServiceRequest) {
	c.everything.WriteString(prototext.Format(request))
	for _, resource := range request.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				c.spans = append(c.spans, Span{span, texts(resource.Resource.GetAttributes())})
			}
		}
	}
}

// Spans returns all spans so far, in the order of their starts.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	spans := slices.Clone(c.spans)
	slices.SortStableFunc(spans, func(a, b Span) int { return int(int64(a.StartTimeUnixNano) - int64(b.StartTimeUnixNano)) })
	return spans
}

// Everything returns all that was received as text, for the search of what must not be in it.
func (c *Collector) Everything() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.everything.String()
}

// Requests returns the requests so far. Their bodies are read.
func (c *Collector) Requests() []*http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// Wait returns the spans as soon as they satisfy a condition.
func (c *Collector) Wait(t testing.TB, what string, enough func([]Span) bool) []Span {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		c.mu.Lock()
		arrived := c.arrived
		c.mu.Unlock()
		spans := c.Spans()
		if enough(spans) {
			return spans
		}
		select {
		case <-arrived:
		case <-timeout:
			t.Fatalf("no %s among the spans: %v", what, Names(spans))
		}
	}
}

// Names returns the names of spans.
func Names(spans []Span) []string {
	var names []string
	for _, s := range spans {
		names = append(names, s.Name)
	}
	return names
}

// texts returns attributes as texts.
func texts(attributes []*common.KeyValue) map[string]string {
	all := map[string]string{}
	for _, a := range attributes {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			all[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			all[a.Key] = fmt.Sprint(v.IntValue)
		case *common.AnyValue_BoolValue:
			all[a.Key] = fmt.Sprint(v.BoolValue)
		default:
			all[a.Key] = a.Value.String()
		}
	}
	return all
}
