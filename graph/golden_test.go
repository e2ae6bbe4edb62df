package graph_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"usher/graph"
	"usher/internal/auth"
	"usher/internal/httpd"
	"usher/internal/password"
	"usher/internal/store"
	"usher/internal/storetest"
	"usher/internal/token"
)

var update = flag.Bool("update", false, "write the answers into the golden cases")

var secret = []byte("7e2c3f0b9d1a48c6b5e4f3a2918d7c6b")

const goodPassword = "four small green turtles"

// TestGolden asks the whole server, from HTTP down to each database, and compares the answers with
// those in testdata/golden. A case is a text archive with these files:
//
//	query      the document
//	variables  its variables, as JSON; may be missing
//	as         who asks, see people; nobody when missing
//	status     the HTTP status of the answer
//	answer     its body; access tokens are cut
//
// `go test ./graph -update` writes status and answer.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/golden/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden cases", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "testdata/golden/"), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				testGolden(t, newServer(t, s), file, *archive)
			})
		})
	}
}

func testGolden(t *testing.T, s *server, file string, archive txtar.Archive) {
	var parts struct{ query, variables, as, status, answer string }
	for _, f := range archive.Files {
		text := strings.TrimSpace(string(f.Data))
		switch f.Name {
		case "query":
			parts.query = text
		case "variables":
			parts.variables = text
		case "as":
			parts.as = text
		case "status":
			parts.status = text
		case "answer":
			parts.answer = text
		default:
			t.Fatalf("%s: a case has no file %q", file, f.Name)
		}
	}
	request := map[string]any{"query": parts.query}
	if parts.variables != "" {
		request["variables"] = json.RawMessage(parts.variables)
	}
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	status, answer := s.post(t, parts.as, string(body))
	checkCodes(t, answer)
	got := indent(t, answer)

	if *update {
		kept := archive.Files[:0:0]
		for _, f := range archive.Files {
			if f.Name != "status" && f.Name != "answer" {
				kept = append(kept, f)
			}
		}
		archive.Files = append(kept,
			txtar.File{Name: "status", Data: fmt.Appendln(nil, status)},
			txtar.File{Name: "answer", Data: []byte(got + "\n")})
		if err := os.WriteFile(file, txtar.Format(&archive), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := fmt.Sprint(status); parts.status != want {
		t.Errorf("status %s, want %s", want, parts.status)
	}
	if diff := cmp.Diff(parts.answer, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

// checkCodes proves, over all golden cases, that each error has a code of the schema.
func checkCodes(t *testing.T, answer map[string]any) {
	t.Helper()
	errs, _ := answer["errors"].([]any)
	for _, e := range errs {
		extensions, _ := e.(map[string]any)["extensions"].(map[string]any)
		code, _ := extensions["code"].(string)
		if !graph.ErrorCode(code).IsValid() {
			t.Errorf("the code %q is not in the schema", code)
		}
		if id, _ := extensions["requestId"].(string); id == "" {
			t.Errorf("an error with the code %s has no requestId", code)
		}
	}
}

// indent formats an answer, without what is long and says nothing.
func indent(t *testing.T, answer map[string]any) string {
	t.Helper()
	mask(answer)
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(answer); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func mask(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			switch s, _ := value.(string); {
			case key == "accessToken" && strings.Count(s, ".") == 2:
				v[key] = "<access token>"
			case key == "refreshToken" && strings.HasPrefix(s, "urt_"):
				v[key] = "<refresh token>"
			}
			mask(value)
		}
	case []any:
		for _, value := range v {
			mask(value)
		}
	}
}

// server is the whole of Usher over one store, with a clock that stands still and randomness that
// repeats, and with people in it.
type server struct {
	url    string
	auth   *auth.Service
	people map[string]string // their bearer tokens
	log    *lockedBuffer
}

// newServer makes a server with these people:
//
//	ada      has the role USER
//	root     has the roles USER and ADMIN
//	eve      has been disabled since she signed in
//	ended    is ada with a session that was ended
//	expired  is ada with an old access token
//	garbage  has a token that no server made
func newServer(t *testing.T, s *store.Store) *server {
	t.Helper()
	now := time.Date(2026, 1, 31, 12, 0, 0, 123456000, time.UTC)
	clock := func() time.Time { return now }
	key, err := token.NewHMACKey(secret)
	check(t, err)
	tokens, err := token.New(token.Options{
		Issuer: "https://auth.example.com", Audience: "https://auth.example.com",
		Keys: key, TTL: 15 * time.Minute, Now: clock,
	})
	check(t, err)
	log := &lockedBuffer{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	service, err := auth.New(auth.Options{
		Store: s, Passwords: password.New(password.Options{CheapForTests: true}), Tokens: tokens, Secret: secret,
		Now: clock, Rand: &lockedReader{r: rand.NewChaCha8([32]byte{1})}, Log: logger,
	})
	check(t, err)
	handler, err := graph.New(graph.Options{Auth: service, Log: logger})
	check(t, err)
	http := httptest.NewServer(httpd.New(httpd.Options{
		GraphQL: handler, Identify: service.Identify, Ready: s.Ready,
		Now: clock, Rand: &lockedReader{r: rand.NewChaCha8([32]byte{2})}, Log: logger,
	}))
	t.Cleanup(http.Close)
	w := &server{url: http.URL, auth: service, log: log, people: map[string]string{"garbage": "garbage"}}

	ctx := t.Context()
	signup := func(username, email string) *auth.AuthPayload {
		p, err := service.Signup(ctx, auth.SignupInput{
			Username: &username, Email: &email, Password: goodPassword, FullName: new("Someone Called " + username),
		})
		check(t, err)
		return p
	}
	login := func(username string) string {
		p, err := service.Login(ctx, auth.LoginInput{Identifier: username, Password: goodPassword})
		check(t, err)
		return p.AccessToken
	}

	w.people["expired"] = signup("Ada", "ada@example.com").AccessToken
	now = now.Add(16 * time.Minute)
	_, err = service.CreateUser(ctx, auth.SignupInput{Username: new("root"), Password: goodPassword}, auth.Roles)
	check(t, err)
	w.people["ada"] = login("ada")
	w.people["root"] = login("root")
	w.people["ended"] = login("ada")
	viewer, err := service.Viewer(auth.WithCaller(ctx, service.Identify(w.people["ended"])))
	check(t, err)
	_, err = s.EndSession(ctx, viewer.Session.ID, now)
	check(t, err)
	eve := signup("Eve", "eve@example.com")
	w.people["eve"] = eve.AccessToken
	check(t, s.SetDisabled(ctx, eve.User.ID, &now, now))
	return w
}

// post sends a body as one of the people, and returns status and answer.
func (s *server) post(t *testing.T, as, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/graphql", strings.NewReader(body))
	check(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/graphql-response+json")
	if as != "" {
		bearer, ok := s.people[as]
		if !ok {
			t.Fatalf("nobody is called %q", as)
		}
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := http.DefaultClient.Do(r)
	check(t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	check(t, err)
	s.checkSecrets(t, raw)
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("the answer is not a JSON object: %v", err)
	}
	return response.StatusCode, answer
}

// checkSecrets looks for what must never leave in an answer or stay in the log.
func (s *server) checkSecrets(t *testing.T, answer []byte) {
	t.Helper()
	log := s.log.String()
	for _, secret := range []string{goodPassword, "hunter2", "$argon2", "SELECT", "sqlite", "pgx"} {
		if bytes.Contains(answer, []byte(secret)) {
			t.Errorf("the answer holds %q", secret)
		}
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	for who, bearer := range s.people {
		if who != "garbage" && strings.Contains(log, bearer) {
			t.Errorf("the log holds the token of %s", who)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (r *lockedReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Read(p)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
