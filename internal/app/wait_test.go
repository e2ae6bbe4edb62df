package app_test

import (
	"bytes"
	"cmp"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/config"
	"usher/internal/storetest"
)

// TestWaitForDatabase starts with a PostgreSQL that cannot be reached, and makes it reachable after the first attempt.
func TestWaitForDatabase(t *testing.T) {
	u, err := url.Parse(storetest.URLs["postgres"](t))
	if err != nil {
		t.Fatal(err)
	}
	network, server := "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "5432"))
	query := u.Query()
	if folder := query.Get("host"); folder != "" {
		network, server = "unix", folder+"/.s.PGSQL."+query.Get("port")
	}
	query.Del("host")
	query.Del("port")
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.Host, u.RawQuery = l.Addr().String(), query.Encode()
	if err := l.Close(); err != nil { // refuses connections from here on
		t.Fatal(err)
	}

	var log bytes.Buffer
	start := onLine{&log, "waiting for the database", func() { forward(t, u.Host, network, server) }}
	database := config.Database{URL: config.DatabaseURL(u.String()), Wait: time.Minute}
	err = app.Operate(t.Context(), database, config.Passwords{}, slog.New(slog.NewTextHandler(&start, nil)), func(o *app.Operator) error {
		_, err := o.Users(t.Context(), auth.UserQuery{Order: auth.UsersByCreatedAt, Page: auth.Page[auth.UserPosition]{Limit: 1}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text := log.String()
	for _, line := range []string{`msg="waiting for the database"`, `msg="the database answers"`} {
		if strings.Count(text, line) != 1 {
			t.Errorf("want one line with %s:\n%s", line, text)
		}
	}
}

// onLine writes a log, and calls do after the first line that contains text.
type onLine struct {
	io.Writer

	text string
	do   func()
}

func (o *onLine) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if o.do != nil && bytes.Contains(p, []byte(o.text)) {
		o.do()
		o.do = nil
	}
	return n, err
}

// forward forwards connections to an address to a server, until the test ends.
func forward(t *testing.T, address, network, server string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // closed
			}
			upstream, err := new(net.Dialer).DialContext(t.Context(), network, server)
			if err != nil {
				t.Error(err)
				_ = client.Close()
				continue
			}
			for from, to := range map[net.Conn]net.Conn{client: upstream, upstream: client} {
				running.Go(func() {
					_, _ = io.Copy(to, from) // ends with either connection
					_ = to.Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
}
