package app_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/app"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
)

// TestStepsOfReset requests resets for every kind of identifier, and tries a wrong code of each. The statements of the
// requests do not depend on the account.
func TestStepsOfReset(t *testing.T) {
	want := map[string][]string{
		"request": {
			"statement: add uses", "statement: begin transaction", "statement: add mail",
			"statement: commit transaction", "operation", "request",
		},
		"wrong code": {
			"hash wait", "hash", "statement: begin transaction", "statement: count try of code", "statement: add audit event",
			"statement: commit transaction", "operation failed: BAD_USER_INPUT", "request",
		},
	}
	for name, identifier := range map[string]string{
		"known": "ada", "known by address": "ada@example.com", "unknown": "nobody", "unknown address": "nobody@example.com",
		"disabled": "eve", "disabled address": "eve@example.com", "without an address": "bare", "invalid": "two words",
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s app.Settings) {
				var log bytes.Buffer
				a, err := app.New(t.Context(), s, slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
					app.Overrides{CheapPasswords: true, Mail: authtest.NewMailbox(t).Post()})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := a.Close(); err != nil {
						t.Error(err)
					}
				})
				for username, email := range map[string]*string{"ada": new("ada@example.com"), "eve": new("eve@example.com"), "bare": nil} {
					p, err := a.Domain.Accounts.Signup(t.Context(), accounts.SignupInput{Input: accounts.Input{
						Username: &username, Email: email, Password: authtest.Password,
					}})
					if err == nil && username == "eve" {
						err = a.Domain.Operator.SetDisabled(t.Context(), p.User.ID, true)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				ask := func(query string, variables map[string]string) ([]string, []byte) {
					body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
					if err != nil {
						t.Fatal(err)
					}
					log.Reset()
					r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
					r.Header.Set("Content-Type", "application/json")
					w := httptest.NewRecorder()
					a.ServeHTTP(w, r)
					return steps(t, &log, w.Header().Get("X-Request-Id")), w.Body.Bytes()
				}
				got, answer := ask(`mutation ($i: String!) { requestPasswordReset(input: {identifier: $i}) { flow } }`, map[string]string{"i": identifier})
				if diff := cmp.Diff(want["request"], got); diff != "" {
					t.Errorf("steps of a request (-want +got):\n%s\nanswered %s", diff, answer)
				}
				var requested struct {
					Data struct{ RequestPasswordReset struct{ Flow string } }
				}
				if err := json.Unmarshal(answer, &requested); err != nil {
					t.Fatal(err)
				}
				if err := a.Domain.Outbox.Deliver(t.Context()); err != nil {
					t.Fatal(err)
				}
				got, answer = ask(`mutation ($f: String!, $p: Password!) { resetPassword(input: {flow: $f, code: "none", password: $p}) { __typename } }`,
					map[string]string{"f": requested.Data.RequestPasswordReset.Flow, "p": "five large purple whales"})
				if diff := cmp.Diff(want["wrong code"], got); diff != "" || !strings.Contains(string(answer), `"INCORRECT"`) {
					t.Errorf("steps of a wrong code (-want +got):\n%s\nanswered %s", diff, answer)
				}

				// A sign-in by mail does the same, but hashes nothing.
				if !strings.Contains(identifier, "@") {
					return
				}
				variables := map[string]string{"i": identifier}
				got, answer = ask(`mutation ($i: EmailAddress!) { requestLoginCode(input: {email: $i}) { flow } }`, variables)
				if diff := cmp.Diff(want["request"], got); diff != "" {
					t.Errorf("steps of a request for a sign-in (-want +got):\n%s\nanswered %s", diff, answer)
				}
				if err := a.Domain.Outbox.Deliver(t.Context()); err != nil {
					t.Fatal(err)
				}
				got, answer = ask(`mutation ($i: EmailAddress!) { loginWithCode(input: {email: $i, code: "none"}) { __typename } }`, variables)
				if diff := cmp.Diff(want["wrong code"][2:], got); diff != "" || !strings.Contains(string(answer), `"INCORRECT"`) {
					t.Errorf("steps of a wrong code for a sign-in (-want +got):\n%s\nanswered %s", diff, answer)
				}
			})
		})
	}
}
