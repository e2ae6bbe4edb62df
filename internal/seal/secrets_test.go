package seal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var (
	older    = []byte("q7Vd2Lk0ZtB9xWmY5nRfHc8JsPe4UaGi")
	newer    = []byte("Zk3Xp9Wc1Vb7Nm5Qa8Ls2Df6Gh4Jt0Ry")
	stranger = []byte("Hn5Yt2Kq8Rz1Lw6Cv9Xb3Mj7Pf4Sd0Ga")
)

func newSecrets(tb testing.TB, current, previous []byte, now func() time.Time) *Secrets {
	tb.Helper()
	s, err := NewSecrets(current, previous, now)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// sealer has everything that seals.
type sealer struct {
	key, sub Key
	box      Box
}

func newSealer(tb testing.TB, s *Secrets) sealer {
	tb.Helper()
	key, err := NewKey(s, "test")
	if err != nil {
		tb.Fatal(err)
	}
	box, err := NewBox(s, "test")
	if err != nil {
		tb.Fatal(err)
	}
	return sealer{key, key.Sub("sub"), box}
}

// accepted returns what of a sealer's texts another one accepts.
func (s sealer) accepted(by sealer) string {
	content, scope := []byte("content"), "scope"
	names := []string{}
	add := func(name string, ok bool) {
		if ok {
			names = append(names, name)
		}
	}
	opened, ok := by.key.Open(scope, s.key.Sign(scope, content))
	add("signed", ok && bytes.Equal(opened, content))
	add("digest", by.key.Verify(scope, content, s.key.Digest(scope, content)))
	add("mac", by.key.VerifyMAC(content, s.key.MAC(content)))
	add("sub", by.sub.VerifyMAC(content, s.sub.MAC(content)))
	decrypted, err := by.box.Decrypt(s.box.Encrypt(content, []byte(scope)), []byte(scope))
	add("box", err == nil && bytes.Equal(decrypted, content))
	return strings.Join(names, " ")
}

const all = "signed digest mac sub box"

// TestPrevious seals with each secret and opens with each pair of secrets that servers have during a change.
func TestPrevious(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	before := newSealer(t, newSecrets(t, older, nil, clock))
	phase1 := newSealer(t, newSecrets(t, older, newer, clock))
	changed := newSecrets(t, newer, older, clock)
	phase2 := newSealer(t, changed)
	after := newSealer(t, newSecrets(t, newer, nil, clock))
	other := newSealer(t, newSecrets(t, stranger, nil, clock))
	check := func(name string, of, by sealer, want string) {
		t.Helper()
		if got := of.accepted(by); got != want {
			t.Errorf("%s: accepted %q, want %q", name, got, want)
		}
	}
	check("before, by phase 1", before, phase1, all)
	check("phase 1, by before", phase1, before, all)
	check("phase 1, by phase 2", phase1, phase2, all)
	check("phase 2, by phase 1", phase2, phase1, all)
	check("phase 2, by after", phase2, after, all)
	check("before, by after", before, after, "")
	check("after, by before", after, before, "")
	check("another, by phase 2", other, phase2, "")
	check("phase 2, by another", phase2, other, "")

	changed.EndPrevious(now.Add(time.Hour))
	now = now.Add(time.Hour - 1)
	if check("before the end", before, phase2, all); changed.PreviousEnded() {
		t.Error("ended early")
	}
	now = now.Add(1)
	if check("at the end", before, phase2, ""); !changed.PreviousEnded() {
		t.Error("not ended")
	}
	check("the current one, at the end", after, phase2, all)
	changed.EndPrevious(now.Add(time.Hour)) // another server still uses it
	check("after the end has moved", before, phase2, all)
}

// TestReseal encrypts again what the previous secret has encrypted, and nothing else.
func TestReseal(t *testing.T) {
	context := []byte("row 1")
	old, cur := newSealer(t, newSecrets(t, older, nil, nil)).box, newSealer(t, newSecrets(t, newer, nil, nil)).box
	secrets := newSecrets(t, newer, older, nil)
	both := newSealer(t, secrets).box
	sealed := old.Encrypt([]byte("content"), context)
	resealed, ok := both.Reseal(sealed, context)
	if !ok {
		t.Fatal("not resealed")
	}
	if content, err := cur.Decrypt(resealed, context); err != nil || string(content) != "content" {
		t.Errorf("the current secret opens %q, %v", content, err)
	}
	for name, c := range map[string]struct{ sealed, context []byte }{
		"again":           {resealed, context},
		"another context": {sealed, []byte("row 2")},
		"changed":         {append(bytes.Clone(sealed), 1), context},
		"nothing":         {nil, context},
		"of another":      {newSealer(t, newSecrets(t, stranger, nil, nil)).box.Encrypt([]byte("content"), context), context},
	} {
		if out, ok := both.Reseal(c.sealed, c.context); ok || out != nil {
			t.Errorf("%s: resealed", name)
		}
	}
	secrets.EndPrevious(time.Now())
	if _, ok := both.Reseal(sealed, context); ok {
		t.Error("resealed after the end of the previous secret")
	}
}

func TestNewSecrets(t *testing.T) {
	for name, c := range map[string]struct {
		current, previous []byte
		want              error
	}{
		"one":            {older, nil, nil},
		"two":            {newer, older, nil},
		"equal":          {older, bytes.Clone(older), ErrEqual},
		"short":          {older[:31], nil, ErrShort},
		"none":           {nil, nil, ErrShort},
		"short previous": {newer, older[:31], ErrShort},
		"empty previous": {newer, []byte{}, ErrShort},
	} {
		if s, err := NewSecrets(c.current, c.previous, nil); !errors.Is(err, c.want) || (s == nil) != (err != nil) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	if _, err := NewKey(nil, "test"); err == nil {
		t.Error("a key without a secret")
	}
	if _, err := NewBox(nil, "test"); err == nil {
		t.Error("a box without a secret")
	}
}

// TestFingerprints checks that a secret has one fingerprint wherever it is set, and that it is not part of the secret.
func TestFingerprints(t *testing.T) {
	fingerprints := func(current, previous []byte) (string, string) {
		c, p, err := newSecrets(t, current, previous, nil).Fingerprints()
		if err != nil {
			t.Fatal(err)
		}
		return c, p
	}
	a, b := fingerprints(newer, older)
	if x, y := fingerprints(older, newer); x != b || y != a || a == b || len(a) != 16 {
		t.Errorf("%s %s, and %s %s when swapped", a, b, x, y)
	}
	if c, none := fingerprints(newer, nil); c != a || none != "" {
		t.Errorf("%s, %q without a previous one", c, none)
	}
}

// TestPrintsNoSecret prints everything that has a secret with all verbs.
func TestPrintsNoSecret(t *testing.T) {
	secrets := newSecrets(t, newer, older, nil)
	s := newSealer(t, secrets)
	var text strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, value := range []any{secrets, *secrets, s, struct{ S *Secrets }{secrets}, []*Secrets{secrets}} {
			fmt.Fprintf(&text, verb, value)
		}
	}
	for _, secret := range [][]byte{older, newer} {
		for _, trace := range []string{
			string(secret[:8]), fmt.Sprintf("%x", secret[:8]), strings.Trim(fmt.Sprintf("%d", secret[:8]), "[]"),
			strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", secret[:8]), "[]byte{"), "}"),
		} {
			if strings.Contains(text.String(), trace) {
				t.Errorf("%s is printed", trace)
			}
		}
	}
}

// FuzzNeither opens texts that neither secret has sealed.
func FuzzNeither(f *testing.F) {
	foreign := newSealer(f, newSecrets(f, stranger, nil, nil))
	both := newSealer(f, newSecrets(f, newer, older, nil))
	f.Add("scope", foreign.key.Sign("scope", []byte("content")), foreign.box.Encrypt([]byte("content"), nil), []byte("content"))
	f.Add("", "", []byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, scope, text string, sealed, content []byte) {
		if _, ok := both.key.Open(scope, text); ok {
			t.Errorf("%q opens", text)
		}
		if _, err := both.box.Decrypt(sealed, []byte(scope)); err == nil {
			t.Errorf("%x decrypts", sealed)
		}
		if _, ok := both.box.Reseal(sealed, []byte(scope)); ok {
			t.Errorf("%x is resealed", sealed)
		}
		if both.key.Verify(scope, content, sealed) || both.key.VerifyMAC(content, sealed) || both.sub.VerifyMAC(content, sealed) {
			t.Errorf("%x is a digest", sealed)
		}
		if both.key.Verify(scope, content, foreign.key.Digest(scope, content)) {
			t.Error("the digest of another secret is accepted")
		}
	})
}

// BenchmarkOpen opens a refresh token and decrypts a device token, with one secret and with two.
func BenchmarkOpen(b *testing.B) {
	content := make([]byte, 36)
	old := newSealer(b, newSecrets(b, older, nil, nil))
	for name, c := range map[string]struct{ of, by sealer }{
		"one":          {old, old},
		"two":          {newSealer(b, newSecrets(b, newer, nil, nil)), newSealer(b, newSecrets(b, newer, older, nil))},
		"two/previous": {old, newSealer(b, newSecrets(b, newer, older, nil))},
	} {
		text, sealed := c.of.key.Sign("", content), c.of.box.Encrypt(content, nil)
		b.Run("key/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, ok := c.by.key.Open("", text); !ok {
					b.Fatal("not opened")
				}
			}
		})
		b.Run("box/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := c.by.box.Decrypt(sealed, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
