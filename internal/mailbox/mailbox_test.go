package mailbox

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/mail"
)

var start = time.Date(2026, time.November, 29, 18, 0, 0, 0, time.UTC)

func newMailbox() *Mailbox {
	return New(func() time.Time { return start }, "https://auth.example.com:8443", "https://APP.example.com/account")
}

// letter returns a mail with a link and a code.
func letter(t *testing.T, id string) *mail.Mail {
	t.Helper()
	composer, err := mail.New(mail.Options{LinkURL: "https://app.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := composer.Compose(mail.Message{
		Template: "reset-password", To: "ada@example.com", Locale: "en", ID: id, Date: start,
		Token: "token-" + id, LinkExpires: start.Add(time.Hour), Code: "012345", CodeExpires: start.Add(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func put(t *testing.T, b *Mailbox, m *mail.Mail) {
	t.Helper()
	if _, err := b.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func get(h http.Handler, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

func listOf(t *testing.T, b *Mailbox) []summary {
	t.Helper()
	w := get(b.JSON(), "http://localhost"+JSONPath)
	var list []summary
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d: %s: %v", w.Code, w.Body, err)
	}
	return list
}

// TestOneMail follows a mail from the worker to the browser.
func TestOneMail(t *testing.T) {
	t.Parallel()
	b, m := newMailbox(), letter(t, "a_b")
	if got := listOf(t, b); got == nil || len(got) != 0 {
		t.Errorf("an empty mailbox has the list %v", got)
	}
	put(t, b, m)
	want := summary{ID: "a_b@app.example.com", Time: start, To: "ada@example.com", Subject: m.Subject}
	if diff := cmp.Diff([]summary{want}, listOf(t, b)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}

	query := "?id=" + url.QueryEscape(want.ID)
	w := get(b.JSON(), "http://localhost"+JSONPath+query)
	var one map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &one); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{
		"id": want.ID, "time": "2026-11-29T18:00:00Z", "to": want.To, "subject": m.Subject, "text": m.Text, "source": string(m.Bytes()),
	}, one); diff != "" {
		t.Errorf("mail (-want +got):\n%s", diff)
	}

	w = get(b.HTML(), "http://localhost"+HTMLPath+query)
	if body := w.Body.String(); body != m.HTML+`<base target="_blank">` || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%s: %s", w.Header().Get("Content-Type"), body)
	}
	csp := w.Header().Get("Content-Security-Policy")
	for _, directive := range []string{"sandbox allow-popups allow-popups-to-escape-sandbox;", "default-src 'none'", "frame-ancestors 'self'"} {
		if !strings.Contains(csp, directive) {
			t.Errorf("the policy of a mail lacks %q: %s", directive, csp)
		}
	}
	for _, forbidden := range []string{"allow-scripts", "allow-same-origin", "script-src", "http"} {
		if strings.Contains(csp, forbidden) {
			t.Errorf("the policy of a mail has %q: %s", forbidden, csp)
		}
	}

	for _, h := range []http.Handler{b.JSON(), b.HTML()} {
		for _, query := range []string{"?id=", "?id=none", "?id=ada"} {
			if w := get(h, "http://localhost/"+query); w.Code != http.StatusNotFound {
				t.Errorf("%s: status %d, want 404", query, w.Code)
			}
		}
	}
}

func TestCapacity(t *testing.T) {
	t.Parallel()
	b := newMailbox()
	var want []string
	for i := range Capacity + 3 {
		id := strconv.Itoa(i)
		put(t, b, letter(t, id))
		want = append(want, id+"@app.example.com")
	}
	put(t, b, letter(t, "50")) // a worker has stopped before it could record that the mail was sent
	want = slices.DeleteFunc(append(want[3:], "50@app.example.com"), func(id string) bool { return id == "50@app.example.com" })
	want = append(want, "50@app.example.com")
	slices.Reverse(want)
	var got []string
	for _, m := range listOf(t, b) {
		got = append(got, m.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("newest first (-want +got):\n%s", diff)
	}
}

// TestConcurrent is for the race detector, and shows that no mail is lost.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	b := newMailbox()
	var mails []*mail.Mail
	for i := range 20 {
		mails = append(mails, letter(t, strconv.Itoa(i)))
	}
	var senders sync.WaitGroup
	for _, m := range mails {
		senders.Go(func() {
			_, _ = b.Send(t.Context(), m)
			get(b.JSON(), "http://localhost/")
		})
	}
	senders.Wait()
	if got := len(listOf(t, b)); got != len(mails) {
		t.Errorf("%d mails, want %d", got, len(mails))
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	b := newMailbox()
	put(t, b, letter(t, "1"))
	for host, want := range map[string]int{
		"localhost:8080":               http.StatusOK,
		"LOCALHOST":                    http.StatusOK,
		"127.0.0.1:8080":               http.StatusOK,
		"[::1]:8080":                   http.StatusOK,
		"192.0.2.7":                    http.StatusOK,
		"auth.example.com:8443":        http.StatusOK,
		"Auth.Example.com":             http.StatusOK,
		"app.example.com":              http.StatusOK,
		"evil.example":                 http.StatusMisdirectedRequest,
		"localhost.evil.example":       http.StatusMisdirectedRequest,
		"127.0.0.1.evil.example:8080":  http.StatusMisdirectedRequest,
		"auth.example.com.evil":        http.StatusMisdirectedRequest,
		"localhost@evil.example":       http.StatusMisdirectedRequest,
		"evil.example:80@localhost:80": http.StatusMisdirectedRequest,
		"":                             http.StatusMisdirectedRequest,
		"[::1":                         http.StatusMisdirectedRequest,
		"example.com":                  http.StatusMisdirectedRequest,
	} {
		for _, h := range []http.Handler{b.JSON(), b.HTML()} {
			r := httptest.NewRequest(http.MethodGet, "/?id=1@app.example.com", nil)
			r.Host = host
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%q: status %d, want %d", host, w.Code, want)
			}
			if leaked := strings.Contains(w.Body.String(), "ada@example.com") || strings.Contains(w.Body.String(), "token-1"); leaked && want != http.StatusOK {
				t.Errorf("%q: the answer contains a mail", host)
			}
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodOptions} {
		w := httptest.NewRecorder()
		newMailbox().JSON().ServeHTTP(w, httptest.NewRequest(method, "http://localhost"+JSONPath, nil))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
}
