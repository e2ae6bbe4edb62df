package storetest

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

func credentialEveryColumn(t *testing.T, s auth.Store) {
	a := newAccount(1)
	want := newPassword(a)
	complete(t, "credential", want)
	create(t, s, newAccount(2)) // detects a missing condition
	create(t, s, a)
	create(t, s, newAccount(3))
	for name, find := range map[string]func() (*auth.User, *auth.Credential, error){
		"PasswordOf":         func() (*auth.User, *auth.Credential, error) { return s.PasswordOf(t.Context(), a.ID) },
		"PasswordByUsername": func() (*auth.User, *auth.Credential, error) { return s.PasswordByUsername(t.Context(), *a.UsernameKey) },
		"PasswordByEmail":    func() (*auth.User, *auth.Credential, error) { return s.PasswordByEmail(t.Context(), *a.EmailKey) },
	} {
		user, got, err := find()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		equal(t, name, user, &a.User)
		equal(t, name, got, want)
	}
}

// credentialNoPassword creates an account whose only credential is not a password.
func credentialNoPassword(t *testing.T, s auth.Store) {
	a := newAccount(1)
	other := newPassword(a)
	other.Kind = "PASSKEY"
	if err := s.CreateAccount(t.Context(), a, other); err != nil {
		t.Fatal(err)
	}
	user, got, err := s.PasswordByUsername(t.Context(), *a.UsernameKey)
	if err != nil || got != nil {
		t.Errorf("PasswordByUsername: %v, %v, want no password", got, err)
	}
	equal(t, "user", user, &a.User)
	if ok, err := s.RehashPassword(t.Context(), a.ID, other.Secret, "$new", epoch); ok || err != nil {
		t.Errorf("RehashPassword: %v, %v, want false", ok, err)
	}
}

// credentialNone creates an account without a credential, and gives it a password later.
func credentialNone(t *testing.T, s auth.Store) {
	a := newAccount(1)
	if err := s.CreateAccount(t.Context(), a, nil); err != nil {
		t.Fatal(err)
	}
	user, got, err := s.PasswordByEmail(t.Context(), *a.EmailKey)
	if err != nil || got != nil {
		t.Errorf("PasswordByEmail: %v, %v, want no password", got, err)
	}
	equal(t, "user", user, &a.User)
	if err := s.SetPassword(t.Context(), newPassword(a)); err != nil {
		t.Fatal(err)
	}
	if _, got, err = s.PasswordOf(t.Context(), a.ID); err != nil || got == nil {
		t.Errorf("PasswordOf: %v, %v, want the new password", got, err)
	}
	same := newAccount(1)
	same.ID = newID(2)
	if err := s.CreateAccount(t.Context(), same, nil); !errors.Is(err, auth.ErrUsernameTaken) && !errors.Is(err, auth.ErrEmailTaken) {
		t.Errorf("the same names again: %v", err)
	}
}

// credentialRefused creates accounts with credentials that are not valid. The account must not be stored either.
func credentialRefused(t *testing.T, s auth.Store) {
	for name, spoil := range map[string]func(c *auth.Credential){
		"no secret":               func(c *auth.Credential) { c.Secret = "" },
		"a secret without bounds": func(c *auth.Credential) { c.Secret = strings.Repeat("a", 1<<20) },
		"no kind":                 func(c *auth.Credential) { c.Kind = "" },
		"a kind in small letters": func(c *auth.Credential) { c.Kind = "password" },
		"another user":            func(c *auth.Credential) { c.UserID = newID(7) },
	} {
		a := newAccount(1)
		c := newPassword(a)
		spoil(c)
		if err := s.CreateAccount(t.Context(), a, c); err == nil {
			t.Errorf("a credential with %s was created", name)
		} else if strings.Contains(err.Error(), "argon2id") || len(err.Error()) > 500 {
			t.Errorf("the error of a credential with %s shows values: %v", name, err)
		}
	}
	equal(t, "users", allUsers(t, s), nil)
}

func rehashPassword(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	one, other := newPassword(a), newPassword(b)
	other.Secret = one.Secret
	create(t, s, a)
	if err := s.CreateAccount(t.Context(), b, other); err != nil {
		t.Fatal(err)
	}
	now := epoch.Add(time.Hour)
	replace := func(what string, id uuid.UUID, old, hash string, want bool) {
		t.Helper()
		if ok, err := s.RehashPassword(t.Context(), id, old, hash, now); ok != want || err != nil {
			t.Errorf("RehashPassword of %s: %v, %v, want %v", what, ok, err, want)
		}
	}
	replace("another hash", a.ID, "$other", "$new", false)
	replace("nobody", newID(3), one.Secret, "$new", false)
	check := func(want *auth.Credential) {
		t.Helper()
		_, got, err := s.PasswordOf(t.Context(), want.UserID)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "password", got, want)
	}
	check(one)
	replace("this hash", a.ID, one.Secret, "$new", true)
	one.Secret, one.UpdatedAt = "$new", now
	check(one)
	check(other)

	replaced := 0
	for i, err := range together(20, func(i int) error {
		ok, err := s.RehashPassword(t.Context(), a.ID, "$new", "$"+strconv.Itoa(i), now)
		if ok {
			err = errors.Join(err, errDone)
		}
		return err
	}) {
		switch {
		case errors.Is(err, errDone):
			replaced++
			one.Secret = "$" + strconv.Itoa(i)
		case err != nil:
			t.Error(err)
		}
	}
	if replaced != 1 {
		t.Errorf("a hash was replaced %d times at once, want 1", replaced)
	}
	check(one)
}

func setPassword(t *testing.T, s auth.Store) {
	a, b, c := newAccount(1), newAccount(2), newAccount(3)
	create(t, s, a)
	create(t, s, b) // detects a missing condition
	noPassword := newPassword(c)
	noPassword.Kind = "PASSKEY"
	if err := s.CreateAccount(t.Context(), c, noPassword); err != nil {
		t.Fatal(err)
	}
	check := func(what string, want *auth.Credential) {
		t.Helper()
		_, got, err := s.PasswordOf(t.Context(), want.UserID)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, what, got, want)
	}
	now := epoch.Add(time.Hour)
	set := func(user uuid.UUID, id int) *auth.Credential {
		return &auth.Credential{
			ID: newID(id), UserID: user, Kind: auth.CredentialPassword, Secret: "$new" + strconv.Itoa(id), CreatedAt: now, UpdatedAt: now,
		}
	}
	for what, next := range map[string]*auth.Credential{"a user without a password": set(c.ID, 21), "a user with one": set(a.ID, 22)} {
		if err := s.SetPassword(t.Context(), next); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	check("the first password", set(c.ID, 21))
	changed := newPassword(a)
	changed.Secret, changed.UpdatedAt = "$new22", now
	check("the changed password", changed)
	check("the password of another user", newPassword(b))
	wantError(t, "nobody", s.SetPassword(t.Context(), set(newID(9), 23)), auth.ErrNotFound)
	if ok, err := s.RehashPassword(t.Context(), a.ID, "$new22", "$newer", now); !ok || err != nil {
		t.Errorf("RehashPassword afterwards: %v, %v", ok, err)
	}
}

// credentialsVersion calls every method that changes a credential. Each increments the version once, of its user only. A
// new hash of the same password does not, and neither does a call that changes nothing.
func credentialsVersion(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	create(t, s, a)
	create(t, s, b)
	first := newPassword(a)
	next := newPassword(a)
	next.Secret = "$next"
	rehash := func(old string, want bool) func() error {
		return func() error {
			if ok, err := s.RehashPassword(t.Context(), a.ID, old, "$rehashed", epoch); err != nil || ok != want {
				t.Errorf("RehashPassword: %v, %v, want %v", ok, err, want)
			}
			return nil
		}
	}
	set := func() error { return s.SetPassword(t.Context(), next) }
	want := a.User
	for _, step := range []struct {
		what      string
		do        func() error
		increment int
	}{
		{"a new hash", rehash(first.Secret, true), 0},
		{"a new hash of another password", rehash(first.Secret, false), 0},
		{"a changed password", set, 1},
		{"the same password again", set, 1}, // the store cannot know that it is the same
		{"no password", func() error { return s.DeletePassword(t.Context(), a.ID) }, 1},
		{"a new hash of no password", rehash(next.Secret, false), 0},
		{"a first password", set, 1},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		want.CredentialsVersion += step.increment
		equal(t, step.what, allUsers(t, s), []auth.User{want, b.User})
	}
}
