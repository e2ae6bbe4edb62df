package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/jsonobject"
)

// changed applies a change to the first of two accounts. It fails the test unless the change affects only
// that account.
func changed(t *testing.T, s auth.Store, change func(u *auth.User) error) {
	t.Helper()
	a, err := s.User(t.Context(), newID(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := change(a); err != nil {
		t.Fatal(err)
	}
	for _, want := range []*auth.User{a, &newAccount(2).User} {
		got, err := s.User(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "account", got, want)
	}
}

func setProfile(t *testing.T, s auth.Store) {
	create(t, s, newAccount(1))
	create(t, s, newAccount(2))
	now := epoch.Add(time.Hour)
	large := jsonobject.Object(`{"a":"` + strings.Repeat("é", (jsonobject.MaxSize-len(`{"a":""}`))/len("é")) + `"}`)
	for _, want := range []struct {
		name, locale          *string
		metadata, appMetadata jsonobject.Object
	}{
		{new("Grace Ünï"), new("zh-Hant-TW"), `{"a":[9007199254740993,1.0,1e2],"b":"\u0001 \\ ' \" $1 ?"}`, ""},
		{nil, nil, "", `{"🙂":null}`},
		{new("Ada"), new(strings.Repeat("a", 100)), large, large},
		{new(""), new(""), "", ""},
	} {
		now = now.Add(time.Second)
		changed(t, s, func(a *auth.User) error {
			a.FullName, a.Locale, a.Metadata, a.AppMetadata, a.UpdatedAt = want.name, want.locale, want.metadata, want.appMetadata, now
			p := auth.Profile{FullName: auth.FullName{Text: want.name}, Locale: want.locale, Metadata: want.metadata, AppMetadata: want.appMetadata}
			if want.name != nil {
				p.FullName.Key = new("key of " + *want.name)
			}
			return s.SetProfile(t.Context(), a.ID, p, now)
		})
		if want.name != nil {
			equal(t, "Users found by the name", numbersOf(t, s, auth.UserQuery{
				Order: auth.UsersByCreatedAt, Search: "key of " + *want.name, Page: auth.Page[auth.UserPosition]{Limit: 10},
			}), []int{1})
		}
	}
	equal(t, "Users who were found by the name before", numbersOf(t, s, auth.UserQuery{
		Order: auth.UsersByCreatedAt, Search: "ada lovelace", Page: auth.Page[auth.UserPosition]{Limit: 10},
	}), []int{2})
	wantError(t, "SetProfile of nobody", s.SetProfile(t.Context(), newID(3), auth.Profile{}, now), auth.ErrNotFound)
	endless := strings.Repeat("a", 1<<20)
	for what, p := range map[string]auth.Profile{
		"a key":       {FullName: auth.FullName{Text: new("a"), Key: &endless}},
		"a locale":    {Locale: &endless},
		"metadata":    {Metadata: jsonobject.Object(endless)},
		"appMetadata": {AppMetadata: jsonobject.Object(endless)},
	} {
		if err := s.SetProfile(t.Context(), newID(1), p, now); err == nil {
			t.Errorf("%s of unlimited length was stored", what)
		}
	}
}

func setRoles(t *testing.T, s auth.Store) {
	create(t, s, newAccount(1))
	create(t, s, newAccount(2))
	now := epoch.Add(time.Hour)
	for _, roles := range [][]auth.Role{{auth.RoleUser}, nil, {auth.RoleUser, auth.RoleAdmin}, {auth.RoleAdmin}, {auth.RoleUser, "OWNER_2"}, manyRoles} {
		now = now.Add(time.Second)
		changed(t, s, func(a *auth.User) error {
			a.Roles, a.UpdatedAt = roles, now
			return s.SetRoles(t.Context(), a.ID, roles, now)
		})
	}
	changed(t, s, func(a *auth.User) error {
		if err := s.SetRoles(t.Context(), a.ID, []auth.Role{"owner"}, now.Add(time.Hour)); err == nil {
			t.Error("a role with a wrong name was stored")
		}
		return nil
	})
	wantError(t, "SetRoles of nobody", s.SetRoles(t.Context(), newID(3), nil, now), auth.ErrNotFound)
}

func deleteUser(t *testing.T, s auth.Store) {
	gone, kept := newAccount(1), newAccount(2)
	create(t, s, gone)
	create(t, s, kept)
	createSession(t, s, newSession(1, gone.ID))
	createSession(t, s, newLiveSession(2, gone.ID))
	createSession(t, s, newLiveSession(3, kept.ID))
	event := newEvent(1)
	event.UserID, event.ActorID = &gone.ID, &gone.ID
	addEvent(t, s, event)
	if err := s.DeleteUser(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		_, err := s.Viewer(t.Context(), newSession(n+1, gone.ID).ID)
		wantError(t, "Viewer of a deleted user", err, auth.ErrNotFound)
	}
	if _, err := s.Viewer(t.Context(), newSession(3, kept.ID).ID); err != nil {
		t.Errorf("another user's session was deleted: %v", err)
	}
	equal(t, "users", allUsers(t, s), []auth.User{kept.User})
	equal(t, "events", listEvents(t, s, auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 10}}), []auth.AuditEvent{*event})
	wantError(t, "DeleteUser once more", s.DeleteUser(t.Context(), gone.ID), auth.ErrNotFound)
	create(t, s, gone) // The names of a deleted account are free.
}

func hasOtherAdmin(t *testing.T, s auth.Store) {
	check := func(what string, except int, want bool) {
		t.Helper()
		if got, err := s.HasOtherAdmin(t.Context(), newID(except)); got != want || err != nil {
			t.Errorf("HasOtherAdmin with %s: %v, %v, want %v", what, got, err, want)
		}
	}
	check("nobody", 0, false)
	for n, change := range []func(a *auth.Account){
		func(a *auth.Account) { a.Roles = []auth.Role{auth.RoleUser} },
		func(a *auth.Account) { a.Roles = nil },
		func(a *auth.Account) { a.DisabledAt = new(epoch) },
		func(a *auth.Account) { a.DeletionAt = new(epoch) },
	} {
		a := newAccount(n)
		a.DisabledAt, a.DeletionAt = nil, nil
		change(a)
		create(t, s, a)
		check("nobody who is one", 10, false)
	}
	for n, roles := range [][]auth.Role{{auth.RoleUser, auth.RoleAdmin}, {auth.RoleAdmin}} {
		a := newAccount(10 + n)
		a.DisabledAt, a.DeletionAt, a.Roles = nil, nil, roles
		create(t, s, a)
		check("one more", 9, true)
	}
	check("two", 10, true)
	check("two", 11, true)
	if err := s.SetDisabled(t.Context(), newID(11), new(epoch), epoch); err != nil {
		t.Fatal(err)
	}
	check("one", 10, false)
	check("one", 11, true)
}

// lastAdmin makes administrators remove each other concurrently, in different ways. One must remain.
func lastAdmin(t *testing.T, s auth.Store) {
	const many = 30
	for n := range many {
		a := newAccount(n)
		a.DisabledAt, a.DeletionAt = nil, nil
		create(t, s, a)
	}
	removed := make([]bool, many)
	for _, err := range together(many, func(n int) error {
		return s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
			if err := tx.LockAdministration(ctx); err != nil {
				return err
			}
			has, err := tx.HasOtherAdmin(ctx, newID(n))
			if err != nil || !has {
				return err
			}
			removed[n] = true
			switch n % 3 {
			case 0:
				return tx.SetRoles(ctx, newID(n), []auth.Role{auth.RoleUser}, epoch)
			case 1:
				return tx.SetDisabled(ctx, newID(n), new(epoch), epoch)
			default:
				return tx.DeleteUser(ctx, newID(n))
			}
		})
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	if got := count(removed); got != many-1 {
		t.Errorf("%d of %d administrators were removed, want all but one", got, many)
	}
	left := numbersOf(t, s, auth.UserQuery{Order: auth.UsersByCreatedAt, Role: auth.RoleAdmin, Disabled: new(false), Page: auth.Page[auth.UserPosition]{Limit: many}})
	if len(left) != 1 || removed[left[0]] {
		t.Errorf("the administrators are %v, want one who was not removed", left)
	}
}

func setFullNameKey(t *testing.T, s auth.Store) {
	missing := func(limit int) (ids []uuid.UUID) {
		t.Helper()
		users, err := s.UsersWithoutKey(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range users {
			ids = append(ids, u.ID)
		}
		return ids
	}
	keyed, nameless, one, two := newAccount(1), newAccount(2), newAccount(3), newAccount(4)
	nameless.FullName, nameless.FullNameKey = nil, nil
	one.FullNameKey, two.FullNameKey = nil, nil
	for _, a := range []*auth.Account{keyed, nameless, one, two} {
		create(t, s, a)
	}
	equal(t, "without a key", missing(10), []uuid.UUID{one.ID, two.ID})
	equal(t, "the first of them", missing(1), []uuid.UUID{one.ID})
	for _, name := range []string{"Another Name", *one.FullName} {
		if err := s.SetFullNameKey(t.Context(), one.ID, name, "ada by her key"); err != nil {
			t.Fatal(err)
		}
		if name != *one.FullName {
			equal(t, "without a key, after one for another name", missing(10), []uuid.UUID{one.ID, two.ID})
		}
	}
	equal(t, "without a key, after one", missing(10), []uuid.UUID{two.ID})
	found, err := s.Users(t.Context(), auth.UserQuery{Search: "ada by", Order: auth.UsersByCreatedAt, Page: auth.Page[auth.UserPosition]{Limit: 10}})
	if err != nil || len(found) != 1 || found[0].User.ID != one.ID || !found[0].User.UpdatedAt.Equal(one.UpdatedAt) {
		t.Errorf("Users: %v, %v, want the user with the key and the same updatedAt", found, err)
	}
}
