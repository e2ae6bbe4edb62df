package identities_test

import (
	"context"
	"net/url"
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
