package identities_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"usher/internal/auth/authtest"
	"usher/internal/auth/identities"
	"usher/internal/provider"
	"usher/internal/provider/providertest"
)

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
