package graph_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/graph"
	"usher/internal/auth"
	"usher/internal/auth/throttle"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestSettle says of each use whether it was an attempt to guess a credential, and whether the caller was signed in.
func TestSettle(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		as, query string
		want      map[int]throttle.Result
		uses      []throttle.Use
	}{
		"right password": {
			"", `mutation { login(input: {identifier: "Ada", password: "four small green turtles"}) { tokenType } }`,
			map[int]throttle.Result{0: throttle.Done},
			[]throttle.Use{{Field: "Mutation.login", Account: "Ada", Recipient: "Ada"}},
		},
		"wrong password": {
			"", `mutation { x: login(input: {identifier: "ada", password: "hunter2", deviceToken: "d", challengeSolution: "s"}) { tokenType } }`,
			map[int]throttle.Result{0: throttle.Guessed},
			[]throttle.Use{{Field: "Mutation.login", Account: "ada", Recipient: "ada", DeviceToken: "d", Solution: "s"}},
		},
		"unknown account": {
			"", `mutation { login(input: {identifier: "nobody at all", password: "hunter2"}) { tokenType } }`,
			map[int]throttle.Result{0: throttle.Guessed},
			[]throttle.Use{{Field: "Mutation.login", Account: "nobody at all", Recipient: "nobody at all"}},
		},
		"wrong token": {
			"", `mutation { verifyEmail(input: {token: "hunter2"}) { __typename } }`,
			map[int]throttle.Result{0: throttle.Guessed},
			[]throttle.Use{{Field: "Mutation.verifyEmail"}},
		},
		"wrong code": {
			"", `mutation { verifyEmail(input: {email: "ada@example.com", code: "000000"}) { __typename } }`,
			map[int]throttle.Result{0: throttle.Guessed},
			[]throttle.Use{{Field: "Mutation.verifyEmail", Account: "ada@example.com", Recipient: "ada@example.com"}},
		},
		"invalid password": {
			"", `mutation { signup(input: {username: "bob", password: "hunter2"}) { tokenType } }`,
			map[int]throttle.Result{0: throttle.Done},
			[]throttle.Use{{Field: "Mutation.signup", Account: "bob"}},
		},
		"one of two": {
			"", `mutation { a: requestPasswordReset(input: {identifier: "ada"}) { flow } b: verifyEmail(input: {token: "hunter2"}) { __typename } }`,
			map[int]throttle.Result{0: throttle.Done, 1: throttle.Guessed},
			[]throttle.Use{{Field: "Mutation.requestPasswordReset", Account: "ada", Recipient: "ada"}, {Field: "Mutation.verifyEmail"}},
		},
		"guard": {
			"", `mutation { reauthenticate(input: {password: "hunter2"}) { tokenType } }`,
			map[int]throttle.Result{0: throttle.NotSignedIn},
			[]throttle.Use{{Field: "Mutation.reauthenticate"}},
		},
		"session has ended": {
			"ended", `mutation { reauthenticate(input: {password: "hunter2"}) { tokenType } }`,
			map[int]throttle.Result{0: throttle.NotSignedIn},
			[]throttle.Use{{Field: "Mutation.reauthenticate"}},
		},
		"administrator": {
			"ada", `mutation { inviteUser(input: {email: "bob@example.com", roles: []}) { __typename } }`,
			map[int]throttle.Result{0: throttle.Done},
			[]throttle.Use{{Field: "Mutation.inviteUser", Account: "bob@example.com", Recipient: "bob@example.com"}},
		},
		"wrong password again": {
			"ada", `mutation { reauthenticate(input: {password: "hunter2"}) { tokenType } }`,
			map[int]throttle.Result{0: throttle.Guessed},
			[]throttle.Use{{Field: "Mutation.reauthenticate"}},
		},
		"no limit": {"ada", `mutation { logout { __typename } }`, nil, nil},
		"query":    {"ada", `{ me { id } }`, nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				x := &throttled{}
				x.reset()
				server := newServer(t, s, func(o graph.Options) (http.Handler, error) { return graph.New(graph.Admitting(o, x.admit)) })
				body, err := json.Marshal(map[string]string{"query": tt.query})
				check(t, err)
				_, answer := server.post(t, tt.as, string(body))
				if diff := cmp.Diff(tt.want, x.settled); diff != "" {
					t.Errorf("settled (-want +got):\n%s\n%v", diff, answer)
				}
				if diff := cmp.Diff(tt.uses, x.uses); diff != "" {
					t.Errorf("uses (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestDeviceOfTheCookie uses every limited field in a browser with a device cookie. The cookie counts only where an
// identifier names an account that exists: an account to create knows no device, and a code is guessed on any device.
func TestDeviceOfTheCookie(t *testing.T) {
	t.Parallel()
	schema, err := graph.AccessSchema(false)
	check(t, err)
	s, err := store.Open(t.Context(), storetest.URLs["sqlite"](t), store.Options{})
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	x := &throttled{refuse: &auth.Error{Code: auth.CodeRateLimited}}
	server := newServer(t, s, func(o graph.Options) (http.Handler, error) { return graph.New(graph.Admitting(o, x.admit)) })
	known := map[string]bool{}
	for coordinate := range schema.RateLimits() {
		typeName, name, _ := strings.Cut(coordinate, ".")
		field := schema.Types[typeName].Fields.ForName(name)
		body := strings.ReplaceAll(fill(t, schema.Schema, field, `mutation D { F }`, true), `"deviceToken":"x"`, `"deviceToken":null`)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.url+"/graphql", strings.NewReader(body))
		check(t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", server.url)
		for _, prefix := range []string{"", "__Host-"} {
			r.AddCookie(&http.Cookie{Name: prefix + "usher_device", Value: "udt_1"})
		}
		server.ask(t, "root", r)
		if len(x.uses) != 1 {
			t.Fatalf("%s: %d uses", coordinate, len(x.uses))
		}
		known[coordinate] = x.uses[0].DeviceToken != ""
	}
	for coordinate, got := range known {
		if want := coordinate == "Mutation.login" || coordinate == "Mutation.requestPasswordReset"; got != want {
			t.Errorf("%s: with the device token %t, want %t", coordinate, got, want)
		}
	}
}
