package httpd

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// TestClientDisconnects checks the log when clients close the connection while their request is served.
func TestClientDisconnects(t *testing.T) {
	for name, tt := range map[string]struct {
		hangUp bool
		end    func(w http.ResponseWriter)
		want   string
	}{
		"client":              {true, func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, "INFO"},
		"time limit":          {false, func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, "ERROR"},
		"client, and a fault": {true, func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }, "ERROR"},
		"client, and a panic": {true, func(http.ResponseWriter) { panic("boom") }, "ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				started := make(chan struct{})
				o := testOptions(t, func(w http.ResponseWriter, r *http.Request) {
					close(started)
					<-r.Context().Done()
					tt.end(w)
				})
				o.Observer = logTo(slog.NewTextHandler(&log, nil))
				l, stop, served := start(t, o)
				c, err := l.dial(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if _, err := io.WriteString(c, "GET /graphql HTTP/1.1\r\nHost: usher\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				<-started
				if tt.hangUp {
					_ = c.Close()
				} else if _, err := io.ReadAll(io.LimitReader(c, 1)); err != nil {
					t.Fatal(err)
				}
				_ = c.Close()
				stop()
				if err := <-served; err != nil {
					t.Error(err)
				}
				for line := range strings.Lines(log.String()) {
					if strings.Contains(line, "msg=request") && !strings.Contains(line, "level="+tt.want+" ") {
						t.Errorf("want %s: %s", tt.want, line)
					}
				}
				if n := strings.Count(log.String(), "msg=request"); n != 1 {
					t.Errorf("%d lines of requests, want 1:\n%s", n, log.String())
				}
			})
		})
	}
}
