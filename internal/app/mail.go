package app

import (
	"time"

	"usher/internal/auth/mailing"
	"usher/internal/config"
	"usher/internal/mail"
	"usher/internal/mailbox"
)

// Mailer returns the Mailer of the settings. Without an SMTP server it only composes.
func Mailer(c *config.Mail) (*mail.Mailer, error) {
	server, err := c.SMTP()
	if err != nil {
		return nil, err
	}
	domain := c.DKIMDomain
	if domain == "" {
		domain = c.MailFrom.Domain()
	}
	return mail.New(mail.Options{
		Server: string(server.Reveal()), From: c.MailFrom, ReplyTo: c.MailReplyTo,
		AppName: c.AppName, LinkURL: c.LinkURL, Templates: c.MailTemplates, Locale: c.MailLocale,
		DKIM: mail.DKIM{KeyFile: c.DKIMKeyFile, Selector: c.DKIMSelector, Domain: domain},
	})
}

// post returns how mails leave the server: by SMTP, or in development into a mailbox, which is returned too. Without
// an SMTP server and outside of development, it returns nil. An existing mailbox stays in use.
func post(s *config.Server, box *mailbox.Mailbox, now func() time.Time) (*mailing.Post, *mailbox.Mailbox, error) {
	if s.LinkURL == "" { // without it, no mail is sent
		return nil, nil, nil
	}
	mailer, err := Mailer(&s.Mail)
	switch {
	case err != nil:
		return nil, nil, err
	case mailer.Server() != "":
		return &mailing.Post{Composer: mailer, Open: func() mailing.Transport { return mailer.Batch() }}, nil, nil
	case s.Dev:
		if box == nil {
			box = mailbox.New(now, s.Issuer, s.LinkURL)
		}
		return &mailing.Post{Composer: mailer, Open: func() mailing.Transport { return box }}, box, nil
	}
	return nil, nil, nil
}
