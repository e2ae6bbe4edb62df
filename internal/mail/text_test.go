package mail

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		" a \r\nBcc: b@example.com\t": "a Bcc: b@example.com",
		"a\x00b\x1b[31m\u202eevil":    "ab[31mevil",
		"\u200b \u2028":               "",
		"\xff":                        "�",
		"تجربة 試験":                    "تجربة 試験",
		"12345678901":                 "123456789…",
	} {
		if got := clean(text, 10+len(want)/11*20); got != want && clean(text, 10) != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestDefuse(t *testing.T) {
	for text, want := range map[string]string{
		"evil.example":          "evil.|example",
		"https://evil.example/": "https:|/|/|evil.|example/",
		"www.evil.example":      "www.|evil.|example",
		"evil。example":          "evil。|example",
		"ada":                   "ada",
		"Version 1. Ende.":      "Version 1. Ende.",
	} {
		if got := strings.ReplaceAll(defuse(text), wordJoiner, "|"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestRedact quotes secrets in the ways of servers that reject a mail.
func TestRedact(t *testing.T) {
	const token, code, password = "Zx81kQ-vN_3fWm0aTz9LbR7cYd2eUo5hGi4jPs6qKw", "904117", "hunter2-is-secret"
	for _, text := range []string{
		"5.7.1 spam: https://app.example.com/reset#token=" + token,
		"5.7.1 spam: token=3D" + token[:20] + "= " + token[20:],
		"rejected <" + token[5:25] + ">", "the code " + code + ".", "bad password " + password,
	} {
		got := redact(text, []string{token, code, password, ""})
		for i := 0; i+8 <= len(token); i++ {
			if strings.Contains(got, token[i:i+8]) {
				t.Errorf("%q: got %q", text, got)
			}
		}
		if strings.Contains(got, code) || strings.Contains(got, password) || !strings.Contains(got, "[redacted]") {
			t.Errorf("%q: got %q", text, got)
		}
	}
	if got := redact("550 5.1.1 no such user", []string{token, code, password, ""}); got != "550 5.1.1 no such user" {
		t.Errorf("got %q", got)
	}
}

func FuzzUserText(f *testing.F) {
	for _, seed := range []string{"ada", "https://evil.example", "a\r\nb", "\u202e\xff", strings.Repeat("x.", 200)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := userText(text)
		if !utf8.ValidString(got) || strings.Contains(got, "://") || utf8.RuneCountInString(strings.ReplaceAll(got, wordJoiner, "")) > maxText {
			t.Errorf("got %q", got)
		}
		for _, r := range got {
			if unicode.Is(unicode.C, r) && string(r) != wordJoiner || unicode.IsSpace(r) && r != ' ' {
				t.Errorf("got %q", got)
			}
		}
	})
}
