//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// relay is an SMTP server for one replica.
type relay struct {
	// free is how many mails it accepts at once. Then it has received a mail and does not answer until released is
	// closed.
	free     int
	released chan struct{}
	// refuse rejects recipients, if it is set.
	refuse func(to string) error

	mu       sync.Mutex
	accepted []received
	held     []received // transferred, and not answered
	waiting  chan struct{}
}

// received is a mail that a relay has got.
type received struct{ to, id, text string }

// listen runs the relay until the test ends, and returns the file with its URL.
func (r *relay) listen(t *testing.T) string {
	t.Helper()
	r.waiting = make(chan struct{}, 1000)
	back := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &relaySession{relay: r}, nil }))
	back.ErrorLog = log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = back.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = back.Close()
		<-ended
	})
	file := filepath.Join(t.TempDir(), "smtp-url")
	if err := os.WriteFile(file, []byte("smtp://"+listener.Addr().String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// mails returns copies of what the relay has got.
func (r *relay) mails() (accepted, held []received) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(accepted, r.accepted...), append(held, r.held...)
}

type relaySession struct {
	*relay

	to string
}

func (*relaySession) Mail(string, *smtp.MailOptions) error { return nil }

func (s *relaySession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	if s.refuse != nil {
		return s.refuse(to)
	}
	return nil
}

func (s *relaySession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	parsed, err := mail.ReadMessage(strings.NewReader(string(text)))
	if err != nil {
		return err
	}
	m := received{to: s.to, id: parsed.Header.Get("Message-Id"), text: string(text)}
	s.mu.Lock()
	hold := s.released != nil && len(s.accepted) >= s.free
	if hold {
		s.held = append(s.held, m)
	} else {
		s.accepted = append(s.accepted, m)
	}
	s.mu.Unlock()
	if !hold {
		return nil
	}
	s.waiting <- struct{}{}
	<-s.released
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted = append(s.accepted, m)
	return nil
}

func (*relaySession) Reset() {}

func (*relaySession) Logout() error { return nil }

// mailFlags are the flags of a server that sends mail to a relay.
func mailFlags(file string) []string {
	return []string{"--smtp-url-file", file, "--mail-from", "no-reply@example.com", "--link-url", "https://app.example.com/account"}
}

// resets requests a password reset for numbered new accounts, at each server in turn.
func resets(t *testing.T, s *store.Store, servers []*server, n int) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i := range n {
		email := fmt.Sprintf("user%d@example.com", i)
		a := &auth.Account{
			User:     auth.User{ID: uuid.New(), Email: &email, Roles: []auth.Role{auth.RoleUser}, CreatedAt: now, UpdatedAt: now},
			EmailKey: &email,
		}
		err := s.CreateAccount(t.Context(), a, &auth.Credential{
			ID: uuid.New(), UserID: a.ID, Kind: auth.CredentialPassword, Secret: "unknown", CreatedAt: now, UpdatedAt: now,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		var data struct{ RequestPasswordReset struct{ Flow string } }
		err := graphql(servers[i%len(servers)].url, "", `mutation ($id: String!) { requestPasswordReset(input: {identifier: $id}) { flow } }`,
			map[string]any{"id": fmt.Sprintf("user%d@example.com", i)}, &data)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestMailReplicas requests 200 password resets from two replicas, one of which is killed in mid-send: its SMTP server has
// got mails and has not answered. Every mail arrives. Only those arrive twice, with the same Message-ID.
func TestMailReplicas(t *testing.T) {
	const mails = 200
	database := storetest.URLs["postgres"](t)
	s, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	release := make(chan struct{})
	never := make(chan struct{})
	relays := []*relay{{free: 30, released: never}, {free: 50, released: release}}
	var replicas []*server
	for _, r := range relays {
		replicas = append(replicas, start(t, database, append(mailFlags(r.listen(t)), "--issuer", "http://127.0.0.1:1")...))
	}
	t.Cleanup(func() { close(never) }) // before the relays are closed
	resets(t, s, replicas, mails)

	// The first replica has sent a few, and is in mid-send with as many as it sends at once.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 4 {
		select {
		case <-relays[0].waiting:
		case <-ctx.Done():
			t.Fatal("the first replica is not in mid-send")
		}
	}
	if err := replicas[0].cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = replicas[0].cmd.Wait()
	close(release)

	db, err := pgx.Connect(ctx, database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(ctx))
	// Instead of waiting for the lease, move it back once the second replica has sent all others.
	states := func() (sent, leased int) {
		t.Helper()
		if err := db.QueryRow(ctx, `SELECT count(*) FILTER (WHERE state = 'SENT'), count(*) FILTER (WHERE state = 'QUEUED' AND attempts > 0)
			FROM mail_messages`).Scan(&sent, &leased); err != nil {
			t.Fatal(err)
		}
		return sent, leased
	}
	await := func(want int) {
		t.Helper()
		for range ticks(ctx, 50*time.Millisecond) {
			if sent, _ := states(); sent == want {
				return
			}
		}
		sent, leased := states()
		t.Fatalf("%d mails were sent, %d are claimed; want %d", sent, leased, want)
	}
	accepted, held := relays[0].mails()
	if len(held) != 4 || len(accepted) != relays[0].free {
		t.Fatalf("the killed replica has sent %d mails and was in mid-send with %d", len(accepted), len(held))
	}
	await(mails - len(held))
	if _, leased := states(); leased != len(held) {
		t.Errorf("%d mails are claimed, want %d", leased, len(held))
	}
	moved, err := db.Exec(ctx, `UPDATE mail_messages SET next_attempt_at = created_at WHERE state = 'QUEUED'`)
	if err != nil || moved.RowsAffected() != int64(len(held)) {
		t.Fatal(moved, err)
	}
	await(mails)

	inMidSend := map[string]bool{}
	for _, m := range held {
		inMidSend[m.to] = true
	}
	other, _ := relays[1].mails()
	times, ids := map[string]int{}, map[string]string{}
	for _, m := range append(append(accepted, held...), other...) {
		times[m.to]++
		if id := ids[m.to]; id != "" && id != m.id {
			t.Errorf("%s got two Message-IDs: %s and %s", m.to, id, m.id)
		}
		ids[m.to] = m.id
	}
	for to, n := range times {
		if want := map[bool]int{false: 1, true: 2}[inMidSend[to]]; n != want {
			t.Errorf("%s got the mail %d times, want %d", to, n, want)
		}
	}
	if len(times) != mails {
		t.Errorf("%d of %d recipients got a mail", len(times), mails)
	}
	t.Logf("%d mails: the killed replica has sent %d and was in mid-send with %d, the other one has sent %d", mails, len(accepted), len(held), len(other))
	for _, m := range held { // the link in the first mail is that of the second one
		token := strings.SplitAfter(linksOf(t, m.text)[0], "#token=")[1]
		err := graphql(replicas[1].url, "", `mutation ($t: OneTimeSecret!) { resetPassword(input: {token: $t, password: "seven tall purple lamps"}) { __typename } }`,
			map[string]any{"t": token}, &struct{}{})
		if err != nil {
			t.Errorf("a link that was mailed twice: %v", err)
		}
	}
	replicas[1].stop(t)
}
