package identities_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/auth/identities"
	"usher/internal/auth/recovery"
	"usher/internal/auth/sessions"
	"usher/internal/password"
	"usher/internal/provider"
	"usher/internal/provider/providertest"
)

func (f *fixture) link(ctx context.Context, fl *flow) (*identities.LinkIdentityPayload, error) {
	return f.Domain.Identities.LinkIdentity(ctx, identities.LinkIdentityInput{Code: fl.code, By: f.by(fl)})
}

func (f *fixture) login(t *testing.T, name string) *sessions.Tokens {
	t.Helper()
	tokens, err := f.Domain.Sessions.Login(t.Context(), sessions.LoginInput{Identifier: name, Password: authtest.Password})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// TestLink links an identity after IDENTITY_NOT_LINKED with the same code, signs in with it, and unlinks it.
func TestLink(t *testing.T) {
	t.Parallel()
	eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
		ada := f.account(t, "ada", "ada@example.com")
		f.verify(t, ada)
		fl := f.answered(t)
		if _, err := f.complete(t.Context(), fl); authtest.Code(err) != "IDENTITY_NOT_LINKED" {
			t.Fatalf("CompleteProviderLogin: %v", err)
		}
		session, other := f.login(t, "ada"), f.login(t, "ada")
		f.NewEvents(t)
		f.NewMails(t)
		stolen := *fl
		stolen.browser = f.begin(t).browser
		if _, err := f.link(f.As(t, session.AccessToken), &stolen); authtest.Code(err) != "BAD_USER_INPUT code=INCORRECT" {
			t.Errorf("LinkIdentity in another browser: %v", err)
		}
		p, err := f.link(f.As(t, session.AccessToken), fl)
		if err != nil || p.Identity.Subject != "248289761001" || p.Identity.Provider == nil || p.User.CredentialsVersion == ada.CredentialsVersion {
			t.Fatalf("LinkIdentity: %+v, %v", p, err)
		}
		f.WantEvents(t, "IDENTITY_LINKED by ada of ada in a session")
		f.NewMail(t, "identity-linked", "ada@example.com")
		if _, err := f.link(f.As(t, session.AccessToken), f.answered(t)); authtest.Code(err) != "BAD_USER_INPUT code=TAKEN" {
			t.Errorf("LinkIdentity again: %v", err)
		}
		eve := f.account(t, "eve", "")
		again := f.answered(t)
		if _, err := f.link(f.As(t, f.login(t, "eve").AccessToken), again); authtest.Code(err) != "BAD_USER_INPUT code=TAKEN" {
			t.Errorf("LinkIdentity of another account: %v", err)
		}
		if f.user(t, eve).HasFactor(auth.CredentialIdentity) {
			t.Error("a refused link was kept")
		}
		signedIn, err := f.complete(t.Context(), again) // a failed link has not used it up
		if err != nil || signedIn.User.ID != ada.ID {
			t.Fatalf("CompleteProviderLogin: %+v, %v", signedIn, err)
		}
		f.NewEvents(t)

		as := f.As(t, session.AccessToken)
		if _, err := f.Domain.Identities.UnlinkIdentity(as, identities.UnlinkIdentityInput{ID: ada.ID}); authtest.Code(err) != "BAD_USER_INPUT id=NOT_FOUND" {
			t.Errorf("UnlinkIdentity of none: %v", err)
		}
		if _, err := f.Domain.Identities.UnlinkIdentity(as, identities.UnlinkIdentityInput{ID: p.Identity.ID}); err != nil {
			t.Fatalf("UnlinkIdentity: %v", err)
		}
		f.WantEvents(t, "IDENTITY_UNLINKED by ada of ada in a session")
		f.NewMail(t, "identity-unlinked", "ada@example.com")
		for name, want := range map[string]string{
			session.AccessToken: "", other.AccessToken: "UNAUTHENTICATED SESSION_ENDED", signedIn.AccessToken: "UNAUTHENTICATED SESSION_ENDED",
		} {
			if _, err := f.Domain.Access.Me(f.As(t, name)); authtest.Code(err) != want {
				t.Errorf("a session after UnlinkIdentity: %v, want %q", err, want)
			}
		}
		if _, err := f.complete(t.Context(), f.answered(t)); authtest.Code(err) != "IDENTITY_NOT_LINKED" {
			t.Errorf("CompleteProviderLogin after UnlinkIdentity: %v", err)
		}
	})
}

// TestLastWayIn unlinks identities of accounts that have other ways to sign in, or none.
func TestLastWayIn(t *testing.T) {
	t.Parallel()
	const last = "BAD_USER_INPUT id=LAST_CREDENTIAL"
	for name, tt := range map[string]struct {
		more func(t *testing.T, f *fixture, u *auth.User, as context.Context)
		want string
	}{
		"none": {func(*testing.T, *fixture, *auth.User, context.Context) {}, last},
		"a second factor": {func(t *testing.T, f *fixture, u *auth.User, _ context.Context) {
			f.addFactor(t, u, auth.CredentialTOTP)
		}, last},
		"a passkey, where there are none": {func(t *testing.T, f *fixture, u *auth.User, _ context.Context) {
			f.addFactor(t, u, auth.CredentialPasskey)
			f.options.Passkeys = authtest.NoPasskeys
			f.configure(t, f.op.Settings("example"))
		}, last},
		"a passkey": {func(t *testing.T, f *fixture, u *auth.User, _ context.Context) {
			f.addFactor(t, u, auth.CredentialPasskey)
		}, ""},
		"a password":       {func(t *testing.T, f *fixture, u *auth.User, _ context.Context) { f.setPassword(t, u) }, ""},
		"another identity": {func(t *testing.T, f *fixture, _ *auth.User, as context.Context) { f.linkOther(t, as) }, ""},
		"one of a former one": {func(t *testing.T, f *fixture, _ *auth.User, as context.Context) {
			f.linkOther(t, as)
			f.configure(t, f.op.Settings("example"))
		}, last},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
				tokens := f.signIn(t)
				list, err := f.Domain.Identities.Of(f.As(t, tokens.AccessToken), f.user(t, tokens.User))
				if err != nil {
					t.Fatal(err)
				}
				tt.more(t, f, tokens.User, f.As(t, tokens.AccessToken))
				_, err = f.Domain.Identities.UnlinkIdentity(f.As(t, tokens.AccessToken), identities.UnlinkIdentityInput{ID: list[0].ID})
				if got := authtest.Code(err); got != tt.want {
					t.Errorf("%q, want %q", got, tt.want)
				}
			})
		})
	}
}

func (f *fixture) setPassword(t *testing.T, u *auth.User) {
	t.Helper()
	id := u.ID
	id[4] ^= 0x40
	now := f.Clock.Now()
	err := f.Store.SetPassword(t.Context(), &auth.Credential{ID: id, UserID: u.ID, Kind: auth.CredentialPassword, Secret: "x", CreatedAt: now, UpdatedAt: now})
	if err != nil {
		t.Fatal(err)
	}
}

// linkOther links an identity of another provider.
func (f *fixture) linkOther(t *testing.T, as context.Context) { //nolint:revive // the test comes first
	t.Helper()
	first := f.op
	defer func() { f.op = first }()
	f.op = providertest.New(t, func(b *providertest.Behavior) { b.Now = f.Clock.Now })
	f.configure(t, first.Settings("first"), f.op.Settings("example"))
	if _, err := f.link(as, f.answered(t)); err != nil {
		t.Fatal(err)
	}
}

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

// TestUnverified lets somebody prepare an account with the address of another person, and link an identity of theirs to it. Once
// the owner of the address comes, the identity signs in no more.
func TestUnverified(t *testing.T) {
	t.Parallel()
	untrusted := func(s *provider.Settings) { s.TrustEmail = false }
	for name, claim := range map[string]func(t *testing.T, f *fixture){
		"loginWithCode": func(t *testing.T, f *fixture) {
			if _, err := f.Domain.Recovery.RequestLoginCode(t.Context(), recovery.RequestLoginCodeInput{Email: "ada@example.com"}); err != nil {
				t.Fatal(err)
			}
			m := f.NewMail(t, "login-code", "ada@example.com")
			if _, err := f.Domain.Recovery.LoginWithCode(t.Context(), recovery.LoginWithCodeInput{Code: &m.Code, Email: new("ada@example.com")}); err != nil {
				t.Fatal(err)
			}
		},
		"resetPassword": func(t *testing.T, f *fixture) {
			if _, err := f.Domain.Recovery.RequestPasswordReset(t.Context(), recovery.RequestPasswordResetInput{Identifier: "ada@example.com"}); err != nil {
				t.Fatal(err)
			}
			m := f.NewMail(t, "reset-password", "ada@example.com")
			in := recovery.ResetPasswordInput{Token: &m.Token, Password: password.Plaintext("five large purple whales")}
			if _, err := f.Domain.Recovery.ResetPassword(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, options{settings: untrusted}, func(t *testing.T, f *fixture) {
				thief := f.signIn(t)
				claim(t, f)
				if f.user(t, thief.User).HasFactor(auth.CredentialIdentity) {
					t.Error("the identity is still linked")
				}
				if _, err := f.Domain.Access.Me(f.As(t, thief.AccessToken)); authtest.Code(err) != "UNAUTHENTICATED SESSION_ENDED" {
					t.Errorf("the session of the thief: %v", err)
				}
				if _, err := f.complete(t.Context(), f.answered(t)); authtest.Code(err) != "IDENTITY_NOT_LINKED" {
					t.Errorf("the identity of the thief: %v", err)
				}
			})
		})
	}
}

// together runs functions at the same time, and counts their results.
func together(attempts ...func() string) map[string]int {
	results := make([]string, len(attempts))
	var group sync.WaitGroup
	for i, attempt := range attempts {
		group.Go(func() { results[i] = attempt() })
	}
	group.Wait()
	counts := map[string]int{}
	for _, r := range results {
		counts[r]++
	}
	return counts
}

// TestRaces completes sign-ins and links identities many times at once.
func TestRaces(t *testing.T) {
	t.Parallel()
	eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
		const many = 20
		// The same code: the others find it used.
		fl := f.answered(t)
		var same, different, links []func() string
		for range many {
			same = append(same, func() string { _, err := f.complete(t.Context(), fl); return authtest.Code(err) })
		}
		if got := together(same...); got[""] != 1 {
			t.Errorf("one code, many times: %v", got)
		}
		if n := len(f.AllUsers(t)); n != 1 {
			t.Errorf("%d accounts, want 1", n)
		}
		// Several codes of one new identity: one account.
		f.change(func(u *providertest.User) { u.Subject, u.Email = "new", "new@example.com" })
		for range 5 {
			fl := f.answered(t)
			different = append(different, func() string { _, err := f.complete(t.Context(), fl); return authtest.Code(err) })
		}
		if got := together(different...); got[""] != 5 {
			t.Errorf("many codes of one identity: %v", got)
		}
		if n := len(f.AllUsers(t)); n != 2 {
			t.Errorf("%d accounts, want 2", n)
		}
		// One new identity, linked to several accounts: one has it.
		f.change(func(u *providertest.User) { u.Subject, u.Email = "third", "" })
		for _, name := range []string{"one", "two", "three", "four"} {
			f.account(t, name, "")
			as, fl := f.As(t, f.login(t, name).AccessToken), f.answered(t)
			links = append(links, func() string { _, err := f.link(as, fl); return authtest.Code(err) })
		}
		if got := together(links...); got[""] != 1 || got["BAD_USER_INPUT code=TAKEN"] != 3 {
			t.Errorf("one identity, many accounts: %v", got)
		}
		// One answer of the provider, many times.
		begun := f.begin(t)
		callback := f.op.Authorize(t, begun.url)
		var answers []func() string
		for range 5 {
			answers = append(answers, func() string {
				if _, err := f.receive(t, callback, begun.browser); err != nil {
					return "refused"
				}
				return ""
			})
		}
		if got := together(answers...); got[""] != 1 || got["refused"] != 4 {
			t.Errorf("one answer, many times: %v", got)
		}
	})
}

// TestIDToken signs in with ID tokens that a program got.
func TestIDToken(t *testing.T) {
	t.Parallel()
	const wrong = "BAD_USER_INPUT idToken=INCORRECT"
	eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
		login := func(id, token, nonce string) (*sessions.Tokens, string) {
			tokens, err := f.Domain.Identities.LoginWithIDToken(t.Context(), identities.LoginWithIDTokenInput{Provider: id, IDToken: token, Nonce: nonce})
			return tokens, authtest.Code(err)
		}
		token := f.op.IDToken(t, "nonce")
		for name, tt := range map[string]struct{ provider, token, nonce, want string }{
			"another nonce":    {"example", token, "other", wrong},
			"no nonce":         {"example", token, "", wrong},
			"no token":         {"example", "", "nonce", wrong},
			"another provider": {"none", token, "nonce", "BAD_USER_INPUT provider=NOT_FOUND"},
		} {
			if _, got := login(tt.provider, tt.token, tt.nonce); got != tt.want {
				t.Errorf("%s: %q, want %q", name, got, tt.want)
			}
		}
		first, got := login("example", token, "nonce")
		if got != "" {
			t.Fatalf("LoginWithIDToken: %q", got)
		}
		if _, got := login("example", token, "nonce"); got != wrong {
			t.Errorf("the same ID token again: %q, want %q", got, wrong)
		}
		if again := f.signIn(t); again.User.ID != first.User.ID {
			t.Error("the browser and the program have signed in to two accounts")
		}
		old := f.op.IDToken(t, "old")
		f.Clock.Advance(11 * time.Minute)
		if _, got := login("example", old, "old"); got != wrong {
			t.Errorf("an ID token that is 11 minutes old: %q, want %q", got, wrong)
		}
		f.op.Change(providertest.Status(providertest.Keys, 500))
		f.op.RotateKeys(t)
		if _, got := login("example", f.op.IDToken(t, "second"), "second"); got != "SERVICE_UNAVAILABLE after 5s" && got != wrong {
			t.Errorf("while the provider does not answer: %q", got)
		}
	})
}

// TestOthersIdentities asks for the identities of others.
func TestOthersIdentities(t *testing.T) {
	t.Parallel()
	eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
		u := f.signIn(t).User
		f.account(t, "eve", "")
		if _, err := f.Domain.Identities.Of(f.As(t, f.login(t, "eve").AccessToken), u); authtest.Code(err) != "FORBIDDEN" {
			t.Errorf("the identities of another user: %v", err)
		}
		root := f.account(t, "root", "")
		if err := f.Store.SetRoles(t.Context(), root.ID, auth.Roles, f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		as := f.As(t, f.login(t, "root").AccessToken)
		if list, err := f.Domain.Identities.Of(as, f.user(t, u)); err != nil || len(list) != 1 {
			t.Errorf("for an administrator: %+v, %v", list, err)
		}
		if _, err := f.Domain.Admin.ResetFactors(as, admin.ResetFactorsInput{UserID: u.ID}); err != nil {
			t.Fatal(err)
		}
		if !f.user(t, u).HasFactor(auth.CredentialIdentity) {
			t.Error("a reset of second factors has unlinked an identity")
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
