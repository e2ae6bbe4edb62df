package identity_test

import (
	"errors"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"usher/internal/identity"
)

// parseTest is a test case of ParseUsername and ParseEmail.
type parseTest struct {
	name    string
	raw     string
	display string
	key     string
	err     error
}

func runParseTests(t *testing.T, parse func(string) (identity.Name, error), tests []parseTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse(tt.raw)
			if !errors.Is(err, tt.err) {
				t.Fatalf("parse(%+q): error %v, want %v", tt.raw, err, tt.err)
			}
			if want := (identity.Name{Display: tt.display, Key: tt.key}); got != want {
				t.Errorf("parse(%+q) = %+q, want %+q", tt.raw, got, want)
			}
			checkName(t, parse, tt.raw)
		})
	}
}

// checkName checks the invariants of any input. A rejected input has a Problem and yields no name. A valid name
// has no hidden characters, and all its forms yield the same key.
func checkName(t *testing.T, parse func(string) (identity.Name, error), raw string) (name identity.Name, ok bool) {
	t.Helper()
	name, err := parse(raw)
	if err != nil {
		checkProblem(t, err)
		if name != (identity.Name{}) {
			t.Fatalf("%+q is rejected and yields %+q", raw, name)
		}
		return name, false
	}
	checkText(t, name.Display)
	checkText(t, name.Key)
	again, err := parse(name.Display)
	if err != nil || again != name {
		t.Fatalf("%+q yields %+q, whose display yields %+q, %v", raw, name, again, err)
	}
	for _, typed := range []string{raw, name.Display, name.Key} {
		if got, _, ok := identity.ParseIdentifier(typed); !ok || got.Key != name.Key {
			t.Fatalf("%+q yields %+q, and %+q signs in as %+q, %t", raw, name, typed, got.Key, ok)
		}
	}
	return name, true
}

func checkProblem(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[identity.Problem](err); !ok {
		t.Fatalf("error %v is not a Problem", err)
	}
}

// checkText checks that s is valid text without invisible characters and line breaks.
func checkText(t *testing.T, s string) {
	t.Helper()
	if s == "" || !utf8.ValidString(s) || !norm.NFC.IsNormalString(s) {
		t.Fatalf("accepted %+q, which is empty, not UTF-8 or not NFC", s)
	}
	for _, r := range s {
		joins := r == '\u200c' || r == '\u200d'
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && !joins {
			t.Fatalf("accepted %+q with %U", s, r)
		}
	}
}

func TestProblem(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range []identity.Problem{
		identity.Required, identity.TooShort, identity.TooLong, identity.InvalidFormat,
	} {
		if text := p.Error(); text == "" || seen[text] {
			t.Errorf("%s: text %q is empty or not unique", string(p), text)
		}
		seen[p.Error()] = true
	}
}

func TestParseIdentifier(t *testing.T) {
	tests := []struct {
		raw     string
		key     string
		isEmail bool
		ok      bool
	}{
		{raw: "Ada", key: "ada", ok: true},
		{raw: " Ada ", key: "ada", ok: true},
		{raw: "Ada@Example.COM", key: "ada@example.com", isEmail: true, ok: true},
		{raw: " Ada@Example.COM ", key: "ada@example.com", isEmail: true, ok: true},
		{raw: ""},
		{raw: "a"},
		{raw: "ada lovelace"},
		{raw: "\xff\xff"},
		{raw: "ada\uff20example.com"}, // full-width @, which is invalid in a user name too
		{raw: "@", isEmail: true},
		{raw: "ada@", isEmail: true},
		{raw: "@example.com", isEmail: true},
		{raw: "ada@example.com\r\n", isEmail: true},
		// Names that only older accounts may have.
		{raw: "ri\u0307ta", key: "ri\u0307ta", ok: true},
		{raw: "bjo\u0338rn", key: "bjo\u0338rn", ok: true},
		{raw: "=?utf-8?q?a?=@example.com", key: "=?utf-8?q?a?=@example.com", isEmail: true, ok: true},
	}
	for _, tt := range tests {
		name, isEmail, ok := identity.ParseIdentifier(tt.raw)
		if name.Key != tt.key || isEmail != tt.isEmail || ok != tt.ok {
			t.Errorf("ParseIdentifier(%+q) = %+q, %t, %t; want %+q, %t, %t",
				tt.raw, name.Key, isEmail, ok, tt.key, tt.isEmail, tt.ok)
		}
	}
}

func BenchmarkParseIdentifier(b *testing.B) {
	for name, raw := range map[string]string{
		"username/ascii":    "ada.lovelace",
		"username/upper":    "Ada.Lovelace",
		"username/latin":    "andr\u00e9",
		"username/cyrillic": "\u0430\u043d\u0434\u0440\u0435\u0439",
		"email/ascii":       "ada.lovelace@example.com",
		"email/upper":       "Ada.Lovelace@Example.com",
		"email/idn":         "ada.lovelace@b\u00fccher.example",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, ok := identity.ParseIdentifier(raw); !ok {
					b.Fatal("rejected")
				}
			}
		})
	}
}
