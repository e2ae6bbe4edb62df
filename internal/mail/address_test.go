package mail

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"unicode"
)

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"ada@example.com":                         "<ada@example.com>",
		"Ada Lovelace <ada@example.com>":          `"Ada Lovelace" <ada@example.com>`,
		`"Acme, Inc." <no-reply@example.com>`:     `"Acme, Inc." <no-reply@example.com>`,
		"ada@münchen.example":                     "<ada@xn--mnchen-3ya.example>",
		"用户@例子.example":                           "<用户@xn--fsqu00a.example>",
		"usher@localhost":                         "<usher@localhost>",
		"Grüße <ada@example.com>":                 "=?utf-8?q?Gr=C3=BC=C3=9Fe?= <ada@example.com>",
		"ada+tag.x@example.com":                   "<ada+tag.x@example.com>",
		"":                                        "",
		"ada":                                     "",
		"ada@":                                    "",
		"@example.com":                            "",
		"a@example.com, b@example.com":            "",
		"ada@example.com\r\nBcc: b@example.com":   "",
		"Ada\r\n <ada@example.com>":               "",
		"Ada\u202e <ada@example.com>":             "",
		`"a b"@example.com`:                       "",
		`"a>\r\nRCPT TO:<b"@example.com`:          "",
		"=?utf-8?q?a?=@example.com":               "",
		"ada@[127.0.0.1]":                         "",
		"ada@exa mple.com":                        "",
		"group: ada@example.com;":                 "",
		strings.Repeat("a", 250) + "@example.com": "",
	} {
		got, err := ParseAddress(text)
		if got.String() != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %s, %v, want %s", text, got, err, want)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"ada@example.com", "Ada <ada@example.com>", "用户@例子.example", "a@b\r\n", `"a\"b"@c`, "=?utf-8?q?=40?= <a@b>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAddress(text)
		if err != nil {
			if !errors.Is(err, errAddress) {
				t.Errorf("got %v", err)
			}
			return
		}
		if strings.ContainsFunc(a.Addr+a.Name, unicode.IsControl) || strings.ContainsAny(a.Addr, " <>\"\\") || strings.Count(a.Addr, "@") != 1 {
			t.Errorf("accepted %q as %q", text, a)
		}
		again, err := ParseAddress(a.String())
		if err != nil || again.Addr != a.Addr {
			t.Errorf("%q: %q parses as %q, %v", text, a, again, err)
		}
	})
}

func TestParseServer(t *testing.T) {
	for text, want := range map[string]string{
		"smtp://smtp.example.com":                      "smtp.example.com:587 false false ",
		"smtp://ada:c4n4ry@smtp.example.com:2525/":     "smtp.example.com:2525 false false ada",
		"smtps://ada%40example.com:c4n4ry@example.com": "example.com:465 true false ada@example.com",
		"smtp://localhost:25":                          "localhost:25 false true ",
		"smtp://127.0.0.2:25":                          "127.0.0.2:25 false true ",
		"smtp://[::1]:25":                              "[::1]:25 false true ",
		"smtp://127.0.0.1.example.com":                 "127.0.0.1.example.com:587 false false ",
		"":                                             "",
		"smtp.example.com:587":                         "",
		"http://smtp.example.com":                      "",
		"smtp://":                                      "",
		"smtp:c4n4ry":                                  "",
		"smtp://ada@smtp.example.com":                  "",
		"smtp://ada:@smtp.example.com":                 "",
		"smtp://:c4n4ry@smtp.example.com":              "",
		"smtp://ada:c4n/4ry@smtp.example.com":          "",
		"smtp://ada:1/c4n4ry@smtp.example.com":         "",
		"smtp://ada:1#c4n4ry@smtp.example.com":         "",
		"smtp://ada:1?c4n4ry@smtp.example.com":         "",
		"smtp://ada:c4n%4ry@smtp.example.com":          "",
		"smtp://smtp.example.com:0":                    "",
		"smtp://smtp.example.com:99999":                "",
		"smtp://smtp.example.com?c4n4ry":               "",
	} {
		server, err := ParseServer(text)
		if want == "" {
			if err == nil || strings.Contains(err.Error(), "c4n4ry") {
				t.Errorf("%q: got %v", text, err)
			}
			continue
		}
		if got := fmt.Sprint(server.String(), server.tls, server.loopback, server.username); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") || err != nil {
			t.Errorf("%q: got %s, %v, want %s", text, got, err, want)
		}
	}
}

// TestIsLoopback checks where a name such as localhost may lead.
func TestIsLoopback(t *testing.T) {
	for ip, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"10.0.0.1": false, "192.0.2.1": false, "2001:db8::1": false, "0.0.0.0": false,
	} {
		if got := isLoopback(&net.TCPAddr{IP: net.ParseIP(ip), Port: 25}); got != want {
			t.Errorf("%s: got %t", ip, got)
		}
	}
}

// TestPasswordIsNotPrinted prints everything that has the password.
func TestPasswordIsNotPrinted(t *testing.T) {
	m := newMailer(t, func(o *Options) { o.Server = "smtp://ada:c4n4ry@smtp.example.com" })
	for _, value := range []any{m, *m, m.server, &m.server, m.options, m.Batch()} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if got := fmt.Sprintf(verb, value); strings.Contains(got, "c4n4ry") {
				t.Errorf("%s of %T: %s", verb, value, got)
			}
		}
	}
	if got := m.server.password(); got != "c4n4ry" {
		t.Errorf("the password is %q", got)
	}
}

func FuzzParseServer(f *testing.F) {
	for _, seed := range []string{"smtp://smtp.example.com", "smtps://a:b@[::1]:465/", "smtp://a:b/c@d", "smtp://%zz"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseServer(text)
		if err != nil && !errors.Is(err, errServer) {
			t.Errorf("the error may quote the password: %v", err)
		}
		if err == nil && (s.host == "" || s.port == "") {
			t.Errorf("accepted %q", text)
		}
	})
}
