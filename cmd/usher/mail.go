package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"usher/internal/app"
	"usher/internal/config"
	"usher/internal/mail"
)

type mailCommands struct {
	List    mailListCommand    `cmd:"" help:"List the mail templates and their languages."`
	Preview mailPreviewCommand `cmd:"" help:"Print a mail with sample content."`
	Test    mailTestCommand    `cmd:"" help:"Send a test mail, and print the answer of the SMTP server."`
}

// mailer returns the Mailer of the settings. The mails of these commands contain no link that anybody opens, so
// they need no URL for links.
func mailer(c config.Mail) (*mail.Mailer, error) {
	if c.LinkURL == "" {
		c.LinkURL = "https://auth.example.com"
	}
	return app.Mailer(&c)
}

type mailListCommand struct{ config.Mail }

// Run lists the templates.
func (c *mailListCommand) Run(inv *invocation) error {
	m, err := mailer(c.Mail)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(inv.stdout, "%s\n\nlocales: %s\n", strings.Join(mail.Names(), "\n"), strings.Join(m.Locales(), ", "))
	return err
}

type mailPreviewCommand struct {
	config.Mail

	Template string `arg:"" help:"Name of the template, see usher mail list."`
	Locale   string `placeholder:"TAG" help:"Language, such as de. The default is --mail-locale."`
	Format   string `default:"text" enum:"text,html,source" help:"Part to print: text, html, or source for the whole mail as it is sent."`
}

// Run prints a mail.
func (c *mailPreviewCommand) Run(inv *invocation) error {
	m, err := mailer(c.Mail)
	if err != nil {
		return err
	}
	locale, err := chooseLocale(m, c.Locale)
	if err != nil {
		return err
	}
	if !slices.Contains(mail.Names(), c.Template) {
		return fmt.Errorf("no template has this name; the names are %s", strings.Join(mail.Names(), ", "))
	}
	sample, err := m.Sample(c.Template, locale)
	if err != nil {
		return err
	}
	switch c.Format {
	case "html":
		_, err = io.WriteString(inv.stdout, sample.HTML)
	case "source":
		_, err = inv.stdout.Write(sample.Bytes())
	default:
		_, err = fmt.Fprintf(inv.stdout, "Subject: %s\n\n%s", sample.Subject, sample.Text)
	}
	return err
}

// chooseLocale returns the locale of templates for a language tag, or the default for "".
func chooseLocale(m *mail.Mailer, tag string) (string, error) {
	locale, ok := m.Match(tag)
	if tag != "" && !ok {
		return "", fmt.Errorf("there are no templates in this language; there are %s", strings.Join(m.Locales(), ", "))
	}
	return locale, nil
}

type mailTestCommand struct {
	config.Mail

	Address string `arg:"" help:"Address to send the mail to."`
	Locale  string `placeholder:"TAG" help:"Language, such as de. The default is --mail-locale."`
}

// Run sends a mail.
func (c *mailTestCommand) Run(inv *invocation) error {
	m, err := mailer(c.Mail)
	if err != nil {
		return err
	}
	if m.Server() == "" {
		return errors.New("no SMTP server is set; set $USHER_SMTP_URL, or pass a file with --smtp-url-file")
	}
	locale, err := chooseLocale(m, c.Locale)
	if err != nil {
		return err
	}
	message, err := m.Compose(mail.Message{
		Template: "test", To: c.Address, Locale: locale, ID: rand.Text(), Date: time.Now(),
	})
	if err != nil {
		return err
	}
	reply, err := m.Send(inv.ctx, message)
	if failure, ok := errors.AsType[*mail.Error](err); ok {
		return fmt.Errorf("%s did not accept the mail: %w (%s)", m.Server(), err, strings.ToLower(string(failure.Outcome)))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(inv.stdout, "%s accepted the mail %s: %s\n", m.Server(), message.MessageID, reply)
	return err
}
