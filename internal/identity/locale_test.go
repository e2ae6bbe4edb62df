package identity_test

import (
	"strings"
	"testing"

	"usher/internal/identity"
)

func TestParseLocale(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"": "", "  ": "",
		"en": "en", "EN": "en", " de ": "de", "pt-br": "pt-BR", "pt_BR": "pt-BR", "zh-hant-tw": "zh-Hant-TW",
		"iw": "he", "sr-Latn": "sr-Latn", "en-u-ca-buddhist": "en-u-ca-buddhist", "es-419": "es-419",
	} {
		if got, err := identity.ParseLocale(raw); got != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", raw, got, err, want)
		}
	}
	for _, raw := range []string{
		"e", "english", "xx", "en-", "-en", "en us", "en\n", "en\r\nBcc: eve@example.com", "en\x00", "de-XX-YY", "\xff", "дe",
		"und", "und-Latn", "x-private", "root", "*", "de, en", "de;q=0.5", strings.Repeat("en-", 11) + "en-u",
		"en-a-bbbbbbbb-cccccccc-dddddddd-eeeeeeee",
	} {
		if got, err := identity.ParseLocale(raw); got != "" || err != identity.InvalidFormat { //nolint:errorlint // it is not wrapped
			t.Errorf("%q: %q, %v, want %v", raw, got, err, identity.InvalidFormat)
		}
	}
}

func FuzzParseLocale(f *testing.F) {
	for _, raw := range []string{"", "pt-BR", "en-u-ca-buddhist", "zh-cmn-Hans", "i-klingon", "x-y", "sl-rozaj-biske-1994", "\xff"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := identity.ParseLocale(raw)
		if err != nil {
			return
		}
		if len(got) > identity.MaxLocale || strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q: %q", raw, got)
		}
		if again, err := identity.ParseLocale(got); again != got || err != nil {
			t.Errorf("%q: %q, and then %q, %v", raw, got, again, err)
		}
	})
}
