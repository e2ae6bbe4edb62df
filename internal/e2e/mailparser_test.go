//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/mail"
)

// readMail is what mailparser has read.
type readMail struct {
	Subject, Text, HTML     string
	From, To                []struct{ Address, Name string }
	Date                    time.Time
	MessageID               string `json:"messageId"`
	Attachments             int
	AutoSubmitted, Language string
	Defects                 []struct{ Key, Line string }
}

var (
	hrefs    = regexp.MustCompile(`href="([^"]*)"`)
	textURLs = regexp.MustCompile(`https?://\S+`)
)

// TestMailparser sends every mail in every locale by SMTP, and reads what has arrived with mailparser.
func TestMailparser(t *testing.T) {
	install(t, "mailparser")
	r := &relay{}
	url, err := os.ReadFile(r.listen(t))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.New(mail.Options{
		Server: string(url), From: mail.Address{Name: "Käse & Söhne, GmbH", Addr: "no-reply@example.com"}, AppName: "Käse & Söhne",
		LinkURL: "https://app.example.com/account",
	})
	if err != nil {
		t.Fatal(err)
	}
	sent, sources := map[string]*mail.Mail{}, map[string]string{}
	batch := m.Batch()
	defer batch.Close()
	for _, locale := range m.Locales() {
		for _, template := range mail.Names() {
			sample, err := m.Sample(template, locale)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := batch.Send(t.Context(), sample); err != nil {
				t.Fatal(err)
			}
			accepted, _ := r.mails()
			name := locale + " " + template
			sent[name], sources[name] = sample, base64.StdEncoding.EncodeToString([]byte(accepted[len(accepted)-1].text))
		}
	}
	for name, got := range parse(t, sources) {
		t.Run(name, func(t *testing.T) { compareMail(t, sent[name], got, name) })
	}
	if len(sent) != 7*len(mail.Names()) {
		t.Errorf("%d mails", len(sent))
	}
}

func parse(t *testing.T, sources map[string]string) (results map[string]readMail) {
	t.Helper()
	input, err := json.Marshal(sources)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "--throw-deprecation", "read.mjs")
	cmd.Dir, cmd.Stdin = "mailparser", bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("read.mjs: %v\n%s", err, &stderr)
	}
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatal(err)
	}
	if len(results) != len(sources) {
		t.Fatalf("%d mails were read, want %d", len(results), len(sources))
	}
	return results
}

func compareMail(t *testing.T, want *mail.Mail, got readMail, name string) {
	t.Helper()
	lines := func(text string) []string {
		return strings.Split(strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")), "\n")
	}
	for part, texts := range map[string][2]string{"text": {want.Text, got.Text}, "html": {want.HTML, got.HTML}, "subject": {want.Subject, got.Subject}} {
		if diff := cmp.Diff(lines(texts[0]), lines(texts[1])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", part, diff)
		}
	}
	locale, template, _ := strings.Cut(name, " ")
	if len(got.From) != 1 || got.From[0].Address != "no-reply@example.com" || got.From[0].Name != "Käse & Söhne, GmbH" ||
		len(got.To) != 1 || got.To[0].Address != "ada@example.com" || got.To[0].Name != "" {
		t.Errorf("from %v to %v", got.From, got.To)
	}
	if got.MessageID != want.MessageID || got.Date.IsZero() || got.Attachments != 0 || got.AutoSubmitted != "auto-generated" ||
		got.Language != locale || len(got.Defects) != 0 {
		t.Errorf("got %+v", got)
	}
	// The same links in both parts, and the token in the fragment.
	for part, links := range map[string][]string{"html": find(hrefs, got.HTML), "text": textURLs.FindAllString(got.Text, -1)} {
		withToken := 0
		for _, link := range links {
			if !strings.HasPrefix(link, "https://app.example.com/account/") {
				t.Errorf("%s has a link to %s", part, link)
			}
			if strings.Contains(link, "#token=SAMPLE-not-a-secret-") {
				withToken++
			}
		}
		hasToken := strings.Contains(want.Text, "#token=")
		if (withToken > 0) != hasToken || (template == "reset-password" || template == "login-code") && !hasToken {
			t.Errorf("%s has %d links with a token: %v", part, withToken, links)
		}
	}
}

func find(pattern *regexp.Regexp, text string) (all []string) {
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	return all
}
