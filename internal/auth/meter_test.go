package auth_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/auth/sessions"
	"usher/internal/password"
)

// meter counts what the domain reports.
type meter struct {
	mu     sync.Mutex
	counts map[string]int
}

func (m *meter) add(what string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts[what] += n
}

func (m *meter) CountSignIn(method, outcome string)     { m.add(method+": "+outcome, 1) }
func (m *meter) CountSessionStarted()                   { m.add("started", 1) }
func (m *meter) CountSessionsEnded(cause string, n int) { m.add("ended by "+cause, n) }
func (m *meter) CountEvent(kind string)                 { m.add(kind, 1) }
func (m *meter) CountLimit(limit, decision string)      { m.add(limit+" "+decision, 1) }
func (m *meter) CountMail(outcome string)               { m.add("mail "+outcome, 1) }
func (m *meter) take(t *testing.T, what string, want map[string]int) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !maps.Equal(m.counts, want) {
		t.Errorf("%s: counted %v, want %v", what, m.counts, want)
	}
	m.counts = map[string]int{}
}

// TestMeter counts sign-ins by outcome, events, and sessions by what ended them. What was rolled back is not counted. The
// outcome is the same for a wrong password and an unknown name.
func TestMeter(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.signup(t, "ada")
		eve := f.signup(t, "eve").User
		if err := f.Store.SetDisabled(t.Context(), eve.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		m := &meter{counts: map[string]int{}}
		d := f.NewDomain(t, domain.Options{Meter: m, Limits: auth.SessionLimits{PerUser: 2}})
		login := func(ctx context.Context, name string, ok bool) *sessions.Tokens {
			f.Clock.Advance(time.Second) // the oldest session ends first
			in := sessions.LoginInput{Identifier: name, Password: authtest.Password}
			if !ok {
				in.Password = "wrong"
			}
			tokens, _ := d.Sessions.Login(ctx, in)
			return tokens
		}
		failed := map[string]int{"password: wrong_credentials": 1, "LOGIN_FAILED": 1}
		login(t.Context(), "ada", false)
		m.take(t, "a wrong password", failed)
		login(t.Context(), "nobody", false)
		m.take(t, "an unknown name", failed)
		login(t.Context(), "eve", true)
		m.take(t, "a disabled account", map[string]int{"password: disabled": 1, "LOGIN_FAILED": 1})
		login(t.Context(), "ada", true)
		m.take(t, "a sign-in", map[string]int{"password: success": 1, "LOGIN": 1, "started": 1})
		tokens := login(t.Context(), "ada", true)
		m.take(t, "a session too many", map[string]int{"password: success": 1, "LOGIN": 1, "started": 1, "ended by LOGIN": 1})
		if _, err := d.Sessions.Refresh(t.Context(), sessions.RefreshInput{RefreshToken: tokens.RefreshToken}); err != nil {
			t.Fatal(err)
		}
		m.take(t, "a refresh", map[string]int{"refresh_token: success": 1})
		if _, err := d.Sessions.Refresh(t.Context(), sessions.RefreshInput{RefreshToken: "none"}); err == nil {
			t.Fatal("refreshed with no token")
		}
		m.take(t, "no token", map[string]int{"refresh_token: invalid_token": 1})
		as := f.As(t, tokens.AccessToken)
		if _, err := d.Sessions.Reauthenticate(as, sessions.ReauthenticateInput{Password: new(password.Plaintext("wrong"))}); err == nil {
			t.Fatal("re-authenticated with a wrong password")
		}
		m.take(t, "a wrong re-authentication", map[string]int{"reauthentication: wrong_credentials": 1, "LOGIN_FAILED": 1})
		f.Store.Before("ReserveAttempt", func(context.Context) error { return auth.ErrUnavailable })
		login(t.Context(), "ada", true)
		f.Store.Before("ReserveAttempt", nil)
		m.take(t, "no database", map[string]int{"password: unavailable": 1})
		f.Store.RollBack(true) // the first run of each transaction
		if _, err := d.Sessions.RevokeOthers(as); err != nil {
			t.Fatal(err)
		}
		m.take(t, "the other session", map[string]int{"SESSION_REVOKED": 1, "ended by SESSION_REVOKED": 1})
		if _, err := d.Sessions.Logout(as); err != nil {
			t.Fatal(err)
		}
		m.take(t, "a sign-out", map[string]int{"LOGOUT": 1, "ended by LOGOUT": 1})
	})
}

// TestSignInOutcome checks that a refusal does not count as an error of the server, which alerts.
func TestSignInOutcome(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		auth.ErrInvalidCredentials:                       "wrong_credentials",
		auth.WrongCredential(auth.AuthMethodTOTP):        "wrong_credentials",
		&auth.Error{Code: auth.CodeRateLimited}:          "locked",
		auth.ErrEmailNotVerified:                         "unverified",
		&auth.Error{Code: auth.CodeSecondFactorRequired}: "second_factor",
		auth.ErrSecondFactorSetup:                        "second_factor",
		&auth.Error{Code: auth.CodeStepUpRequired}:       "second_factor",
		&auth.Error{Code: auth.CodeBadUserInput}:         "invalid_input",
		auth.Unauthenticated(auth.ReasonAccountDisabled): "disabled",
		auth.Unauthenticated(auth.ReasonTokenInvalid):    "invalid_token",
		&auth.Error{Code: auth.CodeServiceUnavailable}:   "busy",
		auth.ErrUnavailable:                              "unavailable",
		context.Canceled:                                 "cancelled",
		context.DeadlineExceeded:                         "cancelled",
		auth.ErrNoTokens:                                 "error",
		nil:                                              "success",
	} {
		if got := auth.SignInOutcome(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
