package auth_test

import (
	"strings"
	"testing"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/password"
)

// TestLocale stores the language of mails by each mutation that accepts it.
func TestLocale(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		made := 0
		mutations := map[string]func(locale *string) error{
			"signup": func(locale *string) error {
				made++
				_, err := f.Signup(t.Context(), signin.SignupInput{
					Username: new("a" + strings.Repeat("x", made)), Password: authtest.Password, Locale: locale,
				})
				return err
			},
			"createUser": func(locale *string) error {
				made++
				_, err := f.adminService.CreateUser(f.As(t, root.AccessToken), admin.CreateUserInput{
					Username: new("b" + strings.Repeat("x", made)), Password: new(password.Plaintext(authtest.Password)), Locale: locale,
				})
				return err
			},
		}
		stored := func() string {
			t.Helper()
			users := f.AllUsers(t)
			if locale := users[len(users)-1].Locale; locale != nil {
				return *locale
			}
			return "none"
		}
		for name, mutate := range mutations {
			for _, step := range []struct {
				locale     *string
				want, code string
			}{
				{nil, "none", ""},
				{new("pt-br"), "pt-BR", ""},
				{new(""), "none", ""},
				{new("english"), "none", "BAD_USER_INPUT locale=INVALID_FORMAT"},
				{new(strings.Repeat("x", 1<<16)), "none", "BAD_USER_INPUT locale=INVALID_FORMAT"},
			} {
				f.Clock.Advance(1000)
				if got := authtest.Code(mutate(step.locale)); got != step.code {
					t.Errorf("%s: %q, want %q", name, got, step.code)
				}
				if got := stored(); got != step.want {
					t.Errorf("%s: %s stored, want %s", name, got, step.want)
				}
			}
		}

		f.Clock.Advance(1000)
		ada := f.signup(t, "ada")
		f.NewEvents(t)
		updates := map[string]func(locale *string) (*auth.User, error){
			"updateMe by ada": func(locale *string) (*auth.User, error) {
				p, err := f.UpdateMe(f.As(t, ada.AccessToken), accounts.UpdateMeInput{Locale: locale})
				if err != nil {
					return nil, err
				}
				return p.User, nil
			},
			"updateUser by root": func(locale *string) (*auth.User, error) {
				p, err := f.UpdateUser(f.As(t, root.AccessToken), admin.UpdateUserInput{UserID: ada.User.ID, Locale: locale})
				if err != nil {
					return nil, err
				}
				return p.User, nil
			},
		}
		for name, update := range updates {
			by := name[strings.LastIndex(name, " ")+1:]
			for _, step := range []struct {
				locale     *string
				want, code string
				changes    bool
			}{
				{new("de-at"), "de-AT", "", true},
				{nil, "de-AT", "", false},
				{new("de-AT"), "de-AT", "", false},
				{new("no language"), "de-AT", "BAD_USER_INPUT locale=INVALID_FORMAT", false},
				{new(" "), "none", "", true},
				{new(""), "none", "", false},
			} {
				user, err := update(step.locale)
				if got := authtest.Code(err); got != step.code {
					t.Errorf("%s: %q, want %q", name, got, step.code)
				}
				if user != nil && (user.Locale == nil) != (step.want == "none") {
					t.Errorf("%s answers %v, want %s", name, user.Locale, step.want)
				}
				if got := stored(); got != step.want {
					t.Errorf("%s: %s stored, want %s", name, got, step.want)
				}
				var events []string
				if step.changes {
					events = []string{"USER_UPDATED by " + by + " of ada in a session"}
				}
				f.WantEvents(t, events...)
			}
		}
	})
}
