package auth_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/jsonobject"
	"usher/internal/password"
	"usher/internal/token"
)

const expired = "BAD_USER_INPUT passkey=EXPIRED"

// TestPasskey sets a passkey up and signs in with it alone, then with the password and it, and confirms an identity.
func TestPasskey(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		f.NewEvents(t)
		a := newAuthenticator()
		set := f.setUp(t, f.As(t, ada.AccessToken), a)
		if *set.Factor.Name != "Passkey" || set.Factor.Method != auth.AuthMethodPasskey || len(set.RecoveryCodes) != 10 || !set.User.HasFactor(auth.CredentialPasskey) {
			t.Errorf("set up %+v with %d recovery codes", set.Factor, len(set.RecoveryCodes))
		}
		f.WantEvents(t, "FACTOR_ADDED by ada of ada in a session")

		p, code := f.loginWithPasskey(t, f.answer(t, a))
		if code != "" {
			t.Fatalf("LoginWithPasskey: %s", code)
		}
		if p.User.ID != ada.User.ID || p.RefreshToken == nil || p.DeviceToken == nil || p.Session.PasskeyID == nil || *p.Session.PasskeyID != set.Factor.ID {
			t.Errorf("answer %+v, want a session of ada with the passkey and a device token", p)
		}
		f.wantAssurance(t, "a passkey alone", p, auth.AAL2, auth.MethodPasskey)
		f.WantEvents(t, "LOGIN by ada of ada in a session")
		f.wantUsed(t, ada.User.ID)

		_, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: authtest.Password})
		second := secondFactor(t, err)
		if !slices.Contains(second.Methods, auth.AuthMethodPasskey) {
			t.Errorf("the second factors are %v", second.Methods)
		}
		p, err = f.CompleteLogin(t.Context(), signin.CompleteLoginInput{Challenge: second.Continue.Token, Passkey: new(f.answer(t, a))})
		if err != nil {
			t.Fatalf("CompleteLogin: %v", err)
		}
		f.wantAssurance(t, "a password and a passkey", p, auth.AAL2, auth.MethodPassword, auth.MethodPasskey)
		f.WantEvents(t, "LOGIN by ada of ada in a session", "SECOND_FACTOR_REQUIRED of ada")

		f.Clock.Advance(2 * time.Minute)
		p, err = f.Reauthenticate(f.As(t, ada.AccessToken), signin.ReauthenticateInput{Passkey: new(f.answer(t, a))})
		if err != nil {
			t.Fatalf("Reauthenticate: %v", err)
		}
		if claims := f.claims(t, p.AccessToken); claims.Assurance != string(auth.AAL2) || !claims.AuthTime.Equal(f.Clock.Now().Truncate(time.Second)) {
			t.Errorf("the token of the confirmation has %+v", claims)
		}
		f.WantEvents(t, "REAUTHENTICATED by ada of ada in a session")

		// A second passkey of the user has the same handle, and no new recovery codes.
		b := newAuthenticator()
		if set := f.setUp(t, f.As(t, p.AccessToken), b); set.RecoveryCodes != nil || string(b.Options.UserHandle) != string(a.Options.UserHandle) || len(b.Options.UserHandle) != 32 {
			t.Errorf("the second passkey has %d recovery codes and the handle %x, want that of the first, %x", len(set.RecoveryCodes), b.Options.UserHandle, a.Options.UserHandle)
		}
		if _, code := f.loginWithPasskey(t, f.answer(t, b)); code != "" {
			t.Errorf("the second passkey: %s", code)
		}
	})
}

// secondFactor is the error that asks for a second factor.
func secondFactor(t *testing.T, err error) *auth.Error {
	t.Helper()
	e, ok := err.(*auth.Error) //nolint:errorlint // the domain returns it as it is
	if !ok || e.Code != auth.CodeSecondFactorRequired {
		t.Fatalf("Login: %v, want SECOND_FACTOR_REQUIRED", err)
	}
	return e
}

func (f *fixture) claims(t *testing.T, bearer string) *token.Claims {
	t.Helper()
	claims, err := f.Tokens.Verify(bearer)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func (f *fixture) wantAssurance(t *testing.T, what string, p *signin.AuthPayload, level auth.Assurance, methods ...auth.Method) {
	t.Helper()
	v, err := f.Viewer(f.As(t, p.AccessToken))
	if err != nil {
		t.Fatal(err)
	}
	if v.Session.Assurance() != level || !slices.Equal(v.Session.Methods, methods) || f.claims(t, p.AccessToken).Assurance != string(level) {
		t.Errorf("%s: the session has %v, %s", what, v.Session.Methods, v.Session.Assurance())
	}
}

// wantUsed fails the test unless the passkey of a user was used now.
func (f *fixture) wantUsed(t *testing.T, user uuid.UUID) {
	t.Helper()
	stored, err := f.Store.Factors(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(stored, func(f auth.Factor) bool { return f.Kind == auth.CredentialPasskey })
	if used := stored[i].LastUsedAt; used == nil || !used.Equal(f.Clock.Now()) {
		t.Errorf("the passkey was last used at %v, want %v", used, f.Clock.Now())
	}
}

// TestPasskeyRefused presents what does not prove a passkey. No session starts.
func TestPasskeyRefused(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada, eve := f.signup(t, "ada"), f.signup(t, "eve")
		a, b := newAuthenticator(), newAuthenticator()
		f.setUp(t, f.As(t, ada.AccessToken), a)
		f.setUp(t, f.As(t, eve.AccessToken), b)
		f.NewEvents(t)
		login := func(what, want string, r auth.PasskeyResponse, events ...string) {
			t.Helper()
			if _, code := f.loginWithPasskey(t, r); code != want {
				t.Errorf("%s: %q, want %q", what, code, want)
			}
			f.WantEvents(t, events...)
		}
		replayed := f.answer(t, a)
		login("the first time", "", replayed, "LOGIN by ada of ada in a session")
		login("a request that was answered", expired, replayed)
		late := f.answer(t, a)
		f.Clock.Advance(5 * time.Minute)
		login("a late answer", expired, late)
		login("an answer to no request", expired, auth.PasskeyResponse{Challenge: "none", Response: late.Response})
		other := f.answer(t, a)
		login("an answer to another request", wrong, auth.PasskeyResponse{Challenge: f.answer(t, a).Challenge, Response: other.Response}, "FACTOR_FAILED of ada")
		login("no answer", "BAD_USER_INPUT passkey=INVALID_FORMAT", auth.PasskeyResponse{Challenge: other.Challenge, Response: ""})
		login("garbage", "BAD_USER_INPUT passkey=INVALID_FORMAT", auth.PasskeyResponse{Challenge: other.Challenge, Response: jsonobject.Object(`{"id":"x"}`)})
		unknown := newAuthenticator()
		unknown.Options.UserHandle = a.Options.UserHandle
		login("an unknown passkey", wrong+" unknown passkey", f.answer(t, unknown), "LOGIN_FAILED")

		presence := *a
		presence.Options.UserNotVerified = true
		login("without verification of the user", wrong, f.answer(t, &presence), "FACTOR_FAILED of ada")
		stranger := *a
		stranger.Options.UserHandle = b.Options.UserHandle
		login("with the handle of another user", wrong, f.answer(t, &stranger), "FACTOR_FAILED of ada")

		tries := f.answer(t, a)
		for range 5 {
			login("a wrong answer", wrong, auth.PasskeyResponse{Challenge: tries.Challenge, Response: other.Response}, "FACTOR_FAILED of ada")
		}
		login("the right answer after five", expired, tries)

		_, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: authtest.Password})
		challenge := secondFactor(t, err).Continue.Token
		f.NewEvents(t)
		_, err = f.CompleteLogin(t.Context(), signin.CompleteLoginInput{Challenge: challenge, Passkey: new(f.answer(t, b))})
		if got := authtest.Code(err); got != wrong {
			t.Errorf("the passkey of another account as the second factor: %q", got)
		}
		f.WantEvents(t, "FACTOR_FAILED of ada")
		_, err = f.Reauthenticate(f.As(t, ada.AccessToken), signin.ReauthenticateInput{Passkey: new(f.answer(t, b))})
		if got := authtest.Code(err); got != wrong {
			t.Errorf("the passkey of another account in a session: %q", got)
		}
		f.WantEvents(t, "FACTOR_FAILED by ada of ada in a session")
		_, err = f.CompleteLogin(t.Context(), signin.CompleteLoginInput{Challenge: challenge, Passkey: new(f.answer(t, a)), Totp: new("000000")})
		if got := authtest.Code(err); got != "BAD_USER_INPUT input=REQUIRED" {
			t.Errorf("two factors at once: %q", got)
		}

		if err := f.Store.SetDisabled(t.Context(), ada.User.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		login("a disabled account", "UNAUTHENTICATED ACCOUNT_DISABLED", f.answer(t, a), "LOGIN_FAILED of ada")
	})
}

// TestPasskeyCounter signs in with a counter that grows, and with one that does not, as a copy of the authenticator has.
func TestPasskeyCounter(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		a := newAuthenticator()
		f.setUp(t, f.As(t, f.signup(t, "ada").AccessToken), a)
		f.NewEvents(t)
		for _, step := range []struct {
			counter uint32
			want    string
		}{{0, ""}, {0, ""}, {7, ""}, {7, wrong}, {6, wrong}, {0, wrong}, {8, ""}} {
			a.Credential.Counter = step.counter
			_, code := f.loginWithPasskey(t, f.answer(t, a))
			if code != step.want {
				t.Errorf("counter %d: %q, want %q", step.counter, code, step.want)
			}
			event := "LOGIN by ada of ada in a session"
			if code != "" {
				event = "FACTOR_FAILED of ada"
			}
			f.WantEvents(t, event)
		}
	})
}

// TestPasskeyOnce presents one answer a hundred times at once.
func TestPasskeyOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		a := newAuthenticator()
		f.setUp(t, f.As(t, f.signup(t, "ada").AccessToken), a)
		for _, counter := range []uint32{0, 1} {
			a.Credential.Counter = counter
			r := f.answer(t, a)
			const many = 100
			codes := make([]string, many)
			var wg sync.WaitGroup
			for i := range many {
				wg.Go(func() {
					_, err := f.LoginWithPasskey(t.Context(), signin.LoginWithPasskeyInput{Passkey: r})
					codes[i] = authtest.Code(err)
				})
			}
			wg.Wait()
			passed := 0
			for _, code := range codes {
				switch code {
				case "":
					passed++
				case expired, wrong:
				default:
					t.Errorf("counter %d: %q", counter, code)
				}
			}
			if passed != 1 {
				t.Errorf("counter %d: %d of %d have signed in with one answer, want 1", counter, passed, many)
			}
		}
	})
}

// TestPasskeyClearsAttempts signs in with a passkey after strangers have used up the attempts at the password.
func TestPasskeyClearsAttempts(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		a := newAuthenticator()
		f.setUp(t, f.As(t, f.signup(t, "ada").AccessToken), a)
		for range 10 {
			if _, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: "wrong"}); authtest.Code(err) != wrong {
				t.Fatal(err)
			}
		}
		if _, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: "wrong"}); !strings.HasPrefix(authtest.Code(err), "RATE_LIMITED") {
			t.Fatalf("after ten attempts: %v", err)
		}
		if _, code := f.loginWithPasskey(t, f.answer(t, a)); code != "" {
			t.Fatalf("LoginWithPasskey: %s", code)
		}
		if _, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: "wrong"}); authtest.Code(err) != wrong {
			t.Errorf("the counter was not cleared: %v", err)
		}
	})
}

// TestPasskeySecondFactorOnce completes one sign-in twice, with two answers.
func TestPasskeySecondFactorOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		a := newAuthenticator()
		f.setUp(t, f.As(t, ada.AccessToken), a)
		_, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: authtest.Password})
		in := signin.CompleteLoginInput{Challenge: secondFactor(t, err).Continue.Token, Passkey: new(f.answer(t, a))}
		if _, err := f.CompleteLogin(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		in.Passkey = new(f.answer(t, a))
		if _, err := f.CompleteLogin(t.Context(), in); authtest.Code(err) != "BAD_USER_INPUT challenge=EXPIRED" {
			t.Errorf("again: %v", err)
		}
		// The refusal has not used the answer up.
		if _, code := f.loginWithPasskey(t, *in.Passkey); code != "" {
			t.Errorf("the second answer: %s", code)
		}
		if _, err := f.Reauthenticate(f.As(t, ada.AccessToken), signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))}); err != nil {
			t.Errorf("a session with one factor: %v", err)
		}
	})
}
