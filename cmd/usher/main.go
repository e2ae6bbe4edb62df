// Command usher runs the Usher server and the operator's commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"usher/internal/app"
	"usher/internal/config"
	"usher/internal/logging"
)

// version and commit are set by the linker.
var (
	version = "dev"
	commit  = ""
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Restore the default action after the first signal, so that a second signal ends the process.
	context.AfterFunc(ctx, stop)
	inv := &invocation{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(run(inv, os.Args[1:]))
}

// invocation is one run of the program: its context, standard streams and environment.
type invocation struct {
	ctx    context.Context //nolint:containedctx // A command is a single call.
	stdin  *os.File
	stdout io.Writer
	stderr io.Writer
	env    config.Env
	args   []string // the command line without the program
}

// operate calls f with an Operator on the database of d.
func (inv *invocation) operate(d config.Database, p config.Passwords, l config.Log, f func(*app.Operator) error) error {
	return app.Operate(inv.ctx, d, p, logging.New(inv.stderr, logOptions(l)), f)
}

func logOptions(l config.Log) logging.Options {
	return logging.Options{Level: l.Level, Format: l.Format}
}

// cli declares the commands with their flags.
type cli struct {
	PrintVersion kong.VersionFlag `name:"version" help:"Print the version."`

	Serve    serveCommand     `cmd:"" help:"Run the server."`
	Check    checkCommand     `cmd:"" help:"Check the installation: settings, database, mail, issuer and files. It changes nothing."`
	Health   healthCommand    `cmd:"" help:"Ask a running server whether it is ready. The exit status is 0 if it is, and 1 if not."`
	Migrate  migrateCommand   `cmd:"" help:"Migrate the database to the newest schema, and exit."`
	User     userCommands     `cmd:"" help:"Administer users."`
	Role     roleCommands     `cmd:"" help:"Administer roles and their permissions."`
	Keys     keysCommands     `cmd:"" help:"Administer the keys that sign access tokens."`
	Secret   secretCommands   `cmd:"" help:"Show and finish a change of the server's secret."`
	Breaches breachesCommands `cmd:"" help:"Build and search a file of breached passwords."`
	Client   clientCommands   `cmd:"" help:"Administer OAuth clients."`
	Audit    auditCommands    `cmd:"" help:"Export the audit log."`
	Mail     mailCommands     `cmd:"" help:"Preview mail, and test that it is sent."`
	Backup   backupCommand    `cmd:"" help:"Write a backup of the database. Servers can run meanwhile."`
	Restore  restoreCommand   `cmd:"" help:"Restore a backup into an empty database. Start servers afterwards."`
	Schema   schemaCommands   `cmd:"" help:"Show the GraphQL schema."`
	Version  versionCommand   `cmd:"" help:"Print the version, the commit and the version of Go."`
}

// run runs the command in args and returns the exit status.
func run(inv *invocation, args []string) (status int) {
	env, err := config.ReadEnv(config.EnvFile, os.LookupEnv)
	if err != nil {
		fmt.Fprintln(inv.stderr, "usher:", err)
		return 1
	}
	inv.env, inv.args = env, args
	parser, err := newParser(inv, env)
	if err != nil {
		panic(err) // the declaration of cli is invalid
	}
	defer func() {
		// kong calls Exit inside Parse after it has printed the help.
		switch cause := recover().(type) {
		case nil:
		case exit:
			status = int(cause)
		default:
			panic(cause)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		if status, ok := reportInvalid(inv, err); ok {
			return status
		}
		fmt.Fprintf(inv.stderr, "usher: %v%s\n", err, seeHelp(err))
		return 2
	}
	// Calling Run here rather than through kong lets the garbage collector free 1 MB of kong's data.
	selected := command.Selected().Target.Addr().Interface().(interface{ Run(inv *invocation) error })
	if err := selected.Run(inv); err != nil {
		if !errors.Is(err, errReported) {
			fmt.Fprintln(inv.stderr, "usher:", errorText(inv.ctx, err))
		}
		return 1
	}
	return 0
}

// errorText returns the text of the error of a command, which a signal may have caused.
func errorText(ctx context.Context, err error) string {
	if ctx.Err() == nil {
		return err.Error()
	}
	return strings.ReplaceAll(err.Error(), context.Canceled.Error(), "interrupted")
}

// seeHelp names the help after an argument or a flag that does not exist.
func seeHelp(err error) string {
	wrong := new(kong.ParseError)
	if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), "unexpected argument") && !strings.HasPrefix(err.Error(), "unknown flag") {
		return ""
	}
	if strings.HasSuffix(err.Error(), "?") { // it suggests another flag
		return ""
	}
	command := "usher"
	if selected := wrong.Context.Selected(); selected != nil {
		command = selected.FullPath()
	}
	return "; see " + command + " --help"
}

// newParser returns a parser of the command line and the settings.
func newParser(inv *invocation, env config.Env) (*kong.Kong, error) {
	return kong.New(
		&cli{},
		kong.Name("usher"),
		kong.Description("A self-hosted GraphQL authentication API."),
		kong.Vars{"version": fullVersion()},
		env,
		kong.Writers(inv.stdout, inv.stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Exit(func(code int) { panic(exit(code)) }),
	)
}

type exit int
