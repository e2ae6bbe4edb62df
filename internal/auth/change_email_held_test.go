package auth_test

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/observe"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestChangeEmailHeld asks for addresses that are free, or that another account holds. The answer and the statements of
// the request are the same, and so are the answers to codes.
func TestChangeEmailHeld(t *testing.T) {
	t.Parallel()
	eachDatabaseTraced(t, func(t *testing.T, f *fixture, statements func() []string) {
		f.markVerified(t, f.signupAt(t, "", "verified@example.com").User.ID)
		f.signupAt(t, "", "unverified@example.com")
		type outcome struct {
			Answer, Code, Pending string
			Request, Tries        []string // statements
			Events                []string
		}
		outcomes := map[string]outcome{}
		for _, held := range []string{"free", "verified", "unverified"} {
			ada := f.signupAt(t, "ada-"+held, "ada-"+held+"@example.com")
			f.NewEvents(t)
			ctx := f.As(t, ada.AccessToken)
			statements()
			o := outcome{Answer: f.requestEmailChange(ctx, held+"@example.com"), Request: statements()}
			mails := f.newMails(t)
			if _, sent := mails["confirm-email to "+held+"@example.com"]; sent == (held == "verified") {
				t.Errorf("%s: mailed %t", held, sent)
			}
			statements()
			for range 7 {
				o.Code += f.confirmCode(f.As(t, ada.AccessToken), "a") + " "
			}
			o.Tries = statements()
			o.Pending = strings.ReplaceAll(f.address(t, ada.User.ID), held, "x")
			for _, e := range f.NewEvents(t) {
				o.Events = append(o.Events, strings.ReplaceAll(e, held, "x"))
			}
			outcomes[held] = o
		}
		for _, held := range []string{"verified", "unverified"} {
			if diff := cmp.Diff(outcomes["free"], outcomes[held]); diff != "" {
				t.Errorf("free and %s (-free +%s):\n%s", held, held, diff)
			}
		}
		if o := outcomes["free"]; o.Answer != "" || len(o.Request) < 8 || len(o.Tries) < 21 || len(o.Events) != 8 {
			t.Errorf("%+v", o)
		}
	})
}

// eachDatabaseTraced is eachDatabase with a function that returns the names of the statements since its last call.
func eachDatabaseTraced(t *testing.T, test func(t *testing.T, f *fixture, statements func() []string)) {
	t.Helper()
	name := regexp.MustCompile(`step=statement name="([^"]+)"`)
	for database, url := range storetest.URLs {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			log := &authtest.Log{}
			s, err := store.Open(t.Context(), url(t), store.Options{
				Observer: observe.New(observe.Options{Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}),
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			test(t, newFixture(t, s), func() (names []string) {
				for _, match := range name.FindAllStringSubmatch(log.Take(), -1) {
					names = append(names, match[1])
				}
				return names
			})
		})
	}
}

// withoutMail returns the parts of a domain that sends no mail.
func (f *fixture) withoutMail(t *testing.T) parts {
	t.Helper()
	return f.newParts(t, domain.Options{DeletionGrace: authtest.DeletionGrace, Mail: authtest.NoMail})
}

// TestChangeEmailTaken confirms an address that another account has got, or that it has not verified.
func TestChangeEmailTaken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		username        string
		verified        bool
		want, username2 string
		address         string
		events          []string
	}{
		"by a verified account": {"", true, "BAD_USER_INPUT token=TAKEN", "", "new@example.com verified", nil},
		"by an unverified account": {"eve", false, "", "eve", "none", []string{
			"EMAIL_CHANGED of ada", "EMAIL_RELEASED of eve",
		}},
		"by an unverified account without a user name": {"", false, "", "user-", "none", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				ada := f.signupAt(t, "ada", "ada@example.com")
				m, _ := f.change(t, ada.AccessToken, "ada@example.com", "new@example.com")
				holder := f.signupAt(t, tt.username, "new@example.com")
				if tt.verified {
					f.markVerified(t, holder.User.ID)
				}
				f.NewEvents(t)
				before := f.user(t, ada.User.ID)
				if got := f.confirmToken(t.Context(), m.Token); got != tt.want {
					t.Fatalf("%q, want %q", got, tt.want)
				}
				if got := f.address(t, holder.User.ID); got != tt.address {
					t.Errorf("the other account: %s, want %s", got, tt.address)
				}
				if tt.want != "" {
					if diff := cmp.Diff(before, f.user(t, ada.User.ID)); diff != "" {
						t.Errorf("refused, and written (-before +after):\n%s", diff)
					}
					f.WantEvents(t)
					return
				}
				if got, want := f.address(t, ada.User.ID), "new@example.com verified"; got != want {
					t.Errorf("%s, want %s", got, want)
				}
				if u := f.user(t, holder.User.ID); u.Username == nil || !strings.HasPrefix(*u.Username, tt.username2) {
					t.Errorf("the other account is called %v", u.Username)
				} else if got := f.tryLogin(t.Context(), *u.Username, authtest.Password); got != "" {
					t.Errorf("login of the other account: %q", got)
				}
				if tt.events != nil {
					if diff := cmp.Diff(tt.events, f.NewEvents(t)[:2]); diff != "" {
						t.Errorf("events (-want +got):\n%s", diff)
					}
				}
			})
		})
	}
}

// TestReleaseEmailName takes the user name that an account without one would get. Ids are public.
func TestReleaseEmailName(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		holder := f.signupAt(t, "", "new@example.com")
		f.signup(t, "user-"+holder.User.ID.String())
		ada := f.signupAt(t, "ada", "ada@example.com")
		m, _ := f.change(t, ada.AccessToken, "ada@example.com", "new@example.com")
		if got := f.confirmToken(t.Context(), m.Token); got != "" {
			t.Fatal(got)
		}
		if u := f.user(t, holder.User.ID); u.Username == nil || u.Email != nil {
			t.Errorf("the other account: %+v", u)
		}
	})
}

// TestChangeEmailEnds asks for changes whose mails are not made, and waits. They end when the others do. Otherwise a user
// could learn from the end of a change whether another account has the address.
func TestChangeEmailEnds(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.markVerified(t, f.signupAt(t, "", "verified@example.com").User.ID)
		users := map[string]uuid.UUID{}
		ask := func(name, email string) {
			t.Helper()
			p := f.signup(t, name)
			if got := f.requestEmailChange(f.As(t, p.AccessToken), email); got != "" {
				t.Fatal(got)
			}
			users[name] = p.User.ID
		}
		for _, at := range []string{"free", "verified"} {
			for i := range mailsAnHour + 1 { // one more than a recipient gets
				ask(fmt.Sprint(at, i), at+"@example.com")
				f.NewMails(t)
			}
		}
		ask("late", "late@example.com")
		f.Clock.Advance(time.Hour + time.Second) // the request waits too long
		if n := len(f.NewMails(t)); n != 0 {
			t.Errorf("%d mails", n)
		}
		for _, step := range []struct {
			wait    time.Duration
			pending bool
		}{{23*time.Hour - time.Minute, true}, {2 * time.Minute, false}} {
			f.Clock.Advance(step.wait)
			if err := f.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			for name, id := range users {
				if pending := f.user(t, id).PendingEmail != nil; pending != step.pending {
					t.Errorf("%s: pending %t, want %t", name, pending, step.pending)
				}
			}
		}
	})
}
