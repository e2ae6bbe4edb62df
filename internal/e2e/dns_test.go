//go:build e2e

package e2e

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"usher/internal/storetest"
)

// nameserver is the address of the name server of these tests. Port 53 of other loopback addresses may be in use.
const nameserver = "127.53.53.53"

// resolver answers that each name has the address 127.0.0.1. When it is gone, it answers nothing.
type resolver struct {
	gone  atomic.Bool
	asked atomic.Int64
}

func startResolver(t *testing.T) *resolver {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("this test has a name server on port 53 and mounts a file, which only root may do: run it as root")
	}
	conn, err := net.ListenPacket("udp", nameserver+":53")
	if err != nil {
		t.Fatal(err)
	}
	r := new(resolver)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			r.asked.Add(1)
			if r.gone.Load() {
				continue
			}
			if answer, err := answerTo(buffer[:n]); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return r
}

// answerTo returns the answer to a query: an address for type A, and no record for others.
func answerTo(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	for _, q := range m.Questions {
		if q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			})
		}
	}
	return m.Pack()
}

// withResolver returns a program that runs Usher with another /etc/resolv.conf, which nobody else sees.
func withResolver(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	config, script := filepath.Join(folder, "resolv.conf"), filepath.Join(folder, "usher")
	if err := os.WriteFile(config, []byte("nameserver "+nameserver+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := `#!/bin/sh
exec unshare --mount sh -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' ` + config + " " + binary + ` "$@"` + "\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return script
}

// TestDNSGone stops the name server. As long as the connections to PostgreSQL are open, the server works, and mails wait.
// Without them, requests get a typed error. The server recovers by itself.
func TestDNSGone(t *testing.T) {
	t.Parallel()
	database := storetest.URLs["postgres"](t)
	operate(t, database, password+"\n", "user", "create", "--username", "root", "--email", "root@example.com", "--role", "admin")
	cable := newCable(t, database)
	byName, err := url.Parse(cable.url)
	if err != nil {
		t.Fatal(err)
	}
	byName.Host = "db.usher.test:" + byName.Port()
	dns := startResolver(t)
	smtp := new(relay).listen(t)
	named, err := os.ReadFile(smtp)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(smtp, []byte(strings.Replace(string(named), "127.0.0.1", "smtp.usher.test", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startProgram(t, withResolver(t), nil, freeAddress(t), byName.String(), mailFlags(smtp)...)
	if dns.asked.Load() == 0 {
		t.Fatal("the server does not ask the name server, so the test checks nothing")
	}
	a := &accounts{bearer: token(t, s, "root")}
	dns.gone.Store(true)
	for range 3 {
		if err := a.create(s); err != nil {
			t.Errorf("createUser over an open connection: %v", err)
		}
	}
	if err := graphql(s.url, "", `mutation { requestPasswordReset(input: {identifier: "root"}) { flow } }`, nil, new(any)); err != nil {
		t.Errorf("requestPasswordReset while the SMTP server has no address: %v", err)
	}

	until(t, func() bool { // a failed attempt is no failure of the mail
		var data struct {
			MailMessages struct {
				Edges []struct {
					Node struct {
						State    string
						Attempts int
					}
				}
			}
		}
		if err := graphql(s.url, a.bearer, `{ mailMessages { edges { node { state attempts } } } }`, nil, &data); err != nil {
			t.Fatal(err)
		}
		mails := data.MailMessages.Edges
		return len(mails) == 1 && mails[0].Node.State == "QUEUED" && mails[0].Node.Attempts > 0
	})

	cable.cut()
	cable.connect()
	for range 3 {
		if got := code(t, a.create(s)); got != "SERVICE_UNAVAILABLE" {
			t.Errorf("createUser: %q, want SERVICE_UNAVAILABLE", got)
		}
		if got := status(t, s, "/healthz"); got != http.StatusOK {
			t.Errorf("/healthz: %d", got)
		}
	}
	if got := status(t, s, "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d", got)
	}

	dns.gone.Store(false)
	until(t, func() bool { return status(t, s, "/readyz") == http.StatusOK })
	if err := a.create(s); err != nil {
		t.Errorf("createUser afterwards: %v", err)
	}
	a.check(t, s)
}
