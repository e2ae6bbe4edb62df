package auth_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/auth/authtest"
	"usher/internal/auth/recovery"
	"usher/internal/mail"
)

const (
	incorrectToken = "BAD_USER_INPUT token=INCORRECT"
	incorrectCode  = "BAD_USER_INPUT code=INCORRECT"
)

func TestChangeEmail(t *testing.T) {
	t.Parallel()
	for name, confirm := range map[string]func(f *fixture, session context.Context, m mail.Message) string{
		"by the token, in another browser": func(f *fixture, _ context.Context, m mail.Message) string {
			return f.confirmToken(context.Background(), m.Token)
		},
		"by the token, in the session": func(f *fixture, session context.Context, m mail.Message) string {
			return f.confirmToken(session, m.Token)
		},
		"by the code": func(f *fixture, session context.Context, m mail.Message) string {
			return f.confirmCode(session, m.Code)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				ada := f.signupAt(t, "ada", "ada@example.com")
				f.NewEvents(t)
				m, undo := f.change(t, ada.AccessToken, "ada@example.com", "Ada@example.net")
				if got, want := f.address(t, ada.User.ID), "ada@example.com, pending Ada@example.net"; got != want {
					t.Errorf("requested: %s, want %s", got, want)
				}
				if undo.NewAddress != "Ada@example.net" || undo.Code != "" || m.Username != "ada" {
					t.Errorf("mails %+v and %+v", m, undo)
				}
				f.WantEvents(t, "EMAIL_CHANGE_REQUESTED by ada of ada in a session")
				session := f.As(t, ada.AccessToken)
				if got := confirm(f, session, m); got != "" {
					t.Fatal(got)
				}
				if got, want := f.address(t, ada.User.ID), "Ada@example.net verified"; got != want {
					t.Errorf("confirmed: %s, want %s", got, want)
				}
				if events := f.NewEvents(t); len(events) != 1 || !strings.HasPrefix(events[0], "EMAIL_CHANGED") {
					t.Errorf("events %v", events)
				}
				if got := confirm(f, f.As(t, ada.AccessToken), m); got != incorrectToken && got != incorrectCode {
					t.Errorf("again: %q", got)
				}
				if got := f.tryLogin(t.Context(), "ada@example.net", authtest.Password); got != "" {
					t.Errorf("login with the new address: %q", got)
				}
				if got := f.tryLogin(t.Context(), "ada@example.com", authtest.Password); got != wrong {
					t.Errorf("login with the old address: %q", got)
				}
				f.secretsIn(t, m.Token, m.Code, undo.Token)
			})
		})
	}
}

// TestChangeEmailFirst gives a user without an address one.
func TestChangeEmailFirst(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		if got := f.requestEmailChange(f.As(t, ada.AccessToken), "ada@example.com"); got != "" {
			t.Fatal(got)
		}
		m := f.NewMail(t, "confirm-email", "ada@example.com") // and none to an old address
		if got := f.confirmToken(t.Context(), m.Token); got != "" {
			t.Fatal(got)
		}
		if got, want := f.address(t, ada.User.ID), "ada@example.com verified"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestChangeEmailRefused(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada, eve := f.signupAt(t, "ada", "ada@example.com"), f.signupAt(t, "eve", "eve@example.com")
		f.NewEvents(t)
		for email, want := range map[string]string{
			"":                        "BAD_USER_INPUT email=REQUIRED",
			"ada":                     "BAD_USER_INPUT email=INVALID_FORMAT",
			"a@b.example\r\nBcc: e@b": "BAD_USER_INPUT email=INVALID_FORMAT",
			"ada@example.com":         "BAD_USER_INPUT email=SAME_AS_BEFORE",
			"ADA@Example.com":         "BAD_USER_INPUT email=SAME_AS_BEFORE",
		} {
			if got := f.requestEmailChange(f.As(t, ada.AccessToken), email); got != want {
				t.Errorf("%q: %q, want %q", email, got, want)
			}
		}
		if got := f.requestEmailChange(t.Context(), "new@example.com"); got != "UNAUTHENTICATED NO_TOKEN" {
			t.Errorf("without a session: %q", got)
		}
		f.WantEvents(t)
		if mails := f.newMails(t); len(mails) != 0 {
			t.Errorf("mails %v", mails)
		}

		m, _ := f.change(t, ada.AccessToken, "ada@example.com", "new@example.com")
		f.NewEvents(t)
		for name, tt := range map[string]struct{ got, want string }{
			"nothing":                      {code(f.ConfirmEmailChange(t.Context(), recovery.ConfirmEmailChangeInput{})), "BAD_USER_INPUT input=REQUIRED"},
			"both":                         {code(f.ConfirmEmailChange(f.As(t, ada.AccessToken), recovery.ConfirmEmailChangeInput{Token: &m.Token, Code: &m.Code})), "BAD_USER_INPUT input=REQUIRED"},
			"another token":                {f.confirmToken(t.Context(), strings.Repeat("a", len(m.Token))), incorrectToken},
			"an empty token":               {f.confirmToken(t.Context(), ""), incorrectToken},
			"the code without a session":   {f.confirmCode(t.Context(), m.Code), "UNAUTHENTICATED NO_TOKEN"},
			"the code by another user":     {f.confirmCode(f.As(t, eve.AccessToken), m.Code), incorrectCode},
			"the token to undo with it":    {f.undo(t.Context(), m.Token), incorrectToken},
			"the id of the user as a code": {f.confirmCode(f.As(t, ada.AccessToken), ada.User.ID.String()), incorrectCode},
		} {
			if tt.got != tt.want {
				t.Errorf("%s: %q, want %q", name, tt.got, tt.want)
			}
		}
		f.WantEvents(t, "MAILED_CODE_FAILED by ada of ada in a session", "MAILED_CODE_FAILED by eve in a session")
		if got, want := f.address(t, ada.User.ID), "ada@example.com, pending new@example.com"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		f.Clock.Advance(24 * time.Hour)
		if got := f.confirmToken(t.Context(), m.Token); got != "BAD_USER_INPUT token=EXPIRED" {
			t.Errorf("after a day: %q", got)
		}
	})
}

func code[T any](_ T, err error) string { return authtest.Code(err) }

// TestChangeEmailCodeTries tries codes. The right one is refused after five wrong ones, and after ten minutes. The token
// stays valid.
func TestChangeEmailCodeTries(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupAt(t, "ada", "ada@example.com")
		m, _ := f.change(t, ada.AccessToken, "ada@example.com", "new@example.com")
		other := "000000"
		if m.Code == other {
			other = "000001"
		}
		for range 5 {
			if got := f.confirmCode(f.As(t, ada.AccessToken), other); got != incorrectCode {
				t.Errorf("a wrong code: %q", got)
			}
		}
		if got := f.confirmCode(f.As(t, ada.AccessToken), m.Code); got != incorrectCode {
			t.Errorf("after five wrong codes: %q", got)
		}
		m, _ = f.change(t, ada.AccessToken, "ada@example.com", "new@example.com")
		f.Clock.Advance(10 * time.Minute)
		if got := f.confirmCode(f.As(t, ada.AccessToken), m.Code); got != incorrectCode {
			t.Errorf("after ten minutes: %q", got)
		}
		if got := f.confirmToken(t.Context(), m.Token); got != "" {
			t.Errorf("the token: %q", got)
		}
	})
}

// TestChangeEmailReplaced asks for two changes. The mails of the first are invalid, whether they were sent or wait.
func TestChangeEmailReplaced(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupAt(t, "ada", "ada@example.com")
		first, _ := f.change(t, ada.AccessToken, "ada@example.com", "first@example.com")
		for _, email := range []string{"second@example.com", "third@example.com"} {
			if got := f.requestEmailChange(f.As(t, ada.AccessToken), email); got != "" {
				t.Fatal(got)
			}
		}
		mails := f.newMails(t)
		if _, sent := mails["confirm-email to second@example.com"]; sent {
			t.Error("a change that was replaced is mailed")
		}
		if got := f.confirmToken(t.Context(), first.Token); got != incorrectToken {
			t.Errorf("the first token: %q", got)
		}
		if got := f.confirmToken(t.Context(), mails["confirm-email to third@example.com"].Token); got != "" {
			t.Errorf("the third token: %q", got)
		}
		if got, want := f.address(t, ada.User.ID), "third@example.com verified"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestCancelEmailChange(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupAt(t, "ada", "ada@example.com")
		f.markVerified(t, ada.User.ID)
		m, _ := f.change(t, ada.AccessToken, "ada@example.com", "new@example.com")
		f.NewEvents(t)
		cancel := func(ctx context.Context) string {
			p, err := f.CancelEmailChange(ctx, recovery.CancelEmailChangeInput{})
			if err == nil && *p.Email != "ada@example.com" {
				t.Errorf("the answer is %s", *p.Email)
			}
			return authtest.Code(err)
		}
		if got := cancel(t.Context()); got != "UNAUTHENTICATED NO_TOKEN" {
			t.Errorf("without a session: %q", got)
		}
		for _, events := range [][]string{{"EMAIL_CHANGE_CANCELLED by ada of ada in a session"}, nil} {
			if got := cancel(f.As(t, ada.AccessToken)); got != "" {
				t.Errorf("%q", got)
			}
			f.WantEvents(t, events...)
		}
		if got := f.confirmToken(t.Context(), m.Token); got != incorrectToken {
			t.Errorf("the token of a cancelled change: %q", got)
		}
		if got, want := f.address(t, ada.User.ID), "ada@example.com verified"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != "" {
			t.Errorf("login: %q", got)
		}
	})
}

// TestChangeEmailLimit asks for changes until the old address gets no more mails. Then there is no change, because its
// owner could not undo it.
func TestChangeEmailLimit(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupAt(t, "ada", "ada@example.com")
		for i := range 5 {
			if got := f.requestEmailChange(f.As(t, ada.AccessToken), fmt.Sprintf("new%d@example.com", i)); got != "" {
				t.Fatal(got)
			}
		}
		f.newMails(t)
		before := f.address(t, ada.User.ID)
		f.NewEvents(t)
		if got := f.requestEmailChange(f.As(t, ada.AccessToken), "more@example.com"); got != "RATE_LIMITED after 1h0m0s" {
			t.Errorf("the sixth: %q", got)
		}
		if got := f.address(t, ada.User.ID); got != before {
			t.Errorf("refused, and changed to %s", got)
		}
		f.WantEvents(t)
		if mails := f.newMails(t); len(mails) != 0 {
			t.Errorf("mails %v", mails)
		}
		f.Clock.Advance(time.Hour + time.Second)
		if got := f.requestEmailChange(f.As(t, f.login(t, "ada").AccessToken), "more@example.com"); got != "" {
			t.Errorf("an hour later: %q", got)
		}
	})
}

// TestChangeEmailWithoutMail asks a server that sends no mail.
func TestChangeEmailWithoutMail(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupAt(t, "ada", "ada@example.com")
		before := f.user(t, ada.User.ID)
		f.NewEvents(t)
		d := f.withoutMail(t)
		_, err := d.RequestEmailChange(f.As(t, ada.AccessToken), recovery.RequestEmailChangeInput{Email: "new@example.com"})
		if got := authtest.Code(err); got != "MAIL_DISABLED" {
			t.Errorf("%q", got)
		}
		if diff := cmp.Diff(before, f.user(t, ada.User.ID)); diff != "" {
			t.Errorf("refused, and written (-before +after):\n%s", diff)
		}
		f.WantEvents(t)
	})
}

// TestChangeEmailRaces runs two operations at once. Of two that use up the same token, one succeeds. If the change is
// cancelled or undone at the same time, the account ends in one of two states.
func TestChangeEmailRaces(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		for round := range 8 {
			name := fmt.Sprint("ada", round)
			old, next := name+"@example.com", name+"@example.net"
			ada := f.signupAt(t, name, old)
			m, undo := f.change(t, ada.AccessToken, old, next)
			session := f.As(t, ada.AccessToken)
			if _, err := f.Me(session); err != nil {
				t.Fatal(err)
			}
			confirm := func() string { return f.confirmToken(t.Context(), m.Token) }
			other, states := confirm, []string{next + " verified"}
			switch round % 4 {
			case 1:
				other = func() string { return f.confirmCode(session, m.Code) }
			case 2:
				other = func() string {
					_, err := f.CancelEmailChange(session, recovery.CancelEmailChangeInput{})
					return authtest.Code(err)
				}
				states = append(states, old)
			case 3:
				other = func() string { return f.undo(t.Context(), undo.Token) }
				states = []string{old + " verified"}
			}
			answers := atOnce(confirm, other)
			if got := f.address(t, ada.User.ID); !slices.Contains(states, got) {
				t.Errorf("round %d: %s, want one of %v; the answers are %q", round, got, states, answers)
			}
			succeeded := 0
			for _, a := range answers {
				if a == "" {
					succeeded++
				}
			}
			if round%4 < 2 && succeeded != 1 {
				t.Errorf("round %d: answers %q, want one success", round, answers)
			}
		}
	})
}

// atOnce calls functions at once and returns their answers.
func atOnce(functions ...func() string) []string {
	answers := make([]string, len(functions))
	var group sync.WaitGroup
	start := make(chan struct{})
	for i, f := range functions {
		group.Go(func() {
			<-start
			answers[i] = f()
		})
	}
	close(start)
	group.Wait()
	return answers
}
