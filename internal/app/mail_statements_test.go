package app_test

import (
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
// and sends the mails, and of the request with the secret. docs/performance.md has the numbers.
func TestStatementsOfMail(t *testing.T) {
	const grace = 14 * 24 * time.Hour
	type counts struct{ request, worker, completion int }
	each(t, func(t *testing.T, s app.Settings) {
		s.SignupMode, s.DeletionGrace = "verified", grace
		a := newCounted(t, s)
		for name, role := range map[string]auth.Role{"ada": auth.RoleUser, "root": auth.RoleAdmin} {
			_, err := a.Domain.Operator.CreateUser(t.Context(), accounts.Input{
				Username: new(name), Email: new(name + "@example.com"), Password: authtest.Password,
			}, []auth.Role{role})
			if err != nil {
				t.Fatal(err)
			}
		}
		var got counts
		ada, root := a.login(t, "ada"), a.login(t, "root")
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
			got.request = a.statements(func() { a.ask(t, flow.bearer, flow.request, nil) })
			got.worker = a.statements(func() { a.deliver(t) })
			var message mail.Message
			for _, m := range a.box.Take() {
				if m.Template == flow.template {
					message = m
				}
			}
			variables := map[string]any{"t": message.Token}
			if strings.Contains(flow.completion, "$p") {
				variables["p"] = "five large purple whales"
			}
			got.completion = a.statements(func() { a.ask(t, flow.bearer, flow.completion, variables) })
			wantRow(t, flow.name, got.request, got.worker, got.completion)
			a.deliver(t)
			a.box.Take()
		}
		sweep := func() {
			if err := a.Domain.Operator.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got.request = a.statements(func() { a.ask(t, a.login(t, "ada"), `mutation { deleteMe { user { id } } }`, nil) }) - a.statements(func() { a.login(t, "ada") })
		got.worker = a.statements(func() { a.deliver(t) })
		sweep()
		none := a.statements(sweep)
		a.now = a.now.Add(grace + time.Hour)
		got.completion = a.statements(sweep) - none
		wantRow(t, "deletion", got.request, got.worker, got.completion)
	})
}
