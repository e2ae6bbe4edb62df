// Command go-client signs its user in at an Usher server and stays signed in.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/Khan/genqlient/graphql"
	"golang.org/x/term"

	"usher/examples/go-client/usher"
)

const usage = `usage: go-client [-server URL] [-file FILE] COMMAND

  signup NAME   create an account and sign in
  login NAME    sign in, with a user name or an e-mail address
  me            show who is signed in
  sessions      list where
  revoke ID     end one of these sessions
  logout        end the one of this program

signup and login take the password from $USHER_PASSWORD, or ask for it. login
asks for a code if the account has a second factor.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	answer := new(usher.Error)
	switch {
	case err == nil:
		return
	case errors.As(err, &answer):
		fmt.Fprintf(os.Stderr, "%v\n%s\n", answer, answer.Advice())
	case errors.Is(err, usher.ErrSignedOut):
		fmt.Fprintln(os.Stderr, "Nobody is signed in. Sign in with: login NAME")
	default:
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(1)
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	config, err := os.UserConfigDir()
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet("go-client", flag.ExitOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), usage) }
	server := flags.String("server", cmp.Or(os.Getenv("USHER_URL"), "http://127.0.0.1:8080"), "")
	path := flags.String("file", filepath.Join(config, "usher", "go-client.json"), "")
	_ = flags.Parse(args) // it exits when it fails

	file := usher.File(*path)
	command, argument := flags.Arg(0), flags.Arg(1)
	switch {
	case (command == "signup" || command == "login") && flags.NArg() == 2:
		return signIn(ctx, strings.TrimSuffix(*server, "/"), file, command, argument)
	case command == "revoke" && flags.NArg() == 2:
	case (command == "me" || command == "sessions" || command == "logout") && flags.NArg() == 1:
	default:
		flags.Usage()
		return errors.New("that is not a command")
	}

	client, err := usher.NewClient(file)
	if err != nil {
		return err
	}
	switch command {
	case "me":
		return me(ctx, client, stdout)
	case "sessions":
		return sessions(ctx, client, stdout)
	case "revoke":
		_, err := usher.RevokeSession(ctx, client, argument)
		return err
	default:
		return logout(ctx, client, file)
	}
}

// signIn gets the first tokens of a session and keeps them.
func signIn(ctx context.Context, server string, file usher.File, command, name string) error {
	password, err := readPassword()
	if err != nil {
		return err
	}
	client := usher.NewAnonymous(server)
	var tokens usher.Tokens
	device, err := file.DeviceToken(server)
	if err != nil {
		return err
	}
	err = usher.WithChallenge(ctx, func(solution string) (err error) {
		if command == "signup" {
			var answer *usher.SignupResponse
			answer, err = usher.Signup(ctx, client, name, password, solution)
			tokens = answer.Signup
		} else {
			var answer *usher.LoginResponse
			answer, err = usher.Login(ctx, client, name, password, device, solution)
			tokens = answer.Login
		}
		return err
	})
	if needs := new(usher.Error); errors.As(err, &needs) && needs.SecondFactor != nil {
		tokens, err = complete(ctx, client, needs)
	}
	if err != nil {
		return err
	}
	if tokens.PasswordCompromised {
		fmt.Fprintln(os.Stderr, "Your password was published in a breach. Change it in the browser.")
	}
	return file.Save(usher.Credentials{
		Server: server, AccessToken: tokens.AccessToken, RefreshToken: tokens.RefreshToken, DeviceToken: tokens.DeviceToken,
	})
}

// complete asks for a second factor until it is right or the server ends the sign-in.
func complete(ctx context.Context, client graphql.Client, needs *usher.Error) (usher.Tokens, error) {
	second, lines := needs.SecondFactor, bufio.NewScanner(os.Stdin)
	if !slices.Contains(second.Methods, "TOTP") {
		return usher.Tokens{}, needs
	}
	for {
		fmt.Fprint(os.Stderr, "Code of your authenticator app, or a recovery code: ")
		if !lines.Scan() {
			return usher.Tokens{}, cmp.Or(lines.Err(), errors.New("no code was entered"))
		}
		totp, recoveryCode := strings.ReplaceAll(lines.Text(), " ", ""), ""
		if len(totp) != 6 {
			totp, recoveryCode = "", totp
		}
		answer, err := usher.CompleteLogin(ctx, client, second.Challenge, totp, recoveryCode)
		if err == nil {
			return answer.CompleteLogin, nil
		}
		wrong := new(usher.Error)
		if !errors.As(err, &wrong) || wrong.Code != usher.InvalidCredentials {
			return usher.Tokens{}, err
		}
		fmt.Fprintln(os.Stderr, "The code is wrong, or was used before.")
	}
}

// readPassword never takes the password from an argument, which other users of the machine can read.
func readPassword() (string, error) {
	if password, ok := os.LookupEnv("USHER_PASSWORD"); ok {
		return password, nil
	}
	fmt.Fprint(os.Stderr, "Password: ")
	password, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	return string(password), err
}

func me(ctx context.Context, client graphql.Client, stdout io.Writer) error {
	answer, err := usher.Me(ctx, client)
	if err != nil {
		return err
	}
	user := answer.Me
	_, err = fmt.Fprintln(stdout, cmp.Or(user.Username, user.Email), user.Id, user.Roles)
	return err
}

func sessions(ctx context.Context, client graphql.Client, stdout io.Writer) error {
	answer, err := usher.Sessions(ctx, client)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSIGNED IN\tADDRESS\tDEVICE\t")
	for _, edge := range answer.Me.Sessions.Edges {
		s, this := edge.Node, ""
		if s.Current {
			this = "(this one)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", s.Id, s.CreatedAt.Local().Format(time.DateTime), s.IpAddress, s.UserAgent, this)
	}
	return table.Flush()
}

// logout forgets the tokens only when the server refuses them from now on.
func logout(ctx context.Context, client graphql.Client, file usher.File) error {
	if _, err := usher.Logout(ctx, client); err != nil && !errors.Is(err, usher.ErrSignedOut) {
		return err
	}
	return file.SignOut()
}
