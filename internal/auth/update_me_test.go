package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
)

func TestUpdateMe(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ada := w.signup(t, "ada")
		w.signup(t, "eve")
		want := *ada.User
		w.newEvents(t)
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
			w.clock.Advance(time.Second)
			var events []string
			if step.changes {
				want.UpdatedAt = w.clock.Now()
				events = []string{"USER_UPDATED by ada of ada in a session"}
			}
			want.FullName = step.want
			ctx := w.as(t, ada.AccessToken)
			got, err := w.UpdateMe(ctx, accounts.UpdateMeInput{FullName: step.in})
			if err != nil {
				t.Fatal(err)
			}
			here, err := w.Me(ctx)
			if err != nil {
				t.Fatal(err)
			}
			next, err := w.Me(w.as(t, ada.AccessToken))
			if err != nil {
				t.Fatal(err)
			}
			for name, user := range map[string]*auth.User{"answer": got.User, "request": here, "next request": next} {
				if diff := cmp.Diff(&want, user); diff != "" {
					t.Errorf("the user of the %s (-want +got):\n%s", name, diff)
				}
			}
			w.wantEvents(t, events...)
		}
	})
}

func TestUpdateMeRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		root, ada := w.admin(t, "root"), w.signup(t, "ada")
		before := w.users(t)
		w.newEvents(t)
		_, err := w.UpdateMe(w.as(t, ada.AccessToken), accounts.UpdateMeInput{FullName: new(strings.Repeat("x", 201))})
		wantProblem(t, "too long", err, "fullName TOO_LONG")
		for name, bearer := range map[string]string{"NO_TOKEN": "", "TOKEN_INVALID": "garbage", "SESSION_ENDED": endSession(t, w, ada)} {
			ctx := t.Context()
			if bearer != "" {
				ctx = w.as(t, bearer)
			}
			if _, err := w.UpdateMe(ctx, accounts.UpdateMeInput{FullName: new("x")}); kind(err) != "UNAUTHENTICATED "+name {
				t.Errorf("%v, want %s", err, name)
			}
		}
		if diff := cmp.Diff(before, w.users(t)); diff != "" {
			t.Errorf("users (-before +after):\n%s", diff)
		}
		w.wantEvents(t)

		deleted := w.login(t, "ada")
		ctx := w.as(t, deleted.AccessToken)
		if _, err := w.Me(ctx); err != nil {
			t.Fatal(err)
		}
		if err := remove(w.as(t, root.AccessToken), w, deleted.User.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := w.UpdateMe(ctx, accounts.UpdateMeInput{FullName: new("x")}); kind(err) != ended {
			t.Errorf("deleted meanwhile: %v", err)
		}
	})
}
