package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"usher/internal/auth"
)

func secretDelete(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	create(t, s, a)
	create(t, s, b)
	var of []*auth.MailedSecret
	for n, purpose := range []auth.MailPurpose{auth.PurposeVerifyEmail, auth.PurposeResetPassword, auth.PurposeChangeEmail, auth.PurposeUndoEmailChange} {
		m := newSecret(n, a.ID)
		m.Purpose = purpose
		of = append(of, m)
	}
	same := newSecret(4, a.ID)
	others, nobodys := newSecret(5, b.ID), newBareSecret(6)
	nobodys.Purpose = auth.PurposeResetPassword
	for _, m := range append(of, same, others, nobodys) {
		replaceSecret(t, s, m)
	}
	if err := s.DeleteMailedSecrets(t.Context(), a.ID); err != nil { // of no purpose
		t.Fatal(err)
	}
	wantSecret(t, s, of[0])
	if err := s.DeleteMailedSecrets(t.Context(), a.ID, auth.PurposeVerifyEmail); err != nil {
		t.Fatal(err)
	}
	noSecret(t, s, "that was deleted", of[0])
	wantSecret(t, s, of[1])
	for range 2 { // deleting none is no error
		if err := s.DeleteMailedSecrets(t.Context(), a.ID, auth.PurposeVerifyEmail, auth.PurposeChangeEmail, auth.PurposeResetPassword); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range []*auth.MailedSecret{of[1], of[2], same} {
		noSecret(t, s, "that was deleted", m)
	}
	for _, m := range []*auth.MailedSecret{of[3], others, nobodys} {
		wantSecret(t, s, m)
	}
	if err := s.DeleteUser(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	noSecret(t, s, "of a deleted user", of[3])
	wantSecret(t, s, others)
	wantSecret(t, s, nobodys)
}

// secretSweep sweeps one secret at a time. Pending changes end with the secrets of theirs, and only with these.
func secretSweep(t *testing.T, s auth.Store) {
	pending := map[int]*string{}
	var secrets []*auth.MailedSecret
	for n, c := range []struct {
		purpose auth.MailPurpose
		address string
		expires int
		ends    bool
	}{
		{auth.PurposeChangeEmail, "Ada0@Example.net", 4, true},
		{auth.PurposeChangeEmail, "Ada1@Example.net", 1, true},
		{auth.PurposeChangeEmail, "older@example.org", 2, false}, // of a change that another has replaced
		{auth.PurposeUndoEmailChange, "Ada3@Example.net", 3, false},
		{auth.PurposeVerifyEmail, "Ada4@Example.net", 5, false},
		{auth.PurposeChangeEmail, "Ada5@Example.net", 60, false}, // expires at the time of the sweep
		{auth.PurposeChangeEmail, "Ada6@Example.net", 61, false},
	} {
		a := newAccount(n)
		create(t, s, a)
		m := newSecret(n, a.ID)
		m.Purpose, m.Address, m.ExpiresAt = c.purpose, c.address, epoch.Add(time.Duration(c.expires)*time.Minute)
		replaceSecret(t, s, m)
		secrets = append(secrets, m)
		if pending[n] = a.PendingEmail; c.ends {
			pending[n] = nil
		}
	}
	nobodys := newBareSecret(10)
	nobodys.Purpose, nobodys.Address, nobodys.ExpiresAt = auth.PurposeChangeEmail, "Ada6@Example.net", epoch.Add(6*time.Minute)
	replaceSecret(t, s, nobodys)

	before := epoch.Add(time.Hour)
	for name, sweep := range map[string]func(context.Context, time.Time, int) (int, error){
		"SweepMailedSecrets": s.SweepMailedSecrets, "SweepEmailChanges": s.SweepEmailChanges,
	} {
		for _, c := range []struct{ limit, want int }{{0, 0}, {1, 1}, {2, 2}, {100, 0}} { // three of each kind
			if swept, err := sweep(t.Context(), before, c.limit); swept != c.want || err != nil {
				t.Errorf("%s up to %d: %d, %v, want %d", name, c.limit, swept, err, c.want)
			}
		}
	}
	for n, m := range secrets {
		if n < 5 {
			noSecret(t, s, "that was swept", m)
		} else {
			wantSecret(t, s, m)
		}
		u, err := s.User(t.Context(), newID(n))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, fmt.Sprintf("the pending change of %d", n), u.PendingEmail, pending[n])
	}
}

// secretSweepOfMany sweeps from several servers at once. Each pending change must end, whichever server deletes its secret,
// and each secret must be counted once. Changes that users repeat meanwhile must stay.
func secretSweepOfMany(t *testing.T, s auth.Store) {
	const users, repeats, sweepers = 40, 10, 4
	secret := func(n, user int) *auth.MailedSecret {
		m := newSecret(n, newID(user))
		m.Purpose, m.Subject, m.Address = auth.PurposeChangeEmail, m.UserID.String(), *newAccount(user).PendingEmail
		m.ExpiresAt = epoch.Add(time.Duration(n%users) * time.Second)
		return m
	}
	for n := range users {
		create(t, s, newAccount(n))
		replaceSecret(t, s, secret(n, n))
	}
	before := epoch.Add(time.Hour)
	swept := make([]int, sweepers)
	for _, err := range together(sweepers+repeats, func(n int) error {
		if n < sweepers {
			for {
				found, err := s.SweepEmailChanges(t.Context(), before, 3)
				if swept[n] += found; err != nil || found == 0 {
					return err
				}
			}
		}
		user := (n - sweepers) * users / repeats
		return s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
			a := newAccount(user)
			if err := tx.SetEmail(ctx, a.ID, auth.Email{Address: a.Email, Key: a.EmailKey, Pending: a.PendingEmail}, before); err != nil {
				return err
			}
			next := secret(users+user, user)
			next.ExpiresAt = before.Add(time.Hour)
			return tx.ReplaceMailedSecret(ctx, next)
		})
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	total := 0
	for _, n := range swept {
		total += n
	}
	if total > users || total < users-repeats {
		t.Errorf("%d secrets of %d were swept, want each once, but for up to %d that were replaced", total, users, repeats)
	}
	for n, u := range allUsers(t, s) {
		var want *string
		if n%(users/repeats) == 0 {
			want = newAccount(n).PendingEmail
			if _, err := s.MailedSecret(t.Context(), secret(users+n, n).TokenDigest); err != nil {
				t.Errorf("the secret of the repeated change of %d: %v", n, err)
			}
		}
		equal(t, fmt.Sprintf("the pending change of %d", n), u.PendingEmail, want)
	}
}
