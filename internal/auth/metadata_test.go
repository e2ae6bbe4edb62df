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
	"usher/internal/jsonobject"
)

func TestMetadata(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		ada, err := f.Signup(t.Context(), signin.SignupInput{
			Username: new("ada"), FullName: new("Ada"), Password: authtest.Password,
			Metadata: new(jsonobject.Object(`{"a":{"b":1,"none":null},"none":null}`)),
		})
		if err != nil {
			t.Fatal(err)
		}
		f.NewEvents(t)
		want := *ada.User
		if want.Metadata != `{"a":{"b":1}}` || want.AppMetadata != "" {
			t.Errorf("after the sign-up: %s and %s", want.Metadata, want.AppMetadata)
		}
		const own, others = "USER_UPDATED by ada of ada in a session", "USER_UPDATED by root of ada in a session"
		for i, step := range []struct {
			me                    *accounts.UpdateMeInput
			user                  *admin.UpdateUserInput
			metadata, appMetadata jsonobject.Object
			event                 string // empty if nothing changes
		}{
			{me: &accounts.UpdateMeInput{Metadata: new(jsonobject.Object(`{"a":{"c":2}}`))}, metadata: `{"a":{"b":1,"c":2}}`, event: own},
			{me: &accounts.UpdateMeInput{Metadata: new(jsonobject.Object(`{"a":{"b":1}}`))}, metadata: `{"a":{"b":1,"c":2}}`},
			{me: &accounts.UpdateMeInput{Metadata: new(jsonobject.Object(""))}, metadata: `{"a":{"b":1,"c":2}}`},
			{
				user:     &admin.UpdateUserInput{AppMetadata: new(jsonobject.Object(`{"plan":"pro"}`))},
				metadata: `{"a":{"b":1,"c":2}}`, appMetadata: `{"plan":"pro"}`, event: others,
			},
			{
				me:       &accounts.UpdateMeInput{Metadata: new(jsonobject.Object(`{"a":null}`))},
				metadata: "", appMetadata: `{"plan":"pro"}`, event: own,
			},
			{
				user:     &admin.UpdateUserInput{Metadata: new(jsonobject.Object(`{"x":1}`)), AppMetadata: new(jsonobject.Object(`{"plan":null}`))},
				metadata: `{"x":1}`, appMetadata: "", event: others,
			},
			{user: &admin.UpdateUserInput{Metadata: new(jsonobject.Object(`{"x":1}`))}, metadata: `{"x":1}`},
		} {
			f.Clock.Advance(time.Second)
			want.Metadata, want.AppMetadata = step.metadata, step.appMetadata
			var events []string
			if step.event != "" {
				want.UpdatedAt, events = f.Clock.Now(), []string{step.event}
			}
			ctx := f.As(t, ada.AccessToken)
			var answer *auth.User
			if step.me != nil {
				p, err := f.UpdateMe(ctx, *step.me)
				if err != nil {
					t.Fatal(i, err)
				}
				answer = p.User
			} else {
				step.user.UserID = ada.User.ID
				p, err := f.UpdateUser(f.As(t, root.AccessToken), *step.user)
				if err != nil {
					t.Fatal(i, err)
				}
				answer = p.User
			}
			here, err := f.Me(ctx)
			if err != nil {
				t.Fatal(err)
			}
			next, err := f.Me(f.As(t, ada.AccessToken))
			if err != nil {
				t.Fatal(err)
			}
			for name, user := range map[string]*auth.User{"answer": answer, "request": here, "next request": next} {
				if diff := cmp.Diff(&want, user); diff != "" {
					t.Errorf("%d: the user of the %s (-want +got):\n%s", i, name, diff)
				}
			}
			f.WantEvents(t, events...)
		}
		if log := f.Log.Take(); strings.Contains(log, "plan") || strings.Contains(log, `"x"`) {
			t.Errorf("the log has metadata: %s", log)
		}
	})
}

// TestMetadataKeepsTheName checks that a change of metadata alone keeps the full name and what it is found by.
func TestMetadataKeepsTheName(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		ada, err := f.Signup(t.Context(), signin.SignupInput{Username: new("ada"), FullName: new("Countess"), Password: authtest.Password})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.UpdateMe(f.As(t, ada.AccessToken), accounts.UpdateMeInput{Metadata: new(jsonobject.Object(`{"a":1}`))}); err != nil {
			t.Fatal(err)
		}
		list, err := f.adminService.Users(f.As(t, root.AccessToken), &admin.UserFilter{Search: new("COUNT")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := list.Read(t.Context(), auth.Page[auth.UserPosition]{Limit: 10}); err != nil || len(found) != 1 || *found[0].User.FullName != "Countess" {
			t.Errorf("%v, %v", found, err)
		}
	})
}

func TestMetadataTooLong(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada := f.admin(t, "root"), f.signup(t, "ada")
		half := func(name string) *jsonobject.Object {
			return new(jsonobject.Object(`{"` + name + `":"` + strings.Repeat("x", jsonobject.MaxSize/2) + `"}`))
		}
		if _, err := f.UpdateUser(f.As(t, root.AccessToken), admin.UpdateUserInput{UserID: ada.User.ID, Metadata: half("a"), AppMetadata: half("a")}); err != nil {
			t.Fatal(err)
		}
		before := f.AllUsers(t)
		f.NewEvents(t)
		_, err := f.UpdateMe(f.As(t, ada.AccessToken), accounts.UpdateMeInput{FullName: new("New"), Metadata: half("b")})
		if got := authtest.Code(err); got != "BAD_USER_INPUT metadata=TOO_LONG" {
			t.Errorf("UpdateMe: %s", got)
		}
		_, err = f.UpdateUser(f.As(t, root.AccessToken), admin.UpdateUserInput{
			UserID: ada.User.ID, Roles: auth.Roles, Metadata: half("b"), AppMetadata: half("b"),
		})
		if got := authtest.Code(err); got != "BAD_USER_INPUT metadata=TOO_LONG appMetadata=TOO_LONG" {
			t.Errorf("UpdateUser: %s", got)
		}
		if diff := cmp.Diff(before, f.AllUsers(t)); diff != "" {
			t.Errorf("users (-before +after):\n%s", diff)
		}
		f.WantEvents(t)
	})
}

// TestMetadataOfMany has a user and administrators change different members at once. No change is lost.
func TestMetadataOfMany(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada := f.admin(t, "root"), f.signup(t, "ada")
		const many = 8
		var all sync.WaitGroup
		for i := range many {
			all.Go(func() {
				own := jsonobject.Object(fmt.Sprintf(`{"user%d":%d}`, i, i))
				if _, err := f.UpdateMe(f.As(t, ada.AccessToken), accounts.UpdateMeInput{Metadata: &own}); err != nil {
					t.Errorf("UpdateMe: %v", err)
				}
			})
			all.Go(func() {
				own, app := jsonobject.Object(fmt.Sprintf(`{"admin%d":%d}`, i, i)), jsonobject.Object(fmt.Sprintf(`{"app%d":%d}`, i, i))
				in := admin.UpdateUserInput{UserID: ada.User.ID, Metadata: &own, AppMetadata: &app}
				if _, err := f.UpdateUser(f.As(t, root.AccessToken), in); err != nil {
					t.Errorf("UpdateUser: %v", err)
				}
			})
		}
		all.Wait()
		user, err := f.Me(f.As(t, ada.AccessToken))
		if err != nil {
			t.Fatal(err)
		}
		for i := range many {
			for name, in := range map[string]jsonobject.Object{
				fmt.Sprint("user", i): user.Metadata, fmt.Sprint("admin", i): user.Metadata, fmt.Sprint("app", i): user.AppMetadata,
			} {
				if _, ok := in.At([]string{name}); !ok {
					t.Errorf("%s is lost: %s", name, in)
				}
			}
		}
	})
}
