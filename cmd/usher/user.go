package main

import (
	"bufio"
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
	"usher/internal/auth/admin"
	"usher/internal/auth/operator"
	"usher/internal/config"
	"usher/internal/logging"
	"usher/internal/password"
)

type userCommands struct {
	Create       userCreateCommand       `cmd:"" help:"Create a user. Prompts for the password, or reads it as one line from standard input."`
	Invite       userInviteCommand       `cmd:"" help:"Mail an invitation to create an account. The running server sends it, so the command needs the server's secret and mail settings."`
	List         userListCommand         `cmd:"" help:"List the users, oldest first."`
	SetPassword  userSetPasswordCommand  `cmd:"" help:"Set the password of a user and end all their sessions. Prompts for the password, or reads it as one line from standard input."`
	Disable      userDisableCommand      `cmd:"" help:"Disable an account and end its sessions. Their next request is rejected."`
	Enable       userEnableCommand       `cmd:"" help:"Enable a disabled account."`
	Unlock       userUnlockCommand       `cmd:"" help:"Clear the failed sign-ins of an account, so that its owner can try again at once."`
	ResetFactors userResetFactorsCommand `cmd:"" help:"Remove all second factors of a user who has lost them, and end the sessions of the user. The user gets no mail."`
	Verify       userVerifyCommand       `cmd:"" help:"Mark the e-mail address of a user as verified, without a mail. You vouch that it is theirs."`
	Delete       userDeleteCommand       `cmd:"" help:"Permanently delete an account and its sessions. Asks first."`
}

type userCreateCommand struct {
	Username string     `help:"User name to sign in with." placeholder:"NAME"`
	Email    string     `help:"E-mail address to sign in with." placeholder:"ADDRESS"`
	FullName string     `help:"Full name to display." placeholder:"TEXT"`
	Role     []roleName `help:"Role of the user, such as ADMIN. Every user also has the role USER." placeholder:"ROLE"`

	// Last, so that --help lists the flags above first.
	config.Database
	config.Passwords
	config.Log
}

// Run creates a user.
func (c *userCreateCommand) Run(inv *invocation) error {
	secret, err := inv.readNewPassword()
	if err != nil {
		return err
	}
	in := accounts.Input{
		Username: optional(c.Username), Email: optional(c.Email), FullName: optional(c.FullName),
		Password: secret,
	}
	return inv.operate(c.Database, c.Passwords, c.Log, func(o *app.Operator) error {
		user, err := o.CreateUser(inv.ctx, in, rolesOf(c.Role))
		if err != nil {
			return explain(err)
		}
		_, err = fmt.Fprintf(inv.stdout, "created user %s (%s) in %s\n", user.ID, joinNames(user.Roles), c.URL)
		return err
	})
}

type userInviteCommand struct {
	Email  string     `arg:"" help:"E-mail address to invite."`
	Role   []roleName `help:"Role of the user, such as ADMIN. Every user also has the role USER." placeholder:"ROLE"`
	Locale string     `help:"Language of the mail and of the account, such as de." placeholder:"TAG"`

	config.Database
	config.Keys
	config.Mail
	config.Signup
	config.Log
}

// Run mails an invitation.
func (c *userInviteCommand) Run(inv *invocation) error {
	in := admin.InviteUserInput{Email: c.Email, Locale: optional(c.Locale), Roles: rolesOf(c.Role)}
	log := logging.New(inv.stderr, logOptions(c.Log))
	return app.OperateMail(inv.ctx, c.Database, c.Keys, c.Mail, c.Signup, log, func(o *app.Operator) error {
		invited, err := o.InviteUser(inv.ctx, in)
		if e := new(auth.Error); errors.As(err, &e) && e.Code == auth.CodeSignupClosed {
			return errors.New("the server has --signup closed, so nobody could accept the invitation; create the user with usher user create")
		}
		if err != nil {
			return explain(err)
		}
		_, err = fmt.Fprintf(inv.stdout, "queued an invitation to %s, which the server will send\n", invited.Email)
		return err
	})
}

func rolesOf(names []roleName) []auth.Role {
	var roles []auth.Role
	for _, name := range names {
		roles = append(roles, auth.Role(name))
	}
	return roles
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
func (c *userListCommand) Run(inv *invocation) error {
	return inv.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		table := tabwriter.NewWriter(inv.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tUSERNAME\tEMAIL\tROLES\tSTATE\tCREATED")
		query := auth.UserQuery{Order: auth.UsersByCreatedAt, Page: auth.Page[auth.UserPosition]{Limit: 500}}
		for {
			users, err := o.Users(inv.ctx, query)
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
					joinNames(u.Roles), state, u.CreatedAt.Format(time.DateTime))
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

func joinNames[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return strings.Join(texts, " ")
}

// oneUser has the settings and the argument of every command for one account.
type oneUser struct {
	config.Database
	config.Log

	Identifier string `arg:"" help:"User name, e-mail address or id of the user."`
}

// change finds the user, calls f and prints what was done.
func (c *oneUser) change(inv *invocation, done string, f func(o *app.Operator, u *auth.User) error) error {
	return c.changeWith(inv, config.Passwords{}, done, f)
}

// changeWith is change with settings of passwords.
func (c *oneUser) changeWith(inv *invocation, p config.Passwords, done string, f func(o *app.Operator, u *auth.User) error) error {
	return inv.operate(c.Database, p, c.Log, func(o *app.Operator) error {
		user, err := findUser(inv, o, c.Identifier)
		if err != nil {
			return err
		}
		if err := f(o, user); err != nil {
			return explain(err)
		}
		_, err = fmt.Fprintf(inv.stdout, "%s user %s\n", done, user.ID)
		return err
	})
}

func findUser(inv *invocation, o *app.Operator, identifier string) (*auth.User, error) {
	user, err := o.FindUser(inv.ctx, identifier)
	if errors.Is(err, auth.ErrNotFound) {
		return nil, fmt.Errorf("no user has the name, e-mail address or id %q; list all users with usher user list", identifier)
	}
	return user, err
}

type userDisableCommand struct{ oneUser }

// Run disables a user.
func (c *userDisableCommand) Run(inv *invocation) error {
	return c.change(inv, "disabled", func(o *app.Operator, u *auth.User) error {
		return o.SetDisabled(inv.ctx, u.ID, true)
	})
}

type userEnableCommand struct{ oneUser }

// Run enables a user.
func (c *userEnableCommand) Run(inv *invocation) error {
	return c.change(inv, "enabled", func(o *app.Operator, u *auth.User) error {
		return o.SetDisabled(inv.ctx, u.ID, false)
	})
}

type userUnlockCommand struct{ oneUser }

// Run clears the failed sign-ins of a user.
func (c *userUnlockCommand) Run(inv *invocation) error {
	return c.change(inv, "unlocked", func(o *app.Operator, u *auth.User) error {
		return o.Unlock(inv.ctx, u.ID)
	})
}

type userResetFactorsCommand struct{ oneUser }

// Run removes the second factors of a user.
func (c *userResetFactorsCommand) Run(inv *invocation) error {
	return inv.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		user, err := findUser(inv, o, c.Identifier)
		if err != nil {
			return err
		}
		had, err := o.ResetFactors(inv.ctx, user.ID)
		switch {
		case err != nil:
			return explain(err)
		case !had:
			_, err = fmt.Fprintf(inv.stdout, "user %s has no second factors\n", user.ID)
		default:
			_, err = fmt.Fprintf(inv.stdout, "removed the second factors of user %s and ended their sessions\n", user.ID)
		}
		return err
	})
}

type userVerifyCommand struct{ oneUser }

// Run marks the e-mail address of a user as verified.
func (c *userVerifyCommand) Run(inv *invocation) error {
	return inv.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		user, err := findUser(inv, o, c.Identifier)
		if err != nil {
			return err
		}
		changed, err := o.VerifyEmail(inv.ctx, user.ID)
		switch {
		case errors.Is(err, operator.ErrNoEmail):
			return fmt.Errorf("user %s has no e-mail address", user.ID)
		case err != nil:
			return err
		case !changed:
			_, err = fmt.Fprintf(inv.stdout, "%s of user %s is verified already\n", *user.Email, user.ID)
		default:
			_, err = fmt.Fprintf(inv.stdout, "verified %s of user %s\n", *user.Email, user.ID)
		}
		return err
	})
}

type userSetPasswordCommand struct {
	oneUser
	config.Passwords
}

// Run sets the password of a user.
func (c *userSetPasswordCommand) Run(inv *invocation) error {
	return c.changeWith(inv, c.Passwords, "set the password and ended all sessions of", func(o *app.Operator, u *auth.User) error {
		secret, err := inv.readNewPassword()
		if err != nil {
			return err
		}
		return o.SetPassword(inv.ctx, u, secret)
	})
}

type userDeleteCommand struct {
	oneUser

	Yes bool `help:"Delete without asking."`
}

// Run deletes a user.
func (c *userDeleteCommand) Run(inv *invocation) error {
	return c.change(inv, "deleted", func(o *app.Operator, u *auth.User) error {
		if !c.Yes {
			if err := inv.confirm(fmt.Sprintf("Delete user %s (%s) permanently?", c.Identifier, u.ID)); err != nil {
				return err
			}
		}
		return o.DeleteUser(inv.ctx, u.ID)
	})
}

// confirm asks a question on the terminal, and returns an error unless the answer is yes.
func (inv *invocation) confirm(question string) error {
	if !term.IsTerminal(int(inv.stdin.Fd())) {
		return errors.New("standard input is not a terminal, so nobody can confirm this; pass --yes")
	}
	fmt.Fprint(inv.stderr, question, " [y/N] ")
	answer, err := bufio.NewReader(io.LimitReader(inv.stdin, maxLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("not confirmed; nothing was changed")
}

// explain formats an error about bad input as one line for each field.
func explain(err error) error {
	var e *auth.Error
	if !errors.As(err, &e) || e.Code != auth.CodeBadUserInput {
		return err
	}
	lines := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		switch name := f.Field; {
		case f.Code == auth.InputNotFound && (name == "name" || name == "roles"):
			lines[i] = "no role has this name; list all roles with usher role list"
		case name == "userId" || f.Code == auth.InputInUse || f.Code == auth.InputLastAdmin: // not about a flag
			lines[i] = f.Message
		default:
			lines[i] = name + ": " + f.Message
		}
	}
	return errors.New(strings.Join(lines, "\n       "))
}

// readNewPassword prompts twice for a password without echo if standard input is a terminal. Otherwise it
// reads one line.
func (inv *invocation) readNewPassword() (password.Plaintext, error) {
	first, err := inv.readPassword("Password: ")
	if err != nil || !term.IsTerminal(int(inv.stdin.Fd())) {
		return first, err
	}
	second, err := inv.readPassword("Repeat password: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the passwords do not match")
	}
	return first, nil
}

// readPassword prompts for a password without echo if standard input is a terminal. Otherwise it reads one line.
func (inv *invocation) readPassword(prompt string) (password.Plaintext, error) {
	fd := int(inv.stdin.Fd())
	if !term.IsTerminal(fd) {
		return readLine(inv.stdin)
	}
	fmt.Fprint(inv.stderr, prompt)
	defer fmt.Fprintln(inv.stderr)
	text, err := term.ReadPassword(fd)
	return password.Plaintext(text), err
}

// maxLine is more than the size of the longest password, in bytes.
const maxLine = 16 << 10

func readLine(r io.Reader) (password.Plaintext, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if line == "" {
		return "", errors.New("no password on standard input; pass it as one line")
	}
	return password.Plaintext(line), nil
}
