// Package mail owns the mails that Usher sends. It renders them from templates in the reader's language, and
// sends them by SMTP.
//
// A Mailer is made once. Mailer.Compose makes a Mail, and a Batch sends mails over one connection. The package
// knows no users and no database. The caller decides what to send, stores it and sends it again after an error.
package mail

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// Options are the options of New.
type Options struct {
	// Server is the URL of the SMTP server with its credentials, see ParseServer. A Mailer without it only
	// composes.
	Server string
	// From is the sender. Without a name, it has the name of the application.
	From Address
	// ReplyTo is where answers go, if not to From.
	ReplyTo Address
	// AppName is the name of the application in texts.
	AppName string
	// LinkURL is the URL below which the pages are that links open.
	LinkURL string
	// Templates is a folder of templates that replace the built-in ones, or "".
	Templates string
	// Locale is the locale of readers who have none, or "" for English.
	Locale string
	// DKIM signs mails. It may be zero.
	DKIM DKIM

	// Timeouts limit how long a server may take. Those that are zero have defaults.
	Timeouts Timeouts
	// Roots are the certificates that TLS trusts, or nil for those of the system.
	Roots *x509.CertPool
}

// Timeouts limit the phases of sending. The context of a call may end them earlier.
type Timeouts struct {
	// Connect limits the connection with TLS, the greeting and authentication together.
	Connect time.Duration
	// Command limits each command, and the transfer of the message.
	Command time.Duration
	// Accept limits the wait for the answer to a message. RFC 5321 §4.5.3.2.6 recommends ten minutes, because
	// a client that gives up earlier does not know whether the mail was sent.
	Accept time.Duration
}

// Mailer composes and sends mails. It is safe for concurrent use.
type Mailer struct {
	options   Options
	server    Server
	templates *templates
	dkim      *dkimKey
}

// New returns a Mailer. It reads and checks the templates and the DKIM key, but does not connect.
func New(o Options) (*Mailer, error) {
	m := &Mailer{}
	var err error
	if o.Server != "" {
		if m.server, err = ParseServer(o.Server); err != nil {
			return nil, err
		}
		if o.From.Addr == "" {
			return nil, errors.New("mail: the sender is missing")
		}
	}
	link, err := url.Parse(o.LinkURL)
	if err != nil || link.Scheme != "https" && link.Scheme != "http" || link.Hostname() == "" ||
		link.User != nil || link.RawQuery != "" || link.ForceQuery || strings.Contains(o.LinkURL, "#") {
		return nil, errors.New("mail: the URL of links must be such as https://app.example.com, without user, query or fragment")
	}
	m.options = o.withDefaults(link.Hostname())
	if m.dkim, err = o.DKIM.read(); err != nil {
		return nil, err
	}
	if m.templates, err = newTemplates(o.Templates, m.options.Locale); err != nil {
		return nil, err
	}
	if o.Templates != "" {
		if err := m.check(); err != nil {
			return nil, fmt.Errorf("mail templates in %s: %w", o.Templates, err)
		}
	}
	return m, nil
}

// withDefaults returns the options of a Mailer whose links lead to host. They no longer contain the password.
func (o Options) withDefaults(host string) Options {
	o.Server = ""
	o.AppName = cmp.Or(clean(o.AppName, maxText), "Usher")
	o.Locale = cmp.Or(o.Locale, "en")
	if o.From.Addr == "" { // for mails that are only composed
		name := o.From.Name
		if o.From, _ = ParseAddress("no-reply@" + host); o.From.Addr == "" {
			o.From.Addr = "no-reply@localhost"
		}
		o.From.Name = name
	}
	o.From.Name = cmp.Or(o.From.Name, o.AppName)
	o.Timeouts = Timeouts{
		Connect: cmp.Or(o.Timeouts.Connect, 20*time.Second),
		Command: cmp.Or(o.Timeouts.Command, 30*time.Second),
		Accept:  cmp.Or(o.Timeouts.Accept, 2*time.Minute),
	}
	return o
}

// Names returns the names of the templates in alphabetical order.
func Names() []string { return sortedKeys(mails) }

// Pages returns the pages below Options.LinkURL that links open, in alphabetical order.
func Pages() []string {
	var pages []string
	for _, kind := range mails {
		if kind.page != "" {
			pages = append(pages, kind.page)
		}
	}
	slices.Sort(pages)
	return slices.Compact(pages)
}

// Locales returns the locales of the templates in alphabetical order.
func (m *Mailer) Locales() []string { return sortedKeys(m.templates.sets) }

// Server returns the host and the port of the SMTP server, or "" if there is none.
func (m *Mailer) Server() string {
	if m.server.host == "" {
		return ""
	}
	return m.server.String()
}

// Locale returns the locale of the templates that suits a reader best: by the language tag of the reader, else
// by a header Accept-Language, else the default.
func (m *Mailer) Locale(tag, acceptLanguage string) string {
	for _, wanted := range []string{tag, acceptLanguage} {
		if locale, ok := m.Match(wanted); ok {
			return locale
		}
	}
	return m.options.Locale
}

// Match returns the locale of the templates that suits a list of language tags best, in the form of the header
// Accept-Language. If none does, it returns the default and false.
func (m *Mailer) Match(acceptLanguage string) (string, bool) {
	if acceptLanguage == "" || len(acceptLanguage) > maxAcceptLanguage {
		return m.options.Locale, false
	}
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return m.options.Locale, false
	}
	_, i, confidence := m.templates.matcher.Match(tags...)
	return m.templates.locales[i], confidence != language.No
}

// maxAcceptLanguage limits the length of the text that Locale parses. The headers of browsers are far shorter.
const maxAcceptLanguage = 400

// hostname is the name of this machine in EHLO, or "localhost".
func hostname() string {
	name, err := os.Hostname()
	if err != nil || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-") != "" || name == "" {
		return "localhost"
	}
	return name
}
