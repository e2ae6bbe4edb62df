package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"usher/internal/app"
	"usher/internal/auth/authtest"
)

// counted is a server whose SQL statements are counted. Its jobs do not run.
type counted struct {
	*app.App
	log bytes.Buffer
	box *authtest.Mailbox
	now time.Time
}

func newCounted(t *testing.T, s app.Settings) *counted {
	t.Helper()
	c := &counted{box: authtest.NewMailbox(t), now: time.Now().UTC().Truncate(time.Second)}
	var err error
	c.App, err = app.New(t.Context(), s, slog.New(slog.NewJSONHandler(&c.log, &slog.HandlerOptions{Level: slog.LevelDebug})), app.Overrides{
		CheapPasswords: true, Mail: c.box.Post(), Now: func() time.Time { return c.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// statements counts those of run, with BEGIN and COMMIT. How often the worker looks for mails is left out, because that
// depends on how long it sends.
func (c *counted) statements(run func()) int {
	c.log.Reset()
	run()
	return strings.Count(c.log.String(), `"step":"statement"`) - strings.Count(c.log.String(), `"name":"find mails to send"`)
}

// send sends an operation and returns the body of the response.
func (c *counted) send(t *testing.T, bearer, query string, variables map[string]any) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Body.Bytes()
}

// ask is send for an operation that must not fail.
func (c *counted) ask(t *testing.T, bearer, query string, variables map[string]any) []byte {
	t.Helper()
	body := c.send(t, bearer, query, variables)
	if bytes.Contains(body, []byte(`"errors"`)) {
		t.Fatalf("%s answered %s", query, body)
	}
	return body
}

const loginDocument = `mutation ($n: String!, $p: Password!) { login(input: {identifier: $n, password: $p}) { accessToken } }`

// login returns an access token.
func (c *counted) login(t *testing.T, name string) string {
	t.Helper()
	var answer struct {
		Data struct{ Login struct{ AccessToken string } }
	}
	body := c.ask(t, "", loginDocument, map[string]any{"n": name, "p": authtest.Password})
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Data.Login.AccessToken
}

func (c *counted) deliver(t *testing.T) {
	t.Helper()
	if err := c.Domain.Outbox.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// wantRow fails the test unless docs/performance.md has a row with these numbers.
func wantRow(t *testing.T, what string, numbers ...int) {
	t.Helper()
	doc, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	row := "| " + what + " |"
	for _, n := range numbers {
		row += fmt.Sprintf(" %d |", n)
	}
	if !bytes.Contains(doc, []byte("\n"+row+"\n")) {
		t.Errorf("docs/performance.md lacks the row\n%s", row)
	}
}
