package auth_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/request"
)

// TestSignInEvents checks the events of sign-ins and sign-outs.
func TestSignInEvents(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		f.WantEvents(t, "SIGNUP by ada of ada in a session")
		second, third := f.login(t, "ada"), f.login(t, "ada")
		f.WantEvents(t, "LOGIN by ada of ada in a session", "LOGIN by ada of ada in a session")
		for _, name := range []string{"ada", "nobody"} {
			if got := f.tryLogin(t.Context(), name, "wrong"); got != "INVALID_CREDENTIALS" {
				t.Error(got)
			}
		}
		f.WantEvents(t, "LOGIN_FAILED", "LOGIN_FAILED of ada")

		for range 2 { // the second time changes nothing
			if _, err := f.RevokeSession(f.As(t, ada.AccessToken), signin.RevokeSessionInput{SessionID: second.Session.ID}); err != nil {
				t.Fatal(err)
			}
		}
		f.WantEvents(t, "SESSION_REVOKED by ada of ada in a session")
		for range 2 {
			if _, err := f.RevokeOtherSessions(f.As(t, ada.AccessToken)); err != nil {
				t.Fatal(err)
			}
		}
		f.WantEvents(t, "SESSION_REVOKED by ada of ada in a session")
		if _, err := f.Logout(f.As(t, ada.AccessToken)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Logout(f.As(t, third.AccessToken)); authtest.Code(err) != ended {
			t.Errorf("Logout of a revoked session: %v", err)
		}
		f.WantEvents(t, "LOGOUT by ada of ada in a session")

		reused := f.login(t, "ada")
		f.NewEvents(t)
		if _, failed := f.refresh(t.Context(), *reused.RefreshToken); failed != "" {
			t.Fatal(failed)
		}
		f.WantEvents(t)
		f.Clock.Advance(time.Hour)
		for range 2 {
			if _, failed := f.refresh(t.Context(), *reused.RefreshToken); failed != ended {
				t.Fatal(failed)
			}
		}
		f.WantEvents(t, "REFRESH_REUSE of ada in a session")
		revoked := f.login(t, "ada")
		f.NewEvents(t)
		for range 2 {
			if err := f.RevokeToken(t.Context(), nil, revoked.AccessToken); err != nil {
				t.Fatal(err)
			}
		}
		f.WantEvents(t, "TOKEN_REVOKED of ada in a session")
	})
}

// TestEventOrigin checks the origin of an event in the audit log and in the server's log, and that neither contains a
// secret.
func TestEventOrigin(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		if _, err := f.CreateUser(t.Context(), accounts.Input{Username: new("root"), Password: authtest.Password}, auth.Roles); err != nil {
			t.Fatal(err)
		}
		ada := f.signup(t, "ada") // from a device
		if got := f.tryLogin(device(t.Context()), "ada", "a wrong password"); got != "INVALID_CREDENTIALS" {
			t.Fatal(got)
		}
		events, err := f.Store.Events(t.Context(), auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 10}})
		if err != nil {
			t.Fatal(err)
		}
		from := request.From(device(t.Context()))
		for _, e := range events {
			want := []*string{new(from.Client.String()), &from.UserAgent, &from.ID}
			if e.Operator {
				want = []*string{nil, nil, nil}
			}
			if diff := cmp.Diff(want, []*string{e.IPAddress, e.UserAgent, e.RequestID}); diff != "" {
				t.Errorf("%s: address, user agent and request (-want +got):\n%s", e.Kind, diff)
			}
			if !e.At.Equal(f.Clock.Now()) || e.ID.Version() != 7 {
				t.Errorf("%s: at %v with the id %v", e.Kind, e.At, e.ID)
			}
		}
		logged := f.Log.Take()
		for i := range events { // each once
			if n := strings.Count(logged, " event_id="+events[i].ID.String()); n != 1 {
				t.Errorf("%s is %d times in the log", events[i].Kind, n)
			}
		}
		logged = regexp.MustCompile(` event_id=[^ \n]*`).ReplaceAllString(logged, "")
		for _, want := range []string{
			"msg=audit id=r1 event=SIGNUP actor=" + ada.User.ID.String() + " user=" + ada.User.ID.String() + " session=" + ada.Session.ID.String() + "\n",
			"event=LOGIN_FAILED user=" + ada.User.ID.String() + "\n",
			"event=USER_CREATED user=", ` roles="[USER ADMIN]" operator=true` + "\n",
		} {
			if !strings.Contains(logged, want) {
				t.Errorf("the log lacks %q:\n%s", want, logged)
			}
		}
		for _, secret := range []string{"password", authtest.Password, "wrong", ada.AccessToken, *ada.RefreshToken} {
			if all := logged + fmt.Sprintf("%+v", events); strings.Contains(all, secret) {
				t.Errorf("%q is in the log:\n%s", secret, all)
			}
		}
	})
}
