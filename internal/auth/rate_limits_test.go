package auth_test

import (
	"bytes"
	"database/sql"
	"errors"
	"net/netip"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/auth/throttle"
	"usher/internal/password"
	"usher/internal/request"
	"usher/internal/store"
	"usher/internal/storetest"
)

// limitedField has a limit of 5 in an hour, which has no slack, for each address and recipient.
var limitedField = map[string][]throttle.Rule{"Mutation.requestSignup": {{Cost: 1, Limit: &throttle.Limit{
	Name: "mail", By: []throttle.Key{throttle.KeyClient, throttle.KeyRecipient}, Max: 5, Per: time.Hour,
	Counts: throttle.CountCalls, Exceeded: throttle.Refuse,
}}}}

// TestRateLimitsAtRest uses a limit, and reads and sweeps what the database has of it.
func TestRateLimitsAtRest(t *testing.T) {
	t.Parallel()
	storetest.EachWithSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		f := authtest.New(t, s)
		d := f.NewDomain(t, domain.Options{RateLimits: limitedField})
		ctx := request.With(t.Context(), &request.Exchange{Info: request.Info{Client: netip.MustParseAddr("192.0.2.1")}})
		use := []throttle.Use{{Field: "Mutation.requestSignup", Recipient: "ada@example.com"}}
		for n := range 6 {
			_, err := d.Throttle.Admit(ctx, use)
			if want := map[bool]string{true: "RATE_LIMITED"}[n == 5]; string(codeOf(err)) != want {
				t.Errorf("use %d: %v, want %q", n, err, want)
			}
		}
		if ok, err := s.UseChallenge(t.Context(), "id", f.Clock.Now().Add(time.Hour)); !ok || err != nil {
			t.Fatal(ok, err)
		}
		keys := rateLimitKeys(t, db)
		if len(keys) != 2 { // of the address and of its network
			t.Errorf("%d counters", len(keys))
		}
		for _, key := range keys {
			if len(key) != 32 || bytes.Contains(key, []byte("ada")) || bytes.Contains(key, []byte{192, 0, 2}) {
				t.Errorf("the key %q", key)
			}
		}
		f.Clock.Advance(time.Hour)
		sweep := func() {
			t.Helper()
			if err := d.Operator.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if sweep(); len(rateLimitKeys(t, db)) != 2 {
			t.Error("counters that matter were swept")
		}
		if _, err := d.Throttle.Admit(ctx, use); codeOf(err) != auth.CodeRateLimited {
			t.Errorf("a period later: %v", err)
		}
		f.Clock.Advance(3 * time.Hour)
		sweep()
		if ok, err := s.UseChallenge(t.Context(), "id", f.Clock.Now()); len(rateLimitKeys(t, db)) != 0 || !ok || err != nil {
			t.Errorf("after the sweep: %d counters, %v, %v", len(rateLimitKeys(t, db)), ok, err)
		}
		if _, err := d.Throttle.Admit(ctx, use); err != nil {
			t.Errorf("after the sweep: %v", err)
		}
	})
}

func codeOf(err error) auth.Code {
	if e, ok := errors.AsType[*auth.Error](err); ok {
		return e.Code
	}
	return ""
}

// rateLimitKeys returns the keys of all counters.
func rateLimitKeys(t *testing.T, db *sql.DB) (keys [][]byte) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT key FROM rate_limits`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var key []byte
		if err := rows.Scan(&key); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestRateLimitsNeedSecret starts a domain without the key for the counters. The operator's commands have no limits and
// need none.
func TestRateLimitsNeedSecret(t *testing.T) {
	t.Parallel()
	o := domain.Options{Store: newFixture(t, nil).Store, Passwords: password.New(password.Options{CheapForTests: true})}
	d, err := domain.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Throttle.Admit(t.Context(), []throttle.Use{{Field: "Mutation.login"}}); err != nil {
		t.Errorf("without limits: %v", err)
	}
	o.RateLimits = limitedField
	if _, err := domain.New(o); err == nil {
		t.Error("no error for limits without a secret")
	}
}
