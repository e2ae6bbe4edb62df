package auth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/auth/operator"
	"usher/internal/auth/sessions"
	"usher/internal/claims"
	"usher/internal/password"
)

// signupWithEmail signs a user up with the address name@example.com.
func (f *fixture) signupWithEmail(t *testing.T, name string) *signin.AuthPayload {
	t.Helper()
	p, err := f.Signup(device(t.Context()), signin.SignupInput{
		Username: &name, Email: new(name + "@example.com"), Password: authtest.Password,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAuthorizeVerified checks guards that require a verified address. It says after which other codes theirs comes.
func TestAuthorizeVerified(t *testing.T) {
	t.Parallel()
	user, admin := []auth.Role{auth.RoleUser}, []auth.Role{auth.RoleAdmin}
	own := func(u *auth.User) any { return u }
	other := func(*auth.User) any { return &auth.User{ID: uuid.UUID{15: 9}} }
	tests := map[string]struct {
		rule                 auth.Rule
		object               func(u *auth.User) any
		stale                bool
		unverified, verified string
	}{
		"session":              {rule: auth.Rule{Requires: user}, unverified: "EMAIL_NOT_VERIFIED"},
		"token":                {rule: auth.Rule{Requires: user, Check: auth.CheckToken}, unverified: "EMAIL_NOT_VERIFIED"},
		"owner":                {rule: auth.Rule{Requires: admin, OrOwner: true}, object: own, unverified: "EMAIL_NOT_VERIFIED"},
		"owner by token":       {rule: auth.Rule{OrOwner: true, Check: auth.CheckToken}, object: own, unverified: "EMAIL_NOT_VERIFIED"},
		"not the owner":        {rule: auth.Rule{Requires: admin, OrOwner: true}, object: other, unverified: "FORBIDDEN", verified: "FORBIDDEN"},
		"wrong role":           {rule: auth.Rule{Requires: admin}, unverified: "FORBIDDEN", verified: "FORBIDDEN"},
		"wrong role by token":  {rule: auth.Rule{Requires: admin, Check: auth.CheckToken}, unverified: "FORBIDDEN", verified: "FORBIDDEN"},
		"missing permission":   {rule: auth.Rule{Requires: user, Permissions: readAudit}, unverified: "FORBIDDEN", verified: "FORBIDDEN"},
		"long ago":             {rule: auth.Rule{Requires: user, MaxAge: 1}, stale: true, unverified: "EMAIL_NOT_VERIFIED", verified: "STEP_UP_REQUIRED"},
		"wrong role, long ago": {rule: auth.Rule{Requires: admin, MaxAge: 1}, stale: true, unverified: "FORBIDDEN", verified: "FORBIDDEN"},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.parts = f.newParts(t, domain.Options{VerifiedEmail: auth.VerifiedEmail{Claim: true}})
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				p := f.signupWithEmail(t, "u"+uniqueName(name))
				tt.rule.Verified = true
				var object any
				if tt.object != nil {
					object = tt.object(p.User)
				}
				expect := func(when, token, want string) {
					t.Helper()
					if tt.stale {
						f.Clock.Advance(5e9)
					}
					if got := authtest.Code(f.Authorize(f.As(t, token), &tt.rule, object)); got != want {
						t.Errorf("%s: %q, want %q", when, got, want)
					}
				}
				expect("unverified", p.AccessToken, tt.unverified)
				if changed, err := f.operatorService.VerifyEmail(t.Context(), p.User.ID); err != nil || !changed {
					t.Fatal(changed, err)
				}
				if tt.rule.Check == auth.CheckToken {
					expect("verified, with the old token", p.AccessToken, tt.unverified)
				} else {
					expect("verified, with the old token", p.AccessToken, tt.verified)
				}
				renewed, err := f.Refresh(t.Context(), signin.RefreshInput{RefreshToken: p.RefreshToken})
				if err != nil {
					t.Fatal(err)
				}
				expect("verified, with a new token", renewed.AccessToken, tt.verified)
				if anonymous := authtest.Code(f.Authorize(t.Context(), &tt.rule, object)); anonymous != "UNAUTHENTICATED NO_TOKEN" {
					t.Errorf("signed out: %q", anonymous)
				}
			})
		}
	})
}

// TestAuthorizeAfterChange changes a verified address to one that is not. A guard that checks the session sees it at once.
// One that checks the token sees it with the next token.
func TestAuthorizeAfterChange(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.parts = f.newParts(t, domain.Options{VerifiedEmail: auth.VerifiedEmail{Claim: true}})
		p := f.signupWithEmail(t, "ada")
		if _, err := f.operatorService.VerifyEmail(t.Context(), p.User.ID); err != nil {
			t.Fatal(err)
		}
		old := f.login(t, "ada").AccessToken
		for name, e := range map[string]auth.Email{
			"another address": {Address: new("other@example.com"), Key: new("other@example.com")},
			"no address":      {VerifiedAt: new(f.Clock.Now())}, // no address is none that is verified
		} {
			if err := f.Store.SetEmail(t.Context(), p.User.ID, e, f.Clock.Now()); err != nil {
				t.Fatal(err)
			}
			for token, want := range map[string][2]string{
				old:                           {"EMAIL_NOT_VERIFIED", ""},
				f.login(t, "ada").AccessToken: {"EMAIL_NOT_VERIFIED", "EMAIL_NOT_VERIFIED"},
			} {
				for i, check := range []auth.Check{auth.CheckSession, auth.CheckToken} {
					rule := &auth.Rule{Requires: []auth.Role{auth.RoleUser}, Check: check, Verified: true}
					if got := authtest.Code(f.Authorize(f.As(t, token), rule, nil)); got != want[i] {
						t.Errorf("%s, old token %t, by %s: %q, want %q", name, token == old, check, got, want[i])
					}
				}
			}
		}
	})
}

// TestVerifiedClaim checks which access tokens say that the address is verified.
func TestVerifiedClaim(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		var email claims.Mapping
		if err := email.UnmarshalText([]byte("email=email")); err != nil {
			t.Fatal(err)
		}
		service, _ := f.registerFor(t, "Books", new(api))
		f.signupWithEmail(t, "eve")
		ada := f.signupWithEmail(t, "ada")
		if _, err := f.operatorService.VerifyEmail(t.Context(), ada.User.ID); err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			options  domain.Options
			ada, eve any
		}{
			"not needed":     {domain.Options{}, nil, nil},
			"needed":         {domain.Options{VerifiedEmail: auth.VerifiedEmail{Claim: true}}, true, nil},
			"with the email": {domain.Options{Claims: email}, true, false},
			"both":           {domain.Options{Claims: email, VerifiedEmail: auth.VerifiedEmail{Claim: true}}, true, false},
		} {
			parts := f.newParts(t, tt.options)
			for user, want := range map[string]any{"ada": tt.ada, "eve": tt.eve} {
				p, err := parts.sessions.Login(t.Context(), sessions.LoginInput{Identifier: user, Password: authtest.Password, Resource: new(api)})
				if err != nil {
					t.Fatal(err)
				}
				var got jwt.MapClaims
				if _, _, err := jwt.NewParser().ParseUnverified(p.AccessToken, &got); err != nil {
					t.Fatal(err)
				}
				if got["email_verified"] != want {
					t.Errorf("%s, %s: the token says %v, want %v", name, user, got["email_verified"], want)
				}
				in, err := parts.Introspect(t.Context(), service, p.AccessToken)
				if err != nil || in == nil {
					t.Fatal(in, err)
				}
				var said any
				if text, ok := in.Custom["email_verified"]; ok {
					if err := json.Unmarshal(text, &said); err != nil {
						t.Fatal(err)
					}
				}
				if said != want {
					t.Errorf("%s, %s: introspection says %v, want %v", name, user, said, want)
				}
			}
		}
	})
}

// TestResourceUnverified asks for access tokens for another API on a server that requires verified addresses. A refusal
// uses nothing up, and does not count as a failed attempt.
func TestResourceUnverified(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.parts = f.newParts(t, domain.Options{VerifiedEmail: auth.VerifiedEmail{Required: true}})
		ada := f.signupWithEmail(t, "ada")
		f.NewEvents(t)
		login := func(p password.Plaintext, resource string) string {
			_, err := f.sessions.Login(t.Context(), sessions.LoginInput{Identifier: "ada", Password: p, Resource: &resource})
			return authtest.Code(err)
		}
		if got := login("wrong", api); got != "INVALID_CREDENTIALS" {
			t.Errorf("a stranger learns %q", got)
		}
		f.WantEvents(t, "LOGIN_FAILED of ada")
		for range 15 {
			if got := login(authtest.Password, api); got != "EMAIL_NOT_VERIFIED" {
				t.Fatalf("login: %q", got)
			}
		}
		if got := f.NewEvents(t); len(got) != 15 || got[0] != "LOGIN_FAILED of ada" {
			t.Errorf("events %q", got)
		}
		sessionsOf := func() int {
			list, err := f.Store.Sessions(t.Context(), ada.User.ID, f.Clock.Now(), f.Clock.Now().Add(-1e9), auth.Page[auth.SessionPosition]{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		if n := sessionsOf(); n != 1 {
			t.Errorf("%d sessions", n)
		}
		refresh := func(token *string, resource string) (*signin.AuthPayload, string) {
			p, err := f.Refresh(t.Context(), signin.RefreshInput{RefreshToken: token, Resource: &resource})
			return p, authtest.Code(err)
		}
		for range 3 {
			if _, got := refresh(ada.RefreshToken, api); got != "EMAIL_NOT_VERIFIED" {
				t.Errorf("refresh: %q", got)
			}
		}
		if _, got := refresh(ada.RefreshToken, "https://unknown.example.com"); got != "BAD_USER_INPUT resource=NOT_FOUND" {
			t.Errorf("unknown resource: %q", got)
		}
		f.WantEvents(t)
		// Usher's own API, by its name too.
		next, got := refresh(ada.RefreshToken, issuer)
		if got != "" {
			t.Fatalf("refresh for Usher: %q", got)
		}
		if got := login(authtest.Password, issuer); got != "" {
			t.Errorf("login for Usher: %q", got)
		}
		if changed, err := f.operatorService.VerifyEmail(t.Context(), ada.User.ID); err != nil || !changed {
			t.Fatal(changed, err)
		}
		if _, got := refresh(next.RefreshToken, api); got != "" {
			t.Errorf("refresh after the verification: %q", got)
		}
		if got := login(authtest.Password, api); got != "" {
			t.Errorf("login after the verification: %q", got)
		}

		// A used refresh token still ends the session.
		eve := f.signupWithEmail(t, "eve")
		one, _ := refresh(eve.RefreshToken, issuer)
		if _, got := refresh(one.RefreshToken, issuer); got != "" {
			t.Fatal(got)
		}
		if _, got := refresh(eve.RefreshToken, api); got != "UNAUTHENTICATED SESSION_ENDED" {
			t.Errorf("reuse: %q", got)
		}
	})
}

// TestOperatorVerifiesEmail verifies addresses as the operator.
func TestOperatorVerifiesEmail(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupWithEmail(t, "Ada")
		pending := auth.Email{Address: new("Ada@example.com"), Key: new("ada@example.com"), Pending: new("lovelace@example.com")}
		if err := f.Store.SetEmail(t.Context(), ada.User.ID, pending, f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		bob, err := f.CreateUser(t.Context(), accounts.Input{Username: new("bob"), Password: authtest.Password}, nil)
		if err != nil {
			t.Fatal(err)
		}
		f.NewEvents(t)
		f.Clock.Advance(1e9)
		at := f.Clock.Now()
		results := race(5, func(int) error {
			changed, err := f.operatorService.VerifyEmail(t.Context(), ada.User.ID)
			if err == nil && !changed {
				err = errors.New("verified already")
			}
			return err
		})
		if want := map[string]int{"": 1, "internal: verified already": 4}; !maps.Equal(want, results) {
			t.Errorf("five at once: %v, want %v", results, want)
		}
		f.WantEvents(t, "EMAIL_VERIFIED by the operator of Ada")
		f.Clock.Advance(1e9)
		if changed, err := f.operatorService.VerifyEmail(t.Context(), ada.User.ID); changed || err != nil {
			t.Errorf("again: %t, %v", changed, err)
		}
		got, err := f.Store.User(t.Context(), ada.User.ID)
		if err != nil {
			t.Fatal(err)
		}
		if said, want := fmt.Sprint(*got.Email, got.EmailVerifiedAt, *got.PendingEmail, got.UpdatedAt), fmt.Sprint("Ada@example.com", &at, "lovelace@example.com", at); said != want {
			t.Errorf("the account has %s, want %s", said, want)
		}
		if diff := gocmp.Diff("", f.tryLogin(t.Context(), "ADA@example.com", authtest.Password)); diff != "" {
			t.Errorf("sign-in with the address: %s", diff)
		}
		if me, err := f.Me(f.As(t, ada.AccessToken)); err != nil || !me.HasVerifiedEmail() {
			t.Errorf("the session is over: %v", err)
		}
		f.NewEvents(t)
		if changed, err := f.operatorService.VerifyEmail(t.Context(), bob.ID); changed || !errors.Is(err, operator.ErrNoEmail) {
			t.Errorf("without an address: %t, %v", changed, err)
		}
		if changed, err := f.operatorService.VerifyEmail(t.Context(), uuid.New()); changed || !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("nobody: %t, %v", changed, err)
		}
		f.WantEvents(t)
	})
}
