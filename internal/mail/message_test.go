package mail

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message/mail"
	"github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"
)

// part is a part of a mail as a mail program reads it.
type part struct{ kind, body string }

// read parses a mail with another library.
func read(t *testing.T, raw []byte) (gomessage.Header, []part) {
	t.Helper()
	r, err := gomessage.CreateReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var parts []part
	for {
		next, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return r.Header, parts
		}
		if err != nil {
			t.Fatal(err)
		}
		inline, ok := next.Header.(*gomessage.InlineHeader)
		if !ok {
			t.Fatalf("a part is %T", next.Header)
		}
		kind, params, err := inline.ContentType()
		if err != nil || params["charset"] != "UTF-8" {
			t.Errorf("the type of a part is %s, %v, %v", kind, params, err)
		}
		body, err := io.ReadAll(next.Body)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part{kind, string(body)})
	}
}

// TestOthersReadMails parses each mail in each locale with another library.
func TestOthersReadMails(t *testing.T) {
	m := newMailer(t, func(o *Options) {
		o.From = Address{Name: "Acme – Größe", Addr: "no-reply@example.com"}
		o.ReplyTo = Address{Addr: "support@example.com"}
	})
	for _, locale := range m.Locales() {
		for _, name := range Names() {
			mail, err := m.Sample(name, locale)
			if err != nil {
				t.Fatal(err)
			}
			header, parts := read(t, mail.Bytes())
			want := []part{{"text/plain", crlf(mail.Text)}, {"text/html", crlf(mail.HTML)}}
			for i := range parts {
				parts[i].body = crlf(parts[i].body)
			}
			if diff := cmp.Diff(want, parts, cmp.AllowUnexported(part{})); diff != "" {
				t.Errorf("%s/%s (-want +got):\n%s", locale, name, diff)
			}
			subject, err := header.Subject()
			if err != nil || subject != mail.Subject {
				t.Errorf("%s/%s: the subject is %q, %v, want %q", locale, name, subject, err, mail.Subject)
			}
			date, err := header.Date()
			if err != nil || !date.Equal(m.sample(name, locale).Date) {
				t.Errorf("the date is %v, %v", date, err)
			}
			for field, want := range map[string]string{
				"From": "Acme – Größe|no-reply@example.com", "To": "|ada@example.com", "Reply-To": "|support@example.com",
			} {
				list, err := header.AddressList(field)
				if err != nil || len(list) != 1 || list[0].Name+"|"+list[0].Address != want {
					t.Errorf("%s is %v, %v", field, list, err)
				}
			}
			for field, want := range map[string]string{
				"Message-Id": "<sample@example.com>", "Auto-Submitted": "auto-generated", "Content-Language": locale,
				"List-Unsubscribe": "", "User-Agent": "", "X-Mailer": "", "Mime-Version": "1.0",
			} {
				if got := header.Get(field); got != want {
					t.Errorf("%s is %q, want %q", field, got, want)
				}
			}
			if kind, _, err := header.ContentType(); err != nil || kind != "multipart/alternative" {
				t.Errorf("the type is %s, %v", kind, err)
			}
			for line := range bytes.Lines(mail.Bytes()) {
				if len(line) > 200 || !bytes.HasSuffix(line, []byte("\r\n")) || bytes.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
					t.Errorf("%s/%s: not 7-bit, long or without CR LF: %q", locale, name, line)
				}
			}
		}
	}
}

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// TestHostileInput puts hostile text into everything that users choose.
func TestHostileInput(t *testing.T) {
	m := newMailer(t, func(o *Options) { o.AppName = "Acme\r\nBcc: evil@example.net" })
	for _, hostile := range []string{
		"x\r\nBcc: evil@example.net\r\n\r\nbody", "</p><script>alert(1)</script>", `"><a href="https://evil.example">x</a>`,
		"https://evil.example/ click", "{{.Code}}{{.Link}}", "\u202eevil\u0000", strings.Repeat("A", 5000),
	} {
		msg := m.sample("email-changed", "en")
		msg.Username, msg.NewAddress, msg.Device = hostile, hostile, hostile
		mail, err := m.Compose(msg)
		if err != nil {
			t.Fatal(err)
		}
		header, parts := read(t, mail.Bytes())
		if len(parts) != 2 || header.Get("Bcc") != "" || len(mail.Bytes()) > 20<<10 {
			t.Errorf("%q: got %d parts with the header %v", hostile, len(parts), header)
		}
		for _, p := range parts {
			if strings.Contains(p.body, "evil.example") || p.kind == "text/html" && strings.Contains(p.body, "<script") || strings.Contains(p.body, "\r\nBcc") ||
				strings.ContainsAny(p.body, "\u202e\x00") || strings.Contains(p.body, strings.Repeat("A", 200)) {
				t.Errorf("%q: %s", hostile, p.body)
			}
		}
		if links := strings.Count(parts[1].body, "<a "); links != 2 {
			t.Errorf("%q: the HTML has %d links", hostile, links)
		}
	}
}

// TestMailIsNotLogged logs what contains a link and a code.
func TestMailIsNotLogged(t *testing.T) {
	m := newMailer(t, nil)
	msg := m.sample("reset-password", "en")
	mail, err := m.Compose(msg)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, value := range []any{msg, mail} {
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).LogAttrs(t.Context(), slog.LevelInfo, "", slog.Any("value", value))
		}
		fmt.Fprintf(&out, "%v %+v %s", value, value, value)
	}
	if text := out.String(); strings.Contains(text, msg.Token) || strings.Contains(text, msg.Code) || !strings.Contains(text, msg.ID) {
		t.Errorf("got %s", text)
	}
}

func TestComposeIsStable(t *testing.T) {
	m := newMailer(t, nil)
	first, err := m.Sample("sign-up", "fr")
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Sample("sign-up", "fr")
	if err != nil || !bytes.Equal(first.Bytes(), again.Bytes()) {
		t.Errorf("the second is different: %v\n%s", err, cmp.Diff(string(first.Bytes()), string(again.Bytes())))
	}
}

func TestComposeRefuses(t *testing.T) {
	m := newMailer(t, nil)
	for name, change := range map[string]func(*Message){
		"template":      func(m *Message) { m.Template = "nope" },
		"locale":        func(m *Message) { m.Locale = "it" },
		"recipient":     func(m *Message) { m.To = "ada@example.com\r\nBcc: b@example.com" },
		"named":         func(m *Message) { m.To = "Ada <ada@example.com>" },
		"two":           func(m *Message) { m.To = "a@example.com, b@example.com" },
		"id":            func(m *Message) { m.ID = "a\r\nb" },
		"no id":         func(m *Message) { m.ID = "" },
		"no date":       func(m *Message) { m.Date = time.Time{} },
		"no token":      func(m *Message) { m.Token = "" },
		"token":         func(m *Message) { m.Token = "a b" },
		"no expiry":     func(m *Message) { m.LinkExpires = time.Time{} },
		"no code":       func(m *Message) { m.Code = "" },
		"code":          func(m *Message) { m.Code = "<b>" },
		"code's expiry": func(m *Message) { m.CodeExpires = time.Time{} },
		"extra token":   func(m *Message) { m.Template = "test" },
		"no address":    func(m *Message) { m.Template = "email-changed" },
		"no due":        func(m *Message) { m.Template, m.Token, m.Code = "account-deletion", "", "" },
	} {
		msg := m.sample("verify-email", "en")
		change(&msg)
		if mail, err := m.Compose(msg); err == nil || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%s: got %v, %v", name, mail, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"link":     {LinkURL: "app.example.com"},
		"no link":  {},
		"script":   {LinkURL: "javascript:alert(1)"},
		"query":    {LinkURL: "https://app.example.com?x"},
		"fragment": {LinkURL: "https://app.example.com#"},
		"user":     {LinkURL: "https://ada@app.example.com"},
		"sender":   {LinkURL: "https://app.example.com", Server: "smtp://localhost"},
		"server":   {LinkURL: "https://app.example.com", Server: "localhost:25", From: Address{Addr: "a@example.com"}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestDKIM verifies signatures with another library, also after changes that relays make, and that it does not
// verify after changes that they must not make.
func TestDKIM(t *testing.T) {
	ed, err := ed25519Key()
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"ed25519": ed, "rsa": rsaKey} {
		t.Run(name, func(t *testing.T) {
			signed := func(locale string) []byte {
				m := newMailer(t, func(o *Options) {
					o.DKIM = DKIM{KeyFile: writeKey(t, key), Selector: "usher", Domain: "example.com"}
				})
				mail, err := m.Sample("reset-password", locale)
				if err != nil {
					t.Fatal(err)
				}
				return mail.Bytes()
			}
			for _, locale := range newMailer(t, nil).Locales() {
				if err := verifyDKIM(t, signed(locale), key); err != nil {
					t.Errorf("%s: %v\n%s", locale, err, signed(locale))
				}
			}
			mail := signed("en")
			relayed := append([]byte("Received: from a by b\r\n"), bytes.Replace(mail, []byte("Subject: Reset your"), []byte("SUBJECT:  Reset\r\n  your"), 1)...)
			if err := verifyDKIM(t, relayed, key); err != nil {
				t.Errorf("relayed: %v", err)
			}
			for what, forged := range map[string][]byte{
				"subject":      bytes.Replace(mail, []byte("Reset your"), []byte("Change your"), 1),
				"body":         bytes.Replace(mail, []byte("012345"), []byte("543210"), 1),
				"second From":  append([]byte("From: evil@example.net\r\n"), mail...),
				"new Reply-To": append([]byte("Reply-To: evil@example.net\r\n"), mail...),
			} {
				if err := verifyDKIM(t, forged, key); err == nil || bytes.Equal(forged, mail) {
					t.Errorf("%s: a forged mail is valid", what)
				}
			}
		})
	}
}

func verifyDKIM(t *testing.T, raw []byte, key crypto.Signer) error {
	t.Helper()
	verifications, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(domain string) ([]string, error) {
		if domain != "usher._domainkey.example.com" {
			t.Errorf("looked up %s", domain)
		}
		if public, ok := key.Public().(ed25519.PublicKey); ok {
			return []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)}, nil
		}
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		return []string{"v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)}, err
	}})
	if err != nil {
		return err
	}
	if len(verifications) != 1 {
		t.Fatalf("%d signatures", len(verifications))
	}
	return verifications[0].Err
}

func ed25519Key() (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

func writeKey(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dkim.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDKIMRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("c4n4ry"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]DKIM{
		"not a key":   {KeyFile: file, Selector: "a", Domain: "example.com"},
		"no file":     {KeyFile: file + "x", Selector: "a", Domain: "example.com"},
		"no selector": {KeyFile: file, Domain: "example.com"},
		"selector":    {KeyFile: file, Selector: "a; d=evil", Domain: "example.com"},
		"domain":      {KeyFile: file, Selector: "a", Domain: "a\r\nb"},
	} {
		_, err := New(Options{LinkURL: "https://app.example.com", DKIM: d})
		if err == nil || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
