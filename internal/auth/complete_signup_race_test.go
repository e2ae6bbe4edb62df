package auth_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/mail"
)

// TestCompleteSignupHolder completes sign-ups for addresses that another account has got meanwhile.
func TestCompleteSignupHolder(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		tests := map[string]struct {
			username *string
			verified bool
			squatted bool
		}{
			"unverified":                        {},
			"unverified with a user name":       {username: new("holder")},
			"unverified, and its name is taken": {squatted: true},
			"verified":                          {verified: true},
			"verified with a user name":         {username: new("verified"), verified: true},
		}
		n := 0
		for name, tt := range tests {
			n++
			email := fmt.Sprintf("ada%d@example.com", n)
			m := f.signupMail(t, email)
			holder, err := f.Signup(t.Context(), signin.SignupInput{Username: tt.username, Email: &email, Password: authtest.Password})
			if err != nil {
				t.Fatal(err)
			}
			id := holder.User.ID
			address := auth.Email{Address: &email, Key: &email, Pending: new("other@example.com")}
			if tt.verified {
				address.VerifiedAt = new(f.Clock.Now())
			}
			if err := f.Store.SetEmail(t.Context(), id, address, f.Clock.Now()); err != nil {
				t.Fatal(err)
			}
			if err := f.Store.ReplaceMailedSecret(t.Context(), &auth.MailedSecret{
				ID: uuid.New(), Purpose: auth.PurposeResetPassword, Subject: id.String(), UserID: &id, Address: email, AddressKey: email,
				TokenDigest: []byte(fmt.Sprintf("%032d", n)), CreatedAt: f.Clock.Now(), ExpiresAt: f.Clock.Now().Add(time.Hour),
			}); err != nil {
				t.Fatal(err)
			}
			if tt.squatted {
				f.signup(t, "user-"+id.String())
			}
			f.NewEvents(t)
			before := f.state(t)
			got, err := f.CompleteSignup(t.Context(), signin.CompleteSignupInput{Token: &m.Token, Username: new(fmt.Sprint("owner", n)), Password: authtest.Password})
			_, secretErr := f.Store.MailedSecret(t.Context(), []byte(fmt.Sprintf("%032d", n)))
			if tt.verified {
				if authtest.Code(err) != "BAD_USER_INPUT email=TAKEN" || secretErr != nil {
					t.Errorf("%s: %v, and the secret: %v", name, err, secretErr)
				}
				if diff := cmp.Diff(before, f.state(t)); diff != "" {
					t.Errorf("%s has written (-before +after):\n%s", name, diff)
				}
				f.WantEvents(t)
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if *got.User.Email != email || got.User.EmailVerifiedAt == nil {
				t.Errorf("%s: %+v", name, got.User)
			}
			after, err := f.Store.User(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			username := *after.Username
			switch {
			case tt.username != nil && username != *tt.username,
				tt.username == nil && !tt.squatted && username != "user-"+id.String(),
				tt.squatted && (username == "user-"+id.String() || !strings.HasPrefix(username, "user-")):
				t.Errorf("%s: the other account has the user name %q", name, username)
			}
			if after.Email != nil || after.PendingEmail != nil || after.EmailVerifiedAt != nil {
				t.Errorf("%s: the other account has %+v", name, after)
			}
			if secretErr == nil {
				t.Errorf("%s: a secret that was mailed to the other account is valid", name)
			}
			// The other account stays, with its sessions and its password, under its user name.
			if _, err := f.Me(f.As(t, holder.AccessToken)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			f.WantEvents(t, "EMAIL_RELEASED of "+username, fmt.Sprintf("SIGNUP by owner%d of owner%[1]d in a session", n))
			f.login(t, username)
			if got := f.loginWith(t, email, authtest.Password); got.User.Username == nil || *got.User.Username != fmt.Sprint("owner", n) {
				t.Errorf("%s: the address signs in %+v", name, got.User)
			}
		}
	})
}

// TestCompleteSignupRace completes sign-ups at once: with one token, with one user name, and against sign-ups of the same
// address. Exactly one account has the address, the name or the secret.
func TestCompleteSignupRace(t *testing.T) {
	t.Parallel()
	const n = 12
	eachDatabase(t, func(t *testing.T, f *fixture) {
		race := func(do func(i int) error) map[string]int {
			answers := make([]string, n)
			var wg sync.WaitGroup
			for i := range n {
				wg.Go(func() { answers[i] = authtest.Code(do(i)) })
			}
			wg.Wait()
			counts := map[string]int{}
			for _, a := range answers {
				counts[a]++
			}
			return counts
		}
		complete := func(in signin.CompleteSignupInput) error {
			in.Password = authtest.Password
			_, err := f.CompleteSignup(t.Context(), in)
			return err
		}

		one := f.signupMail(t, "one@example.com")
		got := race(func(i int) error {
			return complete(signin.CompleteSignupInput{Token: &one.Token, Username: new(fmt.Sprint("one", i))})
		})
		if diff := cmp.Diff(map[string]int{"": 1, "BAD_USER_INPUT token=INCORRECT": n - 1}, got); diff != "" {
			t.Errorf("one token (-want +got):\n%s", diff)
		}

		code := f.signupMail(t, "code@example.com")
		got = race(func(int) error { return complete(signin.CompleteSignupInput{Code: &code.Code, Email: &code.To}) })
		if diff := cmp.Diff(map[string]int{"": 1, "BAD_USER_INPUT code=INCORRECT": n - 1}, got); diff != "" {
			t.Errorf("one code (-want +got):\n%s", diff)
		}

		mails := make([]mail.Message, n)
		for i := range mails {
			mails[i] = f.signupMail(t, fmt.Sprintf("many%d@example.com", i))
		}
		got = race(func(i int) error {
			return complete(signin.CompleteSignupInput{Token: &mails[i].Token, Username: new("wanted")})
		})
		if diff := cmp.Diff(map[string]int{"": 1, "BAD_USER_INPUT username=TAKEN": n - 1}, got); diff != "" {
			t.Errorf("one user name (-want +got):\n%s", diff)
		}

		// The owner wins against sign-ups without a confirmation, before or after them, at the latest with a second call.
		contested := f.signupMail(t, "contested@example.com")
		race(func(i int) error {
			if i == n/2 {
				return complete(signin.CompleteSignupInput{Token: &contested.Token, Username: new("owner")})
			}
			_, err := f.Signup(t.Context(), signin.SignupInput{Email: &contested.To, Password: authtest.Password})
			return err
		})
		if err := complete(signin.CompleteSignupInput{Token: &contested.Token, Username: new("owner")}); err != nil && authtest.Code(err) != "BAD_USER_INPUT token=INCORRECT" {
			t.Errorf("the owner: %v", err)
		}
		holders := 0
		for _, u := range f.AllUsers(t) {
			if u.Email == nil || *u.Email != contested.To {
				continue
			}
			holders++
			if u.EmailVerifiedAt == nil || *u.Username != "owner" {
				t.Errorf("%+v has the address", u)
			}
		}
		if holders != 1 {
			t.Errorf("%d accounts have the address", holders)
		}
	})
}
