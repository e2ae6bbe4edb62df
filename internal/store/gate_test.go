package store_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"usher/internal/pgtest"
)

// gate is a proxy for a PostgreSQL server, like a load balancer or a virtual IP address. Its target can
// change. Open connections keep their target.
type gate struct {
	address string

	mu     sync.Mutex
	server *pgtest.Server // nil: clients are told that the server is starting up
	open   []*passage
	losing bool // whether to drop the connection before the answer to the next commit

	queries, executions atomic.Int64 // messages of the simple and of the extended protocol
}

// passage is one proxied connection.
type passage struct {
	client, server net.Conn
	frozen, lost   atomic.Bool
}

func newGate(t *testing.T, server *pgtest.Server) *gate {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{address: l.Addr().String(), server: server}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { g.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		g.mu.Lock()
		for _, p := range g.open {
			_, _ = p.client.Close(), p.server.Close()
		}
		g.mu.Unlock()
		served.Wait()
	})
	return g
}

// url returns a database URL that goes through the gate.
func (g *gate) url(t *testing.T, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.Host, u.RawQuery = g.address, "sslmode=disable"
	return u.String()
}

// lead sets the target of new connections. Nil rejects them.
func (g *gate) lead(server *pgtest.Server) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.server = server
}

// freeze stops all answers on open connections, like a network failure.
func (g *gate) freeze() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.open {
		p.frozen.Store(true)
	}
}

// loseCommit drops the connection after the server has committed and before the client gets the answer.
func (g *gate) loseCommit() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.losing = true
}

func (g *gate) losesCommit() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	losing := g.losing
	g.losing = false
	return losing
}

// answered forwards the server's answers until the connection is dropped.
type answered struct{ *passage }

func (a answered) Write(p []byte) (int, error) {
	if a.lost.Load() {
		return 0, net.ErrClosed
	}
	return a.client.Write(p)
}

func (g *gate) serve(client net.Conn) {
	defer client.Close()
	g.mu.Lock()
	to := g.server
	g.mu.Unlock()
	if to == nil {
		refuse(client)
		return
	}
	server, err := net.Dial("unix", to.Socket())
	if err != nil {
		return
	}
	defer server.Close()
	p := &passage{client: client, server: server}
	g.mu.Lock()
	g.open = append(g.open, p)
	g.mu.Unlock()
	var answers sync.WaitGroup
	answers.Go(func() {
		_, _ = io.Copy(answered{p}, server)
		_ = client.Close()
	})
	g.forward(p)
	_ = server.Close()
	answers.Wait()
}

// forward forwards the client's messages one by one and counts them.
func (g *gate) forward(p *passage) {
	for first := true; ; first = false {
		kind := make([]byte, 0, 5)
		if !first { // the startup message has no type byte
			kind = kind[:1]
			if _, err := io.ReadFull(p.client, kind); err != nil {
				return
			}
		}
		length := kind[len(kind) : len(kind)+4]
		if _, err := io.ReadFull(p.client, length); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(length)-4)
		if _, err := io.ReadFull(p.client, body); err != nil {
			return
		}
		if !first {
			switch kind[0] {
			case 'Q':
				g.queries.Add(1)
			case 'E':
				g.executions.Add(1)
			}
		}
		if p.frozen.Load() {
			continue
		}
		if string(body) == "commit\x00" && g.losesCommit() {
			p.lost.Store(true)
		}
		if _, err := p.server.Write(append(kind[:len(kind)+4], body...)); err != nil {
			return
		}
	}
}

// refuse answers like a server that is starting up.
func refuse(client net.Conn) {
	length := make([]byte, 4)
	if _, err := io.ReadFull(client, length); err != nil {
		return
	}
	if _, err := io.CopyN(io.Discard, client, int64(binary.BigEndian.Uint32(length))-4); err != nil {
		return
	}
	answer, err := (&pgproto3.ErrorResponse{
		Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: "57P03", Message: "the database system is starting up",
	}).Encode(nil)
	if err == nil {
		_, _ = client.Write(answer)
	}
}
