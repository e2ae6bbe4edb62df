//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"usher/internal/storetest"
)

const rulesFile = "../../deploy/prometheus/usher.rules.yml"

// TestAlerts runs Debian's Prometheus with the alert rules against a server on PostgreSQL. Three faults make alerts fire, and
// their end resolves them: the SMTP server refuses mail, somebody guesses passwords until the hashing queue is full, and
// PostgreSQL cannot be reached. In the copy of the rules, the times and the age of a delayed mail are short.
func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool, prometheus := program(t, "promtool", "prometheus"), program(t, "prometheus", "prometheus")
	check(t, "", promtool, "check", "rules", rulesFile)

	database := storetest.URLs["postgres"](t)
	operate(t, database, password+"\n", "user", "create", "--username", "root", "--email", "root@example.com", "--role", "admin")
	cable := newCable(t, database)
	var refusing atomic.Bool
	refusing.Store(true)
	smtpServer := &relay{refuse: func(string) error {
		if refusing.Load() {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try later"}
		}
		return nil
	}}
	admin := freeAddress(t)
	s := start(t, cable.url, append(mailFlags(smtpServer.listen(t)), "--admin-listen", admin, "--hash-parallelism", "1", "--hash-queue", "1")...)
	check(t, scrape(t, admin), promtool, "check", "metrics")
	monitor := startPrometheus(t, prometheus, admin)
	monitor.await(t, "UsherDown", false)

	// The SMTP server refuses mail.
	err := graphql(s.url, "", `mutation { requestPasswordReset(input: {identifier: "root"}) { flow } }`, nil, new(any))
	if err != nil {
		t.Fatal(err)
	}
	monitor.await(t, "UsherMailDelayed", true)
	refusing.Store(false) // the next attempt is 30 s after the first

	// Many clients guess the password of one account.
	guessing, stop := context.WithCancel(t.Context())
	var guesses sync.WaitGroup
	for range 4 {
		guesses.Go(func() {
			for guessing.Err() == nil { // each fails: with a wrong password, or because the queue is full
				_ = graphql(s.url, "", `mutation { login(input: {identifier: "root", password: "a wrong password"}) { accessToken } }`, nil, new(any))
			}
		})
	}
	monitor.await(t, "UsherHashQueueFull", true)
	monitor.await(t, "UsherSignInFailures", true)
	stop()
	guesses.Wait()
	monitor.await(t, "UsherHashQueueFull", false)
	monitor.await(t, "UsherSignInFailures", false)

	// PostgreSQL cannot be reached.
	cable.cut()
	monitor.await(t, "UsherNotReady", true)
	cable.connect()
	monitor.await(t, "UsherNotReady", false)

	// The SMTP server accepts mail again. While the database was away, the state of the queue was unknown.
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for sent, limit := 0, time.After(90*time.Second); sent == 0; {
		select {
		case <-tick.C:
			accepted, _ := smtpServer.mails()
			sent = len(accepted)
		case <-limit:
			t.Fatal("the mail was not sent")
		}
	}
	monitor.await(t, "UsherMailDelayed", false)
	check(t, scrape(t, admin), promtool, "check", "metrics")
}

// check runs a program that must find nothing wrong in its input.
func check(t *testing.T, input, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// scrape returns the metrics of a server.
func scrape(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, response.Status, err)
	}
	return string(text)
}

// monitor is a running Prometheus.
type monitor struct{ address string }

var (
	waits  = regexp.MustCompile(`(?m)^( +for:) \d+m$`)
	ranges = regexp.MustCompile(`\[\d+[mh]\]`)
)

// startPrometheus runs Prometheus until the test ends. It scrapes a server every second, with short times in the rules.
func startPrometheus(t *testing.T, program, target string) monitor {
	t.Helper()
	rules, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	short := ranges.ReplaceAllString(waits.ReplaceAllString(string(rules), "$1 1s"), "[5s]")
	short = strings.Replace(short, "usher_mail_oldest_queued_seconds > 900", "usher_mail_oldest_queued_seconds > 2", 1)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"rules.yml": short,
		"prometheus.yml": fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: usher
    static_configs: [{targets: [%q]}]
`, filepath.Join(dir, "rules.yml"), target),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := monitor{freeAddress(t)}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--config.file", filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", m.address, "--log.level", "warn")
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // the signal ends it
		if t.Failed() {
			t.Logf("prometheus: %s", log.String())
		}
	})
	return m
}

// await waits until an alert fires, or until it does not while the server is scraped.
func (m monitor) await(t *testing.T, alert string, firing bool) {
	t.Helper()
	limit := time.After(90 * time.Second)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var last string
	for {
		scraped, alerts, err := m.alerts(t.Context())
		if err == nil && scraped && alerts[alert] == firing {
			return
		}
		last = fmt.Sprintf("scraped: %t, firing: %v, %v", scraped, alerts, err)
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s: want firing %t; %s", alert, firing, last)
		}
	}
}

// alerts returns which alerts fire, and whether the last scrape succeeded.
func (m monitor) alerts(ctx context.Context) (scraped bool, firing map[string]bool, err error) {
	var up struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if err := m.get(ctx, "/api/v1/query?query="+url.QueryEscape(`up{job="usher"} == 1`), &up); err != nil {
		return false, nil, err
	}
	var found struct {
		Data struct {
			Alerts []struct {
				State  string
				Labels struct{ Alertname string }
			}
		}
	}
	err = m.get(ctx, "/api/v1/alerts", &found)
	firing = map[string]bool{}
	for _, a := range found.Data.Alerts {
		firing[a.Labels.Alertname] = firing[a.Labels.Alertname] || a.State == "firing"
	}
	return len(up.Data.Result) == 1, firing, err
}

func (m monitor) get(ctx context.Context, path string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.address+path, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(into)
}

// cable is the network between a server and PostgreSQL.
type cable struct {
	url string // of the database at the end of the cable

	network, address string // of PostgreSQL
	mu               sync.Mutex
	isCut            bool
	open             map[net.Conn]bool
}

// newCable returns a cable to the database at a URL.
func newCable(t *testing.T, database string) *cable {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{network: "tcp", address: u.Host, open: map[net.Conn]bool{}}
	query := u.Query()
	if folder := query.Get("host"); folder != "" {
		port := query.Get("port")
		if port == "" {
			port = "5432"
		}
		c.network, c.address = "unix", filepath.Join(folder, ".s.PGSQL."+port)
		query.Del("host")
		query.Del("port")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.Host = l.Addr().String()
	query.Set("sslmode", "disable")
	u.RawQuery = query.Encode()
	c.url = u.String()
	var running sync.WaitGroup
	running.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { c.carry(from) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		c.cut()
		running.Wait()
	})
	return c
}

// carry copies between a connection of the server and one to PostgreSQL until either ends.
func (c *cable) carry(from net.Conn) {
	defer from.Close()
	to, err := net.Dial(c.network, c.address)
	if err != nil {
		return
	}
	defer to.Close()
	if !c.note(from, to) {
		return
	}
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			_, _ = io.Copy(way[0], way[1]) // it ends when either is closed
			ended <- struct{}{}
		}()
	}
	<-ended
	_, _ = from.Close(), to.Close()
	<-ended
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, from)
	delete(c.open, to)
}

// note remembers connections, and reports false if the cable is cut.
func (c *cable) note(conns ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range conns {
		c.open[conn] = true
	}
	return !c.isCut
}

// cut ends all connections and refuses new ones.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = true
	for conn := range c.open {
		_ = conn.Close()
	}
}

// connect ends a cut.
func (c *cable) connect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = false
}
