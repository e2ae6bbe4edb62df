package auth_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/auth/authtest"
	"usher/internal/password"
)

// together runs functions at once and counts their answers.
func together(fs ...func() string) map[string]int {
	answers := make([]string, len(fs))
	start := make(chan struct{})
	var group sync.WaitGroup
	for i, f := range fs {
		group.Go(func() {
			<-start
			answers[i] = f()
		})
	}
	close(start)
	group.Wait()
	counts := map[string]int{}
	for _, a := range answers {
		counts[a]++
	}
	return counts
}

// TestResetPasswordRace presents one secret many times at once, by token and by code. Exactly one reset succeeds, and its
// password is the one that is stored.
func TestResetPasswordRace(t *testing.T) {
	t.Parallel()
	next := []password.Plaintext{otherPassword, "six tiny yellow ostriches", "nine silent copper foxes", "two brave orange herons"}
	for name, refused := range map[string]string{"token": wrongToken, "code": wrongCode} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				f.signupEmail(t, "ada", adaAddress)
				m, flow := f.resetMail(t)
				f.NewEvents(t)
				answers := make([]string, len(next))
				var resets []func() string
				for i, p := range next {
					in := withToken(m, p)
					if name == "code" {
						in = withCode(flow, m.Code, p)
					}
					resets = append(resets, func() string {
						answers[i] = f.reset(t.Context(), in)
						return answers[i]
					})
				}
				if diff := cmp.Diff(map[string]int{"": 1, refused: len(next) - 1}, together(resets...)); diff != "" {
					t.Errorf("answers (-want +got):\n%s", diff)
				}
				for i, p := range next {
					want := wrong
					if answers[i] == "" {
						want = ""
					}
					if got := f.tryLogin(t.Context(), "ada", p); got != want {
						t.Errorf("login with password %d: %q, want %q", i, got, want)
					}
				}
				f.NewMail(t, "password-changed", adaAddress)
			})
		})
	}
}

// TestCodeTriesRace guesses many codes at once, on both sides of the limit. After five wrong ones the right one is wrong
// too, and the link still works.
func TestCodeTriesRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.signupEmail(t, "ada", adaAddress)
		m, flow := f.resetMail(t)
		f.NewEvents(t)
		guess := func(i int) func() string {
			return func() string { return f.reset(t.Context(), withCode(flow, otherCode(m.Code, i), otherPassword)) }
		}
		if diff := cmp.Diff(map[string]int{wrongCode: 4}, together(guess(0), guess(1), guess(2), guess(3))); diff != "" {
			t.Error(diff)
		}
		// A right code does not count, so a password that is refused costs no try.
		for range 6 {
			if got := f.reset(t.Context(), withCode(flow, m.Code, adaAddress)); got != "BAD_USER_INPUT password=TOO_COMMON" {
				t.Errorf("the right code with a bad password: %q", got)
			}
		}
		var guesses []func() string
		for i := range 20 {
			guesses = append(guesses, guess(4+i))
		}
		if diff := cmp.Diff(map[string]int{wrongCode: 20}, together(guesses...)); diff != "" {
			t.Error(diff)
		}
		if got := f.reset(t.Context(), withCode(flow, m.Code, otherPassword)); got != wrongCode {
			t.Errorf("the right code after five wrong ones: %q", got)
		}
		counts := map[string]int{}
		for _, e := range f.NewEvents(t) {
			counts[e]++
		}
		if diff := cmp.Diff(map[string]int{"MAILED_CODE_FAILED of ada": 5, "MAILED_CODE_FAILED": 20}, counts); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if got := f.reset(t.Context(), withToken(m, otherPassword)); got != "" {
			t.Errorf("the link: %q", got)
		}
	})
}

// TestResetPasswordAndRequestRace resets a password while the worker prepares a second request. Whichever is first, the
// mail that is sent last is valid.
func TestResetPasswordAndRequestRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.signupEmail(t, "ada", adaAddress)
		for round := range 3 {
			m, _ := f.resetMail(t)
			f.requestReset(t, "ada")
			counts := together(
				func() string { return f.reset(t.Context(), withToken(m, otherPassword)) },
				func() string { return authtest.Code(f.Domain.Outbox.Deliver(t.Context())) },
			)
			if counts[""] != 2 && counts[wrongToken] != 1 {
				t.Fatalf("round %d: %v", round, counts)
			}
			reset := 0
			for _, m := range f.NewMails(t) {
				if m.Template != "reset-password" {
					continue
				}
				reset++
				if got := f.reset(t.Context(), withToken(m, otherPassword)); got != "" {
					t.Errorf("round %d: the newest link: %q", round, got)
				}
			}
			if reset != 1 {
				t.Errorf("round %d: %d mails, want 1", round, reset)
			}
			f.NewMails(t)
			f.Clock.Advance(time.Hour) // past the limit on mails to one recipient
		}
	})
}

// TestResetPasswordEndsRefresh ends a session by a reset while its refresh is in flight.
func TestResetPasswordEndsRefresh(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupEmail(t, "ada", adaAddress)
		m, _ := f.resetMail(t)
		counts := together(
			func() string { return f.reset(t.Context(), withToken(m, otherPassword)) },
			func() string {
				_, got := f.refresh(t.Context(), *ada.RefreshToken)
				return got
			},
		)
		if counts[""] == 0 || counts[""]+counts[ended] != 2 {
			t.Fatal(counts)
		}
		if got := authtest.Code(f.Authorize(f.As(t, ada.AccessToken), forUser, nil)); got != ended {
			t.Errorf("the session: %q", got)
		}
	})
}
