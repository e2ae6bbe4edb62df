package storetest

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// digestOf returns the digest of a text.
func digestOf(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// newSecret returns a user's mailed secret with a value in every field. Secrets with different n share no value that must
// be unique.
func newSecret(n int, userID uuid.UUID) *auth.MailedSecret {
	return &auth.MailedSecret{
		ID:            newID(3000 + n),
		Purpose:       auth.PurposeResetPassword,
		Subject:       fmt.Sprintf("%d '; -- 👩 %s", n, userID),
		UserID:        &userID,
		Address:       fmt.Sprintf("Ada%d@Example.com", n),
		AddressKey:    fmt.Sprintf("ada%d@example.com", n),
		TokenDigest:   digestOf(fmt.Sprint("token", n)),
		CodeDigest:    digestOf(fmt.Sprint("code", n)),
		CodeExpiresAt: new(epoch.Add(10 * time.Minute)),
		CodeTries:     1,
		FlowDigest:    digestOf(fmt.Sprint("flow", n)),
		Details:       `{"old":"Ünï'; --"}`,
		CreatedAt:     epoch.Add(time.Duration(n) * time.Microsecond),
		ExpiresAt:     epoch.Add(time.Hour),
	}
}

// newBareSecret returns a mailed secret without the values that may be missing.
func newBareSecret(n int) *auth.MailedSecret {
	m := newSecret(n, uuid.Nil)
	m.Purpose, m.UserID, m.CodeDigest, m.CodeExpiresAt, m.CodeTries, m.FlowDigest, m.Details = auth.PurposeSignUp, nil, nil, nil, 0, nil, ""
	return m
}

func replaceSecret(t *testing.T, s auth.Store, m *auth.MailedSecret) {
	t.Helper()
	if err := s.ReplaceMailedSecret(t.Context(), m); err != nil {
		t.Fatalf("ReplaceMailedSecret: %v", err)
	}
}

// wantSecret fails the test unless a secret is stored as it is here.
func wantSecret(t *testing.T, s auth.Store, want *auth.MailedSecret) {
	t.Helper()
	got, err := s.MailedSecret(t.Context(), want.TokenDigest)
	if err != nil {
		t.Fatalf("MailedSecret %d: %v", numberOf(want.ID), err)
	}
	equal(t, "MailedSecret", got, want)
}

func noSecret(t *testing.T, s auth.Store, what string, m *auth.MailedSecret) {
	t.Helper()
	_, err := s.MailedSecret(t.Context(), m.TokenDigest)
	wantError(t, "MailedSecret "+what, err, auth.ErrNotFound)
}

func secretEveryColumn(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	full, bare := newSecret(1, a.ID), newBareSecret(2)
	complete(t, "mailed secret", full)
	for _, m := range []*auth.MailedSecret{newSecret(3, a.ID), full, bare} { // the first detects a missing condition
		replaceSecret(t, s, m)
	}
	wantSecret(t, s, full)
	wantSecret(t, s, bare)
	long := newSecret(4, a.ID)
	long.Subject, long.Details = strings.Repeat("é", 400), strings.Repeat("漢", 4000)
	long.Address, long.AddressKey = strings.Repeat("漢", 300), strings.Repeat("é", 300)
	replaceSecret(t, s, long)
	wantSecret(t, s, long)
	noSecret(t, s, "of no token", newSecret(5, a.ID))
	_, err := s.MailedSecret(t.Context(), nil)
	wantError(t, "MailedSecret of an empty token", err, auth.ErrNotFound)
}

// secretReplace replaces secrets. Each value must be that of the new one, and each purpose and each subject must have a
// secret of its own.
func secretReplace(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	old, subject, purpose := newSecret(1, a.ID), newSecret(2, a.ID), newSecret(3, a.ID)
	purpose.Purpose, purpose.Subject = auth.PurposeVerifyEmail, old.Subject
	for _, m := range []*auth.MailedSecret{old, subject, purpose} {
		replaceSecret(t, s, m)
	}
	for n, next := range []*auth.MailedSecret{newSecret(4, a.ID), newBareSecret(5), newSecret(6, a.ID)} {
		next.Purpose, next.Subject = old.Purpose, old.Subject
		next.CodeTries = n % 2
		next.ExpiresAt = epoch.Add(time.Duration(n+2) * time.Hour)
		replaceSecret(t, s, next)
		noSecret(t, s, "after another has replaced it", old)
		if ok, err := s.TakeMailedSecret(t.Context(), old.ID, old.TokenDigest, epoch); ok || err != nil {
			t.Errorf("TakeMailedSecret after another has replaced it: %v, %v", ok, err)
		}
		wantSecret(t, s, next)
		old = next
	}
	wantSecret(t, s, subject)
	wantSecret(t, s, purpose)
	// At once, the last one stays.
	const many = 20
	for _, err := range together(many, func(n int) error {
		next := newSecret(100+n, a.ID)
		next.Subject = old.Subject
		return s.ReplaceMailedSecret(t.Context(), next)
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	left := 0
	for n := range many {
		if _, err := s.MailedSecret(t.Context(), newSecret(100+n, a.ID).TokenDigest); err == nil {
			left++
		}
	}
	if left != 1 {
		t.Errorf("%d secrets for one purpose and subject are left, want 1", left)
	}
}

func secretRefused(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	there := newSecret(1, a.ID)
	replaceSecret(t, s, there)
	short := digest[1:]
	for name, spoil := range map[string]func(m *auth.MailedSecret){
		"the id of another":       func(m *auth.MailedSecret) { m.ID = there.ID },
		"the token of another":    func(m *auth.MailedSecret) { m.TokenDigest = there.TokenDigest },
		"no purpose":              func(m *auth.MailedSecret) { m.Purpose = "" },
		"a purpose in small":      func(m *auth.MailedSecret) { m.Purpose = "sign_up" },
		"no subject":              func(m *auth.MailedSecret) { m.Subject = "" },
		"a long subject":          func(m *auth.MailedSecret) { m.Subject = strings.Repeat("a", 401) },
		"nobody's id":             func(m *auth.MailedSecret) { m.UserID = new(newID(9)) },
		"a long address":          func(m *auth.MailedSecret) { m.Address = strings.Repeat("a", 301) },
		"a long key":              func(m *auth.MailedSecret) { m.AddressKey = strings.Repeat("a", 301) },
		"no token":                func(m *auth.MailedSecret) { m.TokenDigest = nil },
		"a short token":           func(m *auth.MailedSecret) { m.TokenDigest = short },
		"a long token":            func(m *auth.MailedSecret) { m.TokenDigest = append(short, 1, 2) },
		"a short code":            func(m *auth.MailedSecret) { m.CodeDigest = short },
		"a code without expiry":   func(m *auth.MailedSecret) { m.CodeExpiresAt = nil },
		"the expiry of no code":   func(m *auth.MailedSecret) { m.CodeDigest = nil },
		"a short flow":            func(m *auth.MailedSecret) { m.FlowDigest = short },
		"details of any length":   func(m *auth.MailedSecret) { m.Details = strings.Repeat("a", 4001) },
		"a subject of any length": func(m *auth.MailedSecret) { m.Subject = strings.Repeat("a", 1<<20) },
	} {
		m := newSecret(2, a.ID)
		spoil(m)
		if err := s.ReplaceMailedSecret(t.Context(), m); err == nil {
			t.Errorf("a secret with %s was stored", name)
		} else if strings.Contains(err.Error(), "xample.") || len(err.Error()) > 500 {
			t.Errorf("the error of a secret with %s shows values: %v", name, err)
		}
	}
	nobody := newSecret(2, newID(9))
	wantError(t, "ReplaceMailedSecret for nobody", s.ReplaceMailedSecret(t.Context(), nobody), auth.ErrNotFound)
	wantSecret(t, s, there)
	noSecret(t, s, "that was refused", newSecret(2, a.ID))
}

func secretTake(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	m, kept := newSecret(1, a.ID), newSecret(2, a.ID)
	replaceSecret(t, s, m)
	replaceSecret(t, s, kept)
	take := func(what string, m *auth.MailedSecret, tokenDigest []byte, now time.Time, want bool) {
		t.Helper()
		if ok, err := s.TakeMailedSecret(t.Context(), m.ID, tokenDigest, now); ok != want || err != nil {
			t.Errorf("TakeMailedSecret %s: %v, %v, want %v", what, ok, err, want)
		}
	}
	take("with another token", m, kept.TokenDigest, epoch, false)
	take("without a token", m, nil, epoch, false)
	take("that there is not", newSecret(3, a.ID), m.TokenDigest, epoch, false)
	take("when it expires", m, m.TokenDigest, m.ExpiresAt, false)
	take("afterwards", m, m.TokenDigest, m.ExpiresAt.Add(time.Hour), false)
	wantSecret(t, s, m)
	take("just before", m, m.TokenDigest, m.ExpiresAt.Add(-time.Microsecond), true)
	take("once more", m, m.TokenDigest, epoch, false)
	noSecret(t, s, "that was taken", m)
	wantSecret(t, s, kept)
}

// secretTakeOfMany takes secrets many times at once, and replaces one meanwhile.
func secretTakeOfMany(t *testing.T, s auth.Store) {
	const many = 50
	a := newAccount(1)
	create(t, s, a)
	for round := range 5 {
		m, next := newSecret(2*round, a.ID), newSecret(2*round+1, a.ID)
		next.Subject = m.Subject
		replaceSecret(t, s, m)
		taken := make([]bool, many)
		for n, err := range together(many, func(n int) (err error) {
			if n == many/2 && round%2 == 1 {
				return s.ReplaceMailedSecret(t.Context(), next)
			}
			taken[n], err = s.TakeMailedSecret(t.Context(), m.ID, m.TokenDigest, epoch)
			return err
		}) {
			if err != nil {
				t.Errorf("%d: %v", n, err)
			}
		}
		noSecret(t, s, "that was taken or replaced", m)
		switch n := count(taken); {
		case round%2 == 0 && n != 1, n > 1:
			t.Errorf("a secret was taken %d times, want once", n)
		case round%2 == 1:
			wantSecret(t, s, next) // whether it replaced the other, or came after it was taken
		}
	}
}
