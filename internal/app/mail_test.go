package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"usher/internal/config"
	"usher/internal/mail"
)

// TestPost checks where the mails of a server end, and who can read them.
func TestPost(t *testing.T) {
	t.Parallel()
	smtp := config.Mail{
		LinkURL: "https://app.example.com", SMTPURL: config.NewSecret("smtps://smtp.example.com:465"),
		MailFrom: mail.Address{Addr: "no-reply@example.com"},
	}
	link := config.Mail{LinkURL: "https://app.example.com"}
	for name, tt := range map[string]struct {
		settings     config.Server
		sends, keeps bool
	}{
		"no mail":              {config.Server{}, false, false},
		"no SMTP":              {config.Server{Mail: link, Console: true}, false, false},
		"SMTP":                 {config.Server{Mail: smtp, Console: true}, true, false},
		"development":          {config.Server{Mail: link, Dev: true}, true, true},
		"development and SMTP": {config.Server{Mail: smtp, Dev: true}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			post, box, err := post(&tt.settings, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if (post != nil) != tt.sends || (box != nil) != tt.keeps {
				t.Fatalf("sends: %t, keeps: %t, want %t, %t", post != nil, box != nil, tt.sends, tt.keeps)
			}
			var log strings.Builder
			pages, err := newConsole(t.Context(), Settings{Server: tt.settings}, &parts{post: post, mailbox: box}, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(log.String(), "mail is kept in the mailbox of the console"); got != tt.keeps {
				t.Errorf("the log: %s", log.String())
			}
			if (pages.mailbox != nil) != tt.keeps || (pages.mailHTML != nil) != tt.keeps {
				t.Fatalf("the mailbox is served: %t, %t, want %t", pages.mailbox != nil, pages.mailHTML != nil, tt.keeps)
			}
			if !tt.keeps {
				return
			}
			m, err := post.Composer.Compose(mail.Message{
				Template: "test", To: "ada@example.com", Locale: post.Composer.Locale("", ""), ID: "1", Date: time.Now(),
			})
			if err != nil {
				t.Fatal(err)
			}
			transport := post.Open()
			defer transport.Close()
			if _, err := transport.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			pages.mailbox.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://app.example.com/mailbox.json", nil))
			if !strings.Contains(w.Body.String(), "ada@example.com") {
				t.Errorf("the mailbox does not have the mail: %d %s", w.Code, w.Body)
			}
		})
	}
}
