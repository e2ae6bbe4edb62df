package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"usher/graph"
	"usher/graph/directive"
	"usher/internal/config"
	"usher/internal/otlp/otlptest"
	"usher/internal/pgtest"
	"usher/internal/storetest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"usher": main})
}

// TestScripts runs the scripts on each database. They have these variables: DATABASE_URL is a new database
// that is migrated, EMPTY_DATABASE_URL is an empty one, URL and ADDRESS are where a server can listen, and COLLECTOR is
// the URL of a collector of traces. The condition [postgres] or [sqlite] holds.
func TestScripts(t *testing.T) {
	t.Parallel()
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Dir:                 "testdata/script",
				RequireExplicitExec: true,
				Condition: func(condition string) (bool, error) {
					if storetest.URLs[condition] == nil {
						return false, fmt.Errorf("unknown condition %q", condition)
					}
					return condition == name, nil
				},
				Setup: func(env *testscript.Env) error {
					address, err := freeAddress()
					if err != nil {
						return err
					}
					tb, ok := env.T().(testing.TB)
					if !ok {
						panic("testscript no longer passes on the test")
					}
					env.Setenv("DATABASE_URL", url(tb))
					env.Setenv("EMPTY_DATABASE_URL", "sqlite:"+filepath.Join(env.WorkDir, "empty.db"))
					if name == "postgres" {
						env.Setenv("EMPTY_DATABASE_URL", pgtest.URL(tb))
					}
					collector := otlptest.New(tb)
					env.Values[collectorKey{}] = collector
					env.Setenv("COLLECTOR", collector.Base())
					env.Setenv("ADDRESS", address)
					env.Setenv("USHER_LISTEN", address) // another program may use the default port
					env.Setenv("URL", "http://"+address)
					env.Setenv("USHER_SHUTDOWN_DELAY", "0s")  // no load balancer has to notice the stop
					env.Setenv("GORACE", "atexit_sleep_ms=0") // with the race detector, each of 600 commands would sleep 1 s at its end
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"await":     await,
					"awaitlog":  awaitLog,
					"awaitmail": awaitMail,
					"get":       get,
					"graphql":   graphql,
					"mailbox":   mailbox,
					"origin":    origin,
					"spans":     spans,
				},
			})
		})
	}
}

type collectorKey struct{}

// spans writes the spans that the collector has received to standard output: trace, name and the version of the service.
func spans(ts *testscript.TestScript, _ bool, _ []string) {
	for _, s := range ts.Value(collectorKey{}).(*otlptest.Collector).Spans() {
		_, err := fmt.Fprintf(ts.Stdout(), "%s %s (%s %s)\n", s.TraceID(), s.Name, s.Resource["service.name"], s.Resource["service.version"])
		ts.Check(err)
	}
}

// lastHost is the last byte of the address that freeAddress has returned last.
var lastHost atomic.Uint32

// freeAddress returns an address for a server. Between its return and the start of the server, another test could be given
// the same port of 127.0.0.1, and await would take its server for this one. On Linux, each call has its own address.
func freeAddress() (string, error) {
	host := "127.0.0.1"
	if runtime.GOOS == "linux" {
		host = fmt.Sprintf("127.%d.0.%d", 1+os.Getpid()%254, 1+lastHost.Add(1)%254)
	}
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// await waits until /readyz answers with a status, which is 200 unless it is given.
func await(ts *testscript.TestScript, _ bool, args []string) {
	want := http.StatusOK
	if len(args) > 0 {
		status, err := strconv.Atoi(args[0])
		ts.Check(err)
		want = status
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, ts.Getenv("URL")+"/readyz", nil)
		ts.Check(err)
		response, err := http.DefaultClient.Do(r)
		if err == nil {
			ts.Check(response.Body.Close())
			if response.StatusCode == want {
				return
			}
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("/readyz does not answer with %d", want)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// get requests a path and writes the status and the body to standard output.
func get(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, ts.Getenv("URL")+args[0], nil)
	ts.Check(err)
	response, err := http.DefaultClient.Do(r)
	ts.Check(err)
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Check(response.Body.Close())
	_, err = fmt.Fprintf(ts.Stdout(), "%s\n%s", response.Status, body)
	ts.Check(err)
}

// graphql sends the document in a file with the variables in another: `graphql DOCUMENT [VARIABLES]`. It
// authenticates with the variable TOKEN if that is set. "$MAILED" in the variables is what awaitmail has found. It writes the response to standard output, and sets
// TOKEN to an access token in it.
func graphql(ts *testscript.TestScript, _ bool, args []string) {
	body := map[string]any{"query": ts.ReadFile(args[0])}
	if len(args) > 1 {
		body["variables"] = json.RawMessage(strings.ReplaceAll(ts.ReadFile(args[1]), "$MAILED", ts.Getenv("MAILED")))
	}
	raw, err := json.Marshal(body)
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, ts.Getenv("URL")+"/graphql", bytes.NewReader(raw))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/json")
	if token := ts.Getenv("TOKEN"); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	ts.Check(err)
	answer, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Check(response.Body.Close())
	if _, rest, ok := strings.Cut(string(answer), `"accessToken":"`); ok {
		token, _, _ := strings.Cut(rest, `"`)
		ts.Setenv("TOKEN", token)
	}
	_, err = ts.Stdout().Write(append(answer, '\n'))
	ts.Check(err)
}

var update = flag.Bool("update", false, "update the tables in the README")

// TestReadme checks that the tables in the README and in docs/tracing.md are those of the program.
// `go test ./cmd/usher -run Readme -update` updates them.
func TestReadme(t *testing.T) {
	t.Parallel()
	var access strings.Builder
	table, err := graph.Access(false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := directive.WriteMarkdown(&access, table); err != nil {
		t.Fatal(err)
	}
	checkTables(t, "../../README.md", map[string]string{"settings": config.Markdown(), "access": access.String()})
	checkTables(t, "../../docs/tracing.md", map[string]string{"settings": config.TracingMarkdown()})
}

// checkTables compares the tables of a file with those of the program, by the names in their markers.
func checkTables(t *testing.T, file string, tables map[string]string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for name, want := range tables {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok1 := strings.Cut(text, begin)
		got, after, ok2 := strings.Cut(rest, end)
		if !ok1 || !ok2 {
			t.Fatalf("%s has no markers %q and %q", file, begin, end)
		}
		if *update {
			text = before + begin + want + end + after
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the table of %s in %s (-want +got):\n%s", name, file, diff)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
