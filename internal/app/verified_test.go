package app_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestWarnOfUnverified starts servers that require verified addresses: without an administrator, with one whose address is
// not verified, and with one whose address is.
func TestWarnOfUnverified(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		start := func(required bool, want bool) *app.App {
			t.Helper()
			var log bytes.Buffer
			settings := settings("")
			settings.RequireVerifiedEmail = required
			server, err := app.New(t.Context(), settings, slog.New(slog.NewTextHandler(&log, nil)), app.Overrides{Store: s, CheapPasswords: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Close() })
			if got := strings.Contains(log.String(), "usher user verify NAME"); got != want {
				t.Errorf("the log warns: %t, want %t:\n%s", got, want, log.String())
			}
			return server
		}
		start(false, false)
		server := start(true, true)
		create := func(name string, roles []auth.Role) *auth.User {
			u, err := server.Domain.Operator.CreateUser(t.Context(), accounts.Input{
				Username: &name, Email: new(name + "@example.com"), Password: "four small green turtles",
			}, roles)
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
		verify := func(u *auth.User) {
			if _, err := server.Domain.Operator.VerifyEmail(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}
		verify(create("ada", nil))
		root := create("root", auth.Roles)
		disabled := create("disabled", auth.Roles)
		verify(disabled)
		if err := server.Domain.Operator.SetDisabled(t.Context(), disabled.ID, true); err != nil {
			t.Fatal(err)
		}
		start(true, true)
		start(false, false)
		verify(root)
		start(true, false)
	})
}
