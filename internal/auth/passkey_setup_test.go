package auth_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/auth/factors"
)

// TestPasskeySetupRefused confirms set-ups that are not valid, and passkeys that exist.
func TestPasskeySetupRefused(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada, eve := f.As(t, f.signup(t, "ada").AccessToken), f.As(t, f.signup(t, "eve").AccessToken)
		begin := func() *auth.PasskeyRequest {
			t.Helper()
			r, err := f.Domain.Factors.BeginPasskeySetup(ada)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		confirm := func(what, want string, r auth.PasskeyResponse, name *string) {
			t.Helper()
			_, err := f.Domain.Factors.ConfirmPasskeySetup(ada, factors.ConfirmPasskeySetupInput{Passkey: r, Name: name})
			if got := authtest.Code(err); got != want {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		a := newAuthenticator()
		late := a.Create(t, begin())
		f.Clock.Advance(5 * time.Minute)
		confirm("a late answer", expired, late, nil)
		r := begin()
		_, err := f.Domain.Factors.ConfirmPasskeySetup(eve, factors.ConfirmPasskeySetupInput{Passkey: a.Create(t, r)})
		if got := authtest.Code(err); got != expired {
			t.Errorf("the set-up of another user: %q", got)
		}
		confirm("an answer to another set-up", "BAD_USER_INPUT passkey=INCORRECT", auth.PasskeyResponse{Challenge: r.Challenge, Response: late.Response}, nil)
		confirm("garbage", "BAD_USER_INPUT passkey=INVALID_FORMAT", auth.PasskeyResponse{Challenge: r.Challenge}, nil)
		presence := newAuthenticator()
		presence.Options.UserNotVerified = true
		confirm("without verification of the user", "BAD_USER_INPUT passkey=INCORRECT", presence.Create(t, r), nil)
		for name, want := range map[string]string{" ": "REQUIRED", strings.Repeat("é", 101): "TOO_LONG", "a\nb": "INVALID_FORMAT"} {
			confirm("the name "+name, "BAD_USER_INPUT name="+want, a.Create(t, r), &name)
		}
		right := a.Create(t, r)
		confirm("the right answer", "", right, new(" "+strings.Repeat("é", 100)+" "))
		confirm("it again", expired, right, nil)
		confirm("the same passkey again", "BAD_USER_INPUT passkey=TAKEN", a.Create(t, begin()), nil)

		b := newAuthenticator()
		f.setUp(t, eve, b)
		confirm("a passkey of another account", "BAD_USER_INPUT passkey=TAKEN", b.Create(t, begin()), nil)

		open := begin()
		for range 19 {
			f.setUp(t, ada, newAuthenticator())
		}
		_, err = f.Domain.Factors.BeginPasskeySetup(ada)
		if got := authtest.Code(err); got != "BAD_USER_INPUT passkey=TOO_MANY" {
			t.Errorf("begin the 21st passkey: %q", got)
		}
		confirm("the 21st passkey", "BAD_USER_INPUT passkey=TOO_MANY", newAuthenticator().Create(t, open), nil)
	})
}

// TestPasskeyRenamedAndRemoved renames passkeys and removes them. Sessions no longer count a removed one.
func TestPasskeyRenamedAndRemoved(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		as, eve := f.As(t, ada.AccessToken), f.As(t, f.signup(t, "eve").AccessToken)
		a, b := newAuthenticator(), newAuthenticator()
		first, second := f.setUp(t, as, a).Factor.ID, f.setUp(t, as, b).Factor.ID
		f.NewEvents(t)

		renamed, err := f.Domain.Factors.RenamePasskey(as, factors.RenamePasskeyInput{ID: first, Name: " Key é "})
		if err != nil || *renamed.Factor.Name != "Key é" || renamed.Factor.ID != first {
			t.Errorf("RenamePasskey: %+v, %v", renamed, err)
		}
		listed, err := f.Domain.Factors.Of(as, renamed.User)
		if err != nil || *listed[0].Name != "Key é" || *listed[1].Name != "Passkey" {
			t.Errorf("the factors: %+v, %v", listed, err)
		}
		ids := func(f factors.Factor) [2]string {
			if f.CredentialID == nil || f.UserHandle == nil {
				return [2]string{}
			}
			return [2]string{*f.CredentialID, *f.UserHandle}
		}
		encode := base64.RawURLEncoding.EncodeToString
		for i, want := range [][2]string{
			{encode(a.Credential.ID), encode(a.Options.UserHandle)}, {encode(b.Credential.ID), encode(a.Options.UserHandle)}, {},
		} {
			if got := ids(listed[i]); got != want {
				t.Errorf("browsers know factor %d as %q, want %q", i, got, want)
			}
		}
		rename := func(what string, want string, in factors.RenamePasskeyInput) {
			t.Helper()
			if _, err := f.Domain.Factors.RenamePasskey(as, in); authtest.Code(err) != want {
				t.Errorf("rename %s: %v, want %s", what, err, want)
			}
		}
		rename("to nothing", "BAD_USER_INPUT name=REQUIRED", factors.RenamePasskeyInput{ID: first})
		rename("to a long name", "BAD_USER_INPUT name=TOO_LONG", factors.RenamePasskeyInput{ID: first, Name: strings.Repeat("x", 101)})
		rename("recovery codes", "BAD_USER_INPUT id=NOT_FOUND", factors.RenamePasskeyInput{ID: listed[2].ID, Name: "x"})
		for what, do := range map[string]func() error{
			"rename": func() error {
				_, err := f.Domain.Factors.RenamePasskey(eve, factors.RenamePasskeyInput{ID: first, Name: "x"})
				return err
			},
			"remove": func() error {
				_, err := f.Domain.Factors.RemovePasskey(eve, factors.RemovePasskeyInput{ID: first})
				return err
			},
		} {
			if got := authtest.Code(do()); got != "BAD_USER_INPUT id=NOT_FOUND" {
				t.Errorf("%s a passkey of another user: %q", what, got)
			}
		}
		f.WantEvents(t)

		with, code := f.loginWithPasskey(t, f.answer(t, a))
		if code != "" {
			t.Fatal(code)
		}
		other, code := f.loginWithPasskey(t, f.answer(t, b))
		if code != "" {
			t.Fatal(code)
		}
		answered := f.answer(t, a)
		f.NewEvents(t)
		f.Clock.Advance(time.Minute)
		removed, err := f.Domain.Factors.RemovePasskey(as, factors.RemovePasskeyInput{ID: first})
		if err != nil || !removed.User.HasSecondFactor() {
			t.Fatalf("RemovePasskey: %+v, %v", removed, err)
		}
		f.WantEvents(t, "FACTOR_REMOVED by ada of ada in a session")
		if _, code := f.loginWithPasskey(t, answered); code != wrong+" unknown passkey" {
			t.Errorf("the removed passkey: %q", code)
		}
		for p, want := range map[*signin.AuthPayload]auth.Assurance{with: auth.AAL1, other: auth.AAL2} {
			v, err := f.Viewer(f.As(t, p.AccessToken))
			if err != nil || v.Session.Assurance() != want || v.Assurance(auth.AAL2, p.Session.AuthTime) != want {
				t.Errorf("a session has %v and %s, want %s (%v)", v.Session.Methods, v.Assurance(auth.AAL2, p.Session.AuthTime), want, err)
			}
		}

		if err := f.Store.DeletePassword(t.Context(), ada.User.ID); err != nil {
			t.Fatal(err)
		}
		_, err = f.Domain.Factors.RemovePasskey(as, factors.RemovePasskeyInput{ID: second})
		if got := authtest.Code(err); got != "BAD_USER_INPUT id=LAST_CREDENTIAL" {
			t.Errorf("remove the last way in: %q", got)
		}
		last := f.setUp(t, as, newAuthenticator()).Factor.ID
		if _, err := f.Domain.Factors.RemovePasskey(as, factors.RemovePasskeyInput{ID: second}); err != nil {
			t.Errorf("remove one of two: %v", err)
		}
		if err := f.Store.SetPassword(t.Context(), &auth.Credential{
			ID: uuid.New(), UserID: ada.User.ID, Kind: auth.CredentialPassword, Secret: "x", CreatedAt: f.Clock.Now(), UpdatedAt: f.Clock.Now(),
		}); err != nil {
			t.Fatal(err)
		}
		removed, err = f.Domain.Factors.RemovePasskey(as, factors.RemovePasskeyInput{ID: last})
		if err != nil || len(removed.User.Factors) != 0 {
			t.Errorf("with the last factor, the recovery codes go too: %+v, %v", removed, err)
		}
	})
}

// TestNoPasskeys asks a server without a domain for passkeys. Those from before can still be renamed and removed.
func TestNoPasskeys(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.As(t, f.signup(t, "ada").AccessToken)
		a := newAuthenticator()
		id := f.setUp(t, ada, a).Factor.ID
		r := f.answer(t, a)
		d := f.NewDomain(t, domain.Options{Passkeys: authtest.NoPasskeys})
		without := partsOf(d)
		const want = "BAD_USER_INPUT passkey=INVALID_FORMAT"
		_, begin := without.BeginPasskeyLogin(t.Context())
		_, login := without.LoginWithPasskey(t.Context(), signin.LoginWithPasskeyInput{Passkey: r})
		_, confirm := without.Reauthenticate(ada, signin.ReauthenticateInput{Passkey: &r})
		_, beginSetup := d.Factors.BeginPasskeySetup(ada)
		_, setup := d.Factors.ConfirmPasskeySetup(ada, factors.ConfirmPasskeySetupInput{Passkey: r})
		for i, err := range []error{begin, login, confirm, beginSetup, setup} {
			if got := authtest.Code(err); got != want {
				t.Errorf("verb %d: %q, want %q", i, got, want)
			}
		}
		if _, err := d.Factors.RenamePasskey(ada, factors.RenamePasskeyInput{ID: id, Name: "Old"}); err != nil {
			t.Errorf("RenamePasskey: %v", err)
		}
		if _, err := d.Factors.RemovePasskey(ada, factors.RemovePasskeyInput{ID: id}); err != nil {
			t.Errorf("RemovePasskey: %v", err)
		}
	})
}
