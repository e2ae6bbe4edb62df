//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/pgtest"
)

// For a longer run: go test -tags e2e ./internal/e2e -run TestUpgrade -args -upgrade-hold 1m
var upgradeHold = flag.Duration("upgrade-hold", time.Second, "how long TestUpgrade sends requests to each combination of replicas")

// TestUpgrade upgrades two replicas of the previous release behind a load balancer, in the steps of docs/upgrades.md, and
// then one of them back and again. No request fails, nobody is signed out, and no event is lost.
func TestUpgrade(t *testing.T) {
	older := previousProgram(t)
	for name, empty := range map[string]func(t testing.TB) string{
		"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "usher.db") },
		"postgres": pgtest.URL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // but not beside other tests, which could delay the balancer's probes
			testUpgrade(t, older, empty(t))
		})
	}
}

func testUpgrade(t *testing.T, older, database string) {
	const bulk = 50_000
	mails := &relay{}
	flags := append([]string{"--issuer", "http://127.0.0.1:1", "--shutdown-delay", "2s", "--access-token-ttl", "2h"}, mailFlags(mails.listen(t))...)
	runProgram(t, older, database, "migrate")
	addresses := []string{freeAddress(t), freeAddress(t)}
	replicas := make([]*server, len(addresses))
	for i, address := range addresses {
		replicas[i] = startProgram(t, older, nil, address, database, append(flags, "--no-migrate")...)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := newBalancer(ctx, t, addresses)
	front := httptest.NewServer(b)
	defer front.Close()

	// What the previous release leaves: accounts and sessions, a mailed code, a client, and events.
	u := &users{url: front.URL, counts: map[string]int{}}
	u.many(t, "signup", 20)
	u.many(t, "login", 52)
	if t.Failed() {
		t.FailNow()
	}
	var kept []*signedIn // unused until the end
	for range 10 {
		kept = append(kept, u.take())
	}
	flow := requestReset(t, front.URL)
	eve := newKeeper(t, front.URL)
	books := clientCredentials.FindStringSubmatch(runProgram(t, older, database, "client", "create", "--name", "Books"))
	if books == nil {
		t.Fatal("usher client create shows no credentials")
	}
	fillOldEvents(t, database, bulk)

	loaded, stop := context.WithCancel(ctx)
	defer stop()
	var load sync.WaitGroup
	load.Go(func() { u.run(loaded, t) })
	hold := func(step string) {
		t.Helper()
		time.Sleep(*upgradeHold) //nolint:forbidigo // the load must meet this combination of replicas for a while
		u.mu.Lock()
		defer u.mu.Unlock()
		t.Logf("%s: %v, %d failed", step, u.counts, u.failed)
	}
	replace := func(i int, program, step string, more ...string) {
		t.Helper()
		replicas[i].stop(t)
		replicas[i] = startProgram(t, program, nil, addresses[i], database, append(more, flags...)...)
		b.await(t, i)
		hold(step)
	}
	hold("old and old")
	runProgram(t, binary, database, "migrate")
	hold("old and old, with the migrated database")
	replace(0, binary, "new and old", "--no-migrate")
	replace(1, binary, "new and new", "--no-migrate")
	// This one finds migrations that it does not know, and so do its commands.
	runProgram(t, older, database, "user", "list")
	replace(0, older, "back: old and new")
	replace(0, binary, "again: new and new")
	stop()
	load.Wait()

	for _, operation := range mix {
		if u.counts[operation] == 0 {
			t.Errorf("no %s was answered", operation)
		}
	}
	for _, s := range kept {
		if err := s.me(front.URL); err != nil {
			t.Errorf("me, with an access token of before: %v", err)
		}
	}
	for _, s := range append(kept, u.idle...) {
		if err := s.refresh(front.URL); err != nil {
			t.Errorf("a session was lost: refresh: %v", err)
		}
		if err := s.me(front.URL); err != nil {
			t.Errorf("a session was lost: me: %v", err)
		}
	}
	for _, token := range u.ended {
		if err := rejected(front.URL, token); err != nil {
			t.Error(err)
		}
	}
	if err := graphql(front.URL, "", `mutation ($f: String!, $c: OneTimeSecret!) { resetPassword(input: {flow: $f, code: $c, password: "seven tall purple lamps"}) { __typename } }`,
		map[string]any{"f": flow, "c": codeOf(t, awaitMail(t, mails, "ada@example.com"))}, &struct{}{}); err != nil {
		t.Errorf("a code that was mailed before: %v", err)
	}
	if _, status := issue(t, replicas[1], url.Values{"grant_type": {"client_credentials"}, "client_id": {books[1]}, "client_secret": {books[2]}}); status != http.StatusOK {
		t.Errorf("a client that was registered before: %d", status)
	}

	eve.check(t, front.URL, database)

	want := map[string]int{ // ada signed up and has reset her password; eve signed up, and has signed in once before and twice after
		"SIGNUP": u.counts["signup"] + 2, "LOGIN": u.counts["login"] + 3, "LOGOUT": u.counts["logout"], "PASSWORD_RESET": 1, "OLD": bulk,
	}
	export := usher(t, database, "audit", "export")
	for kind, many := range want {
		if got := strings.Count(export, `"kind":"`+kind+`"`); got != many {
			t.Errorf("%d events %s are in the audit log, want %d", got, kind, many)
		}
	}
	db := open(t, database)
	defer db.Close()
	var accounts int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM users`).Scan(&accounts); err != nil || accounts != want["SIGNUP"] {
		t.Errorf("%d accounts, %v, want %d", accounts, err, want["SIGNUP"])
	}
	t.Logf("%d sessions of before and %d in use go on, %d that were ended are rejected, %d events, %d accounts", len(kept), len(u.idle), len(u.ended), strings.Count(export, "\n"), accounts)
}

// keeper is a person who keeps what the previous release has issued: cookies in a browser, and in an app the tokens and a
// place in a list.
type keeper struct {
	browser *http.Client
	app     tokens
	cursor  string
}

// newKeeper creates the account of eve with the previous release.
func newKeeper(t *testing.T, at string) *keeper {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{browser: &http.Client{Transport: client.Transport, Jar: jar}}
	if err := graphqlWith(k.browser, at, "", `mutation { signup(input: {username: "eve", password: "four small green turtles", session: COOKIE}) { accessToken } }`, nil, &struct{}{}); err != nil {
		t.Fatal(err)
	}
	if k.app, err = loginAs(at, "eve", nil); err != nil {
		t.Fatal(err)
	}
	cursors := k.sessions(t, at)
	if len(cursors) != 1 || k.app.DeviceToken == "" {
		t.Fatalf("the cursors are %q, and the device token is %q", cursors, k.app.DeviceToken)
	}
	k.cursor = cursors[0]
	return k
}

// sessions returns the cursors of a page after the kept one.
func (k *keeper) sessions(t *testing.T, at string) (cursors []string) {
	t.Helper()
	var page struct {
		Me struct {
			Sessions struct{ Edges []struct{ Cursor string } }
		}
	}
	variables := map[string]any{}
	if k.cursor != "" {
		variables["c"] = k.cursor
	}
	if err := graphql(at, k.app.AccessToken, sessionsOf, variables, &page); err != nil {
		t.Errorf("sessions after the cursor %q: %v", k.cursor, err)
	}
	for _, edge := range page.Me.Sessions.Edges {
		cursors = append(cursors, edge.Cursor)
	}
	return cursors
}

// check uses everything with the new release. Known devices sign in although strangers have locked the account.
func (k *keeper) check(t *testing.T, at, database string) {
	t.Helper()
	if cursors := k.sessions(t, at); len(cursors) != 1 || cursors[0] == k.cursor {
		t.Errorf("%d sessions after a cursor of before, want the one in the browser", len(cursors))
	}
	var data struct{ Refresh tokens }
	if err := graphqlWith(k.browser, at, "", `mutation { refresh(input: {}) { accessToken } }`, nil, &data); err != nil {
		t.Errorf("refresh, with a cookie of before: %v", err)
	} else if err := (&signedIn{"eve", data.Refresh}).me(at); err != nil {
		t.Errorf("me, after a refresh with a cookie of before: %v", err)
	}
	lockOut(t, at, database, "eve")
	if _, err := loginAs(at, "eve", nil); err == nil {
		t.Error("strangers have not locked eve's account")
	}
	if err := graphqlWith(k.browser, at, "", `mutation { login(input: {identifier: "eve", password: "four small green turtles", session: COOKIE}) { accessToken } }`, nil, &struct{}{}); err != nil {
		t.Errorf("a sign-in in a browser that was known before: %v", err)
	}
	lockOut(t, at, database, "eve")
	if _, err := loginAs(at, "eve", &k.app.DeviceToken); err != nil {
		t.Errorf("a sign-in with a device token of before: %v", err)
	}
}

// runProgram runs a command of a release with the secret of the servers.
func runProgram(t *testing.T, program, database string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"USHER_DATABASE_URL=" + database, "USHER_SECRET_KEY=" + secret, "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("usher %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// requestReset creates the account of ada and requests a new password for it.
func requestReset(t *testing.T, at string) (flow string) {
	t.Helper()
	var data struct{ RequestPasswordReset struct{ Flow string } }
	for _, operation := range []string{
		`mutation { signup(input: {username: "ada", email: "ada@example.com", password: "four small green turtles"}) { accessToken } }`,
		`mutation { requestPasswordReset(input: {identifier: "ada"}) { flow } }`,
	} {
		if err := graphql(at, "", operation, nil, &data); err != nil {
			t.Fatal(err)
		}
	}
	return data.RequestPasswordReset.Flow
}

// awaitMail returns the mail to a recipient.
func awaitMail(t *testing.T, r *relay, to string) received {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range ticks(ctx, 20*time.Millisecond) {
		accepted, _ := r.mails()
		for _, m := range accepted {
			if m.to == to {
				return m
			}
		}
	}
	t.Fatalf("no mail to %s", to)
	return received{}
}

// fillOldEvents inserts old events, so that migrations have rows to read.
func fillOldEvents(t *testing.T, database string, many int) {
	t.Helper()
	db := open(t, database)
	defer db.Close()
	const batch = 1000
	for n := 0; n < many; n += batch {
		var rows []string
		for i := n; i < n+batch; i++ {
			rows = append(rows, fmt.Sprintf("('01900000-0000-7000-8000-%012d', '2024-06-09 00:00:00+00:00', 'OLD')", i))
		}
		if _, err := db.ExecContext(t.Context(), `INSERT INTO audit_events (id, at, kind) VALUES `+strings.Join(rows, ",")); err != nil {
			t.Fatal(err)
		}
	}
}
