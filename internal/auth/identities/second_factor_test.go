package identities_test

import (
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/provider"
	"usher/internal/provider/providertest"
)

// TestSecondFactor signs in with identities of users who have a second factor.
func TestSecondFactor(t *testing.T) {
	t.Parallel()
	trusted := func(s *provider.Settings) { s.TrustedAMR, s.TrustedACR = []string{"mfa"}, []string{"urn:two"} }
	for name, tt := range map[string]struct {
		settings func(s *provider.Settings)
		claims   map[string]any
		want     string
		level    auth.Assurance
	}{
		"one factor":                  {trusted, nil, "SECOND_FACTOR_REQUIRED", ""},
		"two, trusted by amr":         {trusted, map[string]any{"amr": []string{"pwd", "mfa"}}, "", auth.AAL2},
		"two, trusted by acr":         {trusted, map[string]any{"acr": "urn:two"}, "", auth.AAL2},
		"two, not trusted":            {nil, map[string]any{"amr": []string{"pwd", "mfa"}, "acr": "urn:two"}, "SECOND_FACTOR_REQUIRED", ""},
		"something else, not trusted": {trusted, map[string]any{"amr": []string{"pwd"}, "acr": "urn:one"}, "SECOND_FACTOR_REQUIRED", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, options{settings: tt.settings}, func(t *testing.T, f *fixture) {
				u := f.signIn(t).User
				f.addFactor(t, u, auth.CredentialPasskey)
				f.change(func(u *providertest.User) { u.Claims = tt.claims })
				f.NewEvents(t)
				fl := f.answered(t)
				tokens, err := f.complete(t.Context(), fl)
				if got := authtest.Code(err); got != tt.want {
					t.Fatalf("%q, want %q", got, tt.want)
				}
				if err != nil {
					f.WantEvents(t, "SECOND_FACTOR_REQUIRED of ada@example.com")
					if _, err := f.complete(t.Context(), fl); authtest.Code(err) != "BAD_USER_INPUT code=EXPIRED" {
						t.Errorf("the code again: %v", err)
					}
					return
				}
				if got := tokens.Session.Assurance(); got != tt.level {
					t.Errorf("the session has the level %s, want %s", got, tt.level)
				}
			})
		})
	}
}

// TestRequiredFactor signs in with an identity when the time to set up a second factor is over.
func TestRequiredFactor(t *testing.T) {
	t.Parallel()
	policy := domain.Options{SecondFactor: auth.FactorPolicy{Scope: auth.FactorAll, Grace: time.Hour}}
	link := func(s *provider.Settings) { s.LinkByEmail = true }
	eachDatabase(t, options{policy, link}, func(t *testing.T, f *fixture) {
		ada := f.account(t, "ada", "late@example.com")
		f.verify(t, ada)
		f.signIn(t)
		f.Clock.Advance(2 * time.Hour)
		_, err := f.complete(t.Context(), f.answered(t))
		if authtest.Code(err) != "SECOND_FACTOR_REQUIRED" {
			t.Errorf("after the time: %v, want a mailed code as after a password", err)
		}
		f.change(func(u *providertest.User) { u.Subject, u.Email = "late", "late@example.com" })
		if _, err := f.complete(t.Context(), f.answered(t)); authtest.Code(err) != "IDENTITY_NOT_LINKED" {
			t.Errorf("a first sign-in with the address of an account that is out of time: %v", err)
		}
	})
}

// TestDisabled signs in with the identity of an account that is disabled, or deleted.
func TestDisabled(t *testing.T) {
	t.Parallel()
	eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
		u := f.signIn(t).User
		f.NewEvents(t)
		if err := f.Store.SetDisabled(t.Context(), u.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := f.complete(t.Context(), f.answered(t)); authtest.Code(err) != "UNAUTHENTICATED ACCOUNT_DISABLED" {
			t.Errorf("of a disabled account: %v", err)
		}
		f.WantEvents(t, "LOGIN_FAILED of ada@example.com")
		if err := f.Store.DeleteUser(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
		if got := f.signIn(t).User; got.ID == u.ID {
			t.Error("a deleted account has signed in")
		}
	})
}

// TestAuthenticationTime signs in at a provider whose user has authenticated there a while ago. That is the time of the
// authentication here too: whatever asks for a later one asks for it again.
func TestAuthenticationTime(t *testing.T) {
	t.Parallel()
	eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
		hourAgo := f.Clock.Now().Add(-time.Hour).Truncate(time.Second)
		f.op.Change(providertest.Claim("auth_time", hourAgo.Unix()))
		if got := f.signIn(t).Session.AuthTime; !got.Equal(hourAgo) {
			t.Errorf("an authentication of an hour ago counts as %v, want %v", got, hourAgo)
		}
		f.op.Change(providertest.Claim("auth_time", f.Clock.Now().Add(time.Hour).Unix()))
		fl, before := f.answered(t), f.Clock.Now()
		f.Clock.Advance(5 * time.Minute)
		tokens, err := f.complete(t.Context(), fl)
		if err != nil || tokens.Session.AuthTime.After(before) {
			t.Errorf("an authentication in the future counts as %v, %v, want %v", tokens.Session.AuthTime, err, before)
		}
	})
}
