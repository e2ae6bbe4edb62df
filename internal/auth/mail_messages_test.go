package auth_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/auth/recovery"
	"usher/internal/mail"
	"usher/internal/store"
	"usher/internal/storetest"
)

func requestFor(email string) recovery.RequestSignupInput {
	return recovery.RequestSignupInput{Email: email}
}

// TestMailMessages lists mails of every state. The SMTP server quotes the secrets of the mail that it refuses.
func TestMailMessages(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		known, err := f.Signup(t.Context(), signin.SignupInput{Username: new("known"), Email: new("known@example.com"), Password: authtest.Password})
		if err != nil {
			t.Fatal(err)
		}
		var refused mail.Message
		f.Mailbox.Refuse = func(m mail.Message) *mail.Error {
			if m.To != "refused@example.com" {
				return nil
			}
			refused = m
			return &mail.Error{Outcome: mail.Permanent, Step: "end of data", Code: 554, Reason: "blocked https://app.example.com/#token=" + m.Token + " " + m.Code}
		}
		for _, email := range []string{"sent@example.com", "known@example.com", "refused@example.com"} {
			f.requestSignup(t, requestFor(email))
			f.Clock.Advance(time.Millisecond)
			f.NewMails(t)
		}
		f.requestSignup(t, requestFor("queued@example.com"))

		list := func(filter *admin.MailMessageFilter) (lines []string) {
			t.Helper()
			found, err := f.MailMessages(f.As(t, root.AccessToken), filter, auth.Page[uuid.UUID]{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range found {
				line := fmt.Sprintf("%s %s %d", m.Kind, m.State, m.Attempts)
				if m.Recipient != nil {
					line += " to " + *m.Recipient
				}
				if m.User != nil {
					line += " about " + *m.User.Username
				}
				if m.LastError != nil {
					line += " failed: " + *m.LastError
				}
				if m.NextAttempt() != nil {
					line += " will be tried"
				}
				lines = append(lines, line)
				if m.Content != nil {
					t.Errorf("%s: the content is in the list", line)
				}
				raw, err := json.Marshal(m)
				if err != nil || strings.Contains(string(raw), refused.Token) || strings.Contains(string(raw), refused.Code) {
					t.Errorf("%s: a secret is in %s, %v", line, raw, err)
				}
				one, err := f.MailMessage(f.As(t, root.AccessToken), m.ID)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(&m, one); diff != "" {
					t.Errorf("by id (-list +id):\n%s", diff)
				}
			}
			return lines
		}
		const queued, failed, existing, sent = "SIGN_UP QUEUED 0 will be tried",
			"SIGN_UP FAILED 1 to refused@example.com failed: end of data: 554 blocked https://app.example.com/#token=[redacted] [redacted]",
			"SIGN_UP_EXISTING SENT 1 to known@example.com about known", "SIGN_UP SENT 1 to sent@example.com"
		for _, tt := range []struct {
			filter *admin.MailMessageFilter
			want   []string
		}{
			{nil, []string{queued, failed, existing, sent}},
			{&admin.MailMessageFilter{}, []string{queued, failed, existing, sent}},
			{&admin.MailMessageFilter{State: new(auth.MailFailed)}, []string{failed}},
			{&admin.MailMessageFilter{UserID: &known.User.ID}, []string{existing}},
			{&admin.MailMessageFilter{UserID: &known.User.ID, State: new(auth.MailFailed)}, nil},
			{&admin.MailMessageFilter{State: new(auth.MailExpired)}, nil},
		} {
			if diff := cmp.Diff(tt.want, list(tt.filter)); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", tt.filter, diff)
			}
		}
		if logged := f.Log.Take(); strings.Contains(logged, refused.Token) || strings.Contains(logged, refused.Code) {
			t.Errorf("a secret is in the log:\n%s", logged)
		}

		// The mails of a deleted user have neither the user nor the address. One look-up finds all users.
		if err := f.operatorService.DeleteUser(t.Context(), known.User.ID); err != nil {
			t.Fatal(err)
		}
		before := f.Store.Calls("UsersByID")
		if _, err := f.MailMessages(f.As(t, root.AccessToken), nil, auth.Page[uuid.UUID]{Limit: 10}); err != nil || f.Store.Calls("UsersByID") != before+1 {
			t.Errorf("%d look-ups, %v", f.Store.Calls("UsersByID")-before, err)
		}
		if got := list(&admin.MailMessageFilter{UserID: &known.User.ID}); got[0] != "SIGN_UP_EXISTING SENT 1" {
			t.Errorf("%q", got)
		}
		if m, err := f.MailMessage(f.As(t, root.AccessToken), uuid.New()); m != nil || err != nil {
			t.Errorf("an unknown id: %+v, %v", m, err)
		}
	})
}

// TestRetryMail sends mails again. Only those that have failed can be.
func TestRetryMail(t *testing.T) {
	t.Parallel()
	const notFound = "BAD_USER_INPUT id=NOT_FOUND"
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		refuse := func(mail.Message) *mail.Error {
			return &mail.Error{Outcome: mail.Permanent, Step: "recipient", Code: 550, Reason: "no such user"}
		}
		newest := func() auth.MailMessage {
			t.Helper()
			found, err := f.Store.Mails(t.Context(), auth.MailQuery{Page: auth.Page[uuid.UUID]{Limit: 1}})
			if err != nil {
				t.Fatal(err)
			}
			return found[0]
		}
		retry := func(id uuid.UUID) (*admin.RetryMailPayload, string) {
			payload, err := f.RetryMail(f.As(t, root.AccessToken), admin.RetryMailInput{ID: id})
			return payload, authtest.Code(err)
		}
		f.requestSignup(t, requestFor("ada@example.com"))
		queued := newest()
		if _, got := retry(queued.ID); got != notFound {
			t.Errorf("a queued mail: %q", got)
		}
		f.Mailbox.Refuse = refuse
		f.NewMails(t)
		f.Mailbox.Refuse = nil
		f.NewEvents(t)
		payload, got := retry(queued.ID)
		if got != "" || payload.Mail.State != auth.MailQueued || payload.Mail.Content != nil || *payload.Mail.Recipient != "ada@example.com" {
			t.Errorf("a failed mail: %+v, %q", payload, got)
		}
		f.WantEvents(t, "MAIL_RETRIED by root in a session")
		m := f.NewMail(t, "sign-up", "ada@example.com")
		if _, err := f.CompleteSignup(t.Context(), signin.CompleteSignupInput{Token: &m.Token, Password: authtest.Password}); err != nil {
			t.Errorf("the token of the mail: %v", err)
		}
		f.NewEvents(t)
		before := f.state(t)
		for what, id := range map[string]uuid.UUID{"sent": queued.ID, "unknown": uuid.New(), "a user": root.User.ID} {
			if _, got := retry(id); got != notFound {
				t.Errorf("%s: %q", what, got)
			}
		}
		if diff := cmp.Diff(before, f.state(t)); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
		f.WantEvents(t)

		// Many at once: one succeeds. An expired mail is not sent again.
		f.Clock.Advance(time.Second) // so that the next mail is the newest
		f.requestSignup(t, requestFor("grace@example.com"))
		f.Mailbox.Refuse = refuse
		f.NewMails(t)
		id := newest().ID
		answers := make(chan string, 8)
		var wg sync.WaitGroup
		for range cap(answers) {
			ctx := f.As(t, root.AccessToken)
			wg.Go(func() {
				_, err := f.RetryMail(ctx, admin.RetryMailInput{ID: id})
				answers <- authtest.Code(err)
			})
		}
		wg.Wait()
		close(answers)
		counts := map[string]int{}
		for a := range answers {
			counts[a]++
		}
		if diff := cmp.Diff(map[string]int{"": 1, notFound: cap(answers) - 1}, counts); diff != "" {
			t.Errorf("at once (-want +got):\n%s", diff)
		}
		f.NewMails(t)
		f.Clock.Advance(25 * time.Hour)
		root = f.login(t, "root")
		if _, got := retry(id); got != notFound {
			t.Errorf("an expired mail: %q", got)
		}
	})
}

// TestMailDisabled calls what needs mail on a server that sends none. Nothing is written.
func TestMailDisabled(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newFixture(t, s)
		root := f.admin(t, "root")
		failed, err := f.ensureFailedMail(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d := f.NewDomain(t, domain.Options{Mail: authtest.NoMail})
		f.NewEvents(t)
		before := f.state(t)
		for name, do := range map[string]func() error{
			"requestSignup": func() error {
				_, err := d.Recovery.RequestSignup(t.Context(), requestFor("a@example.com"))
				return err
			},
			"inviteUser": func() error {
				_, err := d.Admin.InviteUser(f.As(t, root.AccessToken), admin.InviteUserInput{Email: "a@example.com"})
				return err
			},
			"createUser with an address and without a password": func() error {
				_, err := d.Admin.CreateUser(f.As(t, root.AccessToken), admin.CreateUserInput{Email: new("a@example.com")})
				return err
			},
			"retryMail": func() error {
				_, err := d.Admin.RetryMail(f.As(t, root.AccessToken), admin.RetryMailInput{ID: failed})
				return err
			},
		} {
			if got := authtest.Code(do()); got != "MAIL_DISABLED" {
				t.Errorf("%s: %q", name, got)
			}
		}
		if diff := cmp.Diff(before, f.state(t)); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
		f.WantEvents(t)
	})
}
