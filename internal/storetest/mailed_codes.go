package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"usher/internal/auth"
)

// try counts a try of a code. It returns nil if there is no such code.
func try(t *testing.T, s auth.Store, c auth.CodeTry, most int, now time.Time) *auth.MailedSecret {
	t.Helper()
	m, err := s.CountCodeTry(t.Context(), c, most, now)
	if err != nil {
		wantError(t, "CountCodeTry", err, auth.ErrNotFound)
		return nil
	}
	return m
}

func codeTries(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	m, other, flowless := newSecret(1, a.ID), newSecret(2, a.ID), newSecret(4, a.ID)
	flowless.FlowDigest = nil
	bare := newBareSecret(3) // has no code
	bare.AddressKey = "bare@example.com"
	for _, m := range []*auth.MailedSecret{m, other, flowless, bare} {
		replaceSecret(t, s, m)
	}
	byFlow := auth.CodeTry{Purpose: m.Purpose, FlowDigest: m.FlowDigest}
	byAddress := auth.CodeTry{Purpose: flowless.Purpose, AddressKey: flowless.AddressKey}
	for what, c := range map[string]auth.CodeTry{
		"another purpose, by flow":    {Purpose: auth.PurposeVerifyEmail, FlowDigest: m.FlowDigest},
		"another purpose, by address": {Purpose: auth.PurposeVerifyEmail, AddressKey: flowless.AddressKey},
		"an address for a flow":       {Purpose: m.Purpose, AddressKey: m.AddressKey},
		"no flow":                     {Purpose: m.Purpose, FlowDigest: digest},
		"an empty flow":               {Purpose: m.Purpose, FlowDigest: []byte{}, AddressKey: flowless.AddressKey},
		"no address":                  {Purpose: m.Purpose},
		"the address itself":          {Purpose: m.Purpose, AddressKey: flowless.Address},
		"a secret without a code":     {Purpose: bare.Purpose, AddressKey: bare.AddressKey},
	} {
		if got := try(t, s, c, 5, epoch); got != nil {
			t.Errorf("CountCodeTry of %s: %+v, want ErrNotFound", what, got)
		}
	}
	for _, c := range []auth.CodeTry{byFlow, byAddress} {
		for _, at := range []time.Time{*m.CodeExpiresAt, m.CodeExpiresAt.Add(time.Hour)} {
			if got := try(t, s, c, 5, at); got != nil {
				t.Errorf("CountCodeTry of an expired code: %+v, want ErrNotFound", got)
			}
		}
	}
	wantSecret(t, s, m) // nothing was counted
	wantSecret(t, s, flowless)
	for range 4 {
		for want, c := range map[*auth.MailedSecret]auth.CodeTry{m: byFlow, flowless: byAddress} {
			want.CodeTries++
			equal(t, "CountCodeTry", try(t, s, c, 5, m.CodeExpiresAt.Add(-time.Microsecond)), want)
			wantSecret(t, s, want)
		}
	}
	for _, c := range []auth.CodeTry{byFlow, byAddress} {
		if got := try(t, s, c, 5, epoch); got != nil {
			t.Errorf("CountCodeTry without tries left: %+v, want ErrNotFound", got)
		}
	}
	for _, m := range []*auth.MailedSecret{m, other, flowless, bare} {
		wantSecret(t, s, m)
	}
	if ok, err := s.TakeMailedSecret(t.Context(), m.ID, m.TokenDigest, epoch); !ok || err != nil {
		t.Errorf("TakeMailedSecret after the tries of the code: %v, %v", ok, err)
	}
	if got := try(t, s, byFlow, 50, epoch); got != nil {
		t.Errorf("CountCodeTry after the secret was taken: %+v", got)
	}
}

// codeNewest tries codes of an address with several secrets. The code belongs to the newest, even if it has no tries left
// or has expired: otherwise tries that are left over from older secrets could be added up.
func codeNewest(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	var secrets []*auth.MailedSecret
	for _, n := range []int{2, 4, 1, 3} { // not in the order of creation
		m := newSecret(n, a.ID)
		m.AddressKey, m.FlowDigest = "ada@example.com", nil
		replaceSecret(t, s, m)
		secrets = append(secrets, m)
	}
	later, withFlow := newBareSecret(5), newSecret(7, a.ID) // have no code, and one that belongs to a flow
	later.Purpose, later.AddressKey = secrets[0].Purpose, secrets[0].AddressKey
	withFlow.AddressKey = later.AddressKey
	replaceSecret(t, s, later)
	replaceSecret(t, s, withFlow)
	c := auth.CodeTry{Purpose: later.Purpose, AddressKey: later.AddressKey}
	newest := secrets[1]
	for newest.CodeTries < 3 {
		newest.CodeTries++
		equal(t, "CountCodeTry", try(t, s, c, 3, epoch), newest)
	}
	if got := try(t, s, c, 3, epoch); got != nil {
		t.Errorf("CountCodeTry without tries left: %+v, want ErrNotFound", got)
	}
	valid, expired := newSecret(8, a.ID), newSecret(9, a.ID)
	c.AddressKey = "grace@example.com"
	for _, m := range []*auth.MailedSecret{expired, valid} {
		m.AddressKey, m.FlowDigest = c.AddressKey, nil
		if m == expired {
			m.CodeExpiresAt = new(epoch.Add(time.Minute))
		}
		replaceSecret(t, s, m)
	}
	if got := try(t, s, c, 3, epoch.Add(2*time.Minute)); got != nil {
		t.Errorf("CountCodeTry of the newest code, which has expired: %+v, want ErrNotFound", got)
	}
	for _, m := range append(secrets, later, withFlow, valid, expired) {
		wantSecret(t, s, m)
	}
}

// codeTriesOfMany tries a code many times at once, alone and in transactions that also take the secret. No more tries
// than allowed may succeed.
func codeTriesOfMany(t *testing.T, s auth.Store) {
	const many, most = 50, 5
	a := newAccount(1)
	create(t, s, a)
	for round, c := range []auth.CodeTry{
		{Purpose: auth.PurposeResetPassword, AddressKey: newSecret(0, a.ID).AddressKey},
		{Purpose: auth.PurposeResetPassword, FlowDigest: newSecret(1, a.ID).FlowDigest},
	} {
		m := newSecret(round, a.ID)
		if m.CodeTries = 0; c.FlowDigest == nil {
			m.FlowDigest = nil
		}
		replaceSecret(t, s, m)
		counted := map[int]int{}
		tries := make([]int, many)
		for n, err := range together(many, func(n int) error {
			got, err := s.CountCodeTry(t.Context(), c, most, epoch)
			if err == nil {
				tries[n] = got.CodeTries
			}
			return err
		}) {
			if err == nil {
				counted[tries[n]]++
			} else {
				wantError(t, "CountCodeTry", err, auth.ErrNotFound)
			}
		}
		equal(t, "tries", counted, map[int]int{1: 1, 2: 1, 3: 1, 4: 1, 5: 1})
	}
	m := newSecret(2, a.ID)
	replaceSecret(t, s, m)
	redeemed := make([]bool, many)
	for _, err := range together(many, func(n int) error {
		return s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
			redeemed[n] = false
			got, err := tx.CountCodeTry(ctx, auth.CodeTry{Purpose: m.Purpose, FlowDigest: m.FlowDigest}, many+1, epoch)
			if errors.Is(err, auth.ErrNotFound) {
				return nil
			}
			if err == nil {
				redeemed[n], err = tx.TakeMailedSecret(ctx, got.ID, got.TokenDigest, epoch)
			}
			return err
		})
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	if n := count(redeemed); n != 1 {
		t.Errorf("a code was redeemed %d times at once, want once", n)
	}
}
