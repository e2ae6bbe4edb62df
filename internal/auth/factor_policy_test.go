package auth_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/auth/sessions"
	"usher/internal/password"
)

const factorGrace = 7 * 24 * time.Hour

func TestFactorPolicy(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	passed, ahead := now, now.Add(1)
	user, root := []auth.Role{auth.RoleUser}, []auth.Role{auth.RoleAdmin}
	app, codes := []auth.CredentialKind{auth.CredentialTOTP}, []auth.CredentialKind{auth.CredentialRecoveryCode}
	for name, tt := range map[string]struct {
		scope   auth.FactorScope
		grace   time.Duration
		user    auth.User
		starts  bool
		due     *time.Time
		overdue bool
	}{
		"none":                  {scope: auth.FactorNone, user: auth.User{Roles: root, FactorDueAt: &passed}},
		"unset":                 {user: auth.User{Roles: root, FactorDueAt: &passed}},
		"an unknown scope":      {scope: "SOME", user: auth.User{Roles: root, FactorDueAt: &passed}},
		"all, not started":      {scope: auth.FactorAll, grace: 1, user: auth.User{Roles: user}, starts: true},
		"all, without a grace":  {scope: auth.FactorAll, user: auth.User{Roles: user}, starts: true, due: &now, overdue: true},
		"all, in time":          {scope: auth.FactorAll, user: auth.User{Roles: user, FactorDueAt: &ahead}, due: &ahead},
		"all, too late":         {scope: auth.FactorAll, grace: 1, user: auth.User{Roles: user, FactorDueAt: &passed}, due: &passed, overdue: true},
		"all, with an app":      {scope: auth.FactorAll, user: auth.User{Roles: user, FactorDueAt: &passed, Factors: app}},
		"all, with codes":       {scope: auth.FactorAll, user: auth.User{Roles: user, FactorDueAt: &passed, Factors: codes}, due: &passed, overdue: true},
		"admin, of a user":      {scope: auth.FactorAdmin, user: auth.User{Roles: user, FactorDueAt: &passed}},
		"admin, of one":         {scope: auth.FactorAdmin, user: auth.User{Roles: root, FactorDueAt: &passed}, due: &passed, overdue: true},
		"admin, of a new one":   {scope: auth.FactorAdmin, grace: 1, user: auth.User{Roles: root}, starts: true},
		"admin, one with a key": {scope: auth.FactorAdmin, user: auth.User{Roles: root, Factors: []auth.CredentialKind{auth.CredentialPasskey}}},
	} {
		p := auth.FactorPolicy{Scope: tt.scope, Grace: tt.grace}
		starts := p.Starts(&tt.user, now)
		if (starts != nil) != tt.starts || starts != nil && !starts.Equal(now.Add(tt.grace)) {
			t.Errorf("%s: starts %v", name, starts)
		}
		if due := p.Due(&tt.user, now); (due == nil) != (tt.due == nil) || due != nil && !due.Equal(*tt.due) {
			t.Errorf("%s: due %v, want %v", name, due, tt.due)
		}
		if overdue := p.Overdue(&tt.user, now); overdue != tt.overdue {
			t.Errorf("%s: overdue %t", name, overdue)
		}
	}
}

// requireFactor makes the fixture's server require second factors.
func (f *fixture) requireFactor(t testing.TB, p auth.FactorPolicy) {
	t.Helper()
	f.Domain = f.NewDomain(t, domain.Options{SecondFactor: p})
	f.parts = partsOf(f.Domain)
}

// wantAccess fails the test unless rules with an assurance have these errors for the bearer of a token.
func (f *fixture) wantAccess(t *testing.T, when, bearer string, want map[auth.RequiredAssurance]string) {
	t.Helper()
	for _, level := range []auth.RequiredAssurance{"", auth.RequireAAL1, auth.RequireHighest, auth.RequireAAL2} {
		rule := &auth.Rule{Requires: []auth.Role{auth.RoleUser}, Check: auth.CheckSession, Assurance: level}
		if got := authtest.Code(f.Authorize(f.As(t, bearer), rule, nil)); got != want[level] {
			t.Errorf("%s: a rule with assurance %q: %q, want %q", when, level, got, want[level])
		}
	}
	token := &auth.Rule{Requires: []auth.Role{auth.RoleUser}, Check: auth.CheckToken}
	if got := authtest.Code(f.Authorize(f.As(t, bearer), token, nil)); got != want["token"] {
		t.Errorf("%s: a rule for tokens: %q, want %q", when, got, want["token"])
	}
}

const noFactor = "SECOND_FACTOR_SETUP_REQUIRED"

var (
	mailedCode = []auth.AuthMethod{auth.AuthMethodEmailCode}
	untilSetUp = map[auth.RequiredAssurance]string{"": noFactor, auth.RequireAAL2: noFactor, "token": "FORBIDDEN"}
	inTime     = map[auth.RequiredAssurance]string{auth.RequireAAL2: noFactor}
	anything   = map[auth.RequiredAssurance]string{}
)

// TestRequiredFactor follows a user from their sign-up to the end of their time and to their first factor.
func TestRequiredFactor(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		before := f.verifiedAda(t) // who has an account and a session already
		f.requireFactor(t, auth.FactorPolicy{Scope: auth.FactorAll, Grace: factorGrace})
		due := func() *time.Time { return f.Domain.Factors.Due(f.user(t, before.User.ID)) }
		f.wantAccess(t, "before the time starts", before.AccessToken, inTime)
		if at := due(); at != nil {
			t.Errorf("due at %s before a request", at)
		}
		second, code := f.refresh(t.Context(), *before.RefreshToken)
		if code != "" {
			t.Fatal(code)
		}
		at := due()
		if want := f.Clock.Now().Add(factorGrace); at == nil || !at.Equal(want) {
			t.Fatalf("due at %v, want %s", at, want)
		}
		f.Clock.Advance(factorGrace - time.Second)
		f.login(t, "ada")
		if again := due(); !again.Equal(*at) {
			t.Errorf("another sign-in gives time until %s", again)
		}
		third, code := f.refresh(t.Context(), *second.RefreshToken)
		if code != "" {
			t.Fatal(code)
		}
		f.wantAccess(t, "in time", third.AccessToken, inTime)

		f.Clock.Advance(time.Second)
		f.NewEvents(t)
		old := map[auth.RequiredAssurance]string{"": noFactor, auth.RequireAAL2: noFactor} // roles are in the token for its life
		f.wantAccess(t, "too late", third.AccessToken, old)
		late, code := f.refresh(t.Context(), *third.RefreshToken)
		if code != "" {
			t.Fatal(code)
		}
		f.wantAccess(t, "too late, refreshed", late.AccessToken, untilSetUp)
		if claims := f.claims(t, late.AccessToken); len(claims.Roles) != 0 {
			t.Errorf("the token has roles %v", claims.Roles)
		}
		if _, got := f.refreshTo(t.Context(), *late.RefreshToken, api); got != noFactor {
			t.Errorf("a token for another API: %q", got)
		}
		_, err := f.sessions.Login(t.Context(), sessions.LoginInput{Identifier: "ada", Password: authtest.Password})
		if got := authtest.Code(err); got != noFactor {
			t.Errorf("a client that cannot continue: %q", got)
		}
		f.WantEvents(t, "LOGIN_FAILED of ada")

		// The password is not enough any more, also where it was before.
		_, err = f.Reauthenticate(f.As(t, late.AccessToken), signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))})
		var stepUp *auth.Error
		if !errors.As(err, &stepUp) || stepUp.Code != auth.CodeStepUpRequired || !slices.Equal(stepUp.Methods, mailedCode) {
			t.Errorf("the password in the session: %v", err)
		}
		f.Clock.Advance(time.Hour)
		err = f.Authorize(f.As(t, f.mustRefresh(t, late)), &auth.Rule{Requires: []auth.Role{auth.RoleUser}, Assurance: auth.RequireHighest, MaxAge: time.Minute}, nil)
		if !errors.As(err, &stepUp) || stepUp.Code != auth.CodeStepUpRequired || !slices.Equal(stepUp.Methods, mailedCode) {
			t.Errorf("a rule that needs a confirmed identity: %v", err)
		}
		m, _ := f.loginMail(t)
		f.NewEvents(t)
		challenge := f.begin(t)
		f.WantEvents(t, "SECOND_FACTOR_REQUIRED of ada")
		for name, in := range map[string]signin.CompleteLoginInput{
			"a wrong code": {EmailCode: new("00000000")}, "an app": {Totp: new("123456")}, "a recovery code": {RecoveryCode: new(recoveryCode)},
		} {
			in.Challenge = challenge
			if got := f.complete(t.Context(), in); got != "INVALID_CREDENTIALS" {
				t.Errorf("%s: %q", name, got)
			}
		}
		p, err := f.CompleteLogin(t.Context(), signin.CompleteLoginInput{Challenge: challenge, EmailCode: &m.Code})
		if err != nil {
			t.Fatalf("CompleteLogin: %v", err)
		}
		f.wantAssurance(t, "password and mail", p, auth.AAL1, auth.MethodPassword, auth.MethodEmailCode)
		f.wantAccess(t, "password and mail", p.AccessToken, untilSetUp)
		if got := f.complete(t.Context(), signin.CompleteLoginInput{Challenge: f.begin(t), EmailCode: &m.Code}); got != "INVALID_CREDENTIALS" {
			t.Errorf("the code again: %q", got)
		}

		a := f.setUpTOTP(t, p.AccessToken)
		f.wantAccess(t, "with a factor", p.AccessToken, map[auth.RequiredAssurance]string{
			auth.RequireAAL2: "STEP_UP_REQUIRED", auth.RequireHighest: "STEP_UP_REQUIRED", "token": "FORBIDDEN",
		})
		if at := due(); at != nil {
			t.Errorf("due at %s with a factor", at)
		}
		_, err = f.CompleteLogin(t.Context(), signin.CompleteLoginInput{Challenge: f.begin(t), EmailCode: &m.Code})
		if got := authtest.Code(err); got != "BAD_USER_INPUT emailCode=INCORRECT" {
			t.Errorf("a mailed code in place of the factor: %q", got)
		}
		full, err := f.CompleteLogin(t.Context(), signin.CompleteLoginInput{Challenge: f.begin(t), Totp: new(a.next(f))})
		if err != nil {
			t.Fatal(err)
		}
		f.wantAccess(t, "signed in with the factor", full.AccessToken, anything)
	})
}

// TestRefreshStartsFactorTimeAgain rolls the transaction back that starts the time of a user. It runs again.
func TestRefreshStartsFactorTimeAgain(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		f.requireFactor(t, auth.FactorPolicy{Scope: auth.FactorAll, Grace: factorGrace})
		f.Store.RollBack(true)
		f.mustRefresh(t, ada)
		f.Store.RollBack(false)
		if u := f.user(t, ada.User.ID); u.FactorDueAt == nil || !u.FactorDueAt.Equal(f.Clock.Now().Add(factorGrace)) {
			t.Errorf("due at %v", u.FactorDueAt)
		}
	})
}

// TestRefreshWithoutFactorTime refreshes while the time to set up a factor cannot be stored. The token is used up then, so the
// refresh must not fail.
func TestRefreshWithoutFactorTime(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		f.requireFactor(t, auth.FactorPolicy{Scope: auth.FactorAll, Grace: factorGrace})
		f.Log.Take()
		f.Store.Before("InTx", func(context.Context) error { return auth.ErrUnreachable })
		next, code := f.refresh(t.Context(), *ada.RefreshToken)
		f.Store.Before("InTx", nil)
		if code != "" || !strings.Contains(f.Log.Take(), "the time to set up a second factor has not started") {
			t.Fatalf("the refresh: %q", code)
		}
		if u := f.user(t, ada.User.ID); u.FactorDueAt != nil {
			t.Errorf("due at %s", u.FactorDueAt)
		}
		f.mustRefresh(t, next)
		if u := f.user(t, ada.User.ID); u.FactorDueAt == nil {
			t.Error("the next refresh has not started the time")
		}
	})
}

// mustRefresh returns the access token of a refresh.
func (f *fixture) mustRefresh(t *testing.T, p *signin.AuthPayload) string {
	t.Helper()
	next, code := f.refresh(t.Context(), *p.RefreshToken)
	if code != "" {
		t.Fatalf("refresh: %s", code)
	}
	return next.AccessToken
}

// TestRulesUntilFactor checks which rules with an assurance of their own let users pass who must set up a factor: those about
// their own account.
func TestRulesUntilFactor(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.requireFactor(t, auth.FactorPolicy{Scope: auth.FactorAll})
		root, ada := f.admin(t, "root"), f.signup(t, "ada")
		user, admins := []auth.Role{auth.RoleUser}, []auth.Role{auth.RoleAdmin}
		for _, tt := range []struct {
			rule   auth.Rule
			object any
			want   string
		}{
			{auth.Rule{Requires: user, Assurance: auth.RequireAAL1}, nil, ""},
			{auth.Rule{Requires: admins, Assurance: auth.RequireAAL1}, nil, noFactor},
			{auth.Rule{Requires: admins, Assurance: auth.RequireHighest}, nil, noFactor},
			{auth.Rule{Requires: admins, OrOwner: true, Assurance: auth.RequireAAL1}, root.User, ""},
			{auth.Rule{Requires: admins, OrOwner: true, Assurance: auth.RequireAAL1}, ada.User, noFactor},
			{auth.Rule{Requires: admins, OrOwner: true}, root.User, noFactor},
			{auth.Rule{Requires: admins, OrOwner: true, Check: auth.CheckToken}, root.User, "FORBIDDEN"},
			{auth.Rule{OrOwner: true, Check: auth.CheckToken}, root.User, "FORBIDDEN"},
		} {
			if got := authtest.Code(f.Authorize(f.As(t, root.AccessToken), &tt.rule, tt.object)); got != tt.want {
				t.Errorf("%s: %q, want %q", &tt.rule, got, tt.want)
			}
		}
	})
}

// refreshTo is refresh with a token for another API.
func (f *fixture) refreshTo(ctx context.Context, text, resource string) (*signin.AuthPayload, string) {
	p, err := f.Refresh(ctx, signin.RefreshInput{RefreshToken: &text, Resource: &resource})
	return p, authtest.Code(err)
}

// TestRequiredFactorWithoutMail signs in users who cannot get a mailed code. They can set a factor up with the password alone.
func TestRequiredFactorWithoutMail(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.requireFactor(t, auth.FactorPolicy{Scope: auth.FactorAll})
		f.wantAccess(t, "a sign-up without a grace", f.signup(t, "bob").AccessToken, untilSetUp)
		f.signupEmail(t, "eve", "eve@example.com") // which nobody has confirmed
		for _, name := range []string{"bob", "eve"} {
			p := f.login(t, name)
			f.wantAccess(t, name, p.AccessToken, untilSetUp)
			f.setUpTOTP(t, p.AccessToken)
		}
		f.verifiedAda(t)
		f.parts = f.newParts(t, domain.Options{SecondFactor: auth.FactorPolicy{Scope: auth.FactorAll}, Mail: authtest.NoMail})
		f.wantAccess(t, "a server without mail", f.login(t, "ada").AccessToken, untilSetUp)
	})
}

// TestResetFactors removes the factors of a user who has lost them.
func TestResetFactors(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada := f.admin(t, "root"), f.verifiedAda(t)
		f.setUpTOTP(t, ada.AccessToken)
		f.setUp(t, f.As(t, ada.AccessToken), newAuthenticator())
		f.requireFactor(t, auth.FactorPolicy{Scope: auth.FactorAll, Grace: factorGrace})
		f.NewMails(t)
		f.NewEvents(t)
		in := admin.ResetFactorsInput{UserID: ada.User.ID}
		reset := func(bearer string, in admin.ResetFactorsInput) string {
			_, err := f.ResetFactors(f.As(t, bearer), in)
			return authtest.Code(err)
		}
		if got := reset(ada.AccessToken, in); got != "FORBIDDEN" {
			t.Errorf("a user: %q", got)
		}
		if got := reset(root.AccessToken, admin.ResetFactorsInput{UserID: root.Session.ID}); got != "BAD_USER_INPUT userId=NOT_FOUND" {
			t.Errorf("nobody: %q", got)
		}
		f.requireFactor(t, auth.FactorPolicy{Scope: auth.FactorAdmin})
		if got := reset(root.AccessToken, in); got != noFactor {
			t.Errorf("an administrator who must set up a factor: %q", got)
		}
		f.requireFactor(t, auth.FactorPolicy{Scope: auth.FactorAll, Grace: factorGrace})
		f.WantEvents(t)
		p, err := f.ResetFactors(f.As(t, root.AccessToken), in)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.User.Factors) != 0 || p.User.FactorDueAt == nil || !p.User.FactorDueAt.Equal(f.Clock.Now()) {
			t.Errorf("factors %v, due at %v", p.User.Factors, p.User.FactorDueAt)
		}
		f.WantEvents(t, "FACTORS_RESET by root of ada in a session")
		f.NewMail(t, "factor-removed", adaAddress)
		if left, err := f.Store.Factors(t.Context(), ada.User.ID); err != nil || len(left) != 0 {
			t.Errorf("%d factors are left: %v", len(left), err)
		}
		if got := authtest.Code(f.Authorize(f.As(t, ada.AccessToken), &auth.Rule{Requires: []auth.Role{auth.RoleUser}}, nil)); got != "UNAUTHENTICATED SESSION_ENDED" {
			t.Errorf("her session: %q", got)
		}
		var second *auth.Error
		_, err = f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: authtest.Password})
		if !errors.As(err, &second) || !slices.Equal(second.Methods, mailedCode) {
			t.Errorf("the password alone: %v", err)
		}
		f.NewEvents(t)
		if got := reset(root.AccessToken, in); got != "" {
			t.Errorf("again: %q", got)
		}
		f.WantEvents(t)
		if mails := f.NewMails(t); len(mails) != 0 {
			t.Errorf("%d mails", len(mails))
		}
	})
}
