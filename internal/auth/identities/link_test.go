package identities_test

import (
	"context"
	"testing"

	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
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
