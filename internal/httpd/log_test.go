package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/request"
)

// serveLogged serves r and returns the lines of the log without their times. It leaves out lines of steps.
func serveLogged(t *testing.T, o Options, w http.ResponseWriter, r *http.Request) (lines []map[string]any, aborted bool) {
	t.Helper()
	var buffer bytes.Buffer
	o.Observer = logTo(slog.NewJSONHandler(&buffer, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := New(o)
	func() {
		defer func() {
			err, _ := recover().(error)
			aborted = errors.Is(err, http.ErrAbortHandler)
		}()
		s.ServeHTTP(w, r)
	}()
	steps := 0
	for decoder := json.NewDecoder(&buffer); decoder.More(); {
		line := map[string]any{}
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		delete(line, "time")
		if line["msg"] == "step" {
			steps++
			continue
		}
		lines = append(lines, line)
	}
	if steps != 1 {
		t.Errorf("%d steps of the request, want 1", steps)
	}
	return lines, aborted
}

func TestLog(t *testing.T) {
	answered := func(w http.ResponseWriter, r *http.Request) {
		info := request.OutcomeOf(r.Context())
		info.Operation = "SignIn\r\n" + strings.Repeat("x", 100)
		info.Code = "BAD_USER_INPUT"
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, "12345")
	}
	line := func(changes map[string]any) map[string]any {
		l := map[string]any{
			"level": "INFO", "msg": "request", "id": zeroID, "method": "POST", "path": "/graphql", "status": 200.0,
			"duration_ms": 1.5, "bytes": 0.0, "operation": "", "code": "", "client": "192.0.2.1",
		}
		maps.Copy(l, changes)
		return l
	}
	tests := []struct {
		name, method, target string
		handler              http.HandlerFunc
		want                 map[string]any
	}{
		{"nothing written", "POST", "/graphql", func(http.ResponseWriter, *http.Request) {}, line(nil)},
		{"answer", "POST", "/graphql?access_token=canary", answered, line(map[string]any{
			"status": 422.0, "bytes": 5.0, "operation": "SignIn" + strings.Repeat("x", 58), "code": "BAD_USER_INPUT",
		})},
		{"failure", "POST", "/graphql", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, line(map[string]any{
			"status": 502.0, "level": "ERROR",
		})},
		{"failure in a 200", "POST", "/graphql", func(_ http.ResponseWriter, r *http.Request) {
			request.OutcomeOf(r.Context()).Code = "INTERNAL_SERVER_ERROR"
		}, line(map[string]any{"level": "ERROR", "code": "INTERNAL_SERVER_ERROR"})},
		{"no route", "GET", "/no/route?access_token=canary", ok, line(map[string]any{"method": "GET", "path": "/no/route", "status": 404.0, "bytes": 23.0})},
		{"page", "GET", "/", ok, line(map[string]any{"method": "GET", "path": "/", "bytes": 4.0})},
		{"health", "GET", "/healthz", ok, line(map[string]any{"level": "DEBUG", "method": "GET", "path": "/healthz", "bytes": 19.0})},
		{"method", strings.Repeat("M", 99), "/graphql", ok, line(map[string]any{"method": strings.Repeat("M", 16), "bytes": 2.0})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions(t, tt.handler)
			now := o.Now()
			o.Now = func() time.Time {
				now = now.Add(1500 * time.Microsecond)
				return now
			}
			lines, _ := serveLogged(t, o, discard{}, httptest.NewRequest(tt.method, tt.target, nil))
			if diff := cmp.Diff([]map[string]any{tt.want}, lines); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPanic(t *testing.T) {
	const body = `{"errors":[{"message":"The server failed to process the request.","extensions":` +
		`{"code":"INTERNAL_SERVER_ERROR","requestId":"` + zeroID + `"}}]}` + "\n"
	tests := []struct {
		name    string
		handler http.HandlerFunc
		body    string
		status  float64 // in the log
		aborted bool
		logged  []string
	}{
		{"before the response", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2")
			panic("boom")
		}, body, 500, false, []string{"panic", "request"}},
		{"after the response began", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			panic(errors.New("boom"))
		}, "half", 200, true, []string{"panic", "request"}},
		{"after a flush", func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			panic("boom")
		}, "", 200, true, []string{"panic", "request"}},
		{"on purpose", func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}, "", 0, true, []string{"request"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			lines, aborted := serveLogged(t, testOptions(t, tt.handler), w, httptest.NewRequest(http.MethodPost, "/graphql", nil))
			if w.Body.String() != tt.body || aborted != tt.aborted {
				t.Errorf("got %q, aborted %t; want %q, %t", w.Body, aborted, tt.body, tt.aborted)
			}
			if tt.body == body {
				want := http.Header{
					"Content-Type": {"application/json; charset=utf-8"}, "X-Request-Id": {zeroID}, "Cache-Control": {"no-store"},
					"Referrer-Policy": {"no-referrer"}, "X-Content-Type-Options": {"nosniff"}, "Vary": {"Origin"},
				}
				if diff := cmp.Diff(want, w.Header()); diff != "" {
					t.Errorf("header (-want +got):\n%s", diff)
				}
			}
			var logged []string
			for _, line := range lines {
				logged = append(logged, line["msg"].(string))
				if line["msg"] == "panic" && !strings.Contains(line["stack"].(string), "log_test.go") {
					t.Errorf("the stack does not contain the panic: %v", line["stack"])
				}
			}
			if diff := cmp.Diff(tt.logged, logged); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			if status := lines[len(lines)-1]["status"]; status != tt.status {
				t.Errorf("status %v in the log, want %v", status, tt.status)
			}
		})
	}
}

// TestLogHoldsNoSecret puts a secret in every part of a request that a client controls. Only the path of a request
// without a route may be logged.
func TestLogHoldsNoSecret(t *testing.T) {
	const canary = "c4n4ry"
	for _, target := range []string{"/graphql", "/healthz", "/readyz", "/", "/" + canary, "//" + canary} {
		for _, scheme := range []string{"Bearer ", "bearer\t", "Bearer  ,", "Basic ", "", canary + " "} {
			for name, handler := range map[string]http.HandlerFunc{
				"answer": ok,
				"panic":  func(http.ResponseWriter, *http.Request) { panic("boom") },
			} {
				o := testOptions(t, handler)
				o.Ready = func(context.Context) error { return errors.New("down") }
				r := httptest.NewRequest(http.MethodPost, target+"?access_token="+canary, strings.NewReader(canary))
				r.Header = http.Header{
					"Authorization": {scheme + canary}, "Cookie": {"session=" + canary}, "User-Agent": {canary},
					"X-Forwarded-For": {canary}, "X-Request-Id": {canary}, "Referer": {canary},
				}
				r.Host = canary
				lines, _ := serveLogged(t, o, httptest.NewRecorder(), r)
				for _, line := range lines {
					if line["path"] == target && line["status"] == 404.0 {
						delete(line, "path")
					}
				}
				text, err := json.Marshal(lines)
				if err != nil {
					t.Fatal(err)
				}
				if len(lines) == 0 || bytes.Contains(text, []byte(canary)) {
					t.Errorf("%s, %q, %s: the log is %s", target, scheme, name, text)
				}
			}
		}
	}
}
