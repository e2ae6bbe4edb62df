package identities_test

import (
	"slices"
	"strings"
	"testing"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/provider"
	"usher/internal/provider/providertest"
)

// TestSignUp creates an account with an identity, and signs in to it again.
func TestSignUp(t *testing.T) {
	t.Parallel()
	eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
		first := f.signIn(t)
		u := f.user(t, first.User)
		if u.Email == nil || *u.Email != "ada@example.com" || u.EmailVerifiedAt == nil || u.Username != nil ||
			*u.FullName != "Ada Lovelace" || *u.Locale != "en-GB" || !slices.Equal(u.Roles, []auth.Role{auth.RoleUser}) {
			t.Errorf("the account is %+v", u)
		}
		if got := first.Session; !slices.Equal(got.AuthMethods(), []auth.AuthMethod{auth.AuthMethodProvider}) || got.Assurance() != auth.AAL1 {
			t.Errorf("the session has %v, %v", got.AuthMethods(), got.Assurance())
		}
		f.WantEvents(t, "SIGNUP by ada@example.com of ada@example.com in a session")

		// Nothing that changes at the provider changes the account, except who it is.
		f.change(func(u *providertest.User) { u.Email, u.Name, u.Locale = "new@example.com", "Ada King", "de" })
		second := f.signIn(t)
		if second.User.ID != first.User.ID || second.Session.ID == first.Session.ID {
			t.Error("the same identity is another user, or the same session")
		}
		again := f.user(t, first.User)
		if *again.Email != *u.Email || *again.FullName != *u.FullName || *again.Locale != *u.Locale {
			t.Errorf("the account has changed to %+v", again)
		}
		f.WantEvents(t, "LOGIN by ada@example.com of ada@example.com in a session")
		list, err := f.Domain.Identities.Of(f.As(t, second.AccessToken), again)
		if err != nil || len(list) != 1 {
			t.Fatalf("Of: %+v, %v", list, err)
		}
		got := list[0]
		if got.Issuer != f.op.Issuer() || got.Subject != "248289761001" || *got.Email != "new@example.com" || *got.Provider != (auth.Provider{ID: "example", Name: "Example example"}) ||
			got.LastUsedAt == nil {
			t.Errorf("the identity is %+v", got)
		}
		if factors, err := f.Domain.Factors.Of(f.As(t, second.AccessToken), again); err != nil || len(factors) != 0 {
			t.Errorf("an identity is a second factor: %v, %v", factors, err)
		}

		// Another subject with the same address is another person.
		f.change(func(u *providertest.User) { u.Subject, u.Email = "another", "ada@example.com" })
		if _, err := f.complete(t.Context(), f.answered(t)); authtest.Code(err) != "IDENTITY_NOT_LINKED" {
			t.Errorf("another subject with the address: %v", err)
		}
		f.change(func(u *providertest.User) { u.Email = "" })
		other := f.signIn(t)
		if other.User.ID == first.User.ID || other.User.Email != nil || !strings.HasPrefix(*other.User.Username, "user-") {
			t.Errorf("an identity without an address: %+v", other.User)
		}
	})
}

// TestLinkingRules signs in with an identity that nobody has linked, where an account has its address.
func TestLinkingRules(t *testing.T) {
	t.Parallel()
	trust := func(email, link bool) func(s *provider.Settings) {
		return func(s *provider.Settings) { s.TrustEmail, s.LinkByEmail = email, link }
	}
	const taken, created, linked = "IDENTITY_NOT_LINKED", "created", "linked"
	for name, tt := range map[string]struct {
		settings func(s *provider.Settings)
		signup   auth.SignupMode
		theirs   bool // the provider has verified the address
		account  func(t *testing.T, f *fixture)
		want     string
		verified bool // the address of the account that is signed in
	}{
		"no account":                           {trust(true, false), "", true, nil, created, true},
		"no account, not trusted":              {trust(false, false), "", true, nil, created, false},
		"no account, not verified there":       {trust(true, true), "", false, nil, created, false},
		"both verified, by a setting":          {trust(true, true), "", true, holder("verified"), linked, true},
		"both verified, without the setting":   {trust(true, false), "", true, holder("verified"), taken, false},
		"verified here only":                   {trust(true, true), "", false, holder("verified"), taken, false},
		"verified there only":                  {trust(true, true), "", true, holder(""), created, true},
		"verified there only, not trusted":     {trust(false, false), "", true, holder(""), taken, false},
		"not verified at all":                  {trust(true, true), "", false, holder(""), taken, false},
		"of an account with a second factor":   {trust(true, true), "", true, holder("verified factor"), taken, false},
		"of an administrator":                  {trust(true, true), "", true, holder("verified admin"), taken, false},
		"of a disabled account":                {trust(true, true), "", true, holder("verified disabled"), taken, false},
		"closed":                               {trust(true, true), auth.SignupClosed, true, nil, "SIGNUP_CLOSED", false},
		"closed, of an account":                {trust(true, true), auth.SignupClosed, true, holder("verified"), linked, true},
		"closed, not verified there":           {trust(true, true), auth.SignupClosed, false, holder("verified"), "SIGNUP_CLOSED", false},
		"by invitation":                        {trust(true, true), auth.SignupInvite, true, nil, "INVITATION_REQUIRED", false},
		"with a confirmed address":             {trust(true, false), auth.SignupVerified, true, nil, created, true},
		"without a confirmed address":          {trust(true, false), auth.SignupVerified, false, nil, "EMAIL_CONFIRMATION_REQUIRED", false},
		"without a trusted address":            {trust(false, false), auth.SignupVerified, true, nil, "EMAIL_CONFIRMATION_REQUIRED", false},
		"without a trusted address, taken":     {trust(false, false), auth.SignupVerified, true, holder("verified"), "EMAIL_CONFIRMATION_REQUIRED", false},
		"the provider lets nobody sign up":     {func(s *provider.Settings) { s.TrustEmail, s.Signup = true, new(false) }, "", true, nil, "SIGNUP_CLOSED", false},
		"the provider lets nobody sign up, of": {func(s *provider.Settings) { s.TrustEmail, s.Signup = true, new(false) }, "", true, holder("verified"), taken, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, options{domain.Options{Signup: tt.signup}, tt.settings}, func(t *testing.T, f *fixture) {
				f.change(func(u *providertest.User) { u.EmailVerified = tt.theirs })
				if tt.account != nil {
					tt.account(t, f)
				}
				before := f.AllUsers(t)
				f.NewEvents(t)
				f.NewMails(t)
				fl := f.answered(t)
				tokens, err := f.complete(t.Context(), fl)
				if err != nil {
					if got := authtest.Code(err); got != tt.want {
						t.Errorf("%q, want %q", got, tt.want)
					}
					if after := f.AllUsers(t); len(after) != len(before) {
						t.Error("a sign-in that failed has created an account")
					}
					f.WantEvents(t)
					return
				}
				if tt.want != linked && tt.want != created {
					t.Fatalf("signed in, want %q", tt.want)
				}
				u := f.user(t, tokens.User)
				if got := len(f.AllUsers(t)) == len(before); got != (tt.want == linked) {
					t.Errorf("linked: %t, want %q", got, tt.want)
				}
				if u.Email == nil || *u.Email != "ada@example.com" || u.HasVerifiedEmail() != tt.verified {
					t.Errorf("the account is %+v, want its address verified: %t", u, tt.verified)
				}
				mails := f.NewMails(t)
				if tt.want == linked {
					f.WantEvents(t, "IDENTITY_LINKED by ada of ada in a session", "LOGIN by ada of ada in a session")
					if len(mails) != 1 || mails[0].Template != "identity-linked" {
						t.Errorf("mails %v", mails)
					}
				} else if len(mails) != 0 {
					t.Errorf("mails %v", mails)
				}
			})
		})
	}
}

// holder creates an account with the address of the identity.
func holder(state string) func(t *testing.T, f *fixture) {
	return func(t *testing.T, f *fixture) {
		t.Helper()
		options := f.options
		f.options.Signup = ""
		d := f.Domain
		f.Domain = f.NewDomain(t, domain.Options{})
		u := f.account(t, "ada", "ada@example.com")
		f.Domain, f.options = d, options
		for word := range strings.FieldsSeq(state) {
			switch word {
			case "verified":
				f.verify(t, u)
			case "factor":
				f.addFactor(t, u, auth.CredentialTOTP)
			case "admin":
				if err := f.Store.SetRoles(t.Context(), u.ID, auth.Roles, f.Clock.Now()); err != nil {
					t.Fatal(err)
				}
			case "disabled":
				if err := f.Store.SetDisabled(t.Context(), u.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestUnusable signs in with identities that are larger than usual, or whose address no account can have.
func TestUnusable(t *testing.T) {
	t.Parallel()
	eachDatabase(t, options{domain.Options{Signup: auth.SignupVerified}, nil}, func(t *testing.T, f *fixture) {
		f.change(func(u *providertest.User) { u.Email = "root@localhost" })
		if _, err := f.complete(t.Context(), f.answered(t)); authtest.Code(err) != "EMAIL_CONFIRMATION_REQUIRED" {
			t.Errorf("an address without a domain: %v", err)
		}
		f.change(func(u *providertest.User) {
			u.Subject, u.Name = strings.Repeat("<", 255), strings.Repeat("&\"", 100)
			u.Email = strings.Repeat("a", 60) + "@" + strings.Repeat(strings.Repeat("b", 60)+".", 3) + "example"
		})
		if _, err := f.complete(t.Context(), f.answered(t)); err != nil {
			t.Errorf("a large identity: %v", err)
		}
	})
}
