package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/uuid"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/auth/operator"
	"usher/internal/config"
	"usher/internal/logging"
)

type auditCommands struct {
	Export auditExportCommand `cmd:"" help:"Write the audit log to standard output, the oldest events first, one on each line."`
}

type auditExportCommand struct {
	Since  moment   `placeholder:"TIME" help:"Only events from this time on: RFC 3339, such as 2030-01-31T00:00:00Z, or a duration before now, such as 24h."`
	Until  moment   `placeholder:"TIME" help:"Only events before this time."`
	Kind   []string `placeholder:"KIND,..." help:"Only events of these kinds, such as LOGIN_FAILED."`
	User   string   `placeholder:"USER" help:"Only events about this user: a user name, an e-mail address or an id. Of a deleted user, only the id is known."`
	After  string   `placeholder:"ID" help:"Only what comes after the event with this id, which is the last line of an earlier export."`
	Follow bool     `help:"Do not end, but wait for new events and write them too."`
	Format string   `default:"ndjson" enum:"ndjson,syslog" help:"ndjson writes JSON objects, and syslog writes messages of RFC 5424 with the same JSON objects."`

	config.Database
	config.Log
}

// exportInterval is how often an export that follows the audit log looks for new events.
const exportInterval = time.Second

// Run writes the events. It succeeds when the reader of a pipe has ended.
func (c *auditExportCommand) Run(inv *invocation) error {
	signal.Ignore(syscall.SIGPIPE) // otherwise it ends the process before a write to standard output returns EPIPE
	now := time.Now()
	options := operator.ExportOptions{From: c.Since.at(now), To: c.Until.at(now)}
	if c.After != "" {
		id, err := uuid.Parse(c.After)
		if err != nil {
			return fmt.Errorf("--after: %q is not the id of an event, such as 01940000-0000-7000-8000-000000000001", c.After)
		}
		options.After = &id
	}
	if c.Follow && options.To != nil {
		return errors.New("--follow has no end; leave out --until")
	}
	if options.From != nil && options.To != nil && !options.From.Before(*options.To) {
		return errors.New("--until must be after --since")
	}
	for _, name := range c.Kind {
		kind, ok := auth.ParseAuditEventKind(name)
		if !ok {
			return fmt.Errorf("--kind: %q is not a kind of event; AuditEventKind in schema.graphqls lists the kinds", name)
		}
		options.Kinds = append(options.Kinds, kind)
	}
	ticker := time.NewTicker(exportInterval)
	defer ticker.Stop()
	options.Wait = ticker.C
	if c.Follow {
		options.Follow = ticker.C
	}
	err := app.OperateExisting(inv.ctx, c.Database, logging.New(inv.stderr, logOptions(c.Log)), func(o *app.Operator) error {
		if c.User != "" {
			id, err := c.userID(inv, o)
			if err != nil {
				return err
			}
			options.UserID = id
		}
		return c.write(inv, o, options)
	})
	if errors.Is(err, operator.ErrNoSuchEvent) {
		return fmt.Errorf("%w. Without --after, the export begins with the oldest event", err)
	}
	if errors.Is(err, syscall.EPIPE) || c.Follow && errors.Is(err, context.Canceled) && inv.ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *auditExportCommand) userID(inv *invocation, o *app.Operator) (*uuid.UUID, error) {
	if id, err := uuid.Parse(c.User); err == nil { // also one of a user that was deleted
		return &id, nil
	}
	u, err := findUser(inv, o, c.User)
	if err != nil {
		return nil, err
	}
	return &u.ID, nil
}

func (c *auditExportCommand) write(inv *invocation, o *app.Operator, options operator.ExportOptions) error {
	line := operator.AuditJSON
	if c.Format == "syslog" {
		host, err := os.Hostname()
		if err != nil {
			host = ""
		}
		line = operator.AuditSyslog(host)
	}
	out := bufio.NewWriter(inv.stdout)
	return o.ExportEvents(inv.ctx, options, func(events []auth.AuditEvent) error {
		for i := range events {
			text, err := line(&events[i])
			if err != nil {
				return err
			}
			if _, err := out.Write(append(text, '\n')); err != nil {
				return err
			}
		}
		return out.Flush()
	})
}

// moment is a time, or a duration before now. The zero value is no time.
type moment struct {
	time time.Time
	ago  *time.Duration
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *moment) UnmarshalText(text []byte) error {
	if at, err := time.Parse(time.RFC3339, string(text)); err == nil {
		*m = moment{time: at}
		return nil
	}
	ago, err := time.ParseDuration(string(text))
	if err != nil || ago < 0 {
		return errors.New("must be a time such as 2030-01-31T00:00:00Z, or a duration before now such as 24h")
	}
	*m = moment{ago: &ago}
	return nil
}

func (m *moment) at(now time.Time) *time.Time {
	switch {
	case m.ago != nil:
		return new(now.Add(-*m.ago))
	case m.time.IsZero():
		return nil
	}
	return &m.time
}
