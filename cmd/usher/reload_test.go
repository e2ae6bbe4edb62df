package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
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
