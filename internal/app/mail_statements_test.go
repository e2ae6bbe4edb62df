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
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/mail"
)

// TestStatementsOfMail counts the SQL statements of what is confirmed by mail: of the request, of the worker that makes
// and sends the mails, and of the request with the secret. BEGIN and COMMIT count. How often the worker looks for mails is
// left out, because that depends on how long it sends. docs/performance.md has the numbers.
func TestStatementsOfMail(t *testing.T) {
	const grace = 14 * 24 * time.Hour
	doc, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	type counts struct{ request, worker, completion int }
	check := func(t *testing.T, flow string, got counts) {
		t.Helper()
		row := fmt.Sprintf("\n| %s | %d | %d | %d |\n", flow, got.request, got.worker, got.completion)
		if !bytes.Contains(doc, []byte(row)) {
			t.Errorf("docs/performance.md lacks the row%s", row)
		}
	}
	each(t, func(t *testing.T, s app.Settings) {
		var log bytes.Buffer
		now := time.Now().UTC().Truncate(time.Second)
		box := authtest.NewMailbox(t)
		s.SignupMode, s.DeletionGrace = "verified", grace
		a, err := app.New(t.Context(), s, slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), app.Overrides{
			CheapPasswords: true, Mail: box.Post(), Now: func() time.Time { return now },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
		for name, role := range map[string]auth.Role{"ada": auth.RoleUser, "root": auth.RoleAdmin} {
			_, err := a.Domain.Operator.CreateUser(t.Context(), accounts.Input{
				Username: new(name), Email: new(name + "@example.com"), Password: authtest.Password,
			}, []auth.Role{role})
			if err != nil {
				t.Fatal(err)
			}
		}
		var got counts
		counted := func(run func()) int {
			t.Helper()
			log.Reset()
			run()
			return strings.Count(log.String(), `"step":"statement"`) - strings.Count(log.String(), `"name":"find mails to send"`)
		}
		ask := func(bearer, query string, variables map[string]any) []byte {
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
			a.ServeHTTP(w, r)
			if strings.Contains(w.Body.String(), `"errors"`) {
				t.Fatalf("%s answered %s", query, w.Body)
			}
			return w.Body.Bytes()
		}
		login := func(name string) string {
			t.Helper()
			var answer struct {
				Data struct{ Login struct{ AccessToken string } }
			}
			body := ask("", `mutation ($n: String!, $p: Password!) { login(input: {identifier: $n, password: $p}) { accessToken } }`,
				map[string]any{"n": name, "p": authtest.Password})
			if err := json.Unmarshal(body, &answer); err != nil {
				t.Fatal(err)
			}
			return answer.Data.Login.AccessToken
		}
		deliver := func() {
			if err := a.Domain.Outbox.Deliver(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ada, root := login("ada"), login("root")
		for _, flow := range []struct{ name, bearer, request, template, completion string }{
			{
				"verification", ada, `mutation { requestEmailVerification { user { id } } }`, "verify-email",
				`mutation ($t: OneTimeSecret!) { verifyEmail(input: {token: $t}) { email } }`,
			},
			{
				"change of address", ada, `mutation { requestEmailChange(input: {email: "lovelace@example.com"}) { user { id } } }`, "confirm-email",
				`mutation ($t: OneTimeSecret!) { confirmEmailChange(input: {token: $t}) { email } }`,
			},
			{
				"invitation", root, `mutation { inviteUser(input: {email: "grace@example.com"}) { email } }`, "invitation",
				`mutation ($t: OneTimeSecret!, $p: Password!) { completeSignup(input: {token: $t, username: "grace", password: $p}) { expiresIn } }`,
			},
			{
				"sign-up with a confirmed address", "", `mutation { requestSignup(input: {email: "alan@example.com"}) { email } }`, "sign-up",
				`mutation ($t: OneTimeSecret!, $p: Password!) { completeSignup(input: {token: $t, username: "alan", password: $p}) { expiresIn } }`,
			},
			{
				"password reset", "", `mutation { requestPasswordReset(input: {identifier: "alan"}) { flow } }`, "reset-password",
				`mutation ($t: OneTimeSecret!, $p: Password!) { resetPassword(input: {token: $t, password: $p}) { auth { expiresIn } } }`,
			},
		} {
			got.request = counted(func() { ask(flow.bearer, flow.request, nil) })
			got.worker = counted(deliver)
			var message mail.Message
			for _, m := range box.Take() {
				if m.Template == flow.template {
					message = m
				}
			}
			variables := map[string]any{"t": message.Token}
			if strings.Contains(flow.completion, "$p") {
				variables["p"] = "five large purple whales"
			}
			got.completion = counted(func() { ask(flow.bearer, flow.completion, variables) })
			check(t, flow.name, got)
			deliver()
			box.Take()
		}
		sweep := func() {
			if err := a.Domain.Operator.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got.request = counted(func() { ask(login("ada"), `mutation { deleteMe { user { id } } }`, nil) }) - counted(func() { login("ada") })
		got.worker = counted(deliver)
		sweep()
		none := counted(sweep)
		now = now.Add(grace + time.Hour)
		got.completion = counted(sweep) - none
		check(t, "deletion", got)
	})
}
