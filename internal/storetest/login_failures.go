package storetest

import (
	"testing"
	"time"

	"usher/internal/auth"
)

func loginFailuresCount(t *testing.T, s auth.Store) {
	check := func(key string, want auth.LoginFailures) {
		t.Helper()
		got, err := s.LoginFailures(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "LoginFailures of "+key, got, want)
	}
	keys := []string{"a", "A", "a ", "%", "'", "", "👩"}
	for i, key := range keys {
		check(key, auth.LoginFailures{})
		var want auth.LoginFailures
		for range i + 2 {
			want.Count++
			want.LastAt = epoch.Add(time.Duration(want.Count) * time.Microsecond)
			if err := s.AddLoginFailure(t.Context(), key, want.LastAt.In(time.FixedZone("", 3600))); err != nil {
				t.Fatal(err)
			}
			check(key, want)
		}
		complete(t, "login failures", want)
	}
	for i, key := range keys {
		if err := s.ClearLoginFailures(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		check(key, auth.LoginFailures{})
		if i+1 < len(keys) {
			check(keys[i+1], auth.LoginFailures{Count: i + 3, LastAt: epoch.Add(time.Duration(i+3) * time.Microsecond)})
		}
	}
	if err := s.ClearLoginFailures(t.Context(), "a"); err != nil {
		t.Errorf("clear what is clear: %v", err)
	}
}

func loginFailuresCountOfMany(t *testing.T, s auth.Store) {
	const many = 100
	for _, err := range together(many, func(int) error { return s.AddLoginFailure(t.Context(), "key", epoch) }) {
		if err != nil {
			t.Error(err)
		}
	}
	got, err := s.LoginFailures(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "LoginFailures", got, auth.LoginFailures{Count: many, LastAt: epoch})
}
