package connection_test

import (
	"testing"
	"time"

	"usher/graph/connection"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/auth/sessions"
)

// fixture is the domain on a real database, with the Lists of this package.
type fixture struct {
	*connection.Lists
	*authtest.Fixture
}

// eachDatabase runs a test on every kind of database.
func eachDatabase(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	authtest.Each(t, func(t *testing.T, f *authtest.Fixture) {
		lists, err := connection.New(f.Domain.Admin, f.Domain.Sessions, authtest.Secrets)
		if err != nil {
			t.Fatal(err)
		}
		test(t, &fixture{lists, f})
	})
}

// first returns the arguments for the first n elements after a cursor.
func first(n int, after *string) connection.PageArguments {
	return connection.PageArguments{First: &n, After: after}
}

func (f *fixture) signup(t *testing.T, in accounts.Input) *sessions.Tokens {
	t.Helper()
	in.Password = authtest.Password
	p, err := f.Domain.Accounts.Signup(t.Context(), accounts.SignupInput{Input: in})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// admin creates an administrator and signs them in.
func (f *fixture) admin(t *testing.T, username string) *sessions.Tokens {
	t.Helper()
	in := accounts.Input{Username: &username, Password: authtest.Password}
	if _, err := f.Domain.Operator.CreateUser(t.Context(), in, auth.Roles); err != nil {
		t.Fatal(err)
	}
	p, err := f.Domain.Sessions.Login(t.Context(), sessions.LoginInput{Identifier: username, Password: authtest.Password})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// signupUsers creates a few users, and returns the first, an administrator.
func (f *fixture) signupUsers(t *testing.T) *sessions.Tokens {
	t.Helper()
	root := f.admin(t, "root")
	for _, in := range []accounts.Input{
		{Username: new("Eve"), FullName: new("Ada's sister")},
		{Username: new("ada"), Email: new("lovelace@example.com"), FullName: new("Countess  of Lovelace")},
		{Email: new("Babbage@example.com")},
		{Username: new("Bob"), Email: new("a@example.com")},
	} {
		f.Clock.Advance(time.Second)
		f.signup(t, in)
	}
	f.Clock.Advance(time.Second)
	f.admin(t, "zoe")
	for _, name := range []string{"Bob", "zoe"} {
		user, err := f.Domain.Operator.FindUser(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Domain.Operator.SetDisabled(t.Context(), user.ID, true); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
