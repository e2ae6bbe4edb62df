package auth_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
)

func TestDailyActivity(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 1, 31+n, 0, 0, 0, 0, time.UTC) }
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.admin(t, "root") // 31 January
		f.signup(t, "ada")
		f.signup(t, "eve")
		f.Clock.Advance(24 * time.Hour)
		f.tryLogin(t.Context(), "ada", "wrong")
		f.tryLogin(t.Context(), "nobody", "wrong")
		f.Clock.Advance(day(4).Add(-time.Microsecond).Sub(f.Clock.Now())) // the last moment of 3 February
		f.login(t, "ada")
		f.Clock.Advance(time.Microsecond) // the first one of 4 February
		f.login(t, "eve")
		root := f.login(t, "root")
		all := []admin.DailyActivity{
			{Date: day(-1)},
			{Date: day(0), Signups: 2, Logins: 1},
			{Date: day(1), FailedLogins: 2},
			{Date: day(2)},
			{Date: day(3), Logins: 1},
			{Date: day(4), Logins: 2},
		}
		for days := 1; days <= len(all); days++ {
			got, err := f.DailyActivity(f.As(t, root.AccessToken), days)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(all[len(all)-days:], got); diff != "" {
				t.Errorf("%d days (-want +got):\n%s", days, diff)
			}
		}
		got, err := f.DailyActivity(f.As(t, root.AccessToken), admin.MaxDays)
		if err != nil || len(got) != admin.MaxDays || !got[0].Date.Equal(day(4-89)) {
			t.Errorf("%d days: %v, %v", admin.MaxDays, got, err)
		}
		for _, days := range []int{-1, 0, admin.MaxDays + 1} {
			if _, err := f.DailyActivity(f.As(t, root.AccessToken), days); authtest.Code(err) != "BAD_USER_INPUT days=INVALID_FORMAT" {
				t.Errorf("%d days: %v", days, err)
			}
		}
	})
}

func TestUserCount(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		for n := 1; n < 4; n++ {
			if got, err := f.UserCount(f.As(t, root.AccessToken)); err != nil || *got != n {
				t.Errorf("UserCount: %v, %v, want %d", got, err, n)
			}
			f.signup(t, fmt.Sprint("user", n))
		}
	})
}

// TestLastSignIn checks which operations count as a sign-in.
func TestLastSignIn(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada := f.admin(t, "root"), f.signup(t, "ada")
		want := f.Clock.Now()
		check := func(what string) {
			t.Helper()
			got, err := f.User(f.As(t, root.AccessToken), ada.User.ID)
			if err != nil || got.LastSignInAt == nil || !got.LastSignInAt.Equal(want) {
				t.Errorf("after %s: %v, %v, want %v", what, got.LastSignInAt, err, want)
			}
		}
		check("signup")
		f.Clock.Advance(time.Minute)
		if _, failed := f.refresh(t.Context(), *ada.RefreshToken); failed != "" {
			t.Fatal(failed)
		}
		check("refresh")
		f.tryLogin(t.Context(), "ada", "wrong")
		check("a failed login")
		want = f.Clock.Now()
		if got := f.login(t, "ada").User; !got.LastSignInAt.Equal(want) || !got.UpdatedAt.Equal(got.CreatedAt) {
			t.Errorf("Login: %+v", got)
		}
		check("login")
		f.Clock.Advance(time.Minute)
		if err := f.SetDisabled(t.Context(), ada.User.ID, true); err != nil {
			t.Fatal(err)
		}
		f.tryLogin(t.Context(), "ada", authtest.Password)
		check("login of a disabled account")
	})
}
