//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// device is a client with a session.
type device struct {
	sync.Mutex // one request at a time
	session
}

// session is what a client knows of its session.
type session struct {
	id              string
	refresh, access string
	refreshes       int
	ended           bool
}

// state is what the server had acknowledged at some time.
type state struct {
	writes   int
	users    []string
	sessions map[string]session // by id
}

// load is 200 writes a second: refreshes, and five sign-ups, sign-ins and sign-outs each.
type load struct {
	t       *testing.T
	url     string
	begin   time.Time
	mu      sync.Mutex
	writes  int
	refused int
	users   []string
	devices []*device
	taken   []taken
	more    *sync.Cond
}

// taken is how long a request took.
type taken struct {
	what   string
	at     time.Time
	lasted time.Duration
}

type payload struct{ AccessToken, RefreshToken string }

func newLoad(t *testing.T, url string) *load {
	l := &load{t: t, url: url, begin: time.Now()}
	l.more = sync.NewCond(&l.mu)
	for i := range 40 {
		l.login(i)
	}
	l.begin, l.taken, l.writes = time.Now(), nil, 0
	return l
}

func (l *load) run(ctx context.Context) {
	const perSecond = 200
	l.begin = time.Now()
	var requests sync.WaitGroup
	defer requests.Wait()
	i := 0
	for range ticks(ctx, time.Second/perSecond) {
		for due := int(time.Since(l.begin).Seconds() * perSecond); i < due && ctx.Err() == nil; i++ { // a busy machine skips ticks
			n := i
			requests.Go(func() {
				switch n % 40 {
				case 0:
					l.signup(n)
				case 13:
					l.login(n)
				case 26:
					l.logout()
				default:
					l.renew()
				}
			})
		}
	}
}

// send sends a mutation and calls done, which notes it as acknowledged.
func (l *load) send(what, bearer, query string, variables map[string]any, done func(payload)) {
	var data map[string]json.RawMessage
	begin := time.Now()
	err := graphql(l.url, bearer, query, variables, &data)
	if refused := (answerError{}); errors.As(err, &refused) && refused.Extensions.Code == "SERVICE_UNAVAILABLE" {
		l.mu.Lock() // a busy machine hashes too few passwords; such an answer has written nothing
		defer l.mu.Unlock()
		l.refused++
		return
	}
	if err != nil {
		l.t.Errorf("%s: %v", what, err)
		return
	}
	var p payload
	if err := json.Unmarshal(data[what], &p); err != nil {
		l.t.Errorf("%s: %v", what, err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	l.taken = append(l.taken, taken{what, begin, time.Since(begin)})
	done(p)
	l.more.Broadcast()
}

func (l *load) signup(i int) {
	username := fmt.Sprint("new", i)
	l.send("signup", "", `mutation ($n: Username!, $p: Password!) { signup(input: {username: $n, password: $p}) { accessToken refreshToken } }`,
		map[string]any{"n": username, "p": "four small green turtles"}, func(p payload) {
			l.users = append(l.users, username)
			l.add(p)
		})
}

func (l *load) login(i int) {
	l.send("login", "", `mutation ($n: String!, $p: Password!) { login(input: {identifier: $n, password: $p}) { accessToken refreshToken } }`,
		map[string]any{"n": fmt.Sprint("user", i%100), "p": accountPassword}, l.add)
}

func (l *load) add(p payload) {
	l.devices = append(l.devices, &device{session: session{id: sid(l.t, p.AccessToken), refresh: p.RefreshToken, access: p.AccessToken}})
}

// free returns a locked device that is signed in, the oldest or another one; nil if all are busy.
func (l *load) free(oldest bool) *device {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.devices {
		if !oldest {
			i = (i + l.writes) % len(l.devices)
		}
		if d := l.devices[i]; d.TryLock() {
			if !d.ended {
				return d
			}
			d.Unlock()
		}
	}
	return nil
}

func (l *load) renew() {
	d := l.free(false)
	if d == nil {
		return
	}
	defer d.Unlock()
	l.send("refresh", "", `mutation ($t: String!) { refresh(input: {refreshToken: $t}) { accessToken refreshToken } }`,
		map[string]any{"t": d.refresh}, func(p payload) {
			d.refresh, d.access, d.refreshes = p.RefreshToken, p.AccessToken, d.refreshes+1
		})
}

func (l *load) logout() {
	d := l.free(true)
	if d == nil {
		return
	}
	defer d.Unlock()
	l.send("logout", d.access, `mutation { logout { __typename } }`, nil, func(payload) { d.ended = true })
}

// await waits until many writes were acknowledged.
func (l *load) await(t *testing.T, many int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.writes < many && !t.Failed() {
		l.more.Wait()
	}
}

// acknowledged returns the state that the server has acknowledged so far.
func (l *load) acknowledged() state {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := state{l.writes, slices.Clone(l.users), map[string]session{}}
	for _, d := range l.devices {
		s.sessions[d.id] = d.session
	}
	return s
}

func (l *load) rate() float64 { return float64(l.writes) / time.Since(l.begin).Seconds() }

// p99 returns the 99th percentile of the requests of a kind that ran at some time between two times.
func (l *load) p99(what string, from, to time.Time) time.Duration {
	var found []time.Duration
	for _, r := range l.taken {
		if r.what == what && r.at.Before(to) && r.at.Add(r.lasted).After(from) {
			found = append(found, r.lasted)
		}
	}
	if len(found) == 0 {
		return 0
	}
	slices.Sort(found)
	return found[(len(found)-1)*99/100].Round(time.Millisecond)
}

// compare compares the restored database and the server on it with what was acknowledged before the backup, and with
// what the clients have afterwards.
func (l *load) compare(t *testing.T, kind, url, database string, before, after state) {
	t.Helper()
	db := pastStore(t, database)
	for _, username := range before.users {
		var n int
		if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM users WHERE username_key = $1`, username).Scan(&n); err != nil || n != 1 {
			t.Errorf("the sign-up of %s is lost: %v", username, err)
		}
	}
	var ended, live, again, gone, late int
	for _, id := range slices.Sorted(maps.Keys(after.sessions)) {
		was, known := before.sessions[id]
		now := after.sessions[id]
		var generation int
		var endedAt *string
		cast := map[string]string{"sqlite": "id", "postgres": "CAST(id AS text)"}[kind]
		err := db.QueryRowContext(t.Context(), `SELECT refresh_generation, CAST(ended_at AS text) FROM sessions WHERE `+cast+` = $1`, id).Scan(&generation, &endedAt)
		switch {
		case err != nil && known:
			t.Errorf("the sign-in of session %s is lost: %v", id, err)
			continue
		case err == nil && known && generation < was.refreshes:
			t.Errorf("session %s has %d refreshes, want at least %d", id, generation, was.refreshes)
		case err == nil && known && was.ended && endedAt == nil:
			t.Errorf("the sign-out of session %s is lost", id)
		}
		// The clients continue with the tokens that they have, which are newer than the backup.
		var data struct {
			Refresh payload
			Me      struct{ ID string }
		}
		refused := graphql(url, "", `mutation ($t: String!) { refresh(input: {refreshToken: $t}) { accessToken } }`, map[string]any{"t": now.refresh}, &data)
		switch {
		case err != nil: // signed in after the backup
			gone++
		case endedAt != nil:
			ended++
		case now.ended: // signed out after the backup: lives again
			again++
		default:
			live++
		}
		if alive := err == nil && endedAt == nil; (refused == nil) != alive {
			t.Errorf("refresh of session %s: %v; in the backup: %t, ended %v", id, refused, err == nil, endedAt)
		} else if alive {
			for what, token := range map[string]string{"new": data.Refresh.AccessToken, "earlier": now.access} {
				if err := graphql(url, token, `{ me { id } }`, nil, &data); err != nil {
					t.Errorf("me with the %s access token of session %s: %v", what, id, err)
				}
			}
			if now.refreshes > generation {
				late++
			}
		}
	}
	t.Logf("after the restore: %d sessions live, of which %d refreshed after the backup; %d ended; %d sign-outs and %d sign-ins after the backup are lost", live+again, late, ended, again, gone)
	if live == 0 || ended == 0 {
		t.Error("no session was live or none had ended, so the test checked nothing")
	}
}

// sid returns the session of an access token.
func sid(t *testing.T, bearer string) string {
	var claims struct{ Sid string }
	segments := strings.Split(bearer, ".")
	if len(segments) != 3 {
		t.Errorf("no access token: %q", bearer)
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(segments[1])
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil || claims.Sid == "" {
		t.Errorf("claims %s: %v", raw, err)
	}
	return claims.Sid
}
