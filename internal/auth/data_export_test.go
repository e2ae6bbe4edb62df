package auth_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/jsonobject"
)

// exported is an export as a client reads it.
type exported struct {
	CreatedAt time.Time
	User      map[string]any
	Sessions  []struct {
		ID        uuid.UUID
		IPAddress *string
		UserAgent *string
	}
	Credentials []map[string]any
	Mails       []map[string]string
	Events      []struct {
		ID        uuid.UUID
		Kind      string
		ActorID   *uuid.UUID
		UserID    *uuid.UUID
		IPAddress *string
	}
	MoreSessions, MoreMails, MoreEvents bool
}

func (f *fixture) export(t *testing.T, bearer string) (e exported, text string) {
	t.Helper()
	p, err := f.RequestDataExport(f.As(t, bearer))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(p.Data), &e); err != nil {
		t.Fatalf("%v: %s", err, p.Data)
	}
	if _, err := jsonobject.Read([]byte(p.Data)); err != nil { // also finds members that are there twice
		t.Fatalf("%v: %s", err, p.Data)
	}
	if !e.CreatedAt.Equal(f.Clock.Now()) || !p.CreatedAt.Equal(f.Clock.Now()) {
		t.Errorf("created at %v and %v", e.CreatedAt, p.CreatedAt)
	}
	return e, string(p.Data)
}

func TestDataExport(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		zoe := f.signupAt(t, "zoe", "zoe@example.com")
		ada, err := f.Signup(device(t.Context()), signin.SignupInput{
			Username: new("ada"), Email: new("ada@example.com"), Password: authtest.Password, FullName: new("Ada <b>"), Locale: new("de"),
			Metadata: new(jsonobject.Object(`{"a":1}`)),
		})
		if err != nil {
			t.Fatal(err)
		}
		// The administrator's device is not ada's data.
		_, err = f.UpdateUser(device(f.As(t, root.AccessToken)), admin.UpdateUserInput{
			UserID: ada.User.ID, AppMetadata: new(jsonobject.Object(`{"plan":"pro"}`)),
		})
		if err != nil {
			t.Fatal(err)
		}
		f.tryLogin(device(t.Context()), "ada", "wrong")
		other := f.login(t, "ada")
		if _, err := f.DeleteMe(f.As(t, other.AccessToken)); err != nil {
			t.Fatal(err)
		}
		f.newMails(t)
		f.NewEvents(t)
		e, text := f.export(t, ada.AccessToken)
		f.WantEvents(t, "DATA_EXPORTED by ada of ada in a session")

		at := f.Clock.Now().Format(time.RFC3339Nano)
		if diff := cmp.Diff(map[string]any{
			"id": ada.User.ID.String(), "username": "ada", "email": "ada@example.com", "emailVerifiedAt": nil, "pendingEmail": nil,
			"fullName": "Ada <b>", "locale": "de", "roles": []any{"USER"}, "metadata": map[string]any{"a": 1.0},
			"appMetadata": map[string]any{"plan": "pro"}, "createdAt": at, "updatedAt": at, "lastSignInAt": at, "disabledAt": nil,
			"deletionAt": f.Clock.Now().Add(authtest.DeletionGrace).Format(time.RFC3339Nano),
		}, e.User); diff != "" {
			t.Errorf("the user (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]map[string]any{{"kind": "PASSWORD", "createdAt": at, "updatedAt": at}}, e.Credentials); diff != "" {
			t.Errorf("the credentials (-want +got):\n%s", diff)
		}
		if len(e.Sessions) != 2 || !strings.Contains(text, `"ipAddress":"192.0.2.7"`) {
			t.Errorf("sessions %+v", e.Sessions)
		}
		if len(e.Mails) != 1 || e.Mails[0]["kind"] != "ACCOUNT_DELETION" || e.Mails[0]["recipient"] != "ada@example.com" || e.Mails[0]["state"] != "SENT" {
			t.Errorf("mails %v", e.Mails)
		}
		kinds := []string{}
		for _, event := range e.Events {
			kinds = append(kinds, event.Kind)
			if event.Kind == "USER_UPDATED" && event.IPAddress != nil {
				t.Error("the address of the administrator is in the export")
			}
			if event.Kind == "LOGIN_FAILED" && event.IPAddress == nil {
				t.Error("the address of a failed sign-in is not in the export")
			}
		}
		slices.Sort(kinds)
		if diff := cmp.Diff([]string{"DELETION_REQUESTED", "LOGIN", "LOGIN_FAILED", "SIGNUP", "USER_UPDATED"}, kinds); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if e.MoreSessions || e.MoreMails || e.MoreEvents {
			t.Errorf("there is more: %s", text)
		}
		for _, secret := range []string{"argon2", "digest", "secret", "zoe", zoe.User.ID.String(), authtest.Password, *ada.RefreshToken, ada.AccessToken} {
			if strings.Contains(text, secret) {
				t.Errorf("the export has %q: %s", secret, text)
			}
		}
	})
}

// TestDataExportHeld asks for addresses that are free, or that another account has verified. The exports are alike.
func TestDataExportHeld(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.markVerified(t, f.signupAt(t, "", "held@example.com").User.ID)
		var exports []exported
		for _, email := range []string{"free@example.com", "held@example.com"} {
			ada := f.signup(t, "ada-"+email[:4])
			if got := f.requestEmailChange(f.As(t, ada.AccessToken), email); got != "" {
				t.Fatal(got)
			}
			f.newMails(t)
			e, _ := f.export(t, ada.AccessToken)
			exports = append(exports, e)
		}
		if len(exports[0].Mails) != 0 || len(exports[1].Mails) != 0 || len(exports[0].Events) != len(exports[1].Events) {
			t.Errorf("free: %+v\nheld: %+v", exports[0].Mails, exports[1].Mails)
		}
	})
}

// TestDataExportOfMany exports more events than an export has. Each is there once, the newest first, whether the user is
// its actor, its subject or both.
func TestDataExportOfMany(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada, eve := f.signup(t, "ada"), f.signup(t, "eve")
		const many = 10_001
		err := f.Store.Store.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
			for n := range many {
				f.Clock.Advance(time.Microsecond)
				id, err := auth.NewID(f.Clock.Now(), rand.Reader)
				if err != nil {
					return err
				}
				e := &auth.AuditEvent{ID: id, At: f.Clock.Now(), Kind: auth.EventUserUpdated, ActorID: &ada.User.ID, UserID: &ada.User.ID}
				switch n % 4 {
				case 1:
					e.ActorID = nil
				case 2:
					e.UserID = &eve.User.ID
				case 3:
					e.ActorID = &eve.User.ID
				}
				if err := tx.AddEvent(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		e, text := f.export(t, ada.AccessToken)
		if len(e.Events) != 10_000 || !e.MoreEvents {
			t.Errorf("%d events, more %t", len(e.Events), e.MoreEvents)
		}
		for i := 1; i < len(e.Events); i++ {
			if e.Events[i-1].ID.String() <= e.Events[i].ID.String() {
				t.Fatalf("event %d is not older than the one before", i)
			}
		}
		t.Logf("%d bytes", len(text))
	})
}

func TestDataExportLimits(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		eve := f.signup(t, "eve")
		if got := code(f.RequestDataExport(t.Context())); got != "UNAUTHENTICATED NO_TOKEN" {
			t.Errorf("without a session: %q", got)
		}
		// More at once than the server makes. Each ends in an export or in a refusal.
		var requests []func() string
		for i := range 12 {
			bearer := f.signup(t, fmt.Sprint("user", i)).AccessToken
			requests = append(requests, func() string { return code(f.RequestDataExport(f.As(t, bearer))) })
		}
		succeeded := 0
		for _, got := range atOnce(requests...) {
			if got == "" {
				succeeded++
			} else if got != "SERVICE_UNAVAILABLE after 2s" {
				t.Errorf("%q", got)
			}
		}
		if succeeded == 0 {
			t.Error("no export")
		}
		f.export(t, eve.AccessToken) // the places are free again
	})
}

// TestDataExportFactors exports the factors of a user, without what verifies them.
func TestDataExportFactors(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		a := f.setUpTOTP(t, ada.AccessToken)
		e, text := f.export(t, ada.AccessToken)
		var kinds []any
		for _, c := range e.Credentials {
			kinds = append(kinds, c["kind"])
		}
		if len(kinds) != 12 || kinds[0] != "PASSWORD" || !slices.Contains(kinds, any("TOTP")) || !slices.Contains(kinds, any("RECOVERY_CODE")) {
			t.Errorf("credentials %v", kinds)
		}
		stored, err := f.Store.Factors(t.Context(), ada.User.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range stored {
			for _, secret := range []string{s.Secret, s.Key, a.Base32()} {
				if secret != "" && strings.Contains(text, secret) {
					t.Errorf("the export has %q", secret)
				}
			}
		}
	})
}

// TestDataExportIdentity exports the data of a user with an identity.
func TestDataExportIdentity(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		if _, err := f.ensureIdentity(f.As(t, ada.AccessToken)); err != nil {
			t.Fatal(err)
		}
		e, _ := f.export(t, ada.AccessToken)
		want := map[string]any{"provider": "example", "issuer": "https://id.example.com", "subject": "1"}
		if len(e.Credentials) != 2 {
			t.Fatalf("the credentials are %v", e.Credentials)
		}
		if diff := cmp.Diff(any(want), e.Credentials[1]["identity"]); diff != "" {
			t.Errorf("the identity (-want +got):\n%s", diff)
		}
	})
}
