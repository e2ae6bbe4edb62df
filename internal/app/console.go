package app

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/99designs/gqlgen/graphql/playground"

	"usher/graph"
	"usher/internal/console"
	"usher/internal/httpd"
	"usher/internal/mailbox"
)

// pages are the handlers of the console. A handler is nil if it is disabled.
type pages struct {
	index, links, assets, schema, access http.Handler
	mailbox, mailHTML                    http.Handler
}

// newConsole returns the handlers of the console that the settings enable. A program that was built without
// the console serves GraphiQL instead, in development only, because that page runs scripts from another host. The
// parts may have no mailbox, no mail and no passkeys.
func newConsole(ctx context.Context, s Settings, p *parts, log *slog.Logger) (pages, error) {
	if !s.Dev && !s.Console {
		return pages{}, nil
	}
	access, err := graph.AccessJSON(s.RequireVerifiedEmail, RateLimits(s.RateLimits))
	if err != nil {
		return pages{}, err
	}
	c := pages{schema: httpd.Text(graph.SDL()), access: httpd.JSON(func() []byte { return access }, 0)}
	box := p.mailbox
	config := console.Config{
		PasswordMinLength: s.MinLength, OnlyTrusted: onlyTrusted(s), Mailbox: box != nil, Mail: p.post != nil,
	}
	if p.passkeys != nil && p.passkeys.Allows(s.IssuerOrigin()) { // otherwise they are for other pages only
		config.Passkeys = p.passkeys.ID()
	}
	index, assets, built := console.Page(config)
	if box != nil {
		c.mailbox, c.mailHTML = box.JSON(), box.HTML()
		log.InfoContext(ctx, "mail is kept in the mailbox of the console, because no SMTP server is set", "mails", mailbox.Capacity)
	}
	switch {
	case built:
		c.index, c.links, c.assets = httpd.Get(index), httpd.Get(index), assets
	case s.Dev:
		log.WarnContext(ctx, "built without the console: the page at / loads GraphiQL from the Internet; install Node.js and run `make build` to include the console")
		c.index = httpd.Get(console.Fallback(playground.Handler("Usher", "/graphql")))
	default:
		log.WarnContext(ctx, "built without the console: there is no page at /; install Node.js and run `make build` to include the console")
	}
	return c, nil
}
