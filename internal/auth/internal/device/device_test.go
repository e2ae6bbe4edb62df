package device

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/seal"
	"usher/internal/seal/sealtest"
)

var (
	secrets = sealtest.Secrets(strings.Repeat("\a", 32))
	ada     = auth.User{
		ID: uuid.UUID{1, 15: 2}, Username: new("Ada"), Email: new("Ada.L@Example.com"), CredentialsVersion: 3,
	}
)

func newTokens(tb testing.TB, secrets *seal.Secrets, now *time.Time) Tokens {
	tb.Helper()
	t, err := NewTokens(secrets, func() time.Time { return *now })
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func issue(tb testing.TB, t Tokens, u *auth.User) string {
	tb.Helper()
	token, err := t.Issue(u)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

func TestKnown(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	tokens := newTokens(t, secrets, &now)
	both := issue(t, tokens, &ada)
	nameOnly := issue(t, tokens, &auth.User{ID: ada.ID, Username: new("ada")})
	mailOnly := issue(t, tokens, &auth.User{ID: ada.ID, Email: new("ada.l@example.com")})
	for name, tt := range map[string]struct {
		token, account string
		want           bool
	}{
		"user name":                {both, "ada", true},
		"user name, other case":    {both, "ADA", true},
		"address":                  {both, "ada.l@example.com", true},
		"address, other case":      {both, " Ada.L@EXAMPLE.com", true},
		"another user name":        {both, "eve", false},
		"another address":          {both, "ada@example.com", false},
		"no name":                  {both, "", false},
		"impossible name":          {both, "\x00", false},
		"user name of two":         {nameOnly, "ada", true},
		"address without one":      {nameOnly, "ada.l@example.com", false},
		"address of two":           {mailOnly, "ada.l@example.com", true},
		"user name without one":    {mailOnly, "ada", false},
		"no token":                 {"", "ada", false},
		"only the prefix":          {"udt_", "ada", false},
		"without the prefix":       {strings.TrimPrefix(both, "udt_"), "ada", false},
		"with a line break":        {both + "\n", "ada", false},
		"too long":                 {both + strings.Repeat("A", maxText), "ada", false},
		"of a server with another": {issue(t, newTokens(t, sealtest.Secrets(strings.Repeat("\b", 32)), &now), &ada), "ada", false},
	} {
		if got := tokens.Known(tt.token, tt.account); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
	for _, at := range []struct {
		after time.Duration
		want  bool
	}{{-time.Hour, true}, {Lifetime - time.Second, true}, {Lifetime, false}, {10 * Lifetime, false}} {
		later := now.Add(at.after)
		tokens := newTokens(t, secrets, &later)
		if got := tokens.Known(both, "ada"); got != at.want {
			t.Errorf("after %v: %t, want %t", at.after, got, at.want)
		}
		if d, ok := tokens.Read(both); ok != at.want || d.IsKnownTo(&ada) != at.want {
			t.Errorf("after %v: valid %t, known %t, want %t", at.after, ok, d.IsKnownTo(&ada), at.want)
		}
	}
}

func TestIsKnownTo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	tokens := newTokens(t, secrets, &now)
	d, ok := tokens.Read(issue(t, tokens, &ada))
	if !ok {
		t.Fatal("a token is not valid")
	}
	changed, other, renamed := ada, ada, ada
	changed.CredentialsVersion++
	other.ID[0]++
	renamed.Username = new("grace")
	for name, tt := range map[string]struct {
		device Device
		user   auth.User
		want   bool
	}{
		"the same":            {d, ada, true},
		"another name":        {d, renamed, true},
		"another password":    {d, changed, false},
		"another user":        {d, other, false},
		"no device":           {Device{}, ada, false},
		"no device, no user":  {Device{}, auth.User{}, false},
		"a version too large": {d, auth.User{ID: ada.ID, CredentialsVersion: 3 + 1<<32}, false},
	} {
		if got := tt.device.IsKnownTo(&tt.user); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
	if token, err := tokens.Issue(&auth.User{CredentialsVersion: 1 << 32}); err == nil {
		t.Errorf("Issue with a version that does not fit: %q", token)
	}
}

// TestIssue checks the size of a token, and that no two are equal, so that nobody can follow a user by one.
func TestIssue(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	tokens := newTokens(t, secrets, &now)
	first, second := issue(t, tokens, &ada), issue(t, tokens, &ada)
	if first == second || len(first) != len(second) || len(first) > maxText {
		t.Errorf("%q and %q", first, second)
	}
	if !strings.HasPrefix(first, "udt_") || strings.ContainsAny(first, "=;, \"\\") {
		t.Errorf("%q is no value of a cookie", first)
	}
}

// TestReadOtherVersion reads a token that was sealed for another version or another purpose.
func TestReadOtherVersion(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	tokens := newTokens(t, secrets, &now)
	d, _ := tokens.Read(issue(t, tokens, &ada))
	for _, label := range []string{"usher device token", "another"} {
		box, err := seal.NewBox(secrets, label)
		if err != nil {
			t.Fatal(err)
		}
		tokens.box = box
		for _, content := range [][]byte{nil, make([]byte, headSize-1)} {
			if _, ok := tokens.Read(encode(box.Encrypt(content, []byte(version)))); ok {
				t.Errorf("%s: %d bytes are a device", label, len(content))
			}
		}
		if _, ok := tokens.Read(encode(box.Encrypt(d.user[:], []byte("2")))); ok {
			t.Errorf("%s: another version is valid", label)
		}
	}
}

// FuzzDeviceToken replaces any part of a token. Only the unchanged text is valid.
func FuzzDeviceToken(f *testing.F) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	tokens := newTokens(f, secrets, &now)
	f.Add("ada", "", uint32(0), uint(4), uint(0), "\r\n")
	f.Add("ada", "ada@example.com", uint32(1<<31), uint(0), uint(1), "U")
	f.Add("", "ada@example.com", uint32(1), uint(999), uint(0), "")
	f.Add("", "", uint32(1), uint(100), uint(1), "=")
	f.Fuzz(func(t *testing.T, username, email string, credentials uint32, at, cut uint, junk string) {
		u := auth.User{ID: ada.ID, Username: &username, Email: &email, CredentialsVersion: int(credentials)}
		token := issue(t, tokens, &u)
		n := uint(len(token))
		at = min(at, n)
		cut = min(cut, n-at)
		text := token[:at] + junk + token[at+cut:]
		d, ok := tokens.Read(text)
		if ok != (text == token) {
			t.Fatalf("%q is valid: %t; %q was issued", text, ok, token)
		}
		if ok != d.IsKnownTo(&u) {
			t.Fatalf("%q is known: %t", text, d.IsKnownTo(&u))
		}
		if tokens.Known(text, username) && !ok {
			t.Fatalf("%q is known and not valid", text)
		}
	})
}
