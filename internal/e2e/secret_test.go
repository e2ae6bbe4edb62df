//go:build e2e

package e2e

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// newSecret is what the secret of the servers is changed to.
const newSecret = "Zk3Xp9Wc1Vb7Nm5Qa8Ls2Df6Gh4Jt0Ry"

// secretEnv sets the secrets of a server. An empty previous one is not set.
func secretEnv(current, previous string) []string {
	env := []string{"USHER_SECRET_KEY=" + current}
	if previous != "" {
		env = append(env, "USHER_SECRET_KEY_PREVIOUS="+previous)
	}
	return env
}

var (
	mailedCode = regexp.MustCompile(`\b[0-9]{6}\b`)
	refreshed  = `mutation ($t: String!) { refresh(input: {refreshToken: $t}) { accessToken refreshToken } }`
	sessionsOf = `query ($c: String) { me { sessions(first: 1, after: $c) { edges { cursor } } } }`
)

type tokens struct{ AccessToken, RefreshToken, DeviceToken string }

// loginAs signs a user in, with a device token if there is one.
func loginAs(url, username string, device *string) (tokens, error) {
	var data struct{ Login tokens }
	err := graphql(url, "", `mutation ($u: String!, $d: String) { login(input: {identifier: $u, password: "four small green turtles", deviceToken: $d}) { accessToken refreshToken deviceToken } }`,
		map[string]any{"u": username, "d": device}, &data)
	return data.Login, err
}

// TestSecretRotation changes the server's secret on two replicas behind a load balancer, in the three phases of
// docs/secret-rotation.md. No request fails, and what was issued before is valid until the old secret is removed.
func TestSecretRotation(t *testing.T) {
	t.Parallel()
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testSecretRotation(t, name, url(t))
		})
	}
}

func testSecretRotation(t *testing.T, kind, database string) {
	r := &relay{}
	flags := append([]string{"--issuer", "http://127.0.0.1:1", "--shutdown-delay", "1s"}, mailFlags(r.listen(t))...)
	addresses := []string{freeAddress(t), freeAddress(t)}
	replicas := make([]*server, len(addresses))
	for i, address := range addresses {
		replicas[i] = startWith(t, secretEnv(secret, ""), address, database, flags...)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := newBalancer(ctx, t, addresses)
	front := httptest.NewServer(b)
	defer front.Close()

	for _, username := range []string{"ada", "bob", "eve"} {
		var data struct{ Signup tokens }
		if err := graphql(front.URL, "", `mutation { signup(input: {username: "`+username+`", email: "`+username+`@example.com", password: "four small green turtles"}) { accessToken } }`, nil, &data); err != nil {
			t.Fatal(err)
		}
	}
	// What is issued before: a session with a list to page through, a known device of an account that strangers have locked,
	// and mails with a link and with a code.
	session, err := loginAs(front.URL, "ada", nil)
	if err != nil {
		t.Fatal(err)
	}
	device, err := loginAs(front.URL, "eve", nil)
	if err != nil {
		t.Fatal(err)
	}
	var page struct {
		Me struct {
			Sessions struct{ Edges []struct{ Cursor string } }
		}
	}
	if err := graphql(front.URL, session.AccessToken, sessionsOf, nil, &page); err != nil {
		t.Fatal(err)
	}
	cursor := page.Me.Sessions.Edges[0].Cursor
	flows := map[string]string{}
	for _, username := range []string{"bob", "eve"} {
		var data struct{ RequestPasswordReset struct{ Flow string } }
		if err := graphql(front.URL, "", `mutation ($u: String!) { requestPasswordReset(input: {identifier: $u}) { flow } }`, map[string]any{"u": username}, &data); err != nil {
			t.Fatal(err)
		}
		flows[username] = data.RequestPasswordReset.Flow
	}
	s, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mails := map[string]received{}
	for _, m := range awaitMails(t, s, r, 2) {
		mails[strings.TrimSuffix(m.to, "@example.com")] = m
	}

	var requests, failed atomic.Int64
	check := func(what string, err error) {
		if requests.Add(1); err != nil && ctx.Err() == nil {
			failed.Add(1)
			t.Errorf("%s: %v", what, err)
		}
	}
	var access atomic.Value
	access.Store(session.AccessToken)
	var clients sync.WaitGroup
	clients.Go(func() {
		refresh := session.RefreshToken
		for range ticks(ctx, 100*time.Millisecond) {
			var data struct{ Refresh tokens }
			err := graphql(front.URL, "", refreshed, map[string]any{"t": refresh}, &data)
			if check("refresh", err); err == nil {
				refresh = data.Refresh.RefreshToken
				access.Store(data.Refresh.AccessToken)
			}
		}
	})
	var withCursor atomic.Bool
	withCursor.Store(true)
	clients.Go(func() {
		for range ticks(ctx, 20*time.Millisecond) {
			var data struct{ Me struct{ ID string } }
			check("me", graphql(front.URL, access.Load().(string), `{ me { id } }`, nil, &data))
			check("me, with the first access token", graphql(front.URL, session.AccessToken, `{ me { id } }`, nil, &data))
			if withCursor.Load() {
				check("sessions, with a cursor from before", graphql(front.URL, session.AccessToken, sessionsOf, map[string]any{"c": cursor}, &page))
			}
		}
	})
	phase := func(env []string) {
		t.Helper()
		for i, address := range addresses {
			replicas[i].stop(t)
			replicas[i] = startWith(t, env, address, database, flags...)
			b.await(t, i)
		}
	}
	phase(secretEnv(secret, newSecret))
	phase(secretEnv(newSecret, secret))

	check("a code mailed before", graphql(front.URL, "", `mutation ($f: String!, $c: OneTimeSecret!) { resetPassword(input: {flow: $f, code: $c, password: "seven tall purple lamps"}) { __typename } }`,
		map[string]any{"f": flows["bob"], "c": codeOf(t, mails["bob"])}, &struct{}{}))
	lockOut(t, front.URL, database, "eve")
	if _, err := loginAs(front.URL, "eve", nil); err == nil {
		t.Error("strangers have not locked eve's account")
	}
	_, err = loginAs(front.URL, "eve", &device.DeviceToken)
	check("a sign-in on a device known before", err)

	out := usherWith(t, database, secretEnv(newSecret, secret), "secret", "reseal")
	out += usherWith(t, database, secretEnv(newSecret, secret), "secret", "list")
	if !strings.Contains(out, "needed until") || strings.Contains(out, secret) || strings.Contains(out, newSecret) {
		t.Errorf("usher secret: %s", out)
	}
	withCursor.Store(false)
	phase(secretEnv(newSecret, ""))
	if err := graphql(front.URL, "", refreshed, map[string]any{"t": device.RefreshToken}, &struct{}{}); err == nil || err.Error() != "UNAUTHENTICATED TOKEN_INVALID" {
		t.Errorf("a refresh token of the old secret, without it: %v", err)
	}
	check("a link mailed before", graphql(front.URL, "", `mutation ($t: OneTimeSecret!) { resetPassword(input: {token: $t, password: "seven tall purple lamps"}) { __typename } }`,
		map[string]any{"t": strings.SplitAfter(linksOf(t, mails["eve"].text)[0], "#token=")[1]}, &struct{}{}))
	cancel()
	clients.Wait()
	t.Logf("%s: %d requests, %d failed", kind, requests.Load(), failed.Load())
	if requests.Load() < 300 {
		t.Error("there were too few requests")
	}
}

// TestSecretOneStep changes the secret of a single server in one step, also with tokens that the secret itself signs.
func TestSecretOneStep(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"ES256", "HS256"} {
		for name, url := range storetest.URLs {
			t.Run(algorithm+"/"+name, func(t *testing.T) {
				t.Parallel()
				database, address := url(t), freeAddress(t)
				flags := []string{"--algorithm", algorithm}
				s := startWith(t, secretEnv(secret, ""), address, database, flags...)
				var data struct{ Signup, Refresh tokens }
				if err := graphql(s.url, "", `mutation { signup(input: {username: "ada", password: "four small green turtles"}) { accessToken refreshToken } }`, nil, &data); err != nil {
					t.Fatal(err)
				}
				idle, err := loginAs(s.url, "ada", nil)
				if err != nil {
					t.Fatal(err)
				}
				s.stop(t)
				s = startWith(t, secretEnv(newSecret, secret), address, database, flags...)
				var me struct{ Me struct{ ID string } }
				if err := graphql(s.url, data.Signup.AccessToken, `{ me { id } }`, nil, &me); err != nil {
					t.Errorf("me, with a token from before: %v", err)
				}
				if err := graphql(s.url, "", refreshed, map[string]any{"t": data.Signup.RefreshToken}, &data); err != nil {
					t.Errorf("refresh: %v", err)
				}
				usherWith(t, database, secretEnv(newSecret, secret), "secret", "reseal")
				s.stop(t)
				s = startWith(t, secretEnv(newSecret, ""), address, database, flags...)
				if err := graphql(s.url, data.Refresh.AccessToken, `{ me { id } }`, nil, &me); err != nil {
					t.Errorf("me, without the old secret: %v", err)
				}
				if err := graphql(s.url, "", refreshed, map[string]any{"t": data.Refresh.RefreshToken}, &data); err != nil {
					t.Errorf("refresh, without the old secret: %v", err)
				}
				if err := graphql(s.url, "", refreshed, map[string]any{"t": idle.RefreshToken}, &data); err == nil || err.Error() != "UNAUTHENTICATED TOKEN_INVALID" {
					t.Errorf("a refresh token of the old secret, without it: %v", err)
				}
				s.stop(t)
			})
		}
	}
}

// codeOf returns the code in a mail.
func codeOf(t *testing.T, m received) string {
	t.Helper()
	_, body, _ := strings.Cut(m.text, "\r\n\r\n")
	code := mailedCode.FindString(body)
	if code == "" {
		t.Fatal("the mail has no code")
	}
	return code
}

// lockOut guesses a password once, and sets the counter to what strangers reach in the long run.
func lockOut(t *testing.T, url, database, username string) {
	t.Helper()
	err := graphql(url, "", `mutation ($u: String!) { login(input: {identifier: $u, password: "wrong wrong wrong"}) { accessToken } }`, map[string]any{"u": username}, &struct{}{})
	if err == nil || !strings.HasPrefix(err.Error(), string(auth.CodeInvalidCredentials)) {
		t.Fatalf("a wrong password: %v", err)
	}
	db := open(t, database)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `UPDATE password_attempts SET count = 45 WHERE key LIKE 'login:%'`); err != nil {
		t.Fatal(err)
	}
}

// usherWith is usher with additional variables.
func usherWith(t *testing.T, database string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"USHER_DATABASE_URL=" + database, "PATH=" + os.Getenv("PATH")}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("usher %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
