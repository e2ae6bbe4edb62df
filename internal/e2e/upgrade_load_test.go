//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// users is a load of people that sign up, sign in, refresh, read and sign out. It remembers what the answers promised.
type users struct {
	url string

	mu     sync.Mutex
	next   int // number of the next new user
	names  []string
	idle   []*signedIn // those that no request uses at the moment
	ended  []string    // access tokens of sessions that were ended
	counts map[string]int
	failed int
}

type signedIn struct {
	username string
	tokens
}

// mix is the order of operations: as many sessions begin as end.
var mix = [...]string{
	"me", "refresh", "me", "login", "me", "logout", "refresh", "me", "signup", "refresh",
	"me", "logout", "me", "refresh", "login", "me", "ended", "refresh", "logout", "me",
}

const (
	perSecond = 100
	workers   = 32 // fewer than may wait for a password hash
)

// run sends requests until the context ends. A busy machine gets fewer requests, and never more than there are workers.
func (u *users) run(ctx context.Context, t *testing.T) {
	turns := make(chan int)
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for turn := range turns {
				u.do(t, mix[turn%len(mix)])
			}
		})
	}
	begin, sent := time.Now(), 0
	for range ticks(ctx, time.Second/perSecond) {
		for due := int(time.Since(begin).Seconds() * perSecond); sent < due && ctx.Err() == nil; sent++ {
			turns <- sent
		}
	}
	close(turns)
	working.Wait()
	if took := time.Since(begin); float64(sent) < took.Seconds()*perSecond/2 {
		t.Errorf("only %d requests were sent in %v", sent, took)
	}
}

// do sends one request.
func (u *users) do(t *testing.T, operation string) {
	if err := u.send(operation); err != nil {
		t.Errorf("%s: %v", operation, err)
		u.mu.Lock()
		u.failed++
		u.mu.Unlock()
	}
}

// many sends an operation many times, four at once.
func (u *users) many(t *testing.T, operation string, times int) {
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range times / 4 {
				u.do(t, operation)
			}
		})
	}
	clients.Wait()
}

func (u *users) send(operation string) error {
	switch operation {
	case "signup":
		u.mu.Lock()
		username := fmt.Sprintf("user%d", u.next)
		u.next++
		u.mu.Unlock()
		var data struct{ Signup tokens }
		err := graphql(u.url, "", `mutation ($u: Username!) { signup(input: {username: $u, password: "four small green turtles"}) { accessToken refreshToken deviceToken } }`,
			map[string]any{"u": username}, &data)
		return u.answered(operation, &signedIn{username, data.Signup}, err)
	case "login":
		u.mu.Lock()
		username := u.names[rand.IntN(len(u.names))]
		u.mu.Unlock()
		got, err := loginAs(u.url, username, nil)
		return u.answered(operation, &signedIn{username, got}, err)
	case "ended":
		u.mu.Lock()
		if len(u.ended) == 0 {
			u.mu.Unlock()
			return nil
		}
		token := u.ended[rand.IntN(len(u.ended))]
		u.mu.Unlock()
		return u.answered(operation, nil, rejected(u.url, token))
	}
	s := u.take()
	if s == nil {
		return errors.New("no session is left")
	}
	switch operation {
	case "me":
		return u.answered(operation, s, s.me(u.url))
	case "refresh":
		return u.answered(operation, s, s.refresh(u.url))
	default:
		err := graphql(u.url, s.AccessToken, `mutation { logout { sessionId } }`, nil, &struct{}{})
		if err == nil {
			u.mu.Lock()
			u.ended = append(u.ended, s.AccessToken)
			u.mu.Unlock()
			s = nil
		}
		return u.answered(operation, s, err)
	}
}

// take removes a session from those that no request uses.
func (u *users) take() *signedIn {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.idle) == 0 {
		return nil
	}
	i := rand.IntN(len(u.idle))
	s := u.idle[i]
	u.idle[i] = u.idle[len(u.idle)-1]
	u.idle = u.idle[:len(u.idle)-1]
	return s
}

// answered counts a successful request, and makes its session available again.
func (u *users) answered(operation string, s *signedIn, err error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err != nil {
		return err
	}
	u.counts[operation]++
	if operation == "signup" {
		u.names = append(u.names, s.username)
	}
	if s != nil {
		u.idle = append(u.idle, s)
	}
	return nil
}

func (s *signedIn) me(url string) error {
	var data struct{ Me struct{ Username string } }
	err := graphql(url, s.AccessToken, `{ me { username } }`, nil, &data)
	if err == nil && data.Me.Username != s.username {
		err = fmt.Errorf("the token of %s is that of %q", s.username, data.Me.Username)
	}
	return err
}

func (s *signedIn) refresh(url string) error {
	var data struct{ Refresh tokens }
	err := graphql(url, "", refreshed, map[string]any{"t": s.RefreshToken}, &data)
	if err == nil {
		s.tokens = data.Refresh
	}
	return err
}

// rejected returns an error unless the server rejects the access token of a session that has ended.
func rejected(url, token string) error {
	err := graphql(url, token, `{ me { username } }`, nil, &struct{}{})
	if err == nil || err.Error() != "UNAUTHENTICATED SESSION_ENDED" {
		return fmt.Errorf("a session that was ended: %v", err) //nolint:errorlint // it may be nil
	}
	return nil
}
