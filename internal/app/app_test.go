package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/sessions"
	"usher/internal/config"
	"usher/internal/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings returns the minimal settings of a server on a database.
func settings(database string) app.Settings {
	return app.Settings{
		Server: config.Server{
			Issuer: "https://auth.example.com",
			Keys: config.Keys{
				SecretKey: config.NewSecret("7e2c3f0b9d1a48c6b5e4f3a2918d7c6b"),
				KeyMaxAge: time.Hour, AccessTokenTTL: time.Minute,
			},
		},
		Database:  config.Database{URL: config.DatabaseURL(database)},
		Passwords: config.Passwords{MinLength: 15},
	}
}

// each runs a test with settings for each database. Connections are closed before the database is dropped.
func each(t *testing.T, test func(t *testing.T, s app.Settings)) {
	t.Helper()
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) { test(t, settings(url(t))) })
	}
}

func newApp(t *testing.T, s app.Settings, log io.Writer) *app.App {
	t.Helper()
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := app.New(t.Context(), s, logger, app.Overrides{CheapPasswords: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// TestSteps follows requests through the log at level debug. It shows that `me` takes one statement.
// It also shows that `node` takes the same statements for an object of somebody else as for none.
func TestSteps(t *testing.T) {
	me := []string{
		"statement: look up viewers",
		"batch: find viewer",
		"guard",
		"operation",
		"request",
	}
	ownSession := slices.Concat(me[:3], me[:2], me[3:])
	nodeBySession := slices.Concat(me[:3], me[:2], []string{"guard failed: FORBIDDEN", "guard failed: FORBIDDEN"}, me[3:])
	node := func(id string) string { return `{"query":"{ node(id: \"` + id + `\") { __typename } }"}` }
	for name, tt := range map[string]struct {
		query string
		want  []string
	}{
		"me":                                  {`{"query":"{ me { username } }"}`, me},
		"node of the caller":                  {node("<user>"), me},
		"node of the caller's session":        {node("<session>"), me},
		"node of the caller's other session":  {node("<other session>"), ownSession},
		"node of another user":                {node("<another user>"), nodeBySession},
		"node of the session of another user": {node("<another session>"), nodeBySession},
		"node of nothing":                     {node("01940000-0000-7000-8000-000000000042"), nodeBySession},
		"login": {
			`{"query":"mutation ($p: Password!) { login(input: { identifier: \"ada\", password: $p }) { user { username } } }",` +
				`"variables":{"p":"four small green turtles"}}`,
			[]string{
				"hash wait",
				"statement: find password",
				"statement: reserve attempt",
				"hash",
				"statement: begin transaction",
				"statement: record sign-in",
				"statement: clear attempts",
				"statement: create session",
				"statement: end oldest sessions",
				"statement: add audit event",
				"statement: commit transaction",
				"operation",
				"request",
			},
		},
		"wrong password": {
			`{"query":"mutation { login(input: { identifier: \"ada\", password: \"wrong\" }) { user { username } } }"}`,
			[]string{
				"hash wait",
				"statement: find password",
				"statement: reserve attempt",
				"hash",
				"statement: begin transaction",
				"statement: add audit event",
				"statement: commit transaction",
				"operation failed: INVALID_CREDENTIALS",
				"request",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s app.Settings) {
				var log bytes.Buffer
				a := newApp(t, s, &log)
				p, err := a.Domain.Accounts.Signup(t.Context(), accounts.SignupInput{Input: accounts.Input{Username: new("ada"), Password: "four small green turtles"}})
				if err != nil {
					t.Fatal(err)
				}
				other, err := a.Domain.Sessions.Login(t.Context(), sessions.LoginInput{Identifier: "ada", Password: "four small green turtles"})
				if err != nil {
					t.Fatal(err)
				}
				another, err := a.Domain.Accounts.Signup(t.Context(), accounts.SignupInput{Input: accounts.Input{Username: new("eve"), Password: "four small green turtles"}})
				if err != nil {
					t.Fatal(err)
				}
				query := strings.NewReplacer(
					"<user>", p.User.ID.String(), "<session>", p.Session.ID.String(), "<other session>", other.Session.ID.String(),
					"<another user>", another.User.ID.String(), "<another session>", another.Session.ID.String(),
				).Replace(tt.query)
				log.Reset()
				r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(query))
				if !strings.Contains(query, "mutation") {
					r.Header.Set("Authorization", "Bearer "+p.AccessToken)
				}
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				a.ServeHTTP(w, r)
				if diff := cmp.Diff(tt.want, steps(t, &log, w.Header().Get("X-Request-Id"))); diff != "" {
					t.Errorf("steps (-want +got):\n%s\nanswered %s", diff, w.Body)
				}
			})
		})
	}
}

// steps reads the steps of a request from a log, in the order of their ends.
func steps(t *testing.T, log io.Reader, id string) (steps []string) {
	t.Helper()
	for decoder := json.NewDecoder(log); decoder.More(); {
		var line struct {
			Msg, ID, Step, Name, Err string
			Duration                 *float64 `json:"duration_ms"`
		}
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line.ID != id || line.Msg != "audit" && line.Duration == nil {
			t.Errorf("%+v, want the id %s and a duration", line, id)
		}
		if line.Msg != "step" {
			continue
		}
		step := line.Step
		if line.Name != "" {
			step += ": " + line.Name
		}
		if line.Err != "" {
			step += " failed: " + line.Err
		}
		steps = append(steps, step)
	}
	return steps
}

// TestNewFailsBeforeTheMigration starts servers with invalid settings on a database that does not exist. They
// must not create it.
func TestNewFailsBeforeTheMigration(t *testing.T) {
	for name, change := range map[string]func(*app.Settings){
		"no secret":             func(s *app.Settings) { s.SecretKey = config.Secret{} },
		"short secret":          func(s *app.Settings) { s.SecretKey = config.NewSecret("c4n4ry") },
		"short previous secret": func(s *app.Settings) { s.PreviousKey = config.NewSecret("c4n4ry") },
		"known previous secret": func(s *app.Settings) { s.PreviousKey = config.NewSecret(strings.Repeat("change-me", 5)) },
		"equal secrets":         func(s *app.Settings) { s.PreviousKey = s.SecretKey },
		"no previous file":      func(s *app.Settings) { s.PreviousKeyFile = "none" },
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "usher.db")
			s := settings("sqlite:" + file)
			change(&s)
			_, err := app.New(t.Context(), s, slog.New(slog.DiscardHandler), app.Overrides{})
			if err == nil || strings.Contains(err.Error(), "c4n4ry") || strings.Contains(err.Error(), "7e2c3f0b") {
				t.Errorf("got %v", err)
			}
			if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the database exists: %v", err)
			}
		})
	}
}

// TestNoMigrate checks that pending migrations are reported and not applied.
func TestNoMigrate(t *testing.T) {
	s := settings("sqlite:" + filepath.Join(t.TempDir(), "usher.db"))
	s.NoMigrate = true
	for range 2 {
		if a, err := app.New(t.Context(), s, slog.New(slog.DiscardHandler), app.Overrides{}); err == nil {
			t.Errorf("a server on a database without tables: %v", a.Close())
		}
	}
	s.NoMigrate = false
	newApp(t, s, io.Discard)
}

// TestServe serves on a listener until its context ends.
func TestServe(t *testing.T) {
	each(t, func(t *testing.T, s app.Settings) {
		a := newApp(t, s, io.Discard)
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- a.Serve(ctx, l) }()
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Get("http://" + l.Addr().String() + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("answered %s", response.Status)
		}
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// TestOperate creates a user as the operator. The user can then sign in to a server on the same database.
func TestOperate(t *testing.T) {
	each(t, func(t *testing.T, s app.Settings) {
		fault := errors.New("fault")
		err := app.Operate(t.Context(), s.Database, s.Passwords, slog.New(slog.DiscardHandler), func(o *app.Operator) error {
			in := accounts.Input{Username: new("ada"), Password: "four small green turtles"}
			if _, err := o.CreateUser(t.Context(), in, auth.Roles); err != nil {
				t.Error(err)
			}
			return fault
		})
		if !errors.Is(err, fault) {
			t.Errorf("got %v, want the error of the command", err)
		}
		a := newApp(t, s, io.Discard)
		p, err := a.Domain.Sessions.Login(t.Context(), sessions.LoginInput{Identifier: "ada", Password: "four small green turtles"})
		if err != nil || !slices.Equal(p.User.Roles, auth.Roles) {
			t.Errorf("%+v, %v", p, err)
		}
	})
}
