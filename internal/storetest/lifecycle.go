package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

func setUsername(t *testing.T, s auth.Store) {
	create(t, s, newAccount(1))
	create(t, s, newAccount(2))
	nameless := newAccount(3)
	nameless.Username, nameless.UsernameKey = nil, nil
	create(t, s, nameless)
	now := epoch.Add(time.Hour)
	for _, name := range []string{"user-01940000", "Grâce '; --", "ADA1"} {
		now = now.Add(time.Second)
		changed(t, s, func(u *auth.User) error {
			u.Username, u.UpdatedAt = &name, now
			return s.SetUsername(t.Context(), u.ID, name, "key of "+name, now)
		})
		if u, err := byUsername(t.Context(), s, "key of "+name); err != nil || u.ID != newID(1) {
			t.Errorf("PasswordByUsername with the new name: %v, %v", u, err)
		}
	}
	_, err := byUsername(t.Context(), s, *newAccount(1).UsernameKey)
	wantError(t, "PasswordByUsername with the old name", err, auth.ErrNotFound)
	if err := s.SetUsername(t.Context(), nameless.ID, "Ada1", *newAccount(1).UsernameKey, now); err != nil {
		t.Errorf("SetUsername to a name that is free again: %v", err)
	}
	changed(t, s, func(u *auth.User) error {
		wantError(t, "SetUsername to that of another", s.SetUsername(t.Context(), u.ID, "Ada2", *newAccount(2).UsernameKey, now.Add(time.Hour)), auth.ErrUsernameTaken)
		if err := s.SetUsername(t.Context(), u.ID, "a", strings.Repeat("a", 1<<20), now); err == nil {
			t.Error("a key of unlimited length was stored")
		}
		return nil
	})
	wantError(t, "SetUsername of nobody", s.SetUsername(t.Context(), newID(9), "a", "a", now), auth.ErrNotFound)
}

func setEmail(t *testing.T, s auth.Store) {
	create(t, s, newAccount(1))
	create(t, s, newAccount(2))
	now := epoch.Add(time.Hour)
	var last *string
	for _, e := range []auth.Email{
		{Address: new("Ada@Example.net"), Key: new("ada@example.net"), VerifiedAt: new(now.Add(time.Microsecond)), Pending: new("Ada@Example.org")},
		{Address: new("ADA@Example.net"), Key: new("ada@example.net"), VerifiedAt: new(now)},
		{Address: new("ada@example.net"), Key: new("ada@example.net"), Pending: new(*newAccount(2).Email)}, // many may wait for one address
		{},
		{Pending: new("ada@example.net")},
		{Address: new(strings.Repeat("a", 300)), Key: new(strings.Repeat("b", 300)), Pending: new(strings.Repeat("漢", 300))},
	} {
		now = now.Add(time.Second)
		changed(t, s, func(u *auth.User) error {
			u.Email, u.EmailVerifiedAt, u.PendingEmail, u.UpdatedAt = e.Address, e.VerifiedAt, e.Pending, now
			return s.SetEmail(t.Context(), u.ID, e, now)
		})
		if last != nil && (e.Key == nil || *e.Key != *last) {
			_, err := byEmail(t.Context(), s, *last)
			wantError(t, "PasswordByEmail with the old address", err, auth.ErrNotFound)
		}
		if last = e.Key; last != nil {
			if u, err := byEmail(t.Context(), s, *last); err != nil || u.ID != newID(1) {
				t.Errorf("PasswordByEmail with the new address: %v, %v", u, err)
			}
		}
	}
	changed(t, s, func(u *auth.User) error {
		err := s.SetEmail(t.Context(), u.ID, auth.Email{Address: new("a"), Key: newAccount(2).EmailKey}, now.Add(time.Hour))
		wantError(t, "SetEmail to that of another", err, auth.ErrEmailTaken)
		for what, e := range map[string]auth.Email{
			"an address alone":         {Address: new("a")},
			"a key alone":              {Key: new("a")},
			"a key of any length":      {Address: new("a"), Key: new(strings.Repeat("a", 1<<20))},
			"a long pending address":   {Pending: new(strings.Repeat("a", 301))},
			"an address of any length": {Address: new(strings.Repeat("a", 1<<20)), Key: new("a")},
		} {
			if err := s.SetEmail(t.Context(), u.ID, e, now); err == nil {
				t.Errorf("%s was stored", what)
			}
		}
		return nil
	})
	wantError(t, "SetEmail of nobody", s.SetEmail(t.Context(), newID(9), auth.Email{}, now), auth.ErrNotFound)
	nameless := newAccount(3)
	nameless.Username, nameless.UsernameKey = nil, nil
	create(t, s, nameless)
	if err := s.SetEmail(t.Context(), nameless.ID, auth.Email{}, now); err == nil {
		t.Error("a user without a user name lost the address, and could not sign in any more")
	}
}

// setNameOfMany gives one name to many accounts at once. One must get it.
func setNameOfMany(t *testing.T, s auth.Store) {
	const many = 50
	for n := range many {
		create(t, s, newAccount(n))
	}
	for what, c := range map[string]struct {
		set   func(id uuid.UUID) error
		taken error
		has   func(u *auth.User) bool
	}{
		"SetEmail": {
			func(id uuid.UUID) error {
				return s.SetEmail(t.Context(), id, auth.Email{Address: new("Same"), Key: new("same@example.com")}, epoch)
			}, auth.ErrEmailTaken, func(u *auth.User) bool { return *u.Email == "Same" },
		},
		"SetUsername": {
			func(id uuid.UUID) error { return s.SetUsername(t.Context(), id, "Same", "same", epoch) },
			auth.ErrUsernameTaken, func(u *auth.User) bool { return *u.Username == "Same" },
		},
	} {
		got := make([]bool, many)
		for n, err := range together(many, func(n int) error { return c.set(newID(n)) }) {
			if got[n] = err == nil; err != nil {
				wantError(t, what, err, c.taken)
			}
		}
		if n := count(got); n != 1 {
			t.Errorf("%s succeeded for %d of %d accounts, want 1", what, n, many)
		}
		for n, u := range allUsers(t, s) {
			if c.has(&u) != got[n] {
				t.Errorf("%s of %d: it has the name: %t, though it succeeded: %t", what, n, c.has(&u), got[n])
			}
		}
	}
}

func setDeletion(t *testing.T, s auth.Store) {
	now := epoch.Add(time.Hour)
	check := func(what string, limit int, want ...int) {
		t.Helper()
		due, err := s.DeletionsDue(t.Context(), now, limit)
		if err != nil {
			t.Fatal(err)
		}
		var users []auth.User
		for _, n := range want {
			u, err := s.User(t.Context(), newID(n))
			if err != nil {
				t.Fatal(err)
			}
			users = append(users, *u)
		}
		equal(t, "DeletionsDue, "+what, due, users)
	}
	for n := range 6 {
		a := newAccount(n)
		a.DeletionAt = nil
		create(t, s, a)
	}
	check("without any", 10)
	for _, at := range []*time.Time{new(now.Add(time.Minute)), nil, new(now.Add(-time.Hour)), new(now)} {
		now = now.Add(time.Microsecond)
		changed(t, s, func(u *auth.User) error {
			// The other account of changed never has a time.
			if err := s.SetDeletion(t.Context(), newID(2), newAccount(2).DeletionAt, newAccount(2).UpdatedAt); err != nil {
				return err
			}
			u.DeletionAt, u.UpdatedAt = at, now
			return s.SetDeletion(t.Context(), u.ID, at, now)
		})
	}
	for n, at := range []*time.Time{1: new(now), 2: new(now.Add(time.Microsecond)), 3: new(now.Add(-time.Hour)), 4: nil, 5: new(now.Add(-time.Microsecond))} {
		if err := s.SetDeletion(t.Context(), newID(n), at, now); err != nil {
			t.Fatal(err)
		}
	}
	check("those of the past", 10, 3, 5, 1)
	check("the first two", 2, 3, 5)
	check("none", 0)
	if err := s.DeleteUser(t.Context(), newID(3)); err != nil {
		t.Fatal(err)
	}
	check("after one was deleted", 10, 5, 1)
	wantError(t, "SetDeletion of nobody", s.SetDeletion(t.Context(), newID(9), &now, now), auth.ErrNotFound)
}

func deletePassword(t *testing.T, s auth.Store) {
	a, b, c := newAccount(1), newAccount(2), newAccount(3)
	create(t, s, a)
	create(t, s, b) // detects a missing condition
	passkey := newPassword(c)
	passkey.Kind = "PASSKEY"
	if err := s.CreateAccount(t.Context(), c, passkey); err != nil {
		t.Fatal(err)
	}
	createSession(t, s, newLiveSession(1, a.ID))
	for range 2 { // without a password it is no error
		for _, id := range []uuid.UUID{a.ID, c.ID} {
			if err := s.DeletePassword(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if _, got, err := s.PasswordOf(t.Context(), id); err != nil || got != nil {
				t.Errorf("PasswordOf after DeletePassword: %v, %v, want none", got, err)
			}
		}
	}
	if ok, err := s.RehashPassword(t.Context(), a.ID, newPassword(a).Secret, "$new", epoch); ok || err != nil {
		t.Errorf("RehashPassword after DeletePassword: %v, %v, want false", ok, err)
	}
	if _, err := s.Viewer(t.Context(), newSession(1, a.ID).ID); err != nil {
		t.Errorf("Viewer: %v, want the session to go on", err)
	}
	_, got, err := s.PasswordOf(t.Context(), b.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "the password of another user", got, newPassword(b))
	wantError(t, "DeletePassword of nobody", s.DeletePassword(t.Context(), newID(9)), auth.ErrNotFound)

	next := &auth.Credential{ID: newID(20), UserID: a.ID, Kind: auth.CredentialPassword, Secret: "$next", CreatedAt: epoch, UpdatedAt: epoch}
	if err := s.SetPassword(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if _, got, err = s.PasswordOf(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	equal(t, "the next password", got, next)
	// Beside others that set one, the user ends with one password or none.
	for n, err := range together(20, func(n int) error {
		if n%2 == 0 {
			return s.DeletePassword(t.Context(), a.ID)
		}
		next := *next
		next.ID, next.Secret = newID(30+n), fmt.Sprint("$", n)
		return s.SetPassword(t.Context(), &next)
	}) {
		if err != nil {
			t.Errorf("%d: %v", n, err)
		}
	}
	if _, got, err = s.PasswordOf(t.Context(), a.ID); err != nil || got != nil && !strings.HasPrefix(got.Secret, "$") {
		t.Errorf("PasswordOf: %v, %v", got, err)
	}
}
