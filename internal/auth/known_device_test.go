package auth_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	known "usher/internal/auth/internal/device"
	"usher/internal/auth/sessions"
	"usher/internal/password"
)

// tryLoginOn is tryLogin with a device token.
func (f *fixture) tryLoginOn(ctx context.Context, deviceToken, identifier string, p password.Plaintext) string {
	_, err := f.Login(ctx, signin.LoginInput{Identifier: identifier, Password: p, DeviceToken: &deviceToken})
	return authtest.Code(err)
}

// knownDevice returns a device token of ada, as a sign-in would issue it now.
func (f *fixture) knownDevice(t testing.TB) string {
	t.Helper()
	for _, u := range f.AllUsers(t) {
		if u.Username != nil && *u.Username == "ada" {
			token, err := f.devices(t).Issue(&u)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
	}
	t.Fatal("there is no ada")
	return ""
}

func (f *fixture) devices(t testing.TB) known.Tokens {
	t.Helper()
	tokens, err := known.NewTokens(authtest.Secrets, f.Clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// useUpLogins fails sign-ins of ada as strangers do, until the counter of sign-ins is used up.
func (f *fixture) useUpLogins(t *testing.T) {
	t.Helper()
	for range 150 {
		if got := f.tryLogin(t.Context(), "ada", "wrong"); got == exhausted {
			return
		}
		f.Clock.Advance(24 * time.Hour)
	}
	t.Fatal("150 guesses have not used up the counter")
}

// TestKnownDevice lets strangers guess until no sign-in of ada is checked any more. She signs in on the device she used
// before, and nobody else does.
func TestKnownDevice(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		p := f.signupBoth(t)
		eve := f.signup(t, "eve")
		if p.DeviceToken == nil || eve.DeviceToken == nil {
			t.Fatal("no device token")
		}
		f.useUpLogins(t)
		for name, token := range map[string]string{
			"none":               "",
			"of another account": *eve.DeviceToken,
			"garbage":            "udt_" + strings.Repeat("A", 140),
			"an access token":    p.AccessToken,
			"a refresh token":    *p.RefreshToken,
		} {
			if got := f.tryLoginOn(t.Context(), token, "ada", authtest.Password); got != exhausted {
				t.Errorf("a sign-in with the device token %s: %q", name, got)
			}
		}
		for i, name := range []string{"ada", "ADA@example.com"} {
			if got := f.tryLoginOn(t.Context(), *p.DeviceToken, name, "wrong"); got != wrong {
				t.Errorf("guess %d on the known device: %q", i, got)
			}
		}
		again, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: authtest.Password, DeviceToken: p.DeviceToken})
		if err != nil || again.DeviceToken == nil || *again.DeviceToken == *p.DeviceToken {
			t.Fatalf("the owner on the known device: %v", err)
		}
		if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != "" {
			t.Errorf("a sign-in elsewhere after that of the owner: %q", got)
		}
	})
}

// TestKnownDeviceRace lets 150 strangers guess at once while the owner signs in on known devices, several at a time. Each
// sign-in of the owner succeeds.
func TestKnownDeviceRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		p := f.signupBoth(t)
		start := make(chan struct{})
		var group sync.WaitGroup
		for i := range 150 {
			group.Go(func() {
				<-start
				if got := f.tryLogin(t.Context(), []string{"ada", "ada@example.com"}[i%2], "wrong"); got != wrong && !strings.HasPrefix(got, "RATE_LIMITED") {
					t.Errorf("a stranger: %q", got)
				}
			})
		}
		for range 3 {
			group.Go(func() {
				<-start
				for range 3 {
					if got := f.tryLoginOn(t.Context(), *p.DeviceToken, "ada", authtest.Password); got != "" {
						t.Errorf("the owner: %q", got)
					}
				}
			})
		}
		close(start)
		group.Wait()
	})
}

// TestDeviceTokenEnds makes a device token invalid in each possible way. It is then as if there were none.
func TestDeviceTokenEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end func(t *testing.T, f *fixture, p *signin.AuthPayload)
		// known says that the device stays known.
		known bool
	}{
		"just before it expires": {func(_ *testing.T, f *fixture, _ *signin.AuthPayload) {
			f.Clock.Advance(sessions.DeviceLifetime - time.Second)
		}, true},
		"it expires": {func(_ *testing.T, f *fixture, _ *signin.AuthPayload) { f.Clock.Advance(sessions.DeviceLifetime) }, false},
		"changePassword": {func(t *testing.T, f *fixture, p *signin.AuthPayload) {
			_, err := f.ChangePassword(f.As(t, p.AccessToken), accounts.ChangePasswordInput{
				CurrentPassword: authtest.Password, NewPassword: otherPassword,
			})
			if err != nil {
				t.Fatal(err)
			}
		}, false},
		"the operator sets a password": {func(t *testing.T, f *fixture, p *signin.AuthPayload) {
			if err := f.SetPassword(t.Context(), p.User, otherPassword); err != nil {
				t.Fatal(err)
			}
		}, false},
		"logout": {func(t *testing.T, f *fixture, p *signin.AuthPayload) {
			if _, err := f.Logout(f.As(t, p.AccessToken)); err != nil {
				t.Fatal(err)
			}
		}, true},
		"another name": {func(t *testing.T, f *fixture, p *signin.AuthPayload) {
			if err := f.Store.SetUsername(t.Context(), p.User.ID, "grace", "grace", f.Clock.Now()); err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				p := f.signupBoth(t)
				tt.end(t, f, p)
				for i := range 10 {
					if got := f.tryLogin(t.Context(), "ada@example.com", "wrong"); got != wrong {
						t.Fatalf("guess %d of a stranger: %q", i, got)
					}
				}
				want := "RATE_LIMITED after 1s"
				if tt.known {
					want = wrong
				}
				if got := f.tryLoginOn(t.Context(), *p.DeviceToken, "ada@example.com", "wrong"); got != want {
					t.Errorf("a guess on the device: %q, want %q", got, want)
				}
			})
		})
	}
}

// TestDeviceTokenAfterReset checks that whoever resets the password gets a device of their own, and that devices from
// before are unknown.
func TestDeviceTokenAfterReset(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		old := f.signupBoth(t)
		m, _ := f.resetMail(t)
		in := withToken(m, otherPassword)
		in.Session = new(signin.TransportToken)
		reset, err := f.ResetPassword(t.Context(), in)
		if err != nil || reset.Auth.DeviceToken == nil {
			t.Fatalf("ResetPassword: %v", err)
		}
		f.useUpLogins(t)
		if got := f.tryLoginOn(t.Context(), *old.DeviceToken, "ada", otherPassword); got != exhausted {
			t.Errorf("a sign-in on a device from before: %q", got)
		}
		if got := f.tryLoginOn(t.Context(), *reset.Auth.DeviceToken, "ada", otherPassword); got != "" {
			t.Errorf("a sign-in on the device of the reset: %q", got)
		}
	})
}

// TestDeviceTokenOnlyFromSignIns checks which payloads have a device token.
func TestDeviceTokenOnlyFromSignIns(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		p := f.signup(t, "ada")
		login := f.login(t, "ada")
		invited, err := f.accept(t, f.invitation(t, f.admin(t, "root"), "grace@example.com"))
		if err != nil {
			t.Fatal(err)
		}
		for what, p := range map[string]*signin.AuthPayload{"signup": p, "login": login, "completeSignup": invited} {
			if p.DeviceToken == nil {
				t.Errorf("%s: no device token", what)
			} else if d, ok := f.devices(t).Read(*p.DeviceToken); !ok || !d.IsKnownTo(f.user(t, p.User.ID)) {
				t.Errorf("%s: the device is not known", what)
			}
		}
		refreshed, err := f.Refresh(t.Context(), signin.RefreshInput{RefreshToken: login.RefreshToken})
		if err != nil {
			t.Fatal(err)
		}
		again, err := f.Reauthenticate(f.As(t, login.AccessToken), signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))})
		if err != nil {
			t.Fatal(err)
		}
		if refreshed.DeviceToken != nil || again.DeviceToken != nil {
			t.Error("refresh or reauthenticate returned a device token")
		}
	})
}

// TestDeviceTokenStaysSecret looks for a device token and for what it contains where it must not be: in the log, the
// audit log and the export. It also presents it as every other credential.
func TestDeviceTokenStaysSecret(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		p := f.signupBoth(t)
		token := *p.DeviceToken
		for _, pass := range []password.Plaintext{"wrong", authtest.Password} {
			f.tryLoginOn(t.Context(), token, "ada", pass)
		}
		if got := f.tryLogin(t.Context(), "ada", password.Plaintext(token)); got != wrong {
			t.Errorf("as a password: %q", got)
		}
		if _, err := f.Refresh(t.Context(), signin.RefreshInput{RefreshToken: &token}); authtest.Code(err) != "UNAUTHENTICATED TOKEN_INVALID" {
			t.Errorf("as a refresh token: %v", err)
		}
		if _, err := f.Me(f.As(t, token)); authtest.Code(err) != "UNAUTHENTICATED TOKEN_INVALID" {
			t.Errorf("as an access token: %v", err)
		}
		events, err := f.Store.Events(t.Context(), auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 1000}})
		if err != nil {
			t.Fatal(err)
		}
		audit, err := json.Marshal(events)
		if err != nil {
			t.Fatal(err)
		}
		_, export := f.export(t, p.AccessToken)
		for where, text := range map[string]string{"log": f.Log.Take(), "audit log": string(audit), "export": export} {
			if text == "" || strings.Contains(text, token) || strings.Contains(text, token[len("udt_"):]) {
				t.Errorf("the %s is empty or has the device token", where)
			}
		}
		for _, part := range []string{p.User.ID.String(), "ada"} {
			if strings.Contains(token, part) {
				t.Errorf("the token shows %q", part)
			}
		}
	})
}

// TestDeviceTokenDisabled checks that a known device is no way into a disabled account.
func TestDeviceTokenDisabled(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		p := f.signup(t, "ada")
		if _, err := f.DisableUser(f.As(t, root.AccessToken), admin.DisableUserInput{UserID: p.User.ID}); err != nil {
			t.Fatal(err)
		}
		if got := f.tryLoginOn(t.Context(), *p.DeviceToken, "ada", authtest.Password); got != "UNAUTHENTICATED ACCOUNT_DISABLED" {
			t.Errorf("the right password: %q", got)
		}
		if got := f.tryLoginOn(t.Context(), *p.DeviceToken, "ada", "wrong"); got != wrong {
			t.Errorf("a wrong password: %q", got)
		}
	})
}

// TestKnownDeviceStatements compares the statements of failed sign-ins. They are the same with and without a device token,
// for a name of an account and for one that no account has.
func TestKnownDeviceStatements(t *testing.T) {
	t.Parallel()
	eachDatabaseTraced(t, func(t *testing.T, f *fixture, statements func() []string) {
		p := f.signup(t, "ada")
		var first []string
		for i, try := range []struct{ token, name string }{
			{"", "ada"}, {*p.DeviceToken, "ada"}, {"", "nobody"}, {*p.DeviceToken, "nemo"}, {"udt_AAAA", "nihil"},
		} {
			statements()
			if got := f.tryLoginOn(t.Context(), try.token, try.name, "wrong"); got != wrong {
				t.Errorf("%v: %q", try, got)
			}
			ran := statements()
			if i == 0 {
				first = ran
			}
			if len(ran) == 0 || !slices.Equal(ran, first) {
				t.Errorf("%v: %q, want %q", try, ran, first)
			}
		}
	})
}
