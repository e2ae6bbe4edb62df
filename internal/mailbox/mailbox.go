// Package mailbox owns the mailbox of a server in development: it keeps mails in memory instead of sending them, and
// shows them over HTTP to everybody that can reach the server.
package mailbox

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"usher/internal/mail"
)

// Capacity is how many mails a Mailbox keeps. A new one then replaces the oldest.
const Capacity = 100

// The routes of a Mailbox. Without the parameter id, JSONPath has a list.
const (
	JSONPath = "/mailbox.json"
	HTMLPath = "/mailbox.html"
)

// Mailbox keeps the last mails. It is safe for concurrent use.
type Mailbox struct {
	hosts []string
	now   func() time.Time

	mu    sync.Mutex
	mails []kept // the newest last
}

type kept struct {
	summary
	mail *mail.Mail
}

// summary is a mail in the list.
type summary struct {
	ID      string    `json:"id"`
	Time    time.Time `json:"time"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
}

// whole is one mail. Its HTML is at HTMLPath.
type whole struct {
	summary
	Text   string `json:"text"`
	Source string `json:"source"`
}

// New returns an empty Mailbox. It answers only requests to an IP address, to localhost and to the hosts of the URLs.
// A nil clock means time.Now.
func New(now func() time.Time, urls ...string) *Mailbox {
	if now == nil {
		now = time.Now
	}
	b := &Mailbox{now: now}
	for _, text := range urls {
		if u, err := url.Parse(text); err == nil {
			b.hosts = append(b.hosts, strings.ToLower(u.Hostname()))
		}
	}
	return b
}

// Send keeps a mail. A mail that is sent again replaces the former one.
func (b *Mailbox) Send(_ context.Context, m *mail.Mail) (reply string, err error) {
	k := kept{summary{ID: strings.Trim(m.MessageID, "<>"), Time: b.now().UTC(), To: m.Recipient().Addr, Subject: m.Subject}, m}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = slices.DeleteFunc(b.mails, func(other kept) bool { return other.ID == k.ID })
	b.mails = append(b.mails, k)
	b.mails = slices.Delete(b.mails, 0, max(0, len(b.mails)-Capacity))
	return "kept", nil
}

// Close does nothing. A worker calls it when it has sent its mails.
func (b *Mailbox) Close() {}

// list returns the mails, the newest first.
func (b *Mailbox) list() []summary {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]summary, 0, len(b.mails))
	for _, k := range slices.Backward(b.mails) {
		list = append(list, k.summary)
	}
	return list
}

func (b *Mailbox) find(id string) (kept, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := slices.IndexFunc(b.mails, func(k kept) bool { return k.ID == id })
	if at < 0 {
		return kept{}, false
	}
	return b.mails[at], true
}

// JSON serves the list of mails, or with the parameter id the text and the source of one.
func (b *Mailbox) JSON() http.Handler {
	return b.guard(func(w http.ResponseWriter, r *http.Request) {
		var document any = b.list()
		if query := r.URL.Query(); query.Has("id") {
			k, ok := b.find(query.Get("id"))
			if !ok {
				http.NotFound(w, r)
				return
			}
			document = whole{k.summary, k.mail.Text, string(k.mail.Bytes())}
		}
		body, err := json.Marshal(document)
		if err != nil {
			panic(err) // it has only texts and times
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(body)
	})
}

// policy is the Content Security Policy of a mail. Like a mail program, it runs no scripts and loads nothing. The page
// has an origin of its own, so it can read nothing of the console's. Links open other tabs, which are not in the sandbox.
const policy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; " +
	"img-src data:; form-action 'none'; frame-ancestors 'self'"

// HTML serves the HTML part of the mail that the parameter id names.
func (b *Mailbox) HTML() http.Handler {
	return b.guard(func(w http.ResponseWriter, r *http.Request) {
		k, ok := b.find(r.URL.Query().Get("id"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Frame-Options", "SAMEORIGIN") // for browsers that do not know frame-ancestors
		_, _ = w.Write([]byte(k.mail.HTML))
		// No page frames the console, so a link must not open in the frame. A base element counts wherever it is
		// (HTML Standard §13.2.6.4.7, "in body").
		_, _ = w.Write([]byte(`<base target="_blank">`))
	})
}

// guard rejects methods other than GET and HEAD, and hosts that the server does not have. A page of another site
// whose name was pointed at this server (DNS rebinding) would be of the same origin and could read the mails. An IP
// address is no name that can be pointed elsewhere.
func (b *Mailbox) guard(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		case !b.isOwnHost(r.Host):
			http.Error(w, "the mailbox is served only to localhost, IP addresses and the hosts of the issuer and of --link-url",
				http.StatusMisdirectedRequest)
		default:
			next(w, r)
		}
	})
}

func (b *Mailbox) isOwnHost(host string) bool {
	u, err := url.Parse("//" + host)
	if err != nil || u.Host != host {
		return false
	}
	name := strings.ToLower(u.Hostname())
	_, err = netip.ParseAddr(name)
	return err == nil || name == "localhost" || slices.Contains(b.hosts, name)
}
