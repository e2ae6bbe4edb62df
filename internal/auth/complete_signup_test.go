package auth_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/recovery"
	"usher/internal/mail"
)

// requestSignup requests a sign-up on a device.
func (f *fixture) requestSignup(t *testing.T, in recovery.RequestSignupInput) *recovery.RequestSignupPayload {
	t.Helper()
	payload, err := f.Domain.Recovery.RequestSignup(device(t.Context()), in)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestCompleteSignup(t *testing.T) {
	t.Parallel()
	ways := map[string]func(m mail.Message) signin.CompleteSignupInput{
		"token": func(m mail.Message) signin.CompleteSignupInput { return signin.CompleteSignupInput{Token: &m.Token} },
		"token, address is ignored": func(m mail.Message) signin.CompleteSignupInput {
			return signin.CompleteSignupInput{Token: &m.Token, Email: new("x")}
		},
		"code": func(m mail.Message) signin.CompleteSignupInput {
			return signin.CompleteSignupInput{Code: &m.Code, Email: &m.To}
		},
		"code, in upper-case": func(m mail.Message) signin.CompleteSignupInput {
			return signin.CompleteSignupInput{Code: &m.Code, Email: new(strings.ToUpper(m.To))}
		},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		n := 0
		for name, way := range ways {
			n++
			email := fmt.Sprintf("Ada%d@example.com", n)
			payload := f.requestSignup(t, recovery.RequestSignupInput{Email: strings.Replace(email, "example", "EXAMPLE", 1), Locale: new("pt-br")})
			if payload.Email != email {
				t.Errorf("%s: the address of the answer is %q", name, payload.Email)
			}
			f.WantEvents(t)
			m := f.NewMail(t, "sign-up", email)
			if m.Locale != "pt" || m.IP.String() != "192.0.2.7" || !m.LinkExpires.Equal(f.Clock.Now().Add(24*time.Hour)) || !m.CodeExpires.Equal(f.Clock.Now().Add(10*time.Minute)) {
				t.Errorf("%s: mail %+v", name, m)
			}
			f.Clock.Advance(time.Minute)
			in := way(m)
			in.Username, in.FullName, in.Password = new(fmt.Sprint("Ada", n)), new("Ada Lovelace"), authtest.Password
			got, err := f.CompleteSignup(device(t.Context()), in)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want := auth.User{
				ID: got.User.ID, Username: in.Username, Email: &email, FullName: in.FullName, Roles: []auth.Role{auth.RoleUser},
				EmailVerifiedAt: new(f.Clock.Now()), Locale: new("pt-BR"),
				LastSignInAt: new(f.Clock.Now()), CreatedAt: f.Clock.Now(), UpdatedAt: f.Clock.Now(),
			}
			me, err := f.Me(f.As(t, got.AccessToken))
			if err != nil {
				t.Fatal(err)
			}
			for what, user := range map[string]*auth.User{"answer": got.User, "stored user": me} {
				if diff := cmp.Diff(&want, user); diff != "" {
					t.Errorf("%s: the %s (-want +got):\n%s", name, what, diff)
				}
			}
			if got.RefreshToken == nil || got.Session.IPAddress == nil || *got.Session.IPAddress != "192.0.2.7" {
				t.Errorf("%s: %+v in the session %+v", name, got, got.Session)
			}
			f.WantEvents(t, fmt.Sprintf("SIGNUP by Ada%d of Ada%[1]d in a session", n))

			// The token and the code are used up.
			for _, again := range ways {
				in := again(m)
				in.Username, in.Password = new("eve"), authtest.Password
				if _, err := f.CompleteSignup(t.Context(), in); !strings.HasSuffix(authtest.Code(err), "=INCORRECT") {
					t.Errorf("%s, then again: %v", name, err)
				}
			}
			f.NewEvents(t)
			f.checkLog(t, m)
		}
	})
}

// checkLog fails the test if the log or the audit log contain a secret of a mail.
func (f *fixture) checkLog(t *testing.T, m mail.Message) {
	t.Helper()
	logged := f.Log.Take()
	events, err := f.Store.Events(t.Context(), auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Identifier != nil {
			logged += *e.Identifier
		}
	}
	for _, secret := range []string{m.Token, m.Code} {
		if secret != "" && strings.Contains(logged, secret) {
			t.Errorf("the log contains %q:\n%s", secret, logged)
		}
	}
}

// TestCompleteSignupBadInput checks that input which can be corrected leaves the token and the code valid, and that
// nothing is written.
func TestCompleteSignupBadInput(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(in *signin.CompleteSignupInput)
		want   string
	}{
		"neither":        {func(in *signin.CompleteSignupInput) { in.Token, in.Code = nil, nil }, "BAD_USER_INPUT input=REQUIRED"},
		"both":           {func(in *signin.CompleteSignupInput) { in.Token, in.Code = new("t"), new("c") }, "BAD_USER_INPUT input=REQUIRED"},
		"short password": {func(in *signin.CompleteSignupInput) { in.Password = "short" }, "BAD_USER_INPUT password=TOO_SHORT"},
		"the address as password": {
			func(in *signin.CompleteSignupInput) { in.Password = "grace.hopper@example.com" }, "BAD_USER_INPUT password=TOO_COMMON",
		},
		"bad user name":   {func(in *signin.CompleteSignupInput) { in.Username = new("a b") }, "BAD_USER_INPUT username=INVALID_FORMAT"},
		"taken user name": {func(in *signin.CompleteSignupInput) { in.Username = new("ADA") }, "BAD_USER_INPUT username=TAKEN"},
		"long full name": {
			func(in *signin.CompleteSignupInput) { in.FullName = new(strings.Repeat("x", 201)) }, "BAD_USER_INPUT fullName=TOO_LONG",
		},
		"cookie where none can be set": {
			func(in *signin.CompleteSignupInput) { in.Session = signin.TransportCookie }, "BAD_USER_INPUT session=INVALID_FORMAT",
		},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.signup(t, "ada")
		m := f.signupMail(t, "grace.hopper@example.com")
		forms := map[string]signin.CompleteSignupInput{
			"token": {Token: &m.Token, Password: authtest.Password},
			"code":  {Code: &m.Code, Email: &m.To, Password: authtest.Password},
		}
		f.NewEvents(t)
		before := f.state(t)
		for way, form := range forms {
			for name, tt := range tests {
				in := form
				tt.change(&in)
				if _, err := f.CompleteSignup(t.Context(), in); authtest.Code(err) != tt.want {
					t.Errorf("%s, %s: %v, want %s", way, name, err, tt.want)
				}
			}
		}
		in := forms["code"]
		in.Email = nil
		if _, err := f.CompleteSignup(t.Context(), in); authtest.Code(err) != "BAD_USER_INPUT email=REQUIRED" {
			t.Errorf("code without address: %v", err)
		}
		in.Email = new("nothing")
		if _, err := f.CompleteSignup(t.Context(), in); authtest.Code(err) != "BAD_USER_INPUT email=INVALID_FORMAT" {
			t.Errorf("code with a bad address: %v", err)
		}
		if diff := cmp.Diff(before, f.state(t)); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
		f.WantEvents(t)
		if _, err := f.CompleteSignup(t.Context(), forms["code"]); err != nil {
			t.Errorf("the code after that: %v", err)
		}
	})
}

// TestCompleteSignupInvalid presents secrets that are not valid, or no longer.
func TestCompleteSignupInvalid(t *testing.T) {
	t.Parallel()
	const wrongToken, expired, wrongCode = "BAD_USER_INPUT token=INCORRECT", "BAD_USER_INPUT token=EXPIRED", "BAD_USER_INPUT code=INCORRECT"
	eachDatabase(t, func(t *testing.T, f *fixture) {
		try := func(what, want string, in signin.CompleteSignupInput) {
			t.Helper()
			in.Password = authtest.Password
			hadCode := in.Code != nil
			before := f.state(t)
			f.NewEvents(t)
			if _, err := f.CompleteSignup(t.Context(), in); authtest.Code(err) != want {
				t.Errorf("%s: %v, want %s", what, err, want)
			}
			if diff := cmp.Diff(before, f.state(t)); diff != "" {
				t.Errorf("%s has written (-before +after):\n%s", what, diff)
			}
			if hadCode {
				f.WantEvents(t, "MAILED_CODE_FAILED")
			} else {
				f.WantEvents(t)
			}
		}
		first := f.signupMail(t, "ada@example.com")
		for _, token := range []string{"", "x", first.Token + "x", first.Token[1:], strings.Repeat("a", 100_000), first.Code, "\x00"} {
			try(fmt.Sprintf("token %.20q", token), wrongToken, signin.CompleteSignupInput{Token: &token})
		}
		try("code of another address", wrongCode, signin.CompleteSignupInput{Code: &first.Code, Email: new("eve@example.com")})
		f.Clock.Advance(time.Minute)
		second := f.signupMail(t, "ada@example.com")
		try("replaced token", wrongToken, signin.CompleteSignupInput{Token: &first.Token})
		if first.Code != second.Code {
			try("replaced code", wrongCode, signin.CompleteSignupInput{Code: &first.Code, Email: &first.To})
		}
		f.Clock.Advance(10 * time.Minute)
		try("expired code", wrongCode, signin.CompleteSignupInput{Code: &second.Code, Email: &second.To})
		f.Clock.Advance(24*time.Hour - 10*time.Minute)
		try("expired token", expired, signin.CompleteSignupInput{Token: &second.Token})

		// A secret for another purpose creates no account.
		root := f.admin(t, "root")
		invited := f.invitation(t, root, "grace@example.com")
		if invited.Code != "" {
			t.Error("an invitation has a code")
		}
		f.Clock.Advance(7 * 24 * time.Hour)
		try("expired invitation", expired, signin.CompleteSignupInput{Token: &invited.Token})
	})
}

// TestSignupCodeTries counts the tries of a code for a free address, one that has an account, and one that nobody has
// requested a sign-up for. All answers and all calls of the store are the same.
func TestSignupCodeTries(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		if _, err := f.Signup(t.Context(), signin.SignupInput{Email: new("known@example.com"), Password: authtest.Password}); err != nil {
			t.Fatal(err)
		}
		answers := map[string]any{}
		var free mail.Message
		for _, email := range []string{"free@example.com", "known@example.com"} {
			payload := f.requestSignup(t, recovery.RequestSignupInput{Email: email})
			answers[email] = strings.ReplaceAll(payload.Email, email, "the address")
			template := map[string]string{"free@example.com": "sign-up", "known@example.com": "sign-up-existing"}[email]
			m := f.NewMail(t, template, email)
			if email == "free@example.com" {
				free = m
			} else if m.Token != "" || m.Code != "" {
				t.Errorf("the owner gets a secret: %+v", m)
			}
		}
		if answers["free@example.com"] != answers["known@example.com"] {
			t.Errorf("answers %v", answers)
		}
		wrong := "000000"
		if free.Code == wrong {
			wrong = "000001"
		}
		f.NewEvents(t)
		type trace struct {
			Codes        []string
			InTx, Events int
		}
		traces := map[string]trace{}
		for _, email := range []string{"free@example.com", "known@example.com", "nobody@example.com"} {
			inTx, events := f.Store.Calls("InTx"), f.Store.Calls("AddEvent")
			var codes []string
			for range 7 {
				_, err := f.CompleteSignup(t.Context(), signin.CompleteSignupInput{Code: &wrong, Email: &email, Password: authtest.Password})
				codes = append(codes, authtest.Code(err))
			}
			traces[email] = trace{codes, f.Store.Calls("InTx") - inTx, f.Store.Calls("AddEvent") - events}
		}
		for _, email := range []string{"known@example.com", "nobody@example.com"} {
			if diff := cmp.Diff(traces["free@example.com"], traces[email]); diff != "" {
				t.Errorf("%s (-free +got):\n%s", email, diff)
			}
		}
		if traces["free@example.com"].Events != 7 {
			t.Errorf("%+v", traces["free@example.com"])
		}
		// After too many tries, the right code is refused. The link is not.
		if _, err := f.CompleteSignup(t.Context(), signin.CompleteSignupInput{Code: &free.Code, Email: &free.To, Password: authtest.Password}); authtest.Code(err) != "BAD_USER_INPUT code=INCORRECT" {
			t.Errorf("the right code after too many: %v", err)
		}
		if _, err := f.CompleteSignup(t.Context(), signin.CompleteSignupInput{Token: &free.Token, Password: authtest.Password}); err != nil {
			t.Errorf("the token: %v", err)
		}
	})
}

// TestRequestSignupLimits checks the input and the limit of a recipient. What is refused has written nothing.
func TestRequestSignupLimits(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		request := func(ctx context.Context, in recovery.RequestSignupInput) string {
			before := f.state(t)
			_, err := f.Domain.Recovery.RequestSignup(ctx, in)
			if diff := cmp.Diff(before, f.state(t)); err != nil && diff != "" {
				t.Errorf("%+v has written (-before +after):\n%s", in, diff)
			}
			return authtest.Code(err)
		}
		for in, want := range map[recovery.RequestSignupInput]string{
			{Email: "nothing"}: "BAD_USER_INPUT email=INVALID_FORMAT",
			{Email: ""}:        "BAD_USER_INPUT email=REQUIRED",
			{Email: "a@example.com\r\nBcc: b@example.com"}:       "BAD_USER_INPUT email=INVALID_FORMAT",
			{Email: "a@example.com", Locale: new("no language")}: "BAD_USER_INPUT locale=INVALID_FORMAT",
			{Email: "x", Locale: new("xx-")}:                     "BAD_USER_INPUT email=INVALID_FORMAT locale=INVALID_FORMAT",
		} {
			if got := request(t.Context(), in); got != want {
				t.Errorf("%+v: %q, want %q", in, got, want)
			}
		}
		// One address gets five mails in an hour. The answers do not say so.
		for i := range 7 {
			if got := request(t.Context(), recovery.RequestSignupInput{Email: "b@example.com"}); got != "" {
				t.Error(got)
			}
			mails := f.NewMails(t)
			if want := i < 5; (len(mails) == 1) != want {
				t.Errorf("mail %d: %v", i, mails)
			}
		}
	})
}
