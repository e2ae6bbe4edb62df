package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/password"
)

// TestFailedIdentifier checks which identifiers of failed sign-ins the audit log keeps. The log of the server gets none.
func TestFailedIdentifier(t *testing.T) {
	t.Parallel()
	const none = ""
	tests := map[string]struct {
		identifier string
		minLength  int
		want       string
	}{
		// An account here has it.
		"user name":                        {"ada", 0, "ada"},
		"user name, other form":            {" ＡＤＡ ", 0, "ADA"},
		"long user name":                   {"grace-brewster-murray-hopper", 0, "grace-brewster-murray-hopper"},
		"address":                          {"ADA@Example.COM", 0, "ADA@example.com"},
		"a disabled account":               {"eve", 0, "eve"},
		"no account has the address":       {"nobody@example.com", 0, "nobody@example.com"},
		"an address of any length":         {strings.Repeat("a", 64) + "@" + strings.Repeat("b.", 60) + "example", 0, strings.Repeat("a", 64) + "@" + strings.Repeat("b.", 60) + "example"},
		"no account has the short name":    {"nobody", 0, "nobody"},
		"one less than a password":         {"fourteen-signs", 0, "fourteen-signs"},
		"as long as a password":            {"fifteen-letters", 0, none},
		"longer than a password":           {"correcthorsebatterystaple", 0, none},
		"short for a longer minimum":       {"fifteen-letters", 16, "fifteen-letters"},
		"as long as a shorter minimum":     {"password", 8, none},
		"one less than a shorter minimum":  {"passwor", 8, "passwor"},
		"the lowest minimum":               {"password", 1, none},
		"spaces around count as typed":     {"  thirteen-sgn  ", 0, none},
		"counted as passwords are":         {strings.Repeat("e\u0301", 14), 0, strings.Repeat("é", 14)},
		"a sentence":                       {"four small green turtles", 0, none},
		"a short sentence":                 {"hunter 2", 0, none},
		"half an address":                  {"hunter2@", 0, none},
		"an address without a domain":      {"hunter2@home", 0, none},
		"an address with a comment":        {"a(x)@example.com", 0, none},
		"a name that nobody can have":      {"p\u0430ypal", 0, none},
		"an id":                            {"01940000-0000-7000-8000-000000000001", 0, none},
		"control characters":               {"ada\n", 0, none},
		"not UTF-8":                        {"\xff", 0, none},
		"nothing":                          {"", 0, none},
		"more than any name":               {strings.Repeat("a", 5000), 0, none},
		"an address that only an old user": {"=?utf-8?q?a?=@example.com", 0, none},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		if _, err := f.Signup(t.Context(), signin.SignupInput{Username: new("Ada"), Email: new("ada@example.com"), Password: authtest.Password}); err != nil {
			t.Fatal(err)
		}
		f.signup(t, "Grace-Brewster-Murray-Hopper")
		disable(t, f, f.signup(t, "eve"))
		f.NewEvents(t)
		for name, tt := range tests {
			service := f.newParts(t, domain.Options{Policy: password.Policy{MinLength: tt.minLength}})
			f.Log.Take()
			f.Clock.Advance(time.Millisecond) // so that the order of the events is certain
			_, err := service.Login(t.Context(), signin.LoginInput{Identifier: tt.identifier, Password: "wrong"})
			if got := authtest.Code(err); got != "INVALID_CREDENTIALS" {
				t.Fatalf("%s: %s", name, got)
			}
			events, err := f.Store.Events(t.Context(), auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 1}})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if events[0].Identifier != nil {
				if got = *events[0].Identifier; got == "" {
					t.Errorf("%s: an empty identifier", name)
				}
			}
			if got != tt.want || events[0].Kind != auth.EventLoginFailed {
				t.Errorf("%s: %s with the identifier %q, want %q", name, events[0].Kind, got, tt.want)
			}
			if logged := f.Log.Take(); len(tt.identifier) > len("eve") && strings.Contains(strings.ToLower(logged), strings.ToLower(tt.identifier)) {
				t.Errorf("%s: the log has the identifier:\n%s", name, logged)
			}
		}
	})
}

// TestFailedIdentifierElsewhere checks that only failed sign-ins have an identifier.
func TestFailedIdentifierElsewhere(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		f.login(t, "ada")
		if _, err := f.Reauthenticate(f.As(t, ada.AccessToken), signin.ReauthenticateInput{Password: new(password.Plaintext("wrong"))}); authtest.Code(err) != "INVALID_CREDENTIALS" {
			t.Fatal(err)
		}
		events, err := f.Store.Events(t.Context(), auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 10}})
		if err != nil || len(events) != 3 {
			t.Fatal(events, err)
		}
		for _, e := range events {
			if e.Identifier != nil {
				t.Errorf("%s has the identifier %q", e.Kind, *e.Identifier)
			}
		}
	})
}

// TestFailedIdentifierCost checks that a failed sign-in does the same for a known and an unknown identifier, and for one
// that is kept or not.
func TestFailedIdentifierCost(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.signup(t, "ada")
		for _, identifier := range []string{"ada", "nobody", "nobody@example.com", "four small green turtles", "correcthorsebatterystaple"} {
			methods := []string{"ReserveAttempt", "InTx", "AddEvent", "UsersByID", "Viewer"}
			before := make([]int, len(methods))
			for i, method := range methods {
				before[i] = f.Store.Calls(method)
			}
			if got := f.tryLogin(t.Context(), identifier, "wrong"); got != "INVALID_CREDENTIALS" {
				t.Errorf("%q: %s", identifier, got)
			}
			for i, want := range []int{1, 1, 1, 0, 0} {
				if n := f.Store.Calls(methods[i]) - before[i]; n != want {
					t.Errorf("%q: %d calls of %s, want %d", identifier, n, methods[i], want)
				}
			}
		}
	})
}
