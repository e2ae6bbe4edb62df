package identities_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/auth/identities"
	"usher/internal/auth/sessions"
	"usher/internal/provider"
	"usher/internal/provider/providertest"
	"usher/internal/store"
	"usher/internal/storetest"
)

// fixture is the domain on a real database, with a provider.
type fixture struct {
	*authtest.Fixture
	op      *providertest.Server
	options domain.Options
}

// options changes what a test needs of the settings.
type options struct {
	domain   domain.Options
	settings func(s *provider.Settings)
}

func eachDatabase(t *testing.T, o options, test func(t *testing.T, f *fixture)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := &fixture{Fixture: authtest.New(t, s), op: providertest.New(t), options: o.domain}
		f.op.Change(func(b *providertest.Behavior) { b.Now = f.Clock.Now })
		settings := f.op.Settings("example")
		if o.settings != nil {
			o.settings(&settings)
		}
		f.configure(t, settings)
		test(t, f)
	})
}

// configure starts the domain with providers.
func (f *fixture) configure(t *testing.T, settings ...provider.Settings) {
	t.Helper()
	set, err := provider.New(settings, provider.Options{Redirect: authtest.ProviderCallback, Now: f.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	o := f.options
	o.Providers, o.ProviderRedirects.URLs = set, []string{authtest.ProviderPage, "http://127.0.0.1/done"}
	f.Domain = f.NewDomain(t, o)
}

// change changes the user at the provider.
func (f *fixture) change(change func(u *providertest.User)) {
	f.op.Change(func(b *providertest.Behavior) { change(&b.User) })
}

// flow is a sign-in at a provider in one browser.
type flow struct {
	url     string
	browser string
	code    string // empty before the provider has answered
}

func (f *fixture) by(fl *flow) identities.Continuer { return identities.Continuer{Browser: fl.browser} }

func (f *fixture) begin(t *testing.T) *flow {
	t.Helper()
	r, err := f.Domain.Identities.BeginProviderLogin(t.Context(), identities.ProviderLogin{Provider: "example", RedirectTo: authtest.ProviderPage})
	if err != nil {
		t.Fatal(err)
	}
	return &flow{url: r.URL, browser: r.Browser}
}

// receive takes the answer of the provider to a callback URL.
func (f *fixture) receive(t *testing.T, callback, browser string) (*identities.Outcome, error) {
	t.Helper()
	state, response := providertest.Response(t, callback)
	u, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	return f.Domain.Identities.ReceiveAnswer(t.Context(), identities.ProviderAnswer{
		Provider: u.Path[strings.LastIndexByte(u.Path, '/')+1:], State: state, Response: response, Error: u.Query().Get("error"), Browser: browser,
	})
}

// answered signs the user in at the provider, up to the code.
func (f *fixture) answered(t *testing.T) *flow {
	t.Helper()
	fl := f.begin(t)
	outcome, err := f.receive(t, f.op.Authorize(t, fl.url), fl.browser)
	if err != nil || outcome.Err != nil || outcome.RedirectTo != authtest.ProviderPage {
		t.Fatalf("ReceiveAnswer: %+v, %v", outcome, err)
	}
	fl.code = outcome.Code
	return fl
}

func (f *fixture) complete(ctx context.Context, fl *flow) (*sessions.Tokens, error) {
	return f.Domain.Identities.CompleteProviderLogin(ctx, identities.CompleteProviderLoginInput{Code: fl.code, By: f.by(fl)})
}

// signIn signs the user in at the provider and here.
func (f *fixture) signIn(t *testing.T) *sessions.Tokens {
	t.Helper()
	tokens, err := f.complete(t.Context(), f.answered(t))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// account creates an account with a password.
func (f *fixture) account(t *testing.T, name, email string) *auth.User {
	t.Helper()
	in := accounts.Input{Username: &name, Password: authtest.Password}
	if email != "" {
		in.Email = &email
	}
	tokens, err := f.Domain.Accounts.Signup(t.Context(), accounts.SignupInput{Input: in})
	if err != nil {
		t.Fatal(err)
	}
	return tokens.User
}

func (f *fixture) verify(t *testing.T, u *auth.User) {
	t.Helper()
	err := f.Store.SetEmail(t.Context(), u.ID, auth.Email{Address: u.Email, Key: u.Email, VerifiedAt: new(f.Clock.Now())}, f.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) user(t *testing.T, u *auth.User) *auth.User {
	t.Helper()
	found, err := f.Store.User(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

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

// addFactor gives a user a factor past the domain.
func (f *fixture) addFactor(t *testing.T, u *auth.User, kind auth.CredentialKind) {
	t.Helper()
	id := u.ID
	id[3] ^= 0x40
	now := f.Clock.Now()
	err := f.Store.AddFactors(t.Context(), u.ID, []auth.Factor{{ID: id, UserID: u.ID, Kind: kind, Key: u.ID.String(), Secret: "x", CreatedAt: now, UpdatedAt: now}})
	if err != nil {
		t.Fatal(err)
	}
}

// TestBinding continues sign-ins in other browsers and programs than those that began them.
func TestBinding(t *testing.T) {
	t.Parallel()
	const other = "BAD_USER_INPUT code=INCORRECT"
	const verifier = "a-verifier-that-the-program-has-made-0123456789"
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
		stranger := f.begin(t)
		fl := f.answered(t)
		for name, by := range map[string]identities.Continuer{
			"nothing": {}, "another browser": {Browser: stranger.browser}, "a verifier": {Verifier: verifier}, "the code": {Browser: fl.code},
		} {
			_, err := f.Domain.Identities.CompleteProviderLogin(t.Context(), identities.CompleteProviderLoginInput{Code: fl.code, By: by})
			if got := authtest.Code(err); got != other {
				t.Errorf("with %s: %q, want %q", name, got, other)
			}
		}
		if _, err := f.complete(t.Context(), fl); err != nil {
			t.Errorf("in the browser that began: %v", err)
		}
		if _, err := f.complete(t.Context(), fl); authtest.Code(err) != "BAD_USER_INPUT code=EXPIRED" {
			t.Errorf("a code that was used: %v", err)
		}

		begin := func(in identities.ProviderLogin) string {
			in.Provider, in.RedirectTo = "example", authtest.ProviderPage
			_, err := f.Domain.Identities.BeginProviderLogin(t.Context(), in)
			return authtest.Code(err)
		}
		for _, bad := range []string{"", "x", challenge + "=", challenge[1:], strings.Repeat("é", 43)} {
			if got := begin(identities.ProviderLogin{Challenge: &bad}); got != "BAD_USER_INPUT codeChallenge=INVALID_FORMAT" {
				t.Errorf("the challenge %q: %q", bad, got)
			}
		}
		r, err := f.Domain.Identities.BeginProviderLogin(t.Context(), identities.ProviderLogin{
			Provider: "example", RedirectTo: "http://127.0.0.1:50000/done", Challenge: &challenge,
		})
		if err != nil || r.Browser != "" {
			t.Fatalf("a program begins: %+v, %v", r, err)
		}
		outcome, err := f.receive(t, f.op.Authorize(t, r.URL), "")
		if err != nil || outcome.Err != nil || outcome.RedirectTo != "http://127.0.0.1:50000/done" {
			t.Fatalf("the browser of a program: %+v, %v", outcome, err)
		}
		for name, by := range map[string]identities.Continuer{
			"nothing": {}, "a browser": {Browser: fl.browser}, "another verifier": {Verifier: "other"}, "the challenge": {Verifier: challenge},
		} {
			_, err := f.Domain.Identities.CompleteProviderLogin(t.Context(), identities.CompleteProviderLoginInput{Code: outcome.Code, By: by})
			if got := authtest.Code(err); got != other {
				t.Errorf("with %s instead of the verifier: %q, want %q", name, got, other)
			}
		}
		_, err = f.Domain.Identities.CompleteProviderLogin(t.Context(), identities.CompleteProviderLoginInput{
			Code: outcome.Code, By: identities.Continuer{Verifier: verifier},
		})
		if err != nil {
			t.Errorf("with the verifier: %v", err)
		}

		// Whoever knows no verifier has the empty one.
		for _, short := range []string{"", "short", strings.Repeat("x", 129), strings.Repeat("é", 43)} {
			sum := sha256.Sum256([]byte(short))
			challenge := base64.RawURLEncoding.EncodeToString(sum[:])
			r, err := f.Domain.Identities.BeginProviderLogin(t.Context(), identities.ProviderLogin{
				Provider: "example", RedirectTo: authtest.ProviderPage, Challenge: &challenge,
			})
			if err != nil {
				t.Fatal(err)
			}
			outcome, err := f.receive(t, f.op.Authorize(t, r.URL), "")
			if err != nil || outcome.Err != nil {
				t.Fatalf("%+v, %v", outcome, err)
			}
			_, err = f.Domain.Identities.CompleteProviderLogin(t.Context(), identities.CompleteProviderLoginInput{
				Code: outcome.Code, By: identities.Continuer{Verifier: short},
			})
			if got := authtest.Code(err); got != other {
				t.Errorf("with a verifier of %d bytes: %q, want %q", len(short), got, other)
			}
		}
	})
}

// TestAnswers has browsers bring back answers that nobody waits for, or that are not proof.
func TestAnswers(t *testing.T) {
	t.Parallel()
	eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
		second := providertest.New(t)
		f.configure(t, f.op.Settings("example"), second.Settings("other"))
		refused := func(name, callback, browser string) {
			t.Helper()
			if outcome, err := f.receive(t, callback, browser); !errors.Is(err, identities.ErrNoRequest) {
				t.Errorf("%s: %+v, %v", name, outcome, err)
			}
		}
		fl := f.begin(t)
		callback := f.op.Authorize(t, fl.url)
		refused("without a cookie", callback, "")
		refused("in another browser", callback, f.begin(t).browser)
		refused("at another provider", strings.Replace(callback, "/example?", "/other?", 1), fl.browser)
		refused("with another state", strings.Replace(callback, "state=", "state=x", 1), fl.browser)
		if outcome, err := f.receive(t, callback, fl.browser); err != nil || outcome.Err != nil {
			t.Errorf("the right one: %+v, %v", outcome, err)
		}
		refused("again", callback, fl.browser)

		late := f.begin(t)
		lateCallback := f.op.Authorize(t, late.url)
		f.Clock.Advance(16 * 60e9)
		refused("after 15 minutes", lateCallback, late.browser)

		for name, tt := range map[string]struct {
			callback func(fl *flow) string
			want     error
		}{
			"refused by the user": {func(fl *flow) string { return f.op.Deny(t, fl.url) }, identities.ErrDenied},
			"unavailable": {func(fl *flow) string {
				return strings.Replace(f.op.Deny(t, fl.url), "access_denied", "temporarily_unavailable", 1)
			}, provider.ErrUnavailable},
			"wrong settings": {func(fl *flow) string {
				return strings.Replace(f.op.Deny(t, fl.url), "access_denied", "unauthorized_client", 1)
			}, provider.ErrRefused},
			"another code": {func(fl *flow) string { return strings.Replace(f.op.Authorize(t, fl.url), "code=", "code=x", 1) }, provider.ErrRefused},
		} {
			fl := f.begin(t)
			outcome, err := f.receive(t, tt.callback(fl), fl.browser)
			if err != nil || !errors.Is(outcome.Err, tt.want) || outcome.Code != "" {
				t.Errorf("%s: %+v, %v, want %v", name, outcome, err, tt.want)
			}
		}

		// The code of one sign-in in the answer of another (RFC 9700 §4.5).
		mine, theirs := f.begin(t), f.begin(t)
		swapped := strings.Replace(f.op.Authorize(t, mine.url), "code=", "ignored=", 1) + "&code=" + query(t, f.op.Authorize(t, theirs.url), "code")
		if outcome, err := f.receive(t, swapped, mine.browser); err != nil || !errors.Is(outcome.Err, provider.ErrRefused) {
			t.Errorf("a swapped code: %+v, %v", outcome, err)
		}

		// A state that this server has not made costs no statement.
		f.Store.Before("InTx", func(context.Context) error { t.Error("a transaction for an unknown state"); return nil })
		refused("with a state of somebody else", "https://auth.example.com/auth/callback/example?code=1&state="+strings.Repeat("x", 86), fl.browser)
		f.Store.Before("InTx", nil)

		// The provider of the name is another one when the browser comes back.
		changed := f.begin(t)
		changedCallback := f.op.Authorize(t, changed.url)
		f.configure(t, second.Settings("example"))
		refused("of a provider that was replaced", changedCallback, changed.browser)
	})
}

func query(t *testing.T, raw, name string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get(name)
}

// TestReplacedProvider replaces a provider by another one with its name. The accounts of the first are not those of the second.
func TestReplacedProvider(t *testing.T) {
	t.Parallel()
	eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
		first := f.signIn(t)
		second := providertest.New(t, func(b *providertest.Behavior) {
			b.Now = f.Clock.Now
			b.User.Subject, b.User.Email = "248289761001", "eve@example.com"
		})
		before := f.op
		f.op = second
		f.configure(t, second.Settings("example"))
		other := f.signIn(t)
		if other.User.ID == first.User.ID {
			t.Fatal("the same subject of another issuer is the same user")
		}
		list, err := f.Domain.Identities.Of(f.As(t, first.AccessToken), f.user(t, first.User))
		if err != nil || len(list) != 1 || list[0].Provider != nil {
			t.Errorf("the identity of the first provider: %+v, %v", list, err)
		}
		f.op = before
		f.configure(t, before.Settings("renamed"), second.Settings("example"))
		list, err = f.Domain.Identities.Of(f.As(t, first.AccessToken), f.user(t, first.User))
		if err != nil || len(list) != 1 || list[0].Provider == nil || list[0].Provider.ID != "renamed" {
			t.Errorf("the identity of the provider with another name: %+v, %v", list, err)
		}
	})
}

// TestBegin begins sign-ins that cannot begin.
func TestBegin(t *testing.T) {
	t.Parallel()
	eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
		for name, tt := range map[string]struct {
			in     identities.ProviderLogin
			before func()
			want   string
		}{
			"unknown provider": {identities.ProviderLogin{Provider: "none", RedirectTo: authtest.ProviderPage}, nil, "BAD_USER_INPUT provider=NOT_FOUND"},
			"no provider":      {identities.ProviderLogin{RedirectTo: authtest.ProviderPage}, nil, "BAD_USER_INPUT provider=NOT_FOUND"},
			"foreign page": {
				identities.ProviderLogin{Provider: "example", RedirectTo: "https://evil.example.com/"}, nil, "BAD_USER_INPUT redirectTo=INVALID_FORMAT",
			},
			"longer page": {
				identities.ProviderLogin{Provider: "example", RedirectTo: authtest.ProviderPage + "/x"}, nil, "BAD_USER_INPUT redirectTo=INVALID_FORMAT",
			},
			"the provider is down": {identities.ProviderLogin{Provider: "example", RedirectTo: authtest.ProviderPage}, func() {
				f.op.Change(providertest.Status(providertest.Discovery, 500))
			}, "SERVICE_UNAVAILABLE after 5s"},
		} {
			if tt.before != nil {
				tt.before()
			}
			_, err := f.Domain.Identities.BeginProviderLogin(t.Context(), tt.in)
			if got := authtest.Code(err); got != tt.want {
				t.Errorf("%s: %q, want %q", name, got, tt.want)
			}
			f.op.Change(providertest.Answer(providertest.Discovery, nil))
		}
	})
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
