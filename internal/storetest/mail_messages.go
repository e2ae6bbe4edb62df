package storetest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// newMail returns a mail with a value in every field.
func newMail(n int) *auth.MailMessage {
	return &auth.MailMessage{
		ID:            newID(4000 + n),
		Kind:          auth.MailResetPassword,
		State:         auth.MailQueued,
		UserID:        new(newID(n)),
		Recipient:     new(fmt.Sprintf("Ada%d@Example.com", n)),
		RecipientKey:  new(fmt.Sprintf("ada%d@example.com", n)),
		Asker:         new("2001:db8::/64"),
		Prepared:      true,
		Content:       []byte("sealed\xff'; --"),
		Attempts:      1,
		NextAttemptAt: epoch.Add(time.Minute),
		LastError:     new("recipient: 550 no such user <Ada@Example.com> Ünï"),
		CreatedAt:     epoch.Add(time.Duration(n) * time.Microsecond),
		SentAt:        new(epoch.Add(2 * time.Minute)),
		ExpiresAt:     epoch.Add(time.Hour),
	}
}

// newBareMail returns a mail without the values that may be missing.
func newBareMail(n int) *auth.MailMessage {
	return &auth.MailMessage{
		ID: newID(4000 + n), Kind: auth.MailSignUp, State: auth.MailQueued,
		NextAttemptAt: epoch, CreatedAt: epoch, ExpiresAt: epoch.Add(time.Hour),
	}
}

func addMail(t *testing.T, s auth.Store, m *auth.MailMessage) {
	t.Helper()
	if err := s.AddMail(t.Context(), m); err != nil {
		t.Fatalf("AddMail: %v", err)
	}
}

func listMails(t *testing.T, s auth.Store, q auth.MailQuery) []auth.MailMessage {
	t.Helper()
	mails, err := s.Mails(t.Context(), q)
	if err != nil {
		t.Fatalf("Mails of %+v: %v", q, err)
	}
	return mails
}

// wantMail fails the test unless a mail is stored as it is here.
func wantMail(t *testing.T, s auth.Store, want *auth.MailMessage) {
	t.Helper()
	got := listMails(t, s, auth.MailQuery{ID: &want.ID, Page: auth.Page[uuid.UUID]{Limit: 2}})
	equal(t, "mail", got, []auth.MailMessage{*want})
}

func mailEveryColumn(t *testing.T, s auth.Store) {
	full, bare := newMail(1), newBareMail(2)
	filled := *full
	filled.User = &newAccount(1).User
	complete(t, "mail", &filled)
	long := newMail(3)
	long.Recipient, long.RecipientKey = new(strings.Repeat("漢", 300)), new(strings.Repeat("é", 300))
	long.Content, long.LastError, long.Asker = bytes.Repeat([]byte{0x00, 0xff}, 10_000), new(strings.Repeat("漢", 1000)), new(strings.Repeat("a", 100))
	for _, m := range []*auth.MailMessage{full, bare, long} {
		addMail(t, s, m)
	}
	for _, m := range []*auth.MailMessage{full, bare, long} {
		wantMail(t, s, m)
	}
}

func mailRefused(t *testing.T, s auth.Store) {
	there := newMail(1)
	addMail(t, s, there)
	for name, spoil := range map[string]func(m *auth.MailMessage){
		"no kind":             func(m *auth.MailMessage) { m.Kind = "" },
		"a kind in small":     func(m *auth.MailMessage) { m.Kind = "sign_up" },
		"no state":            func(m *auth.MailMessage) { m.State = "" },
		"a state in small":    func(m *auth.MailMessage) { m.State = "sent" },
		"an address alone":    func(m *auth.MailMessage) { m.RecipientKey = nil },
		"a key alone":         func(m *auth.MailMessage) { m.Recipient = nil },
		"a long address":      func(m *auth.MailMessage) { m.Recipient = new(strings.Repeat("a", 301)) },
		"a long key":          func(m *auth.MailMessage) { m.RecipientKey = new(strings.Repeat("a", 301)) },
		"content of any size": func(m *auth.MailMessage) { m.Content = make([]byte, 20_001) },
		"a long error":        func(m *auth.MailMessage) { m.LastError = new(strings.Repeat("a", 1001)) },
	} {
		added, changed := newMail(2), newMail(1)
		spoil(added)
		spoil(changed)
		_, err := s.UpdateMail(t.Context(), changed, there.State, there.Attempts)
		for what, err := range map[string]error{"added": s.AddMail(t.Context(), added), "changed": err} {
			if err == nil {
				t.Errorf("a mail with %s was %s", name, what)
			} else if strings.Contains(err.Error(), "xample.") || len(err.Error()) > 500 {
				t.Errorf("the error of a mail with %s shows values: %v", name, err)
			}
		}
	}
	asker := newMail(2)
	asker.Asker = new(strings.Repeat("a", 101))
	for name, m := range map[string]*auth.MailMessage{"the id of another": newMail(1), "a long asker": asker} {
		if err := s.AddMail(t.Context(), m); err == nil {
			t.Errorf("a mail with %s was added", name)
		}
	}
	equal(t, "mails", listMails(t, s, auth.MailQuery{Page: auth.Page[uuid.UUID]{Limit: 10}}), []auth.MailMessage{*there})
}

func mailUpdate(t *testing.T, s auth.Store) {
	was, other := newMail(1), newMail(2)
	addMail(t, s, was)
	addMail(t, s, other)
	update := func(what string, m *auth.MailMessage, state auth.MailState, attempts int, want bool) {
		t.Helper()
		if ok, err := s.UpdateMail(t.Context(), m, state, attempts); ok != want || err != nil {
			t.Errorf("UpdateMail %s: %v, %v, want %v", what, ok, err, want)
		}
	}
	next := newBareMail(1)
	next.State, next.Attempts, next.ExpiresAt = auth.MailDropped, 2, epoch.Add(3*time.Hour)
	next.CreatedAt, next.Asker = epoch.Add(time.Hour), new("192.0.2.0/24")
	update("in another state", next, auth.MailSent, was.Attempts, false)
	update("after fewer attempts", next, was.State, was.Attempts-1, false)
	update("after more attempts", next, was.State, was.Attempts+1, false)
	update("that there is not", newMail(3), was.State, was.Attempts, false)
	wantMail(t, s, was)
	update("as it is", next, was.State, was.Attempts, true)
	next.CreatedAt, next.Asker = was.CreatedAt, was.Asker // never change
	wantMail(t, s, next)
	update("as it was", newMail(1), was.State, was.Attempts, false)
	update("back", newMail(1), next.State, next.Attempts, true)
	wantMail(t, s, was)
	wantMail(t, s, other)
}

// mailClaimOfMany claims mails from several servers at once. Each attempt must be that of one server.
func mailClaimOfMany(t *testing.T, s auth.Store) {
	const servers, mails, attempts = 8, 10, 3
	for n := range mails {
		m := newBareMail(n)
		addMail(t, s, m)
	}
	claimed := make([]map[string]int, servers)
	for _, err := range together(servers, func(n int) error {
		claimed[n] = map[string]int{}
		for {
			due, err := s.DueMails(t.Context(), epoch.Add(time.Minute), mails)
			if err != nil || len(due) == 0 {
				return err
			}
			for _, m := range due {
				was := m.Attempts
				if m.Attempts++; m.Attempts == attempts {
					m.State = auth.MailSent
				}
				ok, err := s.UpdateMail(t.Context(), &m, auth.MailQueued, was)
				if err != nil {
					return err
				}
				if ok {
					claimed[n][fmt.Sprintf("%d, attempt %d", numberOf(m.ID), m.Attempts)]++
				}
			}
		}
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	got, want := map[string]int{}, map[string]int{}
	for _, by := range claimed {
		for attempt, times := range by {
			got[attempt] += times
		}
	}
	for n := range mails {
		for attempt := range attempts {
			want[fmt.Sprintf("%d, attempt %d", 4000+n, attempt+1)] = 1
		}
	}
	equal(t, "claims", got, want)
}

func mailDue(t *testing.T, s auth.Store) {
	now := epoch.Add(time.Hour)
	for n, c := range []struct {
		state auth.MailState
		at    time.Duration
	}{
		0: {auth.MailQueued, 0}, // due right now
		1: {auth.MailQueued, -time.Minute},
		2: {auth.MailQueued, time.Microsecond},
		3: {auth.MailSent, -time.Hour},
		4: {auth.MailFailed, -time.Hour},
		5: {auth.MailExpired, -time.Hour},
		6: {auth.MailDropped, -time.Hour},
		8: {auth.MailQueued, -time.Minute - time.Microsecond},
		7: {auth.MailQueued, -2 * time.Minute}, // due together with 9
		9: {auth.MailQueued, -2 * time.Minute},
	} {
		m := newMail(n)
		m.State, m.NextAttemptAt = c.state, now.Add(c.at)
		m.ExpiresAt = epoch // somebody must still take it out of the queue
		addMail(t, s, m)
	}
	want := []int{7, 9, 8, 1, 0}
	for limit := range len(want) + 2 {
		due, err := s.DueMails(t.Context(), now, limit)
		if err != nil {
			t.Fatal(err)
		}
		got := []int{}
		for _, m := range due {
			got = append(got, numberOf(m.ID)-4000)
		}
		equal(t, fmt.Sprintf("the first %d mails that are due", limit), got, want[:min(limit, len(want))])
		if limit == len(want) {
			m := newMail(7)
			m.NextAttemptAt, m.ExpiresAt = due[0].NextAttemptAt, epoch
			equal(t, "mail", due[0], *m)
		}
	}
}

// mailPages reads pages for each combination of filters.
func mailPages(t *testing.T, s auth.Store) {
	users := []*uuid.UUID{new(newID(1)), new(newID(2)), nil}
	states := []auth.MailState{auth.MailQueued, auth.MailSent}
	var all []auth.MailMessage // the newest first
	for n := 11; n >= 0; n-- {
		m := newMail(n)
		m.UserID, m.State, m.CreatedAt = users[n%3], states[n/3%2], epoch // the order is that of the ids
		all = append(all, *m)
	}
	for i := range all { // not in the order of their ids
		addMail(t, s, &all[(i*7+1)%len(all)])
	}
	for _, id := range []*uuid.UUID{nil, &all[4].ID, new(newID(9999))} {
		for _, userID := range []*uuid.UUID{nil, users[0], users[1], new(newID(3))} {
			for _, state := range []auth.MailState{"", auth.MailQueued, auth.MailSent, auth.MailFailed} {
				var whole []auth.MailMessage
				for _, m := range all {
					if (id == nil || m.ID == *id) && (userID == nil || m.UserID != nil && *m.UserID == *userID) && (state == "" || m.State == state) {
						whole = append(whole, m)
					}
				}
				q := auth.MailQuery{ID: id, UserID: userID, State: state}
				checkPages(t, whole, func(m auth.MailMessage) uuid.UUID { return m.ID }, func(page auth.Page[uuid.UUID]) []auth.MailMessage {
					q.Page = page
					return listMails(t, s, q)
				})
			}
		}
	}
}

func mailCount(t *testing.T, s auth.Store) {
	for n, change := range []func(m *auth.MailMessage){
		func(*auth.MailMessage) {},
		func(m *auth.MailMessage) { m.State = auth.MailDropped }, // counts too
		func(m *auth.MailMessage) { m.Kind = auth.MailVerifyEmail },
		func(m *auth.MailMessage) { m.Asker = nil },
		func(m *auth.MailMessage) { m.Asker = new("2001:db8:1::/64") },
		func(m *auth.MailMessage) { m.Recipient, m.RecipientKey = nil, nil },
		func(m *auth.MailMessage) { m.RecipientKey = new("Ada@example.com") }, // not a canonical form
	} {
		m := newMail(n)
		m.RecipientKey, m.CreatedAt = new("ada@example.com"), epoch.Add(time.Duration(n)*time.Minute)
		change(m)
		addMail(t, s, m)
	}
	for _, c := range []struct {
		since   time.Duration
		network int
		address int
	}{
		{-time.Hour, 5, 4},
		{0, 5, 4},
		{time.Microsecond, 4, 3},
		{time.Minute, 4, 3},
		{2 * time.Minute, 3, 2},
		{4 * time.Minute, 2, 1},
		{6 * time.Minute, 1, 0},
		{time.Hour, 0, 0},
	} {
		since := epoch.Add(c.since)
		if n, err := s.CountMailsAsked(t.Context(), "2001:db8::/64", since); n != c.network || err != nil {
			t.Errorf("CountMailsAsked since %v: %d, %v, want %d", c.since, n, err, c.network)
		}
		if n, err := s.CountMailsTo(t.Context(), "ada@example.com", auth.MailResetPassword, since); n != c.address || err != nil {
			t.Errorf("CountMailsTo since %v: %d, %v, want %d", c.since, n, err, c.address)
		}
	}
	for what, count := range map[string]func() (int, error){
		"another network": func() (int, error) { return s.CountMailsAsked(t.Context(), "192.0.2.0/24", epoch) },
		"another address": func() (int, error) {
			return s.CountMailsTo(t.Context(), "ada@example.net", auth.MailResetPassword, epoch)
		},
		"another kind": func() (int, error) {
			return s.CountMailsTo(t.Context(), "ada@example.com", auth.MailInvitation, epoch)
		},
	} {
		if n, err := count(); n != 0 || err != nil {
			t.Errorf("count of %s: %d, %v, want 0", what, n, err)
		}
	}
}

func mailReseal(t *testing.T, s auth.Store) {
	m, other, bare := newMail(1), newMail(2), newBareMail(3)
	for _, m := range []*auth.MailMessage{m, other, bare} {
		addMail(t, s, m)
	}
	from, to := m.Content, []byte("resealed\xff\x00'")
	reseal := func(what string, id uuid.UUID, want bool) {
		t.Helper()
		if changed, err := s.ResealMail(t.Context(), id, from, to); changed != want || err != nil {
			t.Errorf("ResealMail of %s: %v, %v, want %v", what, changed, err, want)
		}
	}
	reseal("the mail", m.ID, true)
	reseal("the mail again", m.ID, false)
	reseal("no content", bare.ID, false)
	reseal("no mail", newID(1), false)
	m.Content = to
	for _, m := range []*auth.MailMessage{m, other, bare} {
		wantMail(t, s, m)
	}
}

// mailBacklog looks at a queue that is empty, and at one with mails in every state.
func mailBacklog(t *testing.T, s auth.Store) {
	look := func() auth.MailBacklog {
		b, err := s.MailBacklog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	equal(t, "the state of no queue", look(), auth.MailBacklog{})
	for n, state := range []auth.MailState{
		auth.MailSent, auth.MailQueued, auth.MailFailed, auth.MailQueued, auth.MailExpired, auth.MailDropped, auth.MailQueued, auth.MailFailed,
	} {
		m := newMail(n)
		m.State, m.NextAttemptAt = state, epoch.Add(time.Duration(20-n)*time.Minute)
		addMail(t, s, m)
	}
	equal(t, "the state of the queue", look(), auth.MailBacklog{
		Queued: 3, Failed: 2, FirstDue: new(epoch.Add(14 * time.Minute)), Oldest: new(epoch.Add(time.Microsecond)),
	})
}
