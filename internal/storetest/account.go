package storetest

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"usher/internal/auth"
)

func accountEveryColumn(t *testing.T, s auth.Store) {
	want := newAccount(1)
	complete(t, "account", want)
	create(t, s, newAccount(2)) // detects a missing condition
	create(t, s, want)
	create(t, s, newAccount(3))

	got, err := byUsername(t.Context(), s, *want.UsernameKey)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "PasswordByUsername", got, &want.User)
	user, err := s.User(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "User", user, &want.User)
	if got, err = byEmail(t.Context(), s, *want.EmailKey); err != nil {
		t.Fatal(err)
	}
	equal(t, "PasswordByEmail", got, &want.User)
}

func accountNoValues(t *testing.T, s auth.Store) {
	username, email := newAccount(1), newAccount(2)
	username.Email, username.EmailKey, username.Roles, username.DisabledAt = nil, nil, nil, nil
	username.FullName, username.FullNameKey, username.Metadata, username.AppMetadata = nil, nil, "", ""
	email.Username, email.UsernameKey, email.Roles, email.DisabledAt = nil, nil, nil, nil
	email.FullName, email.FullNameKey, email.Metadata, email.AppMetadata = nil, nil, "", ""
	for _, a := range []*auth.Account{username, email} {
		a.EmailVerifiedAt, a.PendingEmail, a.Locale, a.DeletionAt, a.CredentialsVersion = nil, nil, nil, nil, 0
		create(t, s, a)
	}
	// NULL values do not conflict.
	another := newAccount(3)
	another.Email, another.EmailKey = nil, nil
	create(t, s, another)

	got, err := byUsername(t.Context(), s, *username.UsernameKey)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "account without e-mail address", got, &username.User)
	if got, err = byEmail(t.Context(), s, *email.EmailKey); err != nil {
		t.Fatal(err)
	}
	equal(t, "account without user name", got, &email.User)
}

func accountText(t *testing.T, s auth.Store) {
	for i, text := range []string{
		"", " ", "   padded   ", "\t\r\n", `'; DROP TABLE users; --`, `"quoted" \ and \\ $1 ?1 :a @a {} []`, "100%", "a_b",
		"Ünïcödé", "e\u0301 and \u00e9", "ﬀ", "שלום عليكم \u202e", "漢字", "𝒜𝒹𝒶 👩‍👩‍👧‍👦 🏳️‍🌈", "\u0001\u007f\u0085\u2028\ufeff\ufffd",
		strings.Repeat("👩", 200), "2030-01-31 23:59:59+02:00", "NULL", "true", "0x10", "1e3",
	} {
		want := newAccount(i)
		for _, field := range []*string{want.Username, want.Email, want.FullName} {
			*field = text
		}
		*want.UsernameKey, *want.EmailKey = text+"#", text+"@"
		create(t, s, want)
		got, err := byUsername(t.Context(), s, *want.UsernameKey)
		if err != nil {
			t.Errorf("PasswordByUsername(%q): %v", *want.UsernameKey, err)
			continue
		}
		equal(t, strconv.Quote(text), got, &want.User)
	}
	// Keys are compared byte by byte: no wildcards, no case folding, no normalization.
	for _, key := range []string{"", "%", "_", "a%b#", "ünïcödé#", "padded#", "Ünïcödé#\x20", "e\u0301 and e\u0301#"} {
		_, err := byUsername(t.Context(), s, key)
		wantError(t, "PasswordByUsername("+strconv.Quote(key)+")", err, auth.ErrNotFound)
	}
}

func accountTimes(t *testing.T, s auth.Store) {
	for i, c := range []struct{ in, want time.Time }{
		{time.Date(2030, 6, 1, 1, 2, 3, 456_789_000, time.FixedZone("", 5*3600+45*60)), time.Date(2030, 5, 31, 19, 17, 3, 456_789_000, time.UTC)},
		{time.Date(2030, 6, 1, 1, 2, 3, 0, time.FixedZone("", -9*3600)), time.Date(2030, 6, 1, 10, 2, 3, 0, time.UTC)},
		{time.Date(1900, 1, 1, 0, 0, 0, 0, time.FixedZone("LMT", 19*60+32)), time.Date(1899, 12, 31, 23, 40, 28, 0, time.UTC)},
		{time.Date(2030, 6, 1, 0, 0, 0, 999_999_999, time.UTC), time.Date(2030, 6, 1, 0, 0, 0, 999_999_000, time.UTC)},
		{time.Date(2030, 6, 1, 0, 0, 0, 1, time.UTC), time.Date(2030, 6, 1, 0, 0, 0, 0, time.UTC)},
		{time.Date(1969, 12, 31, 23, 59, 59, 1_999, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 1_000, time.UTC)},
		{time.Time{}, time.Time{}},
		{time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)},
		{time.UnixMicro(math.MaxInt32 * 1_000_000), time.Date(2038, 1, 19, 3, 14, 7, 0, time.UTC)},
	} {
		in, want := newAccount(i), newAccount(i)
		in.CreatedAt, in.UpdatedAt, in.DisabledAt = c.in, c.in, &c.in
		want.CreatedAt, want.UpdatedAt, want.DisabledAt = c.want, c.want, &c.want
		create(t, s, in)
		got, err := byUsername(t.Context(), s, *in.UsernameKey)
		if err != nil {
			t.Errorf("%v: %v", c.in, err)
			continue
		}
		equal(t, c.in.String(), got, &want.User)
	}
}

func accountRoles(t *testing.T, s auth.Store) {
	for i, c := range []struct{ in, want []auth.Role }{
		{nil, nil},
		{[]auth.Role{}, nil},
		{auth.Roles, auth.Roles},
		{[]auth.Role{auth.RoleAdmin}, []auth.Role{auth.RoleAdmin}},
		{[]auth.Role{auth.RoleAdmin, auth.RoleUser, auth.RoleAdmin}, []auth.Role{auth.RoleUser, auth.RoleAdmin}},
		{[]auth.Role{"OWNER_2", "A", auth.RoleUser, "A"}, []auth.Role{auth.RoleUser, "A", "OWNER_2"}},
		{manyRoles, manyRoles},
	} {
		in, want := newAccount(i), newAccount(i)
		in.Roles, want.Roles = c.in, c.want
		create(t, s, in)
		got, err := byUsername(t.Context(), s, *in.UsernameKey)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "account", got, &want.User)
	}
	for _, role := range []auth.Role{"", "user", "2", "A-B", "USER ADMIN"} {
		a := newAccount(100)
		a.Roles = []auth.Role{auth.RoleUser, role}
		if err := s.CreateAccount(t.Context(), a, newPassword(a)); err == nil {
			t.Errorf("an account with the role %q was created", role)
		}
		noAccount(t, s, a)
	}
}

func accountNotFound(t *testing.T, s auth.Store) {
	create(t, s, newAccount(1))
	_, err := s.User(t.Context(), newAccount(2).ID)
	wantError(t, "User", err, auth.ErrNotFound)
	_, _, err = s.PasswordOf(t.Context(), newAccount(2).ID)
	wantError(t, "PasswordOf", err, auth.ErrNotFound)
	_, err = byUsername(t.Context(), s, *newAccount(2).UsernameKey)
	wantError(t, "PasswordByUsername", err, auth.ErrNotFound)
	_, err = byEmail(t.Context(), s, *newAccount(2).EmailKey)
	wantError(t, "PasswordByEmail", err, auth.ErrNotFound)
	_, err = byUsername(t.Context(), s, *newAccount(1).EmailKey)
	wantError(t, "PasswordByUsername of an e-mail address", err, auth.ErrNotFound)
	_, err = byEmail(t.Context(), s, *newAccount(1).UsernameKey)
	wantError(t, "PasswordByEmail of a user name", err, auth.ErrNotFound)
}

func accountTaken(t *testing.T, s auth.Store) {
	first := newAccount(1)
	create(t, s, first)
	for _, c := range []struct {
		name string
		take func(a *auth.Account)
		want error
	}{
		{"user name", func(a *auth.Account) { a.UsernameKey = first.UsernameKey }, auth.ErrUsernameTaken},
		{"e-mail address", func(a *auth.Account) { a.EmailKey = first.EmailKey }, auth.ErrEmailTaken},
		{"both", func(a *auth.Account) { a.UsernameKey, a.EmailKey = first.UsernameKey, first.EmailKey }, auth.ErrUsernameTaken},
	} {
		second := newAccount(2)
		c.take(second)
		wantError(t, c.name, s.CreateAccount(t.Context(), second, newPassword(second)), c.want)
	}
	third := newAccount(3)
	third.ID = first.ID
	err := s.CreateAccount(t.Context(), third, newPassword(third))
	if err == nil || errors.Is(err, auth.ErrUsernameTaken) || errors.Is(err, auth.ErrEmailTaken) {
		t.Errorf("an id that is taken: %v, want another error", err)
	}
	// Only keys must be unique. Displayed values may be equal.
	fourth := newAccount(4)
	fourth.Username, fourth.Email = first.Username, first.Email
	create(t, s, fourth)

	equal(t, "users", allUsers(t, s), []auth.User{first.User, fourth.User})
}

func accountTakenOfMany(t *testing.T, s auth.Store) {
	const many = 100
	for i, c := range []struct {
		name string
		same func(a *auth.Account)
		want error
	}{
		{"user name", func(a *auth.Account) { a.UsernameKey = new("same") }, auth.ErrUsernameTaken},
		{"e-mail address", func(a *auth.Account) { a.EmailKey = new("same@example.com") }, auth.ErrEmailTaken},
		{"both", func(a *auth.Account) {
			a.UsernameKey, a.EmailKey = new("both"), new("both@example.com")
		}, auth.ErrUsernameTaken},
	} {
		created := 0
		for _, err := range together(many, func(n int) error {
			a := newAccount(i*many + n)
			c.same(a)
			return s.CreateAccount(t.Context(), a, newPassword(a))
		}) {
			if err == nil {
				created++
			} else {
				wantError(t, c.name, err, c.want)
			}
		}
		if created != 1 {
			t.Errorf("%s: %d of %d accounts were created, want 1", c.name, created, many)
		}
	}
}

func accountRefused(t *testing.T, s auth.Store) {
	for name, spoil := range map[string]func(a *auth.Account){
		"no name":                     func(a *auth.Account) { a.Username, a.UsernameKey, a.Email, a.EmailKey = nil, nil, nil, nil },
		"a user name without key":     func(a *auth.Account) { a.UsernameKey = nil },
		"a user name's key alone":     func(a *auth.Account) { a.Username = nil },
		"an address without key":      func(a *auth.Account) { a.EmailKey = nil },
		"an address's key alone":      func(a *auth.Account) { a.Email = nil },
		"a full name without bounds":  func(a *auth.Account) { a.FullName = new(strings.Repeat("a", 1<<20)) },
		"a search key without bounds": func(a *auth.Account) { a.FullNameKey = new(strings.Repeat("a", 1<<20)) },
		"a pending address in excess": func(a *auth.Account) { a.PendingEmail = new(strings.Repeat("a", 301)) },
		"a locale in excess":          func(a *auth.Account) { a.Locale = new(strings.Repeat("a", 101)) },
		"a key without bounds":        func(a *auth.Account) { a.UsernameKey = new(strings.Repeat("a", 1<<20)) },
	} {
		a := newAccount(1)
		spoil(a)
		if err := s.CreateAccount(t.Context(), a, newPassword(a)); err == nil {
			t.Errorf("an account with %s was created", name)
		} else if strings.Contains(err.Error(), "Lovelace") || len(err.Error()) > 500 {
			t.Errorf("the error of an account with %s shows values: %v", name, err)
		}
	}
	equal(t, "users", allUsers(t, s), nil)
}

// errDone is returned by the one of several concurrent calls that had an effect.
var errDone = errors.New("done")

func setDisabled(t *testing.T, s auth.Store) {
	a, other := newAccount(1), newAccount(2)
	create(t, s, a)
	create(t, s, other)
	createSession(t, s, newSession(1, a.ID))
	later := epoch.Add(time.Hour)
	for _, at := range []*time.Time{nil, new(later.Add(time.Microsecond)), new(later.Add(time.Minute)), nil} {
		later = later.Add(time.Second)
		if err := s.SetDisabled(t.Context(), a.ID, at, later); err != nil {
			t.Fatal(err)
		}
		a.DisabledAt, a.UpdatedAt = at, later
		v, err := s.Viewer(t.Context(), newSession(1, a.ID).ID)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "user", v.User, a.User)
	}
	got, err := byUsername(t.Context(), s, *other.UsernameKey)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "another account", got, &other.User)
	wantError(t, "SetDisabled of nobody", s.SetDisabled(t.Context(), newID(3), &later, later), auth.ErrNotFound)
}
