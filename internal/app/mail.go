package app

import (
	"usher/internal/auth/mailing"
	"usher/internal/config"
	"usher/internal/mail"
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

// post returns how mails leave the server; nil without an SMTP server.
func post(s *config.Server) (*mailing.Post, error) {
	if s.LinkURL == "" { // without it, no mail is sent
		return nil, nil
	}
	mailer, err := Mailer(&s.Mail)
	if err != nil || mailer.Server() == "" {
		return nil, err
	}
	return &mailing.Post{Composer: mailer, Open: func() mailing.Transport { return mailer.Batch() }}, nil
}
