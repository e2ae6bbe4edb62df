package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/app"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/breach"
	"usher/internal/config"
	"usher/internal/mail"
)

// post sends a GraphQL operation with headers, from an address of documentation.
func post(t testing.TB, a *app.App, document string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": document})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const wrongLogin = `mutation { login(input: { identifier: "ada", password: "wrong" }) { user { id } } }`

// changes are changes of settings with what shows that they are in use. Each shows in an answer of the server.
func changes(t testing.TB) map[string]struct {
	change func(s *app.Settings)
	inUse  func(a *app.App) bool
} {
	t.Helper()
	manifest := write(t, "documents.json", `{"kind": "{ __typename }"}`)
	preflight := func(a *app.App) http.Header {
		r := httptest.NewRequest(http.MethodOptions, "/graphql", nil)
		r.Header.Set("Origin", "https://app.example.com")
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "x-tenant")
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w.Header()
	}
	list := filepath.Join(t.TempDir(), "breaches.bin")
	hash := breach.HashOf("four small green turtles")
	if _, err := breach.Build(t.Context(), strings.NewReader(fmt.Sprintf("%X:7\n", hash[:])), list, breach.BuildOptions{Bits: 16}); err != nil {
		t.Fatal(err)
	}
	return map[string]struct {
		change func(s *app.Settings)
		inUse  func(a *app.App) bool
	}{
		"allowed-origins": {
			func(s *app.Settings) { s.AllowedOrigins = config.Origins{"https://app.example.com"} },
			func(a *app.App) bool {
				return post(t, a, "{ __typename }", map[string]string{"Origin": "https://app.example.com"}).Header().Get("Access-Control-Allow-Origin") != ""
			},
		},
		"allowed-headers": {
			func(s *app.Settings) {
				s.AllowedOrigins, s.AllowedHeaders = config.Origins{"https://app.example.com"}, config.HeaderNames{"x-tenant"}
			},
			func(a *app.App) bool { return preflight(a).Get("Access-Control-Allow-Headers") == "x-tenant" },
		},
		"trusted-proxies": {
			func(s *app.Settings) { s.TrustedProxies = config.Prefixes{netip.MustParsePrefix("192.0.2.1/32")} },
			func(a *app.App) bool {
				return post(t, a, "{ __typename }", map[string]string{"X-Request-Id": "of-the-proxy"}).Header().Get("X-Request-Id") == "of-the-proxy"
			},
		},
		"rate-limits": {
			func(s *app.Settings) { s.RateLimits = config.RateLimits{"login": {Max: 77, Per: time.Hour}} },
			func(a *app.App) bool {
				return strings.Contains(post(t, a, wrongLogin, nil).Header().Get("RateLimit-Policy"), `"login";q=77;w=3600`)
			},
		},
		"trusted-documents": {
			func(s *app.Settings) { s.TrustedDocuments, s.TrustedDocumentsMode = manifest, "only" },
			func(a *app.App) bool {
				trusted, other := post(t, a, "{ __typename }", nil).Body.String(), post(t, a, "{ kind: __typename }", nil).Body.String()
				return strings.Contains(trusted, "Query") && strings.Contains(other, "DOCUMENT_NOT_TRUSTED")
			},
		},
		"breaches": {
			func(s *app.Settings) { s.BreachesFile = list },
			func(a *app.App) bool {
				return strings.Contains(post(t, a, `mutation { signup(input: { username: "bob", password: "four small green turtles" }) { user { id } } }`, nil).Body.String(), "COMPROMISED")
			},
		},
	}
}

// TestReload changes each setting that shows in an answer, back and forth.
func TestReload(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Settings) {
		s.RateLimits = config.RateLimits{config.AllRateLimits: {}}
		for name, tt := range changes(t) {
			t.Run(name, func(t *testing.T) {
				a := newApp(t, s, io.Discard)
				changed := s
				tt.change(&changed)
				for i, step := range []struct {
					settings app.Settings
					want     bool
				}{{changed, true}, {s, false}, {changed, true}} {
					if tt.inUse(a) == step.want {
						t.Fatalf("step %d: in use before: %t", i, step.want)
					}
					if err := a.Reload(t.Context(), step.settings); err != nil {
						t.Fatal(err)
					}
					if got := tt.inUse(a); got != step.want {
						t.Errorf("step %d: in use: %t, want %t", i, got, step.want)
					}
				}
			})
		}
	})
}

// TestReloadNothing reloads good changes together with one that is invalid. Nothing of them may be in use.
func TestReloadNothing(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	broken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(broken, "en"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "en", "test.txt"), []byte("{{if}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, s app.Settings) {
		s.SMTPURL, s.LinkURL = config.NewSecret("smtp://127.0.0.1:1"), "https://app.example.com"
		s.MailFrom = mail.Address{Addr: "no-reply@example.com"}
		a := newApp(t, s, io.Discard)
		for name, tt := range map[string]struct {
			change func(s *app.Settings)
			fault  string
		}{
			"unknown limit":     {func(s *app.Settings) { s.RateLimits = config.RateLimits{"logins": {Max: 1, Per: time.Hour}} }, "--rate-limits"},
			"no manifest":       {func(s *app.Settings) { s.TrustedDocuments = missing }, "--trusted-documents"},
			"wrong document":    {func(s *app.Settings) { s.TrustedDocuments = write(t, "m.json", `{"a": "{ nothing }"}`) }, "--trusted-documents"},
			"no breaches":       {func(s *app.Settings) { s.BreachesFile = missing }, "--breaches"},
			"broken breaches":   {func(s *app.Settings) { s.BreachesFile = write(t, "b.bin", "breaches") }, "--breaches"},
			"broken templates":  {func(s *app.Settings) { s.MailTemplates = broken }, "mail templates"},
			"unknown locale":    {func(s *app.Settings) { s.MailLocale = "xx" }, "xx"},
			"wrong SMTP URL":    {func(s *app.Settings) { s.SMTPURL = config.NewSecret("smtp://ada:c4n4ry@") }, "URL of the SMTP server"},
			"no DKIM key":       {func(s *app.Settings) { s.DKIMKeyFile, s.DKIMSelector = missing, "usher" }, "DKIM"},
			"mail off":          {func(s *app.Settings) { s.SMTPURL = config.Secret{} }, "restart"},
			"mail to a mailbox": {func(s *app.Settings) { s.SMTPURL, s.Dev = config.Secret{}, true }, "restart"},
		} {
			t.Run(name, func(t *testing.T) {
				bad := s
				for _, good := range changes(t) {
					good.change(&bad)
				}
				tt.change(&bad)
				err := a.Reload(t.Context(), bad)
				if err == nil || !strings.Contains(err.Error(), tt.fault) || strings.Contains(err.Error(), "c4n4ry") {
					t.Errorf("error %v, want one with %q", err, tt.fault)
				}
				for name, good := range changes(t) {
					if name != "breaches" && good.inUse(a) {
						t.Errorf("%s is in use", name)
					}
				}
			})
		}
		if _, err := a.Domain.Accounts.Signup(t.Context(), accounts.SignupInput{Input: accounts.Input{
			Username: new("ada"), Password: authtest.Password,
		}}); err != nil {
			t.Errorf("the list of breaches is in use: %v", err)
		}
	})
}

// TestReloadKeepsCounters uses up a limit. A reload must not give it back.
func TestReloadKeepsCounters(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Settings) {
		s.RateLimits = config.RateLimits{config.AllRateLimits: {}, "login": {Max: 3, Per: time.Hour}}
		a := newApp(t, s, io.Discard)
		for range 3 {
			post(t, a, wrongLogin, nil)
		}
		s.AllowedOrigins = config.Origins{"https://app.example.com"}
		if err := a.Reload(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if got := post(t, a, wrongLogin, nil).Body.String(); !strings.Contains(got, "RATE_LIMITED") {
			t.Errorf("after the reload: %s", got)
		}
		s.RateLimits = config.RateLimits{config.AllRateLimits: {}, "login": {Max: 5, Per: time.Hour}}
		if err := a.Reload(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if got := post(t, a, wrongLogin, nil).Header().Get("RateLimit"); !strings.Contains(got, `"login";r=1`) {
			t.Errorf("with a higher limit: %s", got)
		}
	})
}

// TestReloadUnderLoad reloads two versions of the settings in turn while requests run. Each answer must be by one version:
// the quota and the header for pages of another origin belong together. Then nothing of the reloads is left.
func TestReloadUnderLoad(t *testing.T) { //nolint:paralleltest // counts goroutines and open files
	each(t, func(t *testing.T, s app.Settings) {
		const reloads = 100
		a := newApp(t, s, io.Discard)
		one, two := s, s
		one.AllowedOrigins = config.Origins{"https://app.example.com"}
		one.RateLimits = config.RateLimits{"login": {Max: 1_000_001, Per: time.Hour}}
		two.RateLimits = config.RateLimits{"login": {Max: 1_000_002, Per: time.Hour}}
		for _, version := range []*app.Settings{&one, &two} {
			changes(t)["breaches"].change(version)
			changes(t)["trusted-documents"].change(version)
			version.TrustedDocumentsMode = "log"
			version.BreachesURL, version.BreachesTimeout = "http://127.0.0.1:1/", time.Second
		}
		if err := a.Reload(t.Context(), two); err != nil {
			t.Fatal(err)
		}
		post(t, a, wrongLogin, nil)
		goroutines, files := runtime.NumGoroutine(), openFiles(t)

		ctx, cancel := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		var mu sync.Mutex
		seen := map[string]int{}
		for range 4 {
			clients.Go(func() {
				for ctx.Err() == nil {
					h := post(t, a, wrongLogin, map[string]string{"Origin": "https://app.example.com"}).Header()
					policy := h.Get("RateLimit-Policy")
					version := "one"
					if strings.Contains(policy, "q=1000002") {
						version = "two"
					} else if !strings.Contains(policy, "q=1000001") {
						t.Errorf("the policy is %s", policy)
					}
					if allowed := h.Get("Access-Control-Allow-Origin") != ""; allowed != (version == "one") {
						t.Errorf("an answer of %s allows the origin: %t", version, allowed)
					}
					mu.Lock()
					seen[version]++
					mu.Unlock()
				}
			})
		}
		for i := range reloads {
			if err := a.Reload(t.Context(), []app.Settings{one, two}[i%2]); err != nil {
				t.Error(err)
			}
		}
		cancel()
		clients.Wait()
		if seen["one"] == 0 || seen["two"] == 0 {
			t.Errorf("answers by version: %v", seen)
		}
		if now := openFiles(t); now > files+2 { // connections to the database
			t.Errorf("%d open files, %d before", now, files)
		}
		end, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		for runtime.NumGoroutine() > goroutines+8 && end.Err() == nil { // of the pool of connections; others are about to end
			runtime.Gosched()
		}
		if now := runtime.NumGoroutine(); now > goroutines+8 {
			t.Errorf("%d goroutines, %d before", now, goroutines)
		}
	})
}

// openFiles returns the number of open files that are not connections; 0 where the system does not tell.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	n := 0
	for _, entry := range entries {
		target, _ := os.Readlink("/proc/self/fd/" + entry.Name())
		if strings.HasSuffix(target, ".bin") || strings.HasSuffix(target, ".json") {
			n++
		}
	}
	return n
}
