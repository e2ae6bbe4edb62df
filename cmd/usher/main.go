// Command usher is the whole of Usher in one binary: the server and the tools around it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"usher/internal/app"
	"usher/internal/config"
	"usher/internal/logging"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the default action is back, so that a second one ends the process.
	context.AfterFunc(ctx, stop)
	w := &world{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(run(w, os.Args[1:]))
}

// world is what a command touches outside of its own process.
type world struct {
	ctx    context.Context //nolint:containedctx // A command's whole life is one call.
	stdin  *os.File
	stdout io.Writer
	stderr io.Writer
	env    config.Env
}

// operate calls f with what the operator's commands work with.
func (w *world) operate(d config.Database, p config.Passwords, l config.Log, f func(*app.Operator) error) error {
	return app.Operate(w.ctx, d, p, logging.New(w.stderr, logging.Options(l)), f)
}

// cli is every command with its flags.
type cli struct {
	Serve   serveCommand   `cmd:"" help:"Run the server."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to the newest schema, and exit."`
	User    userCommands   `cmd:"" help:"Administer users."`
	Keys    keysCommands   `cmd:"" help:"Administer the keys that sign access tokens."`
	Client  clientCommands `cmd:"" help:"Administer OAuth clients."`
	Schema  schemaCommands `cmd:"" help:"Show the GraphQL schema."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// run is main without the process: it returns the exit status.
func run(w *world, args []string) (status int) {
	env, err := config.ReadEnv(".env", os.LookupEnv)
	if err != nil {
		fmt.Fprintln(w.stderr, "usher:", err)
		return 1
	}
	w.env = env
	parser, err := kong.New(
		&cli{},
		kong.Name("usher"),
		kong.Description("A self-hosted GraphQL authentication API."),
		env,
		kong.Writers(w.stdout, w.stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Exit(func(code int) { panic(exit(code)) }),
	)
	if err != nil {
		panic(err) // the declaration above is wrong
	}
	defer func() {
		// kong exits from inside Parse when it has printed the help.
		switch cause := recover().(type) {
		case nil:
		case exit:
			status = int(cause)
		default:
			panic(cause)
		}
	}()
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(w.stderr, "usher:", err)
		return 2
	}
	// The command runs by itself, so that what kong needed to find it can go: 1 MB of the server's memory.
	selected := command.Selected().Target.Addr().Interface().(interface{ Run(w *world) error })
	if err := selected.Run(w); err != nil {
		fmt.Fprintln(w.stderr, "usher:", err)
		return 1
	}
	return 0
}

type exit int
