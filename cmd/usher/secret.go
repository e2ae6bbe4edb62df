package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"usher/internal/app"
	"usher/internal/config"
	"usher/internal/logging"
	"usher/internal/rekey"
)

type secretCommands struct {
	List   secretListCommand   `cmd:"" help:"List the secrets that servers have used, by their fingerprints, and say how long the previous secret is needed."`
	Reseal secretResealCommand `cmd:"" help:"Encrypt what is stored in the database with the current secret, now. Servers also do this themselves."`
}

// secretSettings are the settings of every command for the server's secret.
type secretSettings struct {
	config.Keys
	config.Database
	config.Log
}

func (c *secretSettings) operate(inv *invocation, f func(*rekey.Service) error) error {
	return app.OperateSecrets(inv.ctx, c.Database, c.Keys, logging.New(inv.stderr, logOptions(c.Log)), f)
}

type secretListCommand struct{ secretSettings }

// Run lists the secrets. Times are in UTC.
func (c *secretListCommand) Run(inv *invocation) error {
	return c.operate(inv, func(s *rekey.Service) error {
		status, err := s.Load(inv.ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(inv.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "FINGERPRINT\tSETTING\tFIRST USED\tLAST USED\tNEEDED UNTIL")
		rows := map[string]string{status.Current: "current", status.Previous: "previous"}
		for _, r := range status.Records {
			setting := rows[r.Fingerprint]
			delete(rows, r.Fingerprint)
			if setting == "" {
				setting = "-"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.Fingerprint, setting,
				r.FirstUsedAt.Format(time.DateTime), r.LastUsedAt.Format(time.DateTime), r.GoodUntil.Format(time.DateTime))
		}
		for _, fingerprint := range []string{status.Current, status.Previous} {
			if setting := rows[fingerprint]; fingerprint != "" && setting != "" {
				fmt.Fprintf(table, "%s\t%s\t-\t-\t-\n", fingerprint, setting)
			}
		}
		if err := table.Flush(); err != nil {
			return err
		}
		_, err = fmt.Fprint(inv.stdout, advice(status))
		return err
	})
}

// advice says what to do with the previous secret.
func advice(s *rekey.Status) string {
	switch s.State {
	case rekey.Next:
		return "\nNo server has used the previous secret as its current one.\n"
	case rekey.Accepted:
		return "\nThe previous secret is needed until " + s.AcceptedUntil.Format(time.DateTime) + ". If you remove it earlier, some users must sign in again.\n"
	case rekey.Ended:
		return "\nThe previous secret is no longer accepted. Remove USHER_SECRET_KEY_PREVIOUS.\n"
	default:
		return ""
	}
}

type secretResealCommand struct{ secretSettings }

// Run encrypts with the current secret.
func (c *secretResealCommand) Run(inv *invocation) error {
	return c.operate(inv, func(s *rekey.Service) error {
		changed, err := s.Reseal(inv.ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(inv.stdout, "encrypted with the current secret: %s, %s\n",
			plural(changed["signing keys"], "signing key"), plural(changed["mails"], "mail"))
		return err
	})
}
