package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"usher/internal/mail"
)

func TestSMTP(t *testing.T) {
	file := filepath.Join(t.TempDir(), "smtp")
	if err := os.WriteFile(file, []byte("smtp://from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		mail Mail
		want string
		ok   bool
	}{
		{Mail{}, "", true},
		{Mail{SMTPURL: NewSecret("smtp://localhost")}, "smtp://localhost", true},
		{Mail{SMTPURLFile: file}, "smtp://from-a-file", true},
		{Mail{SMTPURLFile: file + "x"}, "", false},
	} {
		got, err := tt.mail.SMTP()
		if string(got.Reveal()) != tt.want || (err == nil) != tt.ok {
			t.Errorf("got %q, %v; want %q", got.Reveal(), err, tt.want)
		}
	}
	both := Mail{SMTPURL: NewSecret("smtp://localhost"), SMTPURLFile: file, MailFrom: mail.Address{Addr: "a@example.com"}}
	if err := both.Validate(); err == nil || !strings.Contains(err.Error(), "$USHER_SMTP_URL is set too") {
		t.Errorf("both: got %v", err)
	}
}
