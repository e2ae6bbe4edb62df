package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"usher/graph"
)

// Reload applies changed settings while the server runs, all of them or none. It reads the files that they name. The
// caller makes sure that only settings differ that can be reloaded; see config.Snapshot.
//
// Requests and attempts to send a mail that are under way end with what they began with. Counters of rate limits stay.
func (a *App) Reload(ctx context.Context, s Settings) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	p, before := a.parts, a.edge.Load().settings
	switch way := sends(before); {
	case way != sends(s):
		return errors.New("mail cannot be turned on or off while the server runs: this needs a restart")
	case way == byMailbox && before.LinkURL != s.LinkURL: // the mailbox answers only at the hosts of both URLs
		return errors.New("--link-url: needs a restart while mail is kept in the mailbox")
	}
	post, _, err := post(&s.Server, p.mailbox, p.overrides.Now)
	if err != nil {
		return err
	}
	rules, err := graph.RateLimits(RateLimits(s.RateLimits))
	if err != nil {
		return fmt.Errorf("--rate-limits: %w", err)
	}
	// The first edge has logged this at the start.
	documents, err := trustedDocuments(ctx, s, quiet)
	if err != nil {
		return err
	}
	metrics := p.observer.Metrics()
	var operations []string
	if metrics != nil {
		if operations, err = operationNames(ctx, s, documents, p.observer.Log()); err != nil {
			return err
		}
	}
	next, err := a.newEdge(ctx, s, documents, a.Domain.Throttle.With(rules), quiet)
	if err != nil {
		return err
	}
	breaches, err := openBreaches(s.Breaches, p.observer, p.observer.Log())
	if err != nil {
		return err
	}
	// From here on nothing fails.
	a.Domain.Outbox.SetPost(cmp.Or(p.overrides.Mail, post))
	p.breaches.Replace(breaches)
	metrics.NameOperations(operations) // before the requests that they count
	a.edge.Store(next)
	return nil
}

// way is how mails leave a server.
type way int

const (
	noMail way = iota
	bySMTP
	byMailbox
)

func sends(s Settings) way {
	switch {
	case s.LinkURL == "":
		return noMail
	case s.Sends():
		return bySMTP
	case s.Dev:
		return byMailbox
	}
	return noMail
}
