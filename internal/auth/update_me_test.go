package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
)

func TestUpdateMe(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		f.signup(t, "eve")
		want := *ada.User
		f.NewEvents(t)
		for _, step := range []struct {
			in      *string
			want    *string
			changes bool
		}{
			{new("  Ada Lovelace"), new("Ada Lovelace"), true},
			{new("Ada Lovelace"), new("Ada Lovelace"), false},
			{nil, new("Ada Lovelace"), false},
			{new(""), nil, true},
			{new(" "), nil, false},
			{nil, nil, false},
		} {
			f.Clock.Advance(time.Second)
			var events []string
			if step.changes {
				want.UpdatedAt = f.Clock.Now()
				events = []string{"USER_UPDATED by ada of ada in a session"}
			}
			want.FullName = step.want
			ctx := f.As(t, ada.AccessToken)
			got, err := f.UpdateMe(ctx, accounts.UpdateMeInput{FullName: step.in})
			if err != nil {
				t.Fatal(err)
			}
			here, err := f.Me(ctx)
			if err != nil {
				t.Fatal(err)
			}
			next, err := f.Me(f.As(t, ada.AccessToken))
			if err != nil {
				t.Fatal(err)
			}
			for name, user := range map[string]*auth.User{"answer": got.User, "request": here, "next request": next} {
				if diff := cmp.Diff(&want, user); diff != "" {
					t.Errorf("the user of the %s (-want +got):\n%s", name, diff)
				}
			}
			f.WantEvents(t, events...)
		}
	})
}

func TestUpdateMeRefused(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada := f.admin(t, "root"), f.signup(t, "ada")
		before := f.AllUsers(t)
		f.NewEvents(t)
		_, err := f.UpdateMe(f.As(t, ada.AccessToken), accounts.UpdateMeInput{FullName: new(strings.Repeat("x", 201))})
		wantProblem(t, "too long", err, "fullName TOO_LONG")
		for name, bearer := range map[string]string{"NO_TOKEN": "", "TOKEN_INVALID": "garbage", "SESSION_ENDED": endSession(t, f, ada)} {
			ctx := t.Context()
			if bearer != "" {
				ctx = f.As(t, bearer)
			}
			if _, err := f.UpdateMe(ctx, accounts.UpdateMeInput{FullName: new("x")}); authtest.Code(err) != "UNAUTHENTICATED "+name {
				t.Errorf("%v, want %s", err, name)
			}
		}
		if diff := cmp.Diff(before, f.AllUsers(t)); diff != "" {
			t.Errorf("users (-before +after):\n%s", diff)
		}
		f.WantEvents(t)

		deleted := f.login(t, "ada")
		ctx := f.As(t, deleted.AccessToken)
		if _, err := f.Me(ctx); err != nil {
			t.Fatal(err)
		}
		if err := deleteUser(f.As(t, root.AccessToken), f, deleted.User.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := f.UpdateMe(ctx, accounts.UpdateMeInput{FullName: new("x")}); authtest.Code(err) != ended {
			t.Errorf("deleted meanwhile: %v", err)
		}
	})
}
