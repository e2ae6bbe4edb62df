package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWarnings(t *testing.T) {
	smtp := filepath.Join(t.TempDir(), "smtp")
	if err := os.WriteFile(smtp, []byte("smtps://mail.example.com"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		want int
	}{
		{"development", []string{"--dev"}, 0},
		{"behind a proxy", []string{"--issuer=https://auth.example.com", "--listen=:80", "--trusted-proxies=10.0.0.1"}, 0},
		{"development for all", []string{"--dev", "--listen=:8080"}, 1},
		{"in clear", []string{"--issuer=http://auth.example.com"}, 1},
		{"idle as soon as expired", []string{"--dev", "--session-idle=15m"}, 1},
		{"idle a minute later", []string{"--dev", "--session-idle=16m"}, 0},
		{"links in clear", []string{"--issuer=https://auth.example.com", "--link-url=http://app.example.com"}, 1},
		{"verified without mail", []string{"--issuer=https://auth.example.com", "--require-verified-email"}, 1},
		{"verified with mail", []string{"--issuer=https://auth.example.com", "--require-verified-email", "--smtp-url-file=" + smtp, "--mail-from=no-reply@example.com", "--link-url=https://app.example.com"}, 0},
		{"verified in development", []string{"--dev", "--require-verified-email"}, 0},
		{"second factors without mail", []string{"--issuer=https://auth.example.com", "--require-second-factor=admin"}, 1},
		{"second factors with mail", []string{"--issuer=https://auth.example.com", "--require-second-factor=all", "--smtp-url-file=" + smtp, "--mail-from=no-reply@example.com", "--link-url=https://app.example.com"}, 0},
		{"every proxy", []string{"--issuer=https://auth.example.com", "--trusted-proxies=0.0.0.0/0,::/0"}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := parse(t, append([]string{"serve"}, tt.args...), map[string]string{"SECRET_KEY": "classified"}, "")
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Serve.Warnings(); len(got) != tt.want {
				t.Errorf("got %q, want %d", got, tt.want)
			}
		})
	}
}

// TestMailboxWarning checks that a server says who can read the mails that it keeps.
func TestMailboxWarning(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]bool{
		"--listen=:8080":          true,
		"--listen=127.0.0.1:8080": false,
		"--listen=:8080 --smtp-url-file=/run/secrets/smtp-url --mail-from=no-reply@example.com": false,
	} {
		c, err := parse(t, append([]string{"serve", "--dev"}, strings.Fields(args)...), map[string]string{"SECRET_KEY": "classified"}, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(c.Serve.Warnings(), "\n"), "read all mail in the mailbox"); got != want {
			t.Errorf("%s: warned: %t, want %t", args, got, want)
		}
	}
}

func TestInsecureCookies(t *testing.T) {
	tests := []struct {
		args []string
		want bool
	}{
		{[]string{"--dev"}, true},
		{[]string{"--dev", "--issuer=http://localhost:8080"}, true},
		{[]string{"--dev", "--issuer=http://[::1]:8080"}, true},
		{[]string{"--dev", "--issuer=http://192.168.1.5:8080"}, false},
		{[]string{"--dev", "--issuer=http://auth.example.com"}, false},
		{[]string{"--dev", "--issuer=http://localhost.example.com"}, false},
		{[]string{"--dev", "--issuer=https://localhost:8443"}, false},
		{[]string{"--issuer=http://localhost:8080"}, false},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			c, err := parse(t, append([]string{"serve"}, tt.args...), map[string]string{"SECRET_KEY": "classified"}, "")
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Serve.InsecureCookies(); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

// TestAdminListen checks the settings of the operator's listener.
func TestAdminListen(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]struct {
		valid    bool
		warnings int
	}{
		"":                                      {true, 0},
		"--admin-listen=127.0.0.1:9090":         {true, 0},
		"--admin-listen=[::1]:9090 --pprof":     {true, 0},
		"--admin-listen=localhost:9090":         {true, 0},
		"--admin-listen=:9090":                  {true, 1},
		"--admin-listen=0.0.0.0:9090 --pprof":   {true, 1},
		"--admin-listen=10.0.0.1:9090":          {true, 1},
		"--admin-listen=9090":                   {false, 0},
		"--admin-listen=http://127.0.0.1:9090/": {false, 0},
		"--pprof":                               {false, 0},
	} {
		c, err := parse(t, append([]string{"serve", "--dev"}, strings.Fields(args)...), map[string]string{"SECRET_KEY": "classified"}, "")
		if (err == nil) != want.valid {
			t.Errorf("%s: %v", args, err)
			continue
		}
		if err == nil && len(c.Serve.Warnings()) != want.warnings {
			t.Errorf("%s: warnings %q, want %d", args, c.Serve.Warnings(), want.warnings)
		}
	}
}
