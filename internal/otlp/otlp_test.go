package otlp

import (
	"bytes"
	"context"
	"encoding/pem"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"usher/internal/otlp/otlptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logs is a log that goroutines share.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// defaults are the default settings with an endpoint.
func defaults(endpoint string) Settings {
	return Settings{
		Endpoint: endpoint, Timeout: 10 * time.Second, Sampler: "always_on", Ratio: 1,
		Delay: time.Millisecond, ExportTimeout: 30 * time.Second, Queue: 2048, Batch: 512,
	}
}

func newExporter(t *testing.T, s Settings, flush time.Duration) (*Exporter, *logs) {
	t.Helper()
	log := &logs{}
	e, err := New(t.Context(), s, Options{Version: "1.2.3", Flush: flush, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e, log
}

// span makes a span.
func span(t *testing.T, e *Exporter) {
	t.Helper()
	_, s := e.Tracer().Start(t.Context(), "test")
	s.End()
}

func TestExport(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Settings){
		"plain": func(*Settings) {},
		"gzip":  func(s *Settings) { s.Gzip = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := otlptest.New(t)
			s := defaults(c.URL)
			s.Headers, s.Attributes, s.Delay = map[string]string{"Api-Key": "secret"}, map[string]string{"service.name": "auth", "a": "b"}, time.Hour
			change(&s)
			e, log := newExporter(t, s, 10*time.Second)
			for range 1200 { // three batches; the last one waits until the exporter is closed
				span(t, e)
			}
			e.Close()
			e.Close() // does nothing
			spans := c.Spans()
			if len(spans) != 1200 || spans[0].Resource["service.name"] != "auth" || spans[0].Resource["a"] != "b" || spans[0].Resource["service.version"] != "1.2.3" {
				t.Fatalf("%d spans, the first of %v", len(spans), spans[0].Resource)
			}
			for _, r := range c.Requests() {
				if r.URL.Path != "/v1/traces" || r.Header.Get("Api-Key") != "secret" || (r.Header.Get("Content-Encoding") == "gzip") != s.Gzip {
					t.Errorf("%s with %v", r.URL, r.Header)
				}
			}
			if log.String() != "" {
				t.Errorf("log: %s", log)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	c, server := otlptest.NewTLS(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	s := defaults(c.URL)
	e, log := newExporter(t, s, 10*time.Second)
	span(t, e)
	e.Close()
	if len(c.Spans()) != 0 || !strings.Contains(log.String(), "certificate") {
		t.Errorf("%d spans to a server with an unknown certificate; log: %s", len(c.Spans()), log)
	}
	s.Certificate = file
	e, log = newExporter(t, s, 10*time.Second)
	span(t, e)
	e.Close()
	if len(c.Spans()) != 1 || log.String() != "" {
		t.Errorf("%d spans; log: %s", len(c.Spans()), log)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	empty := filepath.Join(folder, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Settings){
		"no certificate":        func(s *Settings) { s.Certificate = filepath.Join(folder, "none") },
		"empty certificate":     func(s *Settings) { s.Certificate = empty },
		"no client certificate": func(s *Settings) { s.ClientCertificate, s.ClientKey = empty, empty },
	} {
		s := defaults("https://localhost:1/v1/traces")
		change(&s)
		if e, err := New(t.Context(), s, Options{Log: slog.Default()}); err == nil || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_") {
			e.Close()
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFailures exports to collectors that do not work. The log says why, without what is secret: the headers, the URL and
// what the collector answers.
func TestFailures(t *testing.T) {
	t.Parallel()
	elsewhere := otlptest.New(t)
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"rejected": {func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "wrong key "+r.Header.Get("Api-Key"), http.StatusUnauthorized)
		}, "the collector has answered with status 401"},
		"redirected": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, "the collector has answered with status 307"},
		"in part": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/x-protobuf")
			_, _ = w.Write([]byte("\x0a\x0a\x08\x01\x12\x06c4n4ry")) // partial success: 1 rejected span and a message
		}, "the collector has not accepted all of them"},
		"no protobuf": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/x-protobuf")
			_, _ = w.Write([]byte("c4n4ry"))
		}, "the collector has not accepted all of them"},
		"cut off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := otlptest.New(t)
			c.Answer(tt.answer)
			s := defaults(c.Base() + "/c4n4ry/v1/traces")
			s.Headers = map[string]string{"Api-Key": "c4n4ry"}
			e, log := newExporter(t, s, 10*time.Second)
			span(t, e)
			e.Close()
			if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"spans not exported" spans=1`) ||
				!strings.Contains(text, tt.want) || strings.Contains(text, "c4n4ry") {
				t.Errorf("log: %s", text)
			}
		})
	}
	t.Cleanup(func() {
		if n := len(elsewhere.Requests()); n > 0 {
			t.Errorf("%d requests went where the collector pointed", n)
		}
	})
}

// TestLogOncePerMinute loses spans for some time.
func TestLogOncePerMinute(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)
	log := &logs{}
	s := newSender(nil, &attempts{}, slog.New(slog.NewTextHandler(log, nil)), func() time.Time { return now })
	for range 600 { // ten minutes
		s.lose(t.Context(), 3, "gone")
		now = now.Add(time.Second)
	}
	s.report(t.Context())
	s.report(t.Context())
	text := log.String()
	if strings.Count(text, "\n") != 11 || strings.Count(text, "spans=3 ") != 1 || strings.Count(text, "spans=180 ") != 9 || strings.Count(text, "spans=177 ") != 1 {
		t.Errorf("log:\n%s", text)
	}
}

// TestUnreachable stops with collectors that cannot be reached, and that do not answer.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer hanging.Close()
	defer close(release)
	for name, tt := range map[string]struct {
		endpoint string
		flush    time.Duration
		want     string
	}{
		"refused": {"http://" + closed, time.Minute, "connection refused"},
		"hanging": {hanging.URL, 300 * time.Millisecond, "no answer in time"},
	} {
		begun := time.Now()
		e, log := newExporter(t, defaults(tt.endpoint+"/v1/traces"), tt.flush)
		for range 5000 {
			span(t, e) // never waits
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: the spans took %v", name, took)
		}
		begun = time.Now()
		e.Close()
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: the stop took %v", name, took)
		}
		if !strings.Contains(log.String(), tt.want) {
			t.Errorf("%s: log: %s", name, log)
		}
	}
}

func TestSampler(t *testing.T) {
	t.Parallel()
	const many = 2000
	for name, tt := range map[string]struct {
		sampler  string
		ratio    float64
		min, max int
	}{
		"always_on":                {"always_on", 0, many, many},
		"always_off":               {"always_off", 1, 0, 0},
		"traceidratio":             {"traceidratio", 0.5, many / 3, many * 2 / 3},
		"parentbased_always_on":    {"parentbased_always_on", 0, many, many},
		"parentbased_always_off":   {"parentbased_always_off", 1, 0, 0},
		"parentbased_traceidratio": {"parentbased_traceidratio", 0.5, many / 3, many * 2 / 3},
		"none":                     {"parentbased_traceidratio", 0, 0, 0},
	} {
		s := defaults("http://127.0.0.1:1/v1/traces")
		s.Sampler, s.Ratio, s.Delay = tt.sampler, tt.ratio, time.Hour
		e, _ := newExporter(t, s, time.Second)
		recorded := 0
		for range many {
			_, span := e.Tracer().Start(context.Background(), "test")
			if span.IsRecording() {
				recorded++
			}
		}
		if recorded < tt.min || recorded > tt.max {
			t.Errorf("%s: %d of %d spans are recorded", name, recorded, many)
		}
	}
}

// TestNil exports nothing.
func TestNil(t *testing.T) {
	t.Parallel()
	var e *Exporter
	if e.Tracer() != nil || e.Propagates() {
		t.Error("there is a tracer")
	}
	e.Close()
}
