package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// awaitLog waits until a file contains a text: `awaitlog FILE TEXT`.
func awaitLog(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && strings.Contains(string(text), args[1]) {
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("no line has %s:\n%s", args[1], text)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// origin writes whether pages of an origin are allowed to standard output: `origin ORIGIN`.
func origin(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodOptions, ts.Getenv("URL")+"/graphql", nil)
	ts.Check(err)
	r.Header.Set("Origin", args[0])
	r.Header.Set("Access-Control-Request-Method", http.MethodPost)
	response, err := http.DefaultClient.Do(r)
	ts.Check(err)
	ts.Check(response.Body.Close())
	result := map[int]string{http.StatusNoContent: "allowed", http.StatusForbidden: "refused"}[response.StatusCode]
	_, err = fmt.Fprintln(ts.Stdout(), result)
	ts.Check(err)
}

// TestHangupOfTerminal checks that a server ends with its terminal, and goes on after other signals.
func TestHangupOfTerminal(t *testing.T) {
	t.Parallel()
	if terminalOf(&strings.Builder{}) != nil {
		t.Error("a buffer is a terminal")
	}
	hangups, left := make(chan os.Signal), make(chan struct{})
	attached := make(chan bool, 2)
	attached <- true
	attached <- false
	var log strings.Builder
	r := &reloader{
		inv: &invocation{ctx: t.Context(), stdout: io.Discard, stderr: io.Discard, args: []string{"version"}},
		log: slog.New(slog.NewTextHandler(&log, nil)), level: new(slog.LevelVar),
		attached: func() bool { return <-attached }, leave: func() { close(left) },
	}
	stop := r.on(hangups)
	hangups <- nil
	hangups <- nil
	<-left
	stop()
	if n := strings.Count(log.String(), "settings not reloaded"); n != 1 { // these arguments are of no server
		t.Errorf("%d reloads, want the one with a terminal:\n%s", n, log.String())
	}
}
