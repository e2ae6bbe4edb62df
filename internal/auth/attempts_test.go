package auth_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/password"
)

// The waits before each attempt, as in docs/security.md.
var (
	loginWaits          = slices.Concat(repeat(10, 0), doubled(12), repeat(13, time.Hour), repeat(10, 24*time.Hour))
	deviceWaits         = slices.Concat(repeat(5, 0), doubled(12), repeat(3, time.Hour))
	reauthenticateWaits = slices.Concat(repeat(5, 0), doubled(10))
)

func repeat(n int, d time.Duration) []time.Duration { return slices.Repeat([]time.Duration{d}, n) }

// doubled are 1 s, 2 s, 4 s, …
func doubled(n int) (waits []time.Duration) {
	for i := range n {
		waits = append(waits, time.Second<<i)
	}
	return waits
}

const (
	wrong     = "INVALID_CREDENTIALS"
	exhausted = "RATE_LIMITED after 24h0m0s"
)

// signupBoth creates an account with a user name and an e-mail address.
func (f *fixture) signupBoth(t *testing.T) *signin.AuthPayload {
	t.Helper()
	p, err := f.Signup(t.Context(), signin.SignupInput{Username: new("ada"), Email: new("ada@example.com"), Password: authtest.Password})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAttempts uses up each counter: of known names, of unknown names and in a session.
func TestAttempts(t *testing.T) {
	t.Parallel()
	by := func(names ...string) func(t *testing.T, f *fixture, _ context.Context, i int, p password.Plaintext) string {
		return func(_ *testing.T, f *fixture, ctx context.Context, i int, p password.Plaintext) string {
			return f.tryLogin(ctx, names[i%len(names)], p)
		}
	}
	tests := map[string]struct {
		guess func(t *testing.T, f *fixture, session context.Context, i int, p password.Plaintext) string
		waits []time.Duration
	}{
		"user name":       {by("ada", "ADA"), loginWaits},
		"address":         {by("ada@example.com", "ADA@example.com"), loginWaits},
		"both":            {by("ada", "ada@example.com"), loginWaits},
		"unknown name":    {by("nobody", "NOBODY"), loginWaits},
		"unknown address": {by("nobody@example.com", "Nobody@Example.com"), loginWaits},
		"impossible name": {by("\x00"), loginWaits},
		"known device": {func(t *testing.T, f *fixture, ctx context.Context, i int, p password.Plaintext) string {
			return f.tryLoginOn(ctx, f.knownDevice(t), []string{"ada", "ADA@example.com"}[i%2], p)
		}, deviceWaits},
		"session": {func(_ *testing.T, f *fixture, session context.Context, _ int, p password.Plaintext) string {
			return f.tryReauthenticate(session, p)
		}, reauthenticateWaits},
	}
	if n := len(loginWaits) + len(deviceWaits) + len(reauthenticateWaits); n != 80 {
		t.Fatalf("the test expects %d attempts, want 80: with 20 in flight the 100 of NIST SP 800-63B-4 §3.2.2", n)
	}
	var all time.Duration
	for _, wait := range loginWaits {
		all += wait
	}
	if days := all / (24 * time.Hour); days != 10 {
		t.Errorf("the counter of sign-ins is used up after %d days, want the ten of docs/security.md", days)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				f.signupBoth(t)
				f.parts = f.newParts(t, longSessions)
				p := f.login(t, "ada")
				session := func() context.Context { return f.As(t, f.sign(t, p.User.ID, p.Session.ID)) }
				for i, wait := range tt.waits {
					if wait > 0 {
						f.Clock.Advance(wait - time.Microsecond)
						if got := tt.guess(t, f, session(), i, authtest.Password); got != "RATE_LIMITED after 1µs" {
							t.Fatalf("attempt %d before its time: %q", i+1, got)
						}
						f.Clock.Advance(time.Microsecond)
					}
					if got := tt.guess(t, f, session(), i, "wrong"); got != wrong {
						t.Fatalf("attempt %d: %q", i+1, got)
					}
				}
				for range 3 {
					if got := tt.guess(t, f, session(), 0, authtest.Password); got != exhausted {
						t.Errorf("one more: %q", got)
					}
					f.Clock.Advance(year)
				}
			})
		})
	}
}

const year = 365 * 24 * time.Hour

// longSessions are valid longer than the waits of these tests.
var longSessions = domain.Options{Limits: auth.SessionLimits{MaxAge: 200 * year, IdleLimit: 200 * year}}

// TestAttemptsWayBack uses up one of the three counters of an account and clears it in each possible way.
func TestAttemptsWayBack(t *testing.T) {
	t.Parallel()
	type way func(t *testing.T, f *fixture, p *signin.AuthPayload)
	reauthenticate := func(t *testing.T, f *fixture, p *signin.AuthPayload) {
		if got := f.tryReauthenticate(f.As(t, f.sign(t, p.User.ID, p.Session.ID)), authtest.Password); got != "" {
			t.Errorf("reauthenticate: %q", got)
		}
	}
	login := func(t *testing.T, f *fixture, _ *signin.AuthPayload) {
		if got := f.tryLogin(t.Context(), "ada@example.com", authtest.Password); got != "" {
			t.Errorf("login: %q", got)
		}
	}
	loginOnDevice := func(t *testing.T, f *fixture, _ *signin.AuthPayload) {
		if got := f.tryLoginOn(t.Context(), f.knownDevice(t), "ada", authtest.Password); got != "" {
			t.Errorf("login on a known device: %q", got)
		}
	}
	unlock := func(t *testing.T, f *fixture, p *signin.AuthPayload) {
		if err := f.Unlock(t.Context(), p.User.ID); err != nil {
			t.Error(err)
		}
	}
	const bySignIn, onDevice, inSession = "login", "known device", "session"
	tests := map[string]struct {
		guesses string
		back    way
	}{
		"strangers, the owner in a session":      {bySignIn, reauthenticate},
		"strangers, the owner on a known device": {bySignIn, loginOnDevice},
		"strangers, the operator":                {bySignIn, unlock},
		"a known device, the owner elsewhere":    {onDevice, login},
		"a known device, the owner in a session": {onDevice, reauthenticate},
		"a known device, the operator":           {onDevice, unlock},
		"a session, the owner signs in":          {inSession, login},
		"a session, the owner on a known device": {inSession, loginOnDevice},
		"a session, the operator":                {inSession, unlock},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				f.signupBoth(t)
				f.parts = f.newParts(t, longSessions)
				p := f.login(t, "ada")
				session := func() context.Context { return f.As(t, f.sign(t, p.User.ID, p.Session.ID)) }
				guess, waits := func() string { return f.tryLogin(t.Context(), "ada", "wrong") }, loginWaits
				switch tt.guesses {
				case onDevice:
					guess, waits = func() string {
						return f.tryLoginOn(t.Context(), f.knownDevice(t), "ada", "wrong")
					}, deviceWaits
				case inSession:
					guess, waits = func() string { return f.tryReauthenticate(session(), "wrong") }, reauthenticateWaits
				}
				for round := range 2 {
					for i, wait := range waits {
						f.Clock.Advance(wait)
						if got := guess(); got != wrong {
							t.Fatalf("round %d, attempt %d: %q", round, i+1, got)
						}
					}
					if got := guess(); got != exhausted {
						t.Fatalf("one more: %q", got)
					}
					tt.back(t, f, p)
				}
				for range 10 { // all begin at zero
					if got := f.tryLogin(t.Context(), "ada", "wrong"); got != wrong {
						t.Errorf("login after the way back: %q", got)
					}
				}
				for range 5 {
					if got := f.tryReauthenticate(session(), "wrong"); got != wrong {
						t.Errorf("reauthenticate after the way back: %q", got)
					}
					if got := f.tryLoginOn(t.Context(), f.knownDevice(t), "ada", "wrong"); got != wrong {
						t.Errorf("login on a known device after the way back: %q", got)
					}
				}
			})
		})
	}
}

// TestAttemptsOfStrangers checks that failed sign-ins do not stop an administrator from re-authenticating, nor the
// reverse.
func TestAttemptsOfStrangers(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		f.NewEvents(t)
		for i := range 11 {
			want := wrong
			if i == 10 {
				want = "RATE_LIMITED after 1s"
			}
			if got := f.tryLogin(t.Context(), "root", "wrong"); got != want {
				t.Fatalf("a stranger: %q, want %q", got, want)
			}
		}
		ctx := f.As(t, root.AccessToken)
		for i := range 6 {
			want := wrong
			if i == 5 {
				want = "RATE_LIMITED after 1s"
			}
			if got := f.tryReauthenticate(ctx, "wrong"); got != want {
				t.Fatalf("the administrator: %q, want %q", got, want)
			}
		}
		if _, err := f.Me(ctx); err != nil {
			t.Errorf("the rest of the request: %v", err)
		}
		if session, _ := f.authTimes(t, root.AccessToken); !session.Equal(root.Session.AuthTime) {
			t.Errorf("auth time %v, want that of the sign-in", session)
		}
		f.WantEvents(t, slices.Concat(
			slices.Repeat([]string{"LOGIN_FAILED by root of root in a session"}, 5),
			slices.Repeat([]string{"LOGIN_FAILED of root"}, 10))...)
		f.Clock.Advance(time.Second)
		if got := f.tryReauthenticate(ctx, authtest.Password); got != "" {
			t.Errorf("the right password: %q", got)
		}
	})
}

// TestAttemptsClearedWithTheSuccess loses the database while a successful sign-in is written. The counter is not cleared,
// and the attempt counts.
func TestAttemptsClearedWithTheSuccess(t *testing.T) {
	t.Parallel()
	errLost := errors.New("connection lost")
	eachDatabase(t, func(t *testing.T, f *fixture) {
		p := f.signup(t, "ada")
		ctx := f.As(t, p.AccessToken)
		for range 9 {
			f.tryLogin(t.Context(), "ada", "wrong")
		}
		for range 4 {
			f.tryReauthenticate(ctx, "wrong")
		}
		f.Store.After("AddEvent", func(context.Context) error { return errLost })
		if _, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: authtest.Password}); !errors.Is(err, errLost) {
			t.Errorf("Login: %v", err)
		}
		if _, err := f.Reauthenticate(ctx, signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))}); !errors.Is(err, errLost) {
			t.Errorf("Reauthenticate: %v", err)
		}
		f.Store.After("AddEvent", nil)
		const wait = "RATE_LIMITED after 1s"
		if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != wait {
			t.Errorf("Login: %q, want %q", got, wait)
		}
		if got := f.tryReauthenticate(ctx, authtest.Password); got != wait {
			t.Errorf("Reauthenticate: %q, want %q", got, wait)
		}
	})
}

// TestAttemptsDisabled checks that the right password of a disabled account clears the counter.
func TestAttemptsDisabled(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		p := f.signup(t, "ada")
		if err := f.Store.SetDisabled(t.Context(), p.User.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for range 9 {
				if got := f.tryLogin(t.Context(), "ada", "wrong"); got != wrong {
					t.Fatalf("a wrong password: %q", got)
				}
			}
			if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != "UNAUTHENTICATED ACCOUNT_DISABLED" {
				t.Fatalf("the right password: %q", got)
			}
		}
	})
}

// TestAttemptsDeleted deletes the account after it was found and before the attempt is counted.
func TestAttemptsDeleted(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		tests := map[string]struct {
			try  func(p *signin.AuthPayload) string
			want string
		}{
			"login": {func(p *signin.AuthPayload) string {
				return f.tryLogin(t.Context(), *p.User.Username, authtest.Password)
			}, wrong},
			"session": {func(p *signin.AuthPayload) string {
				return f.tryReauthenticate(f.As(t, p.AccessToken), authtest.Password)
			}, ended},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				p := f.signup(t, name)
				f.Store.Before("ReserveAttempt", func(ctx context.Context) error {
					f.Store.Before("ReserveAttempt", nil)
					return f.Store.DeleteUser(ctx, p.User.ID)
				})
				if got := tt.try(p); got != tt.want {
					t.Errorf("%q, want %q", got, tt.want)
				}
			})
		}
	})
}

// TestAttemptsClockAhead has a replica with a fast clock count the last attempt. If its time is too far in the future, the
// time is ignored, but the number of attempts is not.
func TestAttemptsClockAhead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		count int
		ahead time.Duration
		want  string
	}{
		"same clock":                      {10, 0, "RATE_LIMITED after 1s"},
		"a minute":                        {10, time.Minute, "RATE_LIMITED after 1m1s"},
		"more":                            {10, time.Minute + time.Microsecond, wrong},
		"a year":                          {10, year, wrong},
		"a year, free":                    {9, year, wrong},
		"a year, hourly":                  {34, year, wrong},
		"a minute, daily":                 {35, time.Minute, "RATE_LIMITED after 24h1m0s"},
		"a year, daily":                   {44, year, wrong},
		"a year, exhausted":               {45, year, exhausted},
		"of a server with a higher limit": {70, 0, exhausted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				p := f.signup(t, "ada")
				counter := auth.AttemptCounter{Key: "login:" + p.User.ID.String(), UserID: &p.User.ID}
				var was auth.Attempts
				for range tt.count {
					at := f.Clock.Now().Add(tt.ahead)
					if ok, err := f.Store.ReserveAttempt(t.Context(), counter, was, at); err != nil || !ok {
						t.Fatal(ok, err)
					}
					was = auth.Attempts{Count: was.Count + 1, LastAt: at}
				}
				if got := f.tryLogin(t.Context(), "ada", "wrong"); got != tt.want {
					t.Errorf("%q, want %q", got, tt.want)
				}
			})
		})
	}
}
