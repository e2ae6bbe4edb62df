package config

import (
	"errors"
	"net/url"

	"usher/internal/mail"
)

// Mail are the settings of mail. They are part of Server. The commands for mail need no other part of it.
type Mail struct {
	SMTPURL       Secret       `name:"smtp-url" environ:"USHER_SMTP_URL" hidden:"" help:"URL of the SMTP server that sends mail: smtp://USER:PASSWORD@HOST:587 requires STARTTLS, smtps://USER:PASSWORD@HOST:465 is TLS from the start. Percent-encode special characters of the password. Without TLS, only smtp:// to this machine is allowed."`
	SMTPURLFile   string       `name:"smtp-url-file" environ:"USHER_SMTP_URL_FILE" placeholder:"FILE" example:"/run/secrets/smtp-url" help:"File that contains the URL of the SMTP server. Alternatively, set the URL itself in $USHER_SMTP_URL. There is no flag for it."`
	MailFrom      mail.Address `environ:"USHER_MAIL_FROM" placeholder:"ADDRESS" example:"no-reply@example.com" help:"Sender of mail, such as no-reply@example.com or Example <no-reply@example.com>. The default name is --app-name. Required with an SMTP server."`
	MailReplyTo   mail.Address `environ:"USHER_MAIL_REPLY_TO" placeholder:"ADDRESS" example:"support@example.com" help:"Address for replies to mail. The default is the sender."`
	MailTemplates string       `environ:"USHER_MAIL_TEMPLATES" placeholder:"FOLDER" example:"/etc/usher/mail" help:"Folder with templates that replace the built-in ones file by file, or add a language. They are read and checked at start and at SIGHUP. See docs/mail.md."`
	MailLocale    string       `environ:"USHER_MAIL_LOCALE" default:"en" help:"Language of mail to users whose language is unknown: ar, de, en, es, fr, ja, pt, or one of your own templates."`
	LinkURL       string       `name:"link-url" environ:"USHER_LINK_URL" placeholder:"URL" example:"https://app.example.com/account" help:"URL below which the pages are that links in mail open. The default is the issuer if the console is served, which has these pages. Otherwise it is required with an SMTP server."`
	AppName       string       `environ:"USHER_APP_NAME" default:"Usher" help:"Name of your application in mail."`
	DKIMKeyFile   string       `name:"dkim-key-file" environ:"USHER_DKIM_KEY_FILE" placeholder:"FILE" example:"/run/secrets/dkim.pem" help:"Private key in PEM, RSA or Ed25519, that signs mail with DKIM. Not needed if the SMTP server signs."`
	DKIMSelector  string       `name:"dkim-selector" environ:"USHER_DKIM_SELECTOR" placeholder:"NAME" example:"usher" help:"Selector of the DKIM key. Its public key is published at SELECTOR._domainkey.DOMAIN. Required with a DKIM key."`
	DKIMDomain    string       `name:"dkim-domain" environ:"USHER_DKIM_DOMAIN" placeholder:"DOMAIN" example:"example.com" help:"Domain of the DKIM key. The default is that of the sender."`
}

// Validate reports every invalid setting. Files, and the URL of the SMTP server, are checked when they are used.
func (m *Mail) Validate() error {
	var errs []error
	reject := func(when bool, text string) {
		if when {
			errs = append(errs, errors.New(text))
		}
	}
	reject(!m.SMTPURL.IsZero() && m.SMTPURLFile != "", "--smtp-url-file: $USHER_SMTP_URL is set too; remove one of them")
	reject(m.Sends() && m.MailFrom.Addr == "", "--mail-from: required with an SMTP server: the sender, such as no-reply@example.com")
	reject(m.LinkURL != "" && !isIssuer(m.LinkURL), "--link-url: must be a URL such as https://app.example.com, without user, query or fragment")
	reject(m.DKIMKeyFile != "" && m.DKIMSelector == "", "--dkim-selector: required with --dkim-key-file")
	reject(m.DKIMKeyFile == "" && (m.DKIMSelector != "" || m.DKIMDomain != ""), "--dkim-key-file: required with --dkim-selector and --dkim-domain")
	reject(m.DKIMKeyFile != "" && m.MailFrom.Addr == "", "--mail-from: required with --dkim-key-file")
	return errors.Join(errs...)
}

// Warnings returns a warning for each setting that is valid but unsafe.
func (m *Mail) Warnings() []string {
	if u, err := url.Parse(m.LinkURL); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return []string{"--link-url does not use https: the secrets in links are sent unencrypted"}
	}
	return nil
}

// Sends reports whether there is an SMTP server.
func (m *Mail) Sends() bool { return !m.SMTPURL.IsZero() || m.SMTPURLFile != "" }

// SMTP returns the URL of the SMTP server from the environment or from the file. It is zero if there is none.
func (m *Mail) SMTP() (Secret, error) {
	if m.SMTPURLFile != "" {
		return readSecret(m.SMTPURLFile)
	}
	return m.SMTPURL, nil
}
