package identities_test

import (
	"sync"
	"testing"
	"time"

	"usher/internal/auth/authtest"
	"usher/internal/auth/identities"
	"usher/internal/auth/sessions"
	"usher/internal/provider/providertest"
)

// together runs functions at the same time, and counts their results.
func together(attempts ...func() string) map[string]int {
	results := make([]string, len(attempts))
	var group sync.WaitGroup
	for i, attempt := range attempts {
		group.Go(func() { results[i] = attempt() })
	}
	group.Wait()
	counts := map[string]int{}
	for _, r := range results {
		counts[r]++
	}
	return counts
}

// TestRaces completes sign-ins and links identities many times at once.
func TestRaces(t *testing.T) {
	t.Parallel()
	eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
		const many = 20
		// The same code: the others find it used.
		fl := f.answered(t)
		var same, different, links []func() string
		for range many {
			same = append(same, func() string { _, err := f.complete(t.Context(), fl); return authtest.Code(err) })
		}
		if got := together(same...); got[""] != 1 {
			t.Errorf("one code, many times: %v", got)
		}
		if n := len(f.AllUsers(t)); n != 1 {
			t.Errorf("%d accounts, want 1", n)
		}
		// Several codes of one new identity: one account.
		f.change(func(u *providertest.User) { u.Subject, u.Email = "new", "new@example.com" })
		for range 5 {
			fl := f.answered(t)
			different = append(different, func() string { _, err := f.complete(t.Context(), fl); return authtest.Code(err) })
		}
		if got := together(different...); got[""] != 5 {
			t.Errorf("many codes of one identity: %v", got)
		}
		if n := len(f.AllUsers(t)); n != 2 {
			t.Errorf("%d accounts, want 2", n)
		}
		// One new identity, linked to several accounts: one has it.
		f.change(func(u *providertest.User) { u.Subject, u.Email = "third", "" })
		for _, name := range []string{"one", "two", "three", "four"} {
			f.account(t, name, "")
			as, fl := f.As(t, f.login(t, name).AccessToken), f.answered(t)
			links = append(links, func() string { _, err := f.link(as, fl); return authtest.Code(err) })
		}
		if got := together(links...); got[""] != 1 || got["BAD_USER_INPUT code=TAKEN"] != 3 {
			t.Errorf("one identity, many accounts: %v", got)
		}
		// One answer of the provider, many times.
		begun := f.begin(t)
		callback := f.op.Authorize(t, begun.url)
		var answers []func() string
		for range 5 {
			answers = append(answers, func() string {
				if _, err := f.receive(t, callback, begun.browser); err != nil {
					return "refused"
				}
				return ""
			})
		}
		if got := together(answers...); got[""] != 1 || got["refused"] != 4 {
			t.Errorf("one answer, many times: %v", got)
		}
	})
}

// TestIDToken signs in with ID tokens that a program got.
func TestIDToken(t *testing.T) {
	t.Parallel()
	const wrong = "BAD_USER_INPUT idToken=INCORRECT"
	eachDatabase(t, options{}, func(t *testing.T, f *fixture) {
		login := func(id, token, nonce string) (*sessions.Tokens, string) {
			tokens, err := f.Domain.Identities.LoginWithIDToken(t.Context(), identities.LoginWithIDTokenInput{Provider: id, IDToken: token, Nonce: nonce})
			return tokens, authtest.Code(err)
		}
		token := f.op.IDToken(t, "nonce")
		for name, tt := range map[string]struct{ provider, token, nonce, want string }{
			"another nonce":    {"example", token, "other", wrong},
			"no nonce":         {"example", token, "", wrong},
			"no token":         {"example", "", "nonce", wrong},
			"another provider": {"none", token, "nonce", "BAD_USER_INPUT provider=NOT_FOUND"},
		} {
			if _, got := login(tt.provider, tt.token, tt.nonce); got != tt.want {
				t.Errorf("%s: %q, want %q", name, got, tt.want)
			}
		}
		first, got := login("example", token, "nonce")
		if got != "" {
			t.Fatalf("LoginWithIDToken: %q", got)
		}
		if _, got := login("example", token, "nonce"); got != wrong {
			t.Errorf("the same ID token again: %q, want %q", got, wrong)
		}
		if again := f.signIn(t); again.User.ID != first.User.ID {
			t.Error("the browser and the program have signed in to two accounts")
		}
		old := f.op.IDToken(t, "old")
		f.Clock.Advance(11 * time.Minute)
		if _, got := login("example", old, "old"); got != wrong {
			t.Errorf("an ID token that is 11 minutes old: %q, want %q", got, wrong)
		}
		f.op.Change(providertest.Status(providertest.Keys, 500))
		f.op.RotateKeys(t)
		if _, got := login("example", f.op.IDToken(t, "second"), "second"); got != "SERVICE_UNAVAILABLE after 5s" && got != wrong {
			t.Errorf("while the provider does not answer: %q", got)
		}
	})
}
