package auth_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
)

func TestSignup(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		got, err := f.Signup(device(t.Context()), signin.SignupInput{
			Username: new("Ada"), Email: new("Ada@Example.COM"), Password: authtest.Password, FullName: new("  Ada Lovelace "),
		})
		if err != nil {
			t.Fatal(err)
		}
		want := auth.User{
			ID: got.User.ID, Username: new("Ada"), Email: new("Ada@example.com"), FullName: new("Ada Lovelace"),
			Roles: []auth.Role{auth.RoleUser}, LastSignInAt: new(f.Clock.Now()), CreatedAt: f.Clock.Now(), UpdatedAt: f.Clock.Now(),
		}
		me, err := f.Me(f.As(t, got.AccessToken))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, me); diff != "" {
			t.Errorf("the stored user (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(&want, got.User); diff != "" {
			t.Errorf("the user of the answer (-want +got):\n%s", diff)
		}
		if got.TokenType != "Bearer" || got.ExpiresIn != 900 {
			t.Errorf("got %s for %d s, want Bearer for 900 s", got.TokenType, got.ExpiresIn)
		}
		viewer, err := f.Viewer(f.As(t, got.AccessToken))
		if err != nil {
			t.Fatal(err)
		}
		if s := viewer.Session; *s.IPAddress != "192.0.2.7" || *s.UserAgent != "Test/1.0" || !s.AuthTime.Equal(f.Clock.Now()) {
			t.Errorf("session %+v, want the device's address and name, and the time", s)
		}
	})
}

// TestSignupBadInput checks that signup and createUser refuse the same input.
func TestSignupBadInput(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   signin.SignupInput
		want string
	}{
		"no name at all":         {signin.SignupInput{Password: authtest.Password}, "BAD_USER_INPUT input=REQUIRED"},
		"empty user name":        {signin.SignupInput{Username: new(""), Password: authtest.Password}, "BAD_USER_INPUT username=REQUIRED"},
		"spaces":                 {signin.SignupInput{Username: new("   "), Password: authtest.Password}, "BAD_USER_INPUT username=REQUIRED"},
		"one letter":             {signin.SignupInput{Username: new("a"), Password: authtest.Password}, "BAD_USER_INPUT username=TOO_SHORT"},
		"long user name":         {signin.SignupInput{Username: new(strings.Repeat("a", 65)), Password: authtest.Password}, "BAD_USER_INPUT username=TOO_LONG"},
		"NUL":                    {signin.SignupInput{Username: new("a\x00da"), Password: authtest.Password}, "BAD_USER_INPUT username=INVALID_FORMAT"},
		"zero width":             {signin.SignupInput{Username: new("a\u200bda"), Password: authtest.Password}, "BAD_USER_INPUT username=INVALID_FORMAT"},
		"right to left override": {signin.SignupInput{Username: new("a\u202eda"), Password: authtest.Password}, "BAD_USER_INPUT username=INVALID_FORMAT"},
		"mixed scripts":          {signin.SignupInput{Username: new("p\u0430ypal"), Password: authtest.Password}, "BAD_USER_INPUT username=INVALID_FORMAT"},
		"user name as address":   {signin.SignupInput{Username: new("a@b.example"), Password: authtest.Password}, "BAD_USER_INPUT username=INVALID_FORMAT"},
		"two addresses":          {signin.SignupInput{Email: new("a@b.example,c@d.example"), Password: authtest.Password}, "BAD_USER_INPUT email=INVALID_FORMAT"},
		"address with CR LF":     {signin.SignupInput{Email: new("a@b.example\r\nBcc: x@y.example"), Password: authtest.Password}, "BAD_USER_INPUT email=INVALID_FORMAT"},
		"address with comment":   {signin.SignupInput{Email: new("a(x)@b.example"), Password: authtest.Password}, "BAD_USER_INPUT email=INVALID_FORMAT"},
		"short password":         {signin.SignupInput{Username: new("ada"), Password: "four small gre"}, "BAD_USER_INPUT password=TOO_SHORT"},
		"empty password":         {signin.SignupInput{Username: new("ada")}, "BAD_USER_INPUT password=TOO_SHORT"},
		"common password":        {signin.SignupInput{Username: new("ada"), Password: "passwordpassword"}, "BAD_USER_INPUT password=TOO_COMMON"},
		"name as password": {
			signin.SignupInput{Username: new("christopherlee"), Password: "christopherlee1"},
			"BAD_USER_INPUT password=TOO_COMMON",
		},
		"long full name": {signin.SignupInput{Username: new("ada"), FullName: new(strings.Repeat("x", 201)), Password: authtest.Password}, "BAD_USER_INPUT fullName=TOO_LONG"},
		"everything": {
			signin.SignupInput{Username: new("a b"), Email: new("x"), FullName: new("\x07"), Password: "short"},
			"BAD_USER_INPUT username=INVALID_FORMAT email=INVALID_FORMAT fullName=INVALID_FORMAT password=TOO_SHORT",
		},
		"taken":              {signin.SignupInput{Username: new("GRACE"), Password: authtest.Password}, "BAD_USER_INPUT username=TAKEN"},
		"taken, full width":  {signin.SignupInput{Username: new("ｇｒａｃｅ"), Password: authtest.Password}, "BAD_USER_INPUT username=TAKEN"},
		"taken address":      {signin.SignupInput{Email: new("GRACE@EXAMPLE.com"), Password: authtest.Password}, "BAD_USER_INPUT email=TAKEN"},
		"free and taken one": {signin.SignupInput{Username: new("hopper"), Email: new("grace@example.com"), Password: authtest.Password}, "BAD_USER_INPUT email=TAKEN"},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		if _, err := f.Signup(t.Context(), signin.SignupInput{Username: new("Grace"), Email: new("grace@example.com"), Password: authtest.Password}); err != nil {
			t.Fatal(err)
		}
		root := f.admin(t, "root")
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				payload, err := f.Signup(t.Context(), tt.in)
				if got := authtest.Code(err); got != tt.want || payload != nil {
					t.Errorf("Signup: %q, want %q", got, tt.want)
				}
				created, err := f.adminService.CreateUser(f.As(t, root.AccessToken), admin.CreateUserInput{
					Username: tt.in.Username, Email: tt.in.Email, FullName: tt.in.FullName, Password: &tt.in.Password,
				})
				if got := authtest.Code(err); got != tt.want || created != nil {
					t.Errorf("CreateUser: %q, want %q", got, tt.want)
				}
				if users := f.AllUsers(t); len(users) != 2 {
					t.Errorf("%d users are stored, want Grace and root", len(users))
				}
			})
		}
	})
}

// TestSignupRace signs many users up with one name at once.
func TestSignupRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		const n = 100
		results := make(chan string, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				name := []string{"ada", "ADA", "Ada", "ａｄａ"}[i%4]
				_, err := f.Signup(t.Context(), signin.SignupInput{Username: &name, Password: authtest.Password})
				results <- authtest.Code(err)
			})
		}
		wg.Wait()
		close(results)
		got := map[string]int{}
		for r := range results {
			got[r]++
		}
		want := map[string]int{"": 1, "BAD_USER_INPUT username=TAKEN": n - 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		if users := f.AllUsers(t); len(users) != 1 {
			t.Errorf("%d users are stored, want 1", len(users))
		}
	})
}

func TestCreateUser(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		in := accounts.Input{Username: new("root"), Password: authtest.Password}
		user, err := f.CreateUser(t.Context(), in, []auth.Role{auth.RoleUser, auth.RoleAdmin})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := f.Login(t.Context(), signin.LoginInput{Identifier: "root", Password: authtest.Password})
		if err != nil {
			t.Fatal(err)
		}
		user.LastSignInAt = new(f.Clock.Now())
		if diff := cmp.Diff(user, payload.User); diff != "" {
			t.Errorf("the user at log-in (-created +got):\n%s", diff)
		}
		if err := f.Authorize(f.As(t, payload.AccessToken), &auth.Rule{Requires: []auth.Role{auth.RoleAdmin}}, nil); err != nil {
			t.Errorf("Authorize: %v, want an administrator", err)
		}
	})
}

// TestIDs checks that ids are distinct and grow with time.
func TestIDs(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		for i := range 5 {
			f.signup(t, fmt.Sprintf("user%d", i))
			f.Clock.Advance(time.Millisecond)
		}
		for i, u := range f.AllUsers(t) {
			if want := fmt.Sprintf("user%d", i); *u.Username != want || u.ID.Version() != 7 {
				t.Errorf("user %d is %s with an id of version %d, want %s with 7", i, *u.Username, u.ID.Version(), want)
			}
		}
	})
}
