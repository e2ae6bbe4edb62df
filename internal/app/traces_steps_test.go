package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/app"
	"usher/internal/config"
	"usher/internal/logging"
	"usher/internal/otlp/otlptest"
)

// TestTraceOfMail follows a mail from the request that asks for it, through the worker that makes it.
func TestTraceOfMail(t *testing.T) {
	each(t, func(t *testing.T, s app.Settings) {
		a := newTraced(t, s, config.Tracing{}, slog.LevelInfo)
		a.createUser(t, "ada")
		for _, identifier := range []string{"ada@example.com", "nobody@example.com"} {
			a.ask(t, `mutation { requestPasswordReset(input: {identifier: "`+identifier+`"}) { flow } }`, nil)
		}
		if err := a.Domain.Outbox.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
		spans := a.stop(t)
		var requests, mails []otlptest.Span
		for _, span := range spans {
			switch span.Name {
			case "POST /graphql":
				requests = append(requests, span)
			case "mail":
				mails = append(mails, span)
			}
		}
		if len(requests) != 2 || len(mails) != 2 {
			t.Fatalf("%d requests, %d mails", len(requests), len(mails))
		}
		states := map[string]string{"ada": "SENT", "nobody": "DROPPED"}
		for i, name := range []string{"ada", "nobody"} {
			at := slices.IndexFunc(mails, func(m otlptest.Span) bool {
				return len(m.Links) == 1 && bytes.Equal(m.Links[0].TraceId, requests[i].TraceId) && bytes.Equal(m.Links[0].SpanId, requests[i].SpanId)
			})
			if at < 0 {
				t.Fatalf("no mail links to the request of %s: %v", name, mails)
			}
			m := mails[at]
			want := fmt.Sprint(map[string]string{
				"usher.mail.kind": "RESET_PASSWORD", "usher.mail.state": states[name], "usher.mail.attempt": "1",
			})
			if got := fmt.Sprint(m.Attributes()); got != want || m.Parent() != "" || m.Kind.String() != "SPAN_KIND_CONSUMER" {
				t.Errorf("the mail to %s has %s, want %s; it is a %s below %q", name, got, want, m.Kind, m.Parent())
			}
			paths := tree(spans, m.TraceID())
			if sent := slices.Contains(paths, "mail / SMTP"); sent != (name == "ada") || !slices.Contains(paths, "mail / commit transaction") {
				t.Errorf("the mail to %s has the spans %q", name, paths)
			}
		}
	})
}

// TestTraceOfBatch makes requests at the same time. Those that share a statement link to its span.
func TestTraceOfBatch(t *testing.T) {
	each(t, func(t *testing.T, s app.Settings) {
		a := newTraced(t, s, config.Tracing{OTELQueue: "100000"}, slog.LevelError)
		a.createUser(t, "ada")
		token := a.login(t, "ada")
		for range 20 {
			results := make(chan *httptest.ResponseRecorder)
			for range 16 {
				go func() { results <- a.ask(t, meQuery, nil, "Authorization", "Bearer "+token) }()
			}
			for range 16 {
				if w := <-results; !strings.Contains(w.Body.String(), `"ada"`) {
					t.Errorf("me: %s", w.Body)
				}
			}
		}
		spans := a.stop(t)
		byID, has := map[string]otlptest.Span{}, map[string]bool{}
		for _, span := range spans {
			byID[span.ID()] = span
			if span.Name == "look up viewers" {
				has[span.Parent()] = true
			}
		}
		batches, linked := 0, 0
		for _, span := range spans {
			if span.Name != "batch find viewer" {
				continue
			}
			batches++
			switch {
			case has[span.ID()] && len(span.Links) == 0:
			case !has[span.ID()] && len(span.Links) == 1 && byID[fmt.Sprintf("%x", span.Links[0].SpanId)].Name == "look up viewers":
				linked++
			default:
				t.Fatalf("a call has a statement: %t, and the links %v", has[span.ID()], span.Links)
			}
		}
		if batches != 320 || linked == 0 {
			t.Errorf("%d calls, %d of them share a statement", batches, linked)
		}
	})
}

// TestTraceOfTrustedDocument names only the operations of trusted documents.
func TestTraceOfTrustedDocument(t *testing.T) {
	t.Parallel()
	s := settings("sqlite:" + t.TempDir() + "/usher.db")
	s.TrustedDocuments, s.TrustedDocumentsMode = filepath.Join(t.TempDir(), "manifest.json"), "log"
	if err := os.WriteFile(s.TrustedDocuments, []byte(`{"mine": "query Mine { me { id username } }"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	a := newTraced(t, s, config.Tracing{}, slog.LevelError)
	a.ask(t, meQuery, nil)
	a.ask(t, `query Other { me { id username } }`, nil)
	r := httptest.NewRequest(http.MethodGet, "/graphql?documentId=mine", http.NoBody)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	a.ServeHTTP(httptest.NewRecorder(), r)
	var got []string
	for _, span := range a.stop(t) {
		if name, ok := span.Attributes()["graphql.operation.name"]; ok || strings.HasPrefix(span.Name, "query") {
			got = append(got, span.Name+": "+name)
		}
	}
	if want := []string{"query Mine: Mine", "query: ", "query Mine: Mine"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestTraceOfHealth makes no trace of a check, and none of what the jobs do between requests.
func TestTraceOfHealth(t *testing.T) {
	t.Parallel()
	a := newTraced(t, settings("sqlite:"+t.TempDir()+"/usher.db"), config.Tracing{}, slog.LevelError)
	for _, target := range []string{"/healthz", "/readyz"} {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, http.NoBody))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	if err := a.Domain.Operator.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if spans := a.stop(t); len(spans) > 0 {
		t.Errorf("spans %q", otlptest.Names(spans))
	}
}

// TestTraceOfSteps compares the lines of steps at level debug with the spans.
func TestTraceOfSteps(t *testing.T) {
	t.Parallel()
	a := newTraced(t, settings("sqlite:"+t.TempDir()+"/usher.db"), config.Tracing{}, slog.LevelDebug)
	a.log.Reset()
	a.ask(t, meQuery, nil)
	spans := a.stop(t)
	ids := map[string]string{}
	for _, s := range spans {
		ids[s.ID()] = s.TraceID()
	}
	steps := 0
	for line := range strings.Lines(a.log.String()) {
		var l struct {
			Msg     string
			TraceID string `json:"trace_id"`
			SpanID  string `json:"span_id"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Msg != "step" {
			continue
		}
		if steps++; l.SpanID == "" || ids[l.SpanID] != l.TraceID {
			t.Errorf("no span is that of %s", line)
		}
	}
	if steps != len(spans) || steps < 3 {
		t.Errorf("%d steps, %d spans", steps, len(spans))
	}
}

// TestCollectorGone serves requests as without a collector, and stops in time.
func TestCollectorGone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // it accepts connections, and never answers
	s := settings("sqlite:" + t.TempDir() + "/usher.db")
	s.ShutdownTimeout = time.Second
	s.Tracing = config.Tracing{OTELEndpoint: "http://" + l.Addr().String(), OTELDelay: "1", OTELHeaders: config.NewSecret("api-key=hidden")}
	var log bytes.Buffer
	a, err := app.New(t.Context(), s, logging.New(&log, logging.Options{Format: "text"}), app.Overrides{CheapPasswords: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 3000 { // more than the queue has room for
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/graphql?query={me{id}}", http.NoBody))
		_, _ = io.Copy(io.Discard, w.Body)
	}
	begun := time.Now()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if text := log.String(); strings.Count(text, "spans not exported") == 0 || strings.Contains(text, "hidden") {
		t.Errorf("the log: %s", text[max(0, len(text)-1000):])
	}
}
