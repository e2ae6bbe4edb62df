package mail

import (
	"flag"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	texttemplate "text/template"
	"text/template/parse"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func newMailer(t testing.TB, change func(*Options)) *Mailer {
	t.Helper()
	o := Options{From: Address{Addr: "no-reply@example.com"}, AppName: "Acme", LinkURL: "https://app.example.com/account/"}
	if change != nil {
		change(&o)
	}
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestGolden compares two mails with files. `go test ./internal/mail -run Golden -update` writes the files.
func TestGolden(t *testing.T) {
	m := newMailer(t, nil)
	for _, tt := range []struct{ name, locale string }{{"verify-email", "en"}, {"email-changed", "ar"}} {
		mail, err := m.Sample(tt.name, tt.locale)
		if err != nil {
			t.Fatal(err)
		}
		for format, got := range map[string]string{"txt": mail.Subject + "\n\n" + mail.Text, "html": mail.HTML, "eml": strings.ReplaceAll(string(mail.Bytes()), "\r\n", "\n")} {
			file := filepath.Join("testdata", tt.name+"."+tt.locale+"."+format)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		}
	}
}

// TestMailsAreComplete checks each mail in each locale for what its reader needs.
func TestMailsAreComplete(t *testing.T) {
	m := newMailer(t, nil)
	if got := strings.Join(m.Locales(), " "); got != "ar de en es fr ja pt" {
		t.Fatalf("got the locales %s", got)
	}
	// Words that are in English texts and in no other locale's.
	english := regexp.MustCompile(`(?i)\b(the|your|you|this|with|account|password|address|sign|click)\b`)
	for _, locale := range m.Locales() {
		for _, name := range Names() {
			t.Run(locale+"/"+name, func(t *testing.T) {
				sample := m.sample(name, locale)
				mail, err := m.Compose(sample)
				if err != nil {
					t.Fatal(err)
				}
				if n := len(mail.Bytes()); n > 20<<10 {
					t.Errorf("the mail has %d bytes", n)
				}
				visible := map[string]string{"text": mail.Text, "html": stripHTML(mail.HTML)}
				for format, text := range visible {
					for _, want := range expected(locale, sample) {
						if !strings.Contains(text, want) {
							t.Errorf("%s: %q is missing in\n%s", format, want, text)
						}
					}
					prose := strings.NewReplacer(sample.Token, "", "https://app.example.com/account/", "", mails[name].page, "").Replace(text)
					if word := english.FindString(prose); word != "" && locale != "en" {
						t.Errorf("%s: the word %q is English:\n%s", format, word, text)
					}
				}
				direction := map[bool]string{true: "rtl", false: "ltr"}[locale == "ar"]
				if !strings.Contains(mail.HTML, fmt.Sprintf(`<html lang="%s" dir="%s">`, locale, direction)) {
					t.Errorf("the language or direction is wrong:\n%.200s", mail.HTML)
				}
				for _, remote := range []string{"<img", "<script", "url(", "@import", "<link", "src="} {
					if strings.Contains(mail.HTML, remote) {
						t.Errorf("the mail contains %s", remote)
					}
				}
				if mail.Subject == "" || mail.Subject != clean(mail.Subject, 60) {
					t.Errorf("the subject is empty or long: %q", mail.Subject)
				}
			})
		}
	}
}

// expected returns what both parts of a sample must show.
func expected(locale string, msg Message) []string {
	want := []string{"Acme", "203.0.113.7", "ada"}
	kind := mails[msg.Template]
	if msg.Token != "" {
		want = append(want, "https://app.example.com/account/"+kind.page+"#token="+msg.Token, formatTime(locale, msg.LinkExpires))
	}
	if kind.home {
		want = append(want, "https://app.example.com/account/")
	}
	if msg.Code != "" {
		want = append(want, msg.Code, formatTime(locale, msg.CodeExpires))
	}
	if kind.due {
		want = append(want, formatTime(locale, msg.Due))
	}
	if kind.address {
		want = append(want, userText(msg.NewAddress))
	}
	return want
}

var tags = regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>`)

// stripHTML returns the visible text of HTML.
func stripHTML(s string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(s, " "))), " ")
}

// TestPartsAgree checks that both parts of each mail say the same, in the same placeholders as the English one.
func TestPartsAgree(t *testing.T) {
	m := newMailer(t, nil)
	english := map[string][]string{}
	for _, locale := range append([]string{"en"}, m.Locales()...) {
		for _, file := range append(Names(), common) {
			text := blocks(t, locale+"/"+file+".txt")
			markup := blocks(t, locale+"/"+file+".html")
			for name, source := range text {
				if name == "subject" {
					continue
				}
				got := strings.NewReplacer("<p>", "", "</p>", "", "<bdi>", "", "</bdi>", "").Replace(markup[name])
				if diff := cmp.Diff(strings.Fields(source), strings.Fields(got)); diff != "" {
					t.Errorf("%s/%s: %q differs (-txt +html):\n%s", locale, file, name, diff)
				}
			}
			for name, source := range text {
				key := file + " " + name
				fields := placeholder.FindAllString(source, -1)
				slices.Sort(fields)
				if fields = slices.Compact(fields); locale == "en" {
					english[key] = fields
				} else if diff := cmp.Diff(english[key], fields); diff != "" {
					t.Errorf("%s/%s: the placeholders of %q (-en +%s):\n%s", locale, file, name, locale, diff)
				}
			}
			if want, got := strings.Join(slices.Sorted(maps.Keys(blocks(t, "en/"+file+".html"))), " "),
				strings.Join(slices.Sorted(maps.Keys(markup)), " "); got != want {
				t.Errorf("%s/%s.html has %s, want %s", locale, file, got, want)
			}
		}
	}
}

var placeholder = regexp.MustCompile(`\{\{[^}]*\}\}`)

// blocks returns the source of the blocks that a file defines.
func blocks(t *testing.T, path string) map[string]string {
	t.Helper()
	source, err := fs.ReadFile(files, "templates/"+path)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := texttemplate.New("").Funcs(map[string]any{"time": func(time.Time) string { return "" }}).Parse(string(source))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, block := range parsed.Templates() {
		if !parse.IsEmptyTree(block.Root) {
			found[block.Name()] = block.Root.String()
		}
	}
	return found
}

// TestContrast checks the colors of the layout against WCAG 2.2 §1.4.3: at least 4.5:1, in light and dark.
func TestContrast(t *testing.T) {
	layout, err := fs.ReadFile(files, "templates/layout.html")
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[string][2]string{
		"text": {"#1f2328", "#ffffff"}, "quiet": {"#57606a", "#ffffff"}, "link": {"#0b5cad", "#ffffff"},
		"button": {"#ffffff", "#0b5cad"}, "code": {"#1f2328", "#eef1f4"},
		"dark text": {"#e6edf3", "#15191f"}, "dark quiet": {"#a3adb8", "#15191f"}, "dark link": {"#9ccbff", "#15191f"},
		"dark button": {"#0b1b2b", "#9ccbff"}, "dark code": {"#e6edf3", "#262c36"},
	}
	known := map[string]bool{}
	for name, pair := range pairs {
		known[pair[0]], known[pair[1]] = true, true
		a, b := luminance(t, pair[0]), luminance(t, pair[1])
		if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
			t.Errorf("%s: the contrast of %s is %.2f", name, pair, ratio)
		}
	}
	for _, color := range regexp.MustCompile(`#[0-9a-f]{6}\b`).FindAllString(string(layout), -1) {
		if !known[color] {
			t.Errorf("the color %s is not checked", color)
		}
		delete(pairs, color)
	}
	for color := range known {
		if !strings.Contains(string(layout), color) {
			t.Errorf("the layout does not use %s", color)
		}
	}
}

func luminance(t *testing.T, color string) float64 {
	t.Helper()
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.03928 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestOverride(t *testing.T) {
	const path = "de/reset-password"
	valid := map[string]string{
		path + ".txt":  `{{define "subject"}}Anders{{end}}{{define "text"}}Eigener Text{{end}}{{define "action"}}Los{{end}}`,
		path + ".html": `{{define "text"}}<p>Eigener Text</p>{{end}}{{define "action"}}Los{{end}}`,
	}
	m := newMailer(t, func(o *Options) { o.Templates = folder(t, valid) })
	for locale, want := range map[string]string{"de": "Anders", "en": "Reset your password"} {
		mail, err := m.Sample("reset-password", locale)
		if err != nil || mail.Subject != want {
			t.Errorf("%s: got %v, %v", locale, mail, err)
		}
		if own := strings.Contains(mail.HTML, "Eigener Text") && strings.Contains(mail.Text, "Eigener Text"); own != (locale == "de") {
			t.Errorf("%s: got\n%s", locale, mail.Text)
		}
	}

	for name, tt := range map[string]struct{ file, text, want string }{
		"syntax":            {path + ".txt", "{{define \"text\"}}\n{{if}}", "de/reset-password.txt:2: missing value for if"},
		"syntax in html":    {path + ".html", "{{define \"text\"}}\n\n{{end}}{{.App", "de/reset-password.html:3: unclosed action"},
		"unknown field":     {path + ".txt", "{{define \"subject\"}}x{{end}}{{define \"text\"}}\n{{.Lnik}}{{end}}", "de/reset-password.txt:2:"},
		"unknown in html":   {path + ".html", "{{define \"text\"}}\n{{.Lnik}}{{end}}", "de/reset-password.html:2:"},
		"unsafe html":       {path + ".html", "{{define \"text\"}}\n<a href='{{.App}}{{end}}", "ambiguous context"},
		"no subject":        {path + ".txt", `{{define "subject"}} {{end}}{{define "text"}}x{{end}}`, "de/reset-password.txt: the subject is empty"},
		"no link":           {"layout.txt", `{{define "action"}}{{end}}{{define "after"}}{{end}}{{.Code}}`, ".txt: the mail must contain {{.Link}}"},
		"no link in html":   {"layout.html", `{{define "action"}}{{end}}{{define "after"}}{{end}}{{.Code}}`, ".html: the mail must contain {{.Link}}"},
		"no code":           {"layout.txt", `{{define "action"}}{{end}}{{define "after"}}{{end}}{{.Link}}`, ".txt: the mail must contain {{.Code}}"},
		"misspelled":        {"de/reset-pasword.txt", "x", "no mail uses the file de/reset-pasword.txt"},
		"format":            {"de/reset-password.md", "x", "no mail uses the file de/reset-password.md"},
		"misplaced":         {"reset-password.txt", "x", "no mail uses the file reset-password.txt"},
		"no language":       {"not a language/test.txt", "x", "is not a language tag"},
		"incomplete locale": {"it/test.txt", "x", "it/common.txt is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Options{LinkURL: "https://app.example.com", Templates: folder(t, map[string]string{tt.file: tt.text})})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	if _, err := New(Options{LinkURL: "https://app.example.com", Templates: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("accepted a folder that does not exist")
	}
}

// TestOwnLocale adds a locale that is not built in.
func TestOwnLocale(t *testing.T) {
	added := map[string]string{}
	for _, name := range append(Names(), common) {
		for _, format := range []string{".txt", ".html"} {
			source, err := fs.ReadFile(files, "templates/en/"+name+format)
			if err != nil {
				t.Fatal(err)
			}
			added["he/"+name+format] = string(source)
		}
	}
	m := newMailer(t, func(o *Options) { o.Templates, o.Locale = folder(t, added), "he" })
	mail, err := m.Sample("reset-password", m.Locale("", "he-IL, en;q=0.8"))
	if err != nil || !strings.Contains(mail.HTML, `lang="he" dir="rtl"`) || !strings.Contains(mail.Text, "2026-11-29 16:40 UTC") {
		t.Errorf("got %v, %v", mail, err)
	}
}

func folder(t *testing.T, content map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range content {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestLocale(t *testing.T) {
	m := newMailer(t, nil)
	for _, tt := range []struct{ tag, accept, want string }{
		{"", "", "en"},
		{"de", "fr", "de"},
		{"de-AT", "", "de"},
		{"pt-PT", "", "pt"},
		{"es-419", "", "es"},
		{"ar-EG", "", "ar"},
		{"", "fr-CH, fr;q=0.9, en;q=0.8", "fr"},
		{"", "zh, ja;q=0.5", "ja"},
		{"zh", "ja", "ja"},
		{"zh", "", "en"},
		{"not a tag", "de", "de"},
		{"", "*", "en"},
		{"", strings.Repeat("de,", 500), "en"},
	} {
		if got := m.Locale(tt.tag, tt.accept); got != tt.want {
			t.Errorf("%q, %q: got %s, want %s", tt.tag, tt.accept, got, tt.want)
		}
	}
	if got := newMailer(t, func(o *Options) { o.Locale = "ja" }).Locale("", "zh"); got != "ja" {
		t.Errorf("the default is %s", got)
	}
	if _, err := New(Options{LinkURL: "https://app.example.com", Locale: "zh"}); err == nil {
		t.Error("accepted a default without templates")
	}
}

func FuzzLocale(f *testing.F) {
	m := newMailer(f, nil)
	for _, seed := range []string{"de", "fr-CH, fr;q=0.9", "*", "x-a-b", "q=;;,"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, tag, accept string) {
		if got := m.Locale(tag, accept); m.templates.sets[got] == nil {
			t.Errorf("got %q", got)
		}
	})
}

func TestFormatTime(t *testing.T) {
	at := time.Date(2026, time.March, 1, 9, 5, 59, 0, time.FixedZone("", 2*3600))
	for locale, want := range map[string]string{
		"en": "1 March 2026, 07:05 UTC", "de": "1. März 2026, 07:05 Uhr UTC", "fr": "1er mars 2026 à 07:05 UTC",
		"es": "1 de marzo de 2026, 07:05 UTC", "pt": "1 de março de 2026, 07:05 UTC", "ja": "2026年3月1日 07:05(UTC)",
		"ar": "1 مارس 2026، 07:05 UTC", "de-CH": "1. März 2026, 07:05 Uhr UTC", "it": "2026-03-01 07:05 UTC",
	} {
		if got := formatTime(locale, at); got != want {
			t.Errorf("%s: got %s, want %s", locale, got, want)
		}
	}
}
