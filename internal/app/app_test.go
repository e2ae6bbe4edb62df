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
				Algorithm: "EdDSA", KeyMaxAge: time.Hour, AccessTokenTTL: time.Minute,
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

// TestSteps checks the steps of a request in the log at level debug.
func TestSteps(t *testing.T) {
	each(t, func(t *testing.T, s app.Settings) {
		var log bytes.Buffer
		a := newApp(t, s, &log)
		p, err := a.Domain.Accounts.Signup(t.Context(), accounts.SignupInput{Input: accounts.Input{Username: new("ada"), Password: "four small green turtles"}})
		if err != nil {
			t.Fatal(err)
		}
		log.Reset()
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query":"{ me { username } }"}`))
		r.Header.Set("Authorization", "Bearer "+p.AccessToken)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if got := w.Body.String(); got != `{"data":{"me":{"username":"ada"}}}` {
			t.Fatalf("answered %s", got)
		}
		type line struct {
			Msg, ID, Step string
			Duration      float64 `json:"duration_ms"`
		}
		var lines []line
		for decoder := json.NewDecoder(&log); decoder.More(); {
			var l line
			if err := decoder.Decode(&l); err != nil {
				t.Fatal(err)
			}
			if l.Duration <= 0 {
				t.Errorf("%+v took no time", l)
			}
			l.Duration = 0
			lines = append(lines, l)
		}
		id := w.Header().Get("X-Request-Id")
		want := []line{{Msg: "step", ID: id, Step: "operation"}, {Msg: "step", ID: id, Step: "request"}, {Msg: "request", ID: id}}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

// TestNewFailsBeforeTheMigration starts servers with invalid settings on a database that does not exist. They
// must not create it.
func TestNewFailsBeforeTheMigration(t *testing.T) {
	for name, change := range map[string]func(*app.Settings){
		"no secret":    func(s *app.Settings) { s.SecretKey = config.Secret{} },
		"short secret": func(s *app.Settings) { s.SecretKey = config.NewSecret("c4n4ry") },
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "usher.db")
			s := settings("sqlite:" + file)
			change(&s)
			_, err := app.New(t.Context(), s, slog.New(slog.DiscardHandler), app.Overrides{})
			if err == nil || strings.Contains(err.Error(), "c4n4ry") {
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
