package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/config"
	"usher/internal/password"
)

type userCommands struct {
	Create  userCreateCommand  `cmd:"" help:"Create a user. The password is asked for, or read as one line from standard input."`
	List    userListCommand    `cmd:"" help:"List the users, oldest first."`
	Disable userDisableCommand `cmd:"" help:"Shut an account and end its sessions: they are refused from their next request on."`
	Enable  userEnableCommand  `cmd:"" help:"Open a disabled account again."`
	Unlock  userUnlockCommand  `cmd:"" help:"Forget an account's failed logins, so that its owner may try again at once."`
}

type userCreateCommand struct {
	config.Database
	config.Passwords
	config.Log

	Username string   `help:"The name to sign in with." placeholder:"NAME"`
	Email    string   `help:"The e-mail address to sign in with." placeholder:"ADDRESS"`
	FullName string   `help:"How to address the user." placeholder:"TEXT"`
	Role     []string `help:"What the user may be besides user: admin." placeholder:"ROLE" enum:"user,admin" default:"user"`
}

// Run creates a user. An administrator gets the role USER too.
func (c *userCreateCommand) Run(w *world) error {
	secret, err := w.readNewPassword()
	if err != nil {
		return err
	}
	in := accounts.Input{
		Username: optional(c.Username), Email: optional(c.Email), FullName: optional(c.FullName),
		Password: secret,
	}
	roles := []auth.Role{auth.RoleUser}
	for _, r := range c.Role {
		if role := auth.Role(strings.ToUpper(r)); role != auth.RoleUser {
			roles = append(roles, role)
		}
	}
	return w.operate(c.Database, c.Passwords, c.Log, func(o *app.Operator) error {
		user, err := o.CreateUser(w.ctx, in, roles)
		if err != nil {
			return explain(err)
		}
		_, err = fmt.Fprintf(w.stdout, "created user %s (%s) in %s\n", user.ID, joinRoles(user.Roles), c.URL)
		return err
	})
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

type userListCommand struct {
	config.Database
	config.Log
}

// Run lists the users.
func (c *userListCommand) Run(w *world) error {
	return w.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tUSERNAME\tEMAIL\tROLES\tSTATE\tCREATED")
		query := auth.UserQuery{Order: auth.UsersByCreatedAt, Limit: 500}
		for {
			users, err := o.Users(w.ctx, query)
			if err != nil {
				return err
			}
			for _, placed := range users {
				u := placed.User
				state := "enabled"
				if u.DisabledAt != nil {
					state = "disabled"
				}
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", u.ID, dash(u.Username), dash(u.Email),
					joinRoles(u.Roles), state, u.CreatedAt.Format(time.DateTime))
			}
			if len(users) < query.Limit {
				return table.Flush()
			}
			query.After = &users[len(users)-1].Position
		}
	})
}

func dash(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func joinRoles(roles []auth.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, " ")
}

// oneUser is what the commands for one account have in common.
type oneUser struct {
	config.Database
	config.Log

	Identifier string `arg:"" help:"The user name, e-mail address or id."`
}

// change finds the user, applies f and says what was done.
func (c *oneUser) change(w *world, done string, f func(o *app.Operator, u *auth.User) error) error {
	return w.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		user, err := o.FindUser(w.ctx, c.Identifier)
		if errors.Is(err, auth.ErrNotFound) {
			return errors.New("there is no such user")
		}
		if err != nil {
			return err
		}
		if err := f(o, user); err != nil {
			return explain(err)
		}
		_, err = fmt.Fprintf(w.stdout, "%s user %s\n", done, user.ID)
		return err
	})
}

type userDisableCommand struct{ oneUser }

// Run disables a user.
func (c *userDisableCommand) Run(w *world) error {
	return c.change(w, "disabled", func(o *app.Operator, u *auth.User) error {
		return o.SetDisabled(w.ctx, u.ID, true)
	})
}

type userEnableCommand struct{ oneUser }

// Run enables a user.
func (c *userEnableCommand) Run(w *world) error {
	return c.change(w, "enabled", func(o *app.Operator, u *auth.User) error {
		return o.SetDisabled(w.ctx, u.ID, false)
	})
}

type userUnlockCommand struct{ oneUser }

// Run forgets the failed logins of a user.
func (c *userUnlockCommand) Run(w *world) error {
	return c.change(w, "unlocked", func(o *app.Operator, u *auth.User) error {
		return o.Unlock(w.ctx, u.ID)
	})
}

// explain turns the domain's answer to bad input into lines for a terminal.
func explain(err error) error {
	var e *auth.Error
	if !errors.As(err, &e) || e.Code != auth.CodeBadUserInput {
		return err
	}
	lines := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		lines[i] = f.Message
		if name := f.Field; name != "userId" { // which is how the user was named, and not at fault
			lines[i] = name + ": " + f.Message
		}
	}
	return errors.New(strings.Join(lines, "\n       "))
}

// readNewPassword asks for a password twice, without echo, on a terminal; elsewhere it reads one line.
func (w *world) readNewPassword() (password.Plaintext, error) {
	fd := int(w.stdin.Fd())
	if !term.IsTerminal(fd) {
		return readLine(w.stdin)
	}
	ask := func(prompt string) ([]byte, error) {
		fmt.Fprint(w.stderr, prompt)
		defer fmt.Fprintln(w.stderr)
		return term.ReadPassword(fd)
	}
	first, err := ask("Password: ")
	if err != nil {
		return "", err
	}
	second, err := ask("Once more: ")
	if err != nil {
		return "", err
	}
	if !bytes.Equal(first, second) {
		return "", errors.New("the two passwords differ")
	}
	return password.Plaintext(first), nil
}

// maxLine is more than the longest password takes.
const maxLine = 16 << 10

func readLine(r io.Reader) (password.Plaintext, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if line == "" {
		return "", errors.New("no password on standard input")
	}
	return password.Plaintext(line), nil
}
