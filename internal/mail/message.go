package mail

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Message says what a mail is about.
type Message struct {
	// Template is one of Names.
	Template string
	// To is the recipient's address.
	To string
	// Locale is one of Mailer.Locales, see Mailer.Locale.
	Locale string
	// ID is a unique id. It makes the Message-ID, so a mail that is sent again must have the same.
	ID string
	// Date is the time in the header of the mail.
	Date time.Time

	// Token is the secret in the link, and Code the one to type. A mail needs those that its template has.
	Token, Code string
	// LinkExpires and CodeExpires say until when these are valid.
	LinkExpires, CodeExpires time.Time
	// Due is when what the mail announces happens.
	Due time.Time

	// Username is the name of the account, if the mail is to address its owner.
	Username string
	// NewAddress is the address to which that of the account changes.
	NewAddress string
	// IP and Device say from where the mail was requested, if that is known.
	IP     netip.Addr
	Device string
}

// String returns what is no secret, so that a log cannot contain the rest.
func (m Message) String() string { return m.Template + " " + m.ID }

// LogValue is String.
func (m Message) LogValue() slog.Value { return slog.StringValue(m.String()) }

// Mail is a mail that is ready to be sent.
type Mail struct {
	Subject, Text, HTML string
	// MessageID is the Message-ID with its angle brackets.
	MessageID string

	from, to Address
	raw      []byte
	secrets  []string
}

// String returns the Message-ID, because the rest contains secrets.
func (m *Mail) String() string { return m.MessageID }

// LogValue is String.
func (m *Mail) LogValue() slog.Value { return slog.StringValue(m.String()) }

// Recipient returns the address that the mail is for.
func (m *Mail) Recipient() Address { return m.to }

// Bytes returns the mail as it is sent.
func (m *Mail) Bytes() []byte { return m.raw }

// isID matches what may stand on the left of a Message-ID without quotes (RFC 5322 §3.6.4).
var isID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// isSecret matches the tokens and codes that need no escape in a URL, HTML or text.
var isSecret = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// check reports a value that is missing, invalid or not used by the template.
func (m Message) check() error {
	kind, known := mails[m.Template]
	hasToken, hasCode := m.Token != "", m.Code != ""
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{!known, "there is no such template"},
		{!isID.MatchString(m.ID), "the id is invalid"},
		{m.Date.IsZero(), "the date is missing"},
		{hasToken != (kind.page != ""), "the token is missing or not used"},
		{hasToken && !isSecret.MatchString(m.Token), "the token is invalid"},
		{hasToken == m.LinkExpires.IsZero(), "the token and its time must be set together"},
		{hasCode && !hasToken || kind.code && !hasCode && !kind.linkOnly, "the code is missing or not used"},
		{hasCode && !isSecret.MatchString(m.Code), "the code is invalid"},
		{hasCode == m.CodeExpires.IsZero(), "the code and its time must be set together"},
		{kind.address && m.NewAddress == "", "the new address is missing"},
		{kind.due && m.Due.IsZero(), "the due time is missing"},
	} {
		if rule.broken {
			return fmt.Errorf("mail %q: %s", m.Template, rule.text)
		}
	}
	return nil
}

// Compose renders a mail. The same Message makes the same Mail, except for the time of a DKIM signature, so that a
// mail that is sent again does not differ. Errors are mistakes of the caller, and permanent.
func (m *Mailer) Compose(msg Message) (*Mail, error) {
	to, err := ParseAddress(msg.To)
	if err != nil || to.Name != "" {
		return nil, errors.New("mail: the recipient's address is invalid")
	}
	if err := msg.check(); err != nil {
		return nil, err
	}
	set, ok := m.templates.sets[msg.Locale][msg.Template]
	if !ok {
		return nil, fmt.Errorf("mail: there are no templates for the locale %q", msg.Locale)
	}
	kind := mails[msg.Template]
	d := &data{
		App: m.options.AppName, Lang: msg.Locale, Dir: direction(msg.Locale),
		Username: userText(msg.Username), NewAddress: userText(msg.NewAddress), Requester: userText(msg.Device),
		Code: msg.Code, LinkExpires: msg.LinkExpires, CodeExpires: msg.CodeExpires, Due: msg.Due,
	}
	if msg.IP.IsValid() {
		d.Requester = strings.TrimSuffix(msg.IP.WithZone("").String()+", "+d.Requester, ", ")
	}
	link := strings.TrimSuffix(m.options.LinkURL, "/") + "/"
	switch {
	case kind.page != "":
		// No server sees the fragment of a URL, no log has it, and no Referer carries it on.
		d.Link = link + kind.page + "#token=" + msg.Token
	case kind.home:
		d.Link = link
	}
	mail := &Mail{
		MessageID: "<" + msg.ID + "@" + m.options.From.Domain() + ">", // RFC 5322 §3.6.4 recommends the sender's domain
		from:      m.options.From, to: to, secrets: []string{msg.Token, msg.Code},
	}
	if mail.Text, mail.HTML, err = set.render(d); err != nil {
		return nil, fmt.Errorf("mail templates: %w", err)
	}
	mail.Subject = d.Subject
	if mail.raw, err = m.encode(mail, msg); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return mail, nil
}

// userText makes a text that a user has chosen harmless. html/template escapes it too.
func userText(s string) string { return defuse(clean(s, maxText)) }

// encode returns the mail as bytes. Both parts are quoted-printable, so that every server can forward them and a
// DKIM signature remains valid.
func (m *Mailer) encode(mail *Mail, msg Message) ([]byte, error) {
	out := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary("part_"+msg.ID))
	out.FromMailAddress(mail.from.net())
	out.ToMailAddress(mail.to.net())
	if m.options.ReplyTo.Addr != "" {
		out.ReplyToMailAddress(m.options.ReplyTo.net())
	}
	out.Subject(mail.Subject)
	out.SetDateWithValue(msg.Date.UTC())
	out.SetMessageIDWithValue(strings.Trim(mail.MessageID, "<>"))
	// Out-of-office programs do not answer such mails (RFC 3834 §5).
	out.SetGenHeader("Auto-Submitted", "auto-generated")
	out.SetGenHeader(gomail.HeaderContentLang, msg.Locale)
	out.SetBodyString(gomail.TypeTextPlain, mail.Text)
	out.AddAlternativeString(gomail.TypeTextHTML, mail.HTML)
	var b bytes.Buffer
	if _, err := out.WriteTo(&b); err != nil || m.dkim == nil {
		return b.Bytes(), err
	}
	return m.dkim.sign(b.Bytes())
}

// Sample returns a mail with invented content, in which the token and the code are no secrets.
func (m *Mailer) Sample(template, locale string) (*Mail, error) {
	return m.Compose(m.sample(template, locale))
}

func (m *Mailer) sample(template, locale string) Message {
	date := time.Date(2026, time.November, 29, 16, 30, 0, 0, time.UTC)
	msg := Message{
		Template: template, Locale: locale, To: "ada@example.com", ID: "sample", Date: date,
		Username: "ada", IP: netip.MustParseAddr("203.0.113.7"), Device: "Firefox, Linux",
	}
	kind := mails[template]
	if kind.page != "" {
		msg.Token, msg.LinkExpires = "SAMPLE-not-a-secret-"+strings.Repeat("0", 23), date.Add(24*time.Hour)
	}
	if kind.code {
		msg.Code, msg.CodeExpires = "012345", date.Add(10*time.Minute)
	}
	if kind.address {
		msg.NewAddress = "lovelace@example.net"
	}
	if kind.due {
		msg.Due = date.AddDate(0, 0, 14)
	}
	return msg
}
