package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

func mailSweep(t *testing.T, s auth.Store) {
	before := epoch.Add(time.Hour)
	var mails []auth.MailMessage
	for n, c := range []struct {
		state auth.MailState
		at    time.Duration
	}{
		{auth.MailSent, -2 * time.Minute},
		{auth.MailFailed, -2 * time.Minute},
		{auth.MailQueued, -2 * time.Minute},
		{auth.MailSent, -time.Minute},
		{auth.MailSent, -time.Microsecond},
		{auth.MailSent, 0},
		{auth.MailSent, time.Minute},
	} {
		m := newMail(n)
		m.ID, m.State = auth.FirstID(before.Add(c.at)), c.state
		m.ID[15] = byte(n)
		addMail(t, s, m)
		mails = append(mails, *m)
	}
	sweep := func(limit, want int) {
		t.Helper()
		if n, err := s.SweepMails(t.Context(), auth.MailSent, before, limit); n != want || err != nil {
			t.Errorf("SweepMails: %d, %v, want %d", n, err, want)
		}
	}
	check := func(left ...int) {
		t.Helper()
		var want []auth.MailMessage
		for _, n := range left {
			want = append(want, mails[n])
		}
		got := listMails(t, s, auth.MailQuery{Page: auth.Page[uuid.UUID]{Limit: 10}})
		slices.SortFunc(got, func(a, b auth.MailMessage) int { return int(a.ID[15]) - int(b.ID[15]) })
		equal(t, "mails", got, want)
	}
	sweep(0, 0)
	sweep(1, 1)
	check(1, 2, 3, 4, 5, 6)
	sweep(10, 2)
	sweep(10, 0)
	check(1, 2, 5, 6)
}

// mailDeleteUser deletes a user. No mail to them may keep their address.
func mailDeleteUser(t *testing.T, s auth.Store) {
	gone, kept, nameless := newAccount(1), newAccount(2), newAccount(3)
	nameless.Email, nameless.EmailKey = nil, nil
	for _, a := range []*auth.Account{gone, kept, nameless} {
		create(t, s, a)
	}
	states := []auth.MailState{auth.MailQueued, auth.MailSent, auth.MailFailed, auth.MailExpired, auth.MailDropped}
	var mails []*auth.MailMessage
	add := func(kind auth.MailKind, state auth.MailState, userID *uuid.UUID, to *auth.Account) *auth.MailMessage {
		t.Helper()
		m := newMail(len(mails))
		m.Kind, m.State, m.UserID, m.Recipient, m.RecipientKey = kind, state, userID, to.Email, to.EmailKey
		addMail(t, s, m)
		mails = append(mails, m)
		return m
	}
	forget := func(m *auth.MailMessage) {
		if m.Recipient, m.RecipientKey, m.Content, m.LastError = nil, nil, nil, nil; m.State == auth.MailQueued {
			m.State = auth.MailDropped
		}
	}
	var forgotten []*auth.MailMessage
	elsewhere := newAccount(9) // an address that the user has had before
	for _, state := range states {
		forgotten = append(forgotten, add(auth.MailResetPassword, state, &gone.ID, gone), add(auth.MailEmailChanged, state, &gone.ID, elsewhere))
		if state != auth.MailQueued {
			forgotten = append(forgotten, add(auth.MailAccountDeleted, state, &gone.ID, gone),
				add(auth.MailSignUp, state, nil, gone), add(auth.MailConfirmEmail, state, &kept.ID, gone))
		}
		add(auth.MailResetPassword, state, &kept.ID, kept)
		add(auth.MailSignUp, state, nil, elsewhere)
	}
	add(auth.MailAccountDeleted, auth.MailQueued, &gone.ID, gone)
	add(auth.MailInvitation, auth.MailQueued, nil, gone) // an administrator invites the owner of the address
	nobodys := newBareMail(len(mails))
	addMail(t, s, nobodys)

	wantError(t, "DeleteUser of nobody", s.DeleteUser(t.Context(), newID(8)), auth.ErrNotFound)
	for _, id := range []uuid.UUID{nameless.ID, gone.ID} {
		for _, m := range mails {
			wantMail(t, s, m)
		}
		if err := s.DeleteUser(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range forgotten {
		forget(m)
	}
	for _, m := range append(mails, nobodys) {
		wantMail(t, s, m)
	}
}
