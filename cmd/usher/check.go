package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"usher/internal/app"
	"usher/internal/check"
	"usher/internal/config"
)

type checkCommand struct {
	config.Server
	config.Passwords
	config.Database
	config.Log

	JSON    bool          `name:"json" help:"Print the results as JSON."`
	Strict  bool          `help:"Exit with status 1 for warnings too."`
	Timeout time.Duration `default:"5s" help:"How long all checks together may take. They run at the same time."`
}

// errReported sets the exit status of a command that has printed the reason.
var errReported = errors.New("reported")

func (c *checkCommand) settings() config.Settings {
	return config.Settings{Server: c.Server, Passwords: c.Passwords, Database: c.Database, Log: c.Log}
}

// Run runs all checks.
func (c *checkCommand) Run(inv *invocation) error {
	checks, closes := app.Checks(c.settings(), inv.env.Warnings(), app.CheckOptions{})
	defer closes()
	if c.Timeout <= 0 {
		return errors.New("--timeout: must be more than 0s")
	}
	return c.report(inv, func(report func(check.Result)) { check.Run(inv.ctx, checks, c.Timeout, report) })
}

// report prints the results that run reports. The error says that a check has failed.
func (c *checkCommand) report(inv *invocation, run func(report func(check.Result))) error {
	counts := map[check.Status]int{}
	var all []check.Result
	printer := check.Printer{To: inv.stdout, Width: width(inv), Names: len("signing keys"), Color: colored(inv)}
	run(func(r check.Result) {
		counts[r.Status]++
		if all = append(all, r); !c.JSON {
			printer.Print(r)
		}
	})
	var err error
	if counts[check.Failed] > 0 || c.Strict && counts[check.Warning] > 0 {
		err = errReported
	}
	if !c.JSON {
		_, _ = fmt.Fprintf(inv.stdout, "\n%d ok, %s, %d failed\n", counts[check.OK], plural(counts[check.Warning], "warning"), counts[check.Failed])
		return err
	}
	encoder := json.NewEncoder(inv.stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return errors.Join(encoder.Encode(map[string]any{"version": version, "ok": err == nil, "checks": all}), err)
}

// plural returns a number with its noun.
func plural[N int | int64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// width returns how wide the report is: at most 80 columns, and no wider than a terminal.
func width(inv *invocation) int {
	const usual = 80
	if f, ok := inv.stdout.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return min(columns, usual)
		}
	}
	return usual
}

// colored reports whether the report has colors (https://no-color.org).
func colored(inv *invocation) bool {
	f, ok := inv.stdout.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(f.Fd()))
}

// reportInvalid prints a report about invalid settings, if err is that of parsing a command line of usher check. Other
// commands report the first problem only. ok is false for other errors.
func reportInvalid(inv *invocation, err error) (status int, ok bool) {
	failed, ok := errors.AsType[*kong.ParseError](err)
	if !ok || failed.Context == nil || failed.Context.Selected() == nil {
		return 0, false
	}
	if _, ok := reflect.TypeAssert[*checkCommand](failed.Context.Selected().Target.Addr()); !ok {
		return 0, false
	}
	var problems []string
	parser, err := newParser(inv, inv.env.Collect(&problems))
	if err != nil {
		return 0, false
	}
	selected := parser.Model.Target.Addr().Interface().(*cli)
	_, err = parser.Parse(inv.args)
	c := &selected.Check
	settings := c.settings()
	found := settings.Problems()
	if err != nil && (len(found) == 0 || !strings.Contains(err.Error(), found[0])) {
		return 0, false // it is about the command line
	}
	if problems = append(problems, found...); len(problems) == 0 {
		return 0, false
	}
	_ = c.report(inv, func(report func(check.Result)) {
		for _, problem := range problems {
			report(check.Result{Check: "settings", Status: check.Failed, Detail: problem})
		}
	})
	return 1, true
}
