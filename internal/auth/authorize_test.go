package auth_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/password"
	"usher/internal/storetest"
	"usher/internal/token"
)

var (
	forUser  = &auth.Rule{Requires: []auth.Role{auth.RoleUser}, Check: auth.CheckSession}
	forAdmin = &auth.Rule{Requires: []auth.Role{auth.RoleAdmin}, Check: auth.CheckSession}
	byToken  = &auth.Rule{Requires: []auth.Role{auth.RoleUser}, Check: auth.CheckToken}
)

func TestAuthorize(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		// prepare runs after the sign-in, and returns the token of the request.
		prepare func(t *testing.T, f *fixture, ada *signin.AuthPayload) string
		rule    *auth.Rule
		object  func(ada *signin.AuthPayload) any
		want    string
	}{
		"user":              {rule: forUser},
		"by token":          {rule: byToken},
		"any of":            {rule: &auth.Rule{Requires: []auth.Role{auth.RoleAdmin, auth.RoleUser}, Check: auth.CheckSession}},
		"not an admin":      {rule: forAdmin, want: "FORBIDDEN"},
		"admin by token":    {rule: &auth.Rule{Requires: []auth.Role{auth.RoleAdmin}, Check: auth.CheckToken}, want: "FORBIDDEN"},
		"no role":           {rule: &auth.Rule{Check: auth.CheckSession}, want: "FORBIDDEN"},
		"no role, by token": {rule: &auth.Rule{Check: auth.CheckToken}, want: "FORBIDDEN"},
		"unknown check":     {prepare: endSession, rule: &auth.Rule{Requires: forUser.Requires, Check: "?"}, want: "UNAUTHENTICATED SESSION_ENDED"},
		"garbage": {
			prepare: func(*testing.T, *fixture, *signin.AuthPayload) string { return "garbage" },
			rule:    forUser, want: "UNAUTHENTICATED TOKEN_INVALID",
		},
		"garbage by token": {
			prepare: func(*testing.T, *fixture, *signin.AuthPayload) string { return "garbage" },
			rule:    byToken, want: "UNAUTHENTICATED TOKEN_INVALID",
		},
		"expired":           {prepare: expire, rule: forUser, want: "UNAUTHENTICATED TOKEN_EXPIRED"},
		"expired by token":  {prepare: expire, rule: byToken, want: "UNAUTHENTICATED TOKEN_EXPIRED"},
		"ended":             {prepare: endSession, rule: forUser, want: "UNAUTHENTICATED SESSION_ENDED"},
		"ended by token":    {prepare: endSession, rule: byToken},
		"disabled":          {prepare: disable, rule: forUser, want: "UNAUTHENTICATED ACCOUNT_DISABLED"},
		"disabled by token": {prepare: disable, rule: byToken},

		"permission of another role": {rule: &auth.Rule{Requires: forUser.Requires, Permissions: readAudit}, want: "FORBIDDEN"},
		"permission":                 {prepare: promote, rule: &auth.Rule{Requires: forUser.Requires, Permissions: readAudit}},
		"permission, wrong role":     {prepare: promote, rule: &auth.Rule{Permissions: readAudit}, want: "FORBIDDEN"},
		"all permissions": {
			prepare: promote, want: "FORBIDDEN",
			rule: &auth.Rule{Requires: forUser.Requires, Permissions: []auth.Permission{auth.PermissionReadAudit, "fly"}},
		},
		"permission by old token": {
			prepare: promote, want: "FORBIDDEN",
			rule: &auth.Rule{Requires: forUser.Requires, Permissions: readAudit, Check: auth.CheckToken},
		},

		"owner":                 {rule: orOwner, object: own},
		"owner by token":        {rule: &auth.Rule{OrOwner: true, Check: auth.CheckToken}, object: own},
		"owner of the session":  {rule: orOwner, object: func(ada *signin.AuthPayload) any { return ada.Session }},
		"another's":             {rule: orOwner, object: foreign, want: "FORBIDDEN"},
		"without owner":         {rule: orOwner, object: func(*signin.AuthPayload) any { return &auth.User{} }, want: "FORBIDDEN"},
		"not owned":             {rule: orOwner, object: func(*signin.AuthPayload) any { return "text" }, want: "FORBIDDEN"},
		"no object":             {rule: orOwner, want: "FORBIDDEN"},
		"owner does not matter": {rule: forAdmin, object: own, want: "FORBIDDEN"},
		"admin of another's":    {prepare: promote, rule: orOwner, object: foreign},
		"owner, ended":          {prepare: endSession, rule: orOwner, object: own, want: "UNAUTHENTICATED SESSION_ENDED"},

		"recent":              {prepare: after(time.Minute), rule: recent},
		"too old":             {prepare: after(time.Minute + time.Second), rule: recent, want: "STEP_UP_REQUIRED"},
		"too old by token":    {prepare: after(2 * time.Minute), rule: &auth.Rule{Requires: forUser.Requires, MaxAge: time.Minute, Check: auth.CheckToken}, want: "STEP_UP_REQUIRED"},
		"too old and no role": {prepare: after(2 * time.Minute), rule: &auth.Rule{Requires: forAdmin.Requires, MaxAge: time.Minute}, want: "FORBIDDEN"},
		"too old owner":       {prepare: after(2 * time.Minute), rule: &auth.Rule{OrOwner: true, MaxAge: time.Minute}, object: own, want: "STEP_UP_REQUIRED"},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				ada := f.signup(t, "user-"+uniqueName(name))
				bearer := ada.AccessToken
				if tt.prepare != nil {
					bearer = tt.prepare(t, f, ada)
				}
				var object any
				if tt.object != nil {
					object = tt.object(ada)
				}
				ctx := f.As(t, bearer)
				if got := authtest.Code(f.Authorize(ctx, tt.rule, object)); got != tt.want {
					t.Errorf("Authorize: %q, want %q", got, tt.want)
				}
			})
		}
	})
}

var (
	readAudit = []auth.Permission{auth.PermissionReadAudit}
	orOwner   = &auth.Rule{Requires: []auth.Role{auth.RoleAdmin}, OrOwner: true, Check: auth.CheckSession}
	recent    = &auth.Rule{Requires: []auth.Role{auth.RoleUser}, MaxAge: time.Minute, Check: auth.CheckSession}
)

func own(ada *signin.AuthPayload) any { return ada.User }

func foreign(*signin.AuthPayload) any { return &auth.User{ID: uuid.UUID{15: 1}} }

func promote(t *testing.T, f *fixture, p *signin.AuthPayload) string {
	t.Helper()
	if err := f.Store.SetRoles(t.Context(), p.User.ID, auth.Roles, f.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	return p.AccessToken
}

// after sets the clock to some time after the sign-in.
func after(d time.Duration) func(*testing.T, *fixture, *signin.AuthPayload) string {
	return func(_ *testing.T, f *fixture, p *signin.AuthPayload) string {
		f.Clock.Advance(d)
		return p.AccessToken
	}
}

func uniqueName(s string) string {
	name := []rune(s)
	for i, r := range name {
		if r == ' ' || r == ',' || r == '\'' {
			name[i] = '-'
		}
	}
	return string(name)
}

func endSession(t *testing.T, f *fixture, p *signin.AuthPayload) string {
	t.Helper()
	v, err := f.Viewer(f.As(t, p.AccessToken))
	if err != nil {
		t.Fatal(err)
	}
	if ended, err := f.Store.EndSession(t.Context(), v.Session.ID, f.Clock.Now()); err != nil || !ended {
		t.Fatal(ended, err)
	}
	return p.AccessToken
}

func disable(t *testing.T, f *fixture, p *signin.AuthPayload) string {
	t.Helper()
	if err := f.Store.SetDisabled(t.Context(), p.User.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	return p.AccessToken
}

func expire(t *testing.T, f *fixture, p *signin.AuthPayload) string {
	t.Helper()
	f.Clock.Advance(16 * time.Minute)
	return p.AccessToken
}

// TestNoCaller checks that a context without a Caller is anonymous.
func TestNoCaller(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		for _, rule := range []*auth.Rule{forUser, byToken} {
			if got := authtest.Code(f.Authorize(t.Context(), rule, nil)); got != "UNAUTHENTICATED NO_TOKEN" {
				t.Errorf("Authorize: %q, want NO_TOKEN", got)
			}
		}
		if _, err := f.Me(t.Context()); authtest.Code(err) != "UNAUTHENTICATED NO_TOKEN" {
			t.Errorf("Me: %v, want NO_TOKEN", err)
		}
	})
}

// TestOneLookUp checks that each request looks up its viewer once, however many fields ask at the same time.
func TestOneLookUp(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		bearer := f.signup(t, "ada").AccessToken
		for request := 1; request <= 3; request++ {
			ctx := f.As(t, bearer)
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if err := f.Authorize(ctx, forUser, nil); err != nil {
						t.Error(err)
					}
					if err := f.Authorize(ctx, byToken, nil); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := f.Store.Calls("Viewer"); n != request {
				t.Fatalf("%d look-ups after %d requests", n, request)
			}
		}
		if err := f.Authorize(f.As(t, bearer), byToken, nil); err != nil || f.Store.Calls("Viewer") != 3 {
			t.Errorf("a check of the token alone: %v with %d look-ups, want none", err, f.Store.Calls("Viewer")-3)
		}
	})
}

// TestFaultsRefuse checks that a fault refuses the request, and that a second guard refuses too.
func TestFaultsRefuse(t *testing.T) {
	t.Parallel()
	errGone := errors.New("connection lost")
	tests := map[string]storetest.Hook{
		"error": func(context.Context) error { return errGone },
		"panic": func(context.Context) error { panic("broken store") },
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		bearer := f.signup(t, "ada").AccessToken
		for name, fail := range tests {
			t.Run(name, func(t *testing.T) {
				f.Store.Before("Viewer", fail)
				defer f.Store.Before("Viewer", nil)
				ctx := f.As(t, bearer)
				for range 2 {
					if admitted(ctx, f) {
						t.Fatal("a fault admitted the request")
					}
				}
			})
		}
	})
}

func admitted(ctx context.Context, f *fixture) (ok bool) {
	defer func() { _ = recover() }()
	return f.Authorize(ctx, forUser, nil) == nil
}

// TestNobodyOwnsNothing checks that a token whose subject is not a user's id does not own objects without an owner.
func TestNobodyOwnsNothing(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		bearer, err := f.Tokens.Sign(token.Claims{
			Subject: "somebody", SessionID: uuid.NewString(), ClientID: "usher", AuthTime: f.Clock.Now(), Roles: []string{"USER"},
		})
		if err != nil {
			t.Fatal(err)
		}
		rule := &auth.Rule{OrOwner: true, Check: auth.CheckToken}
		if got := authtest.Code(f.Authorize(f.As(t, bearer), rule, &auth.User{})); got != "FORBIDDEN" {
			t.Errorf("Authorize: %q, want FORBIDDEN", got)
		}
	})
}

// TestStepUpIsTheTokens checks that a re-authentication does not change the age of older tokens.
func TestStepUpIsTheTokens(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		old := f.signup(t, "ada").AccessToken
		f.Clock.Advance(2 * time.Minute)
		p, err := f.Reauthenticate(f.As(t, old), signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))})
		if err != nil {
			t.Fatal(err)
		}
		if got := authtest.Code(f.Authorize(f.As(t, old), recent, nil)); got != "STEP_UP_REQUIRED" {
			t.Errorf("the old token: %q, want STEP_UP_REQUIRED", got)
		}
		if got := authtest.Code(f.Authorize(f.As(t, p.AccessToken), recent, nil)); got != "" {
			t.Errorf("the new token: %q", got)
		}
	})
}

// TestDecisionsFollow checks that guards decide again after the caller of a request has changed.
func TestDecisionsFollow(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada, root := f.signup(t, "ada"), f.signup(t, "root")
		promote(t, f, root)
		ctx := f.As(t, ada.AccessToken)
		expect := func(when, want string) {
			t.Helper()
			if got := authtest.Code(f.Authorize(ctx, forAdmin, nil)); got != want {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
		}
		expect("as ada", "FORBIDDEN")
		expect("as ada, again", "FORBIDDEN")
		if _, err := f.Login(ctx, signin.LoginInput{Identifier: "root", Password: authtest.Password}); err != nil {
			t.Fatal(err)
		}
		expect("after root signed in", "")
		if _, err := f.Logout(ctx); err != nil {
			t.Fatal(err)
		}
		expect("after logout", "UNAUTHENTICATED SESSION_ENDED")
	})
}
