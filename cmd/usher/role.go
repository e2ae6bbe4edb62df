package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/uuid"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/config"
)

type roleCommands struct {
	Create roleCreateCommand `cmd:"" help:"Create a role."`
	List   roleListCommand   `cmd:"" help:"List the roles with their permissions."`
	Grant  roleGrantCommand  `cmd:"" help:"Grant permissions to a role, or the role to users."`
	Revoke roleRevokeCommand `cmd:"" help:"Revoke permissions from a role, or the role from users."`
	Delete roleDeleteCommand `cmd:"" help:"Delete a role and remove it from all users."`
}

// roleName is the name of a role on the command line, in upper or lower case.
type roleName auth.Role

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *roleName) UnmarshalText(text []byte) error {
	role := auth.Role(strings.ToUpper(string(text)))
	if !role.Valid() || len(role) != len(text) { // some letters have a shorter upper case: the long s becomes S
		return errors.New("must be a name such as EDITOR: up to 63 letters, digits and underscores, starting with a letter")
	}
	*n = roleName(role)
	return nil
}

// permissionName is the name of a permission on the command line, in upper or lower case.
type permissionName auth.Permission

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *permissionName) UnmarshalText(text []byte) error {
	permission := auth.Permission(strings.ToLower(string(text)))
	if !permission.Valid() || len(permission) != len(text) { // some have a shorter lower case: the Kelvin sign becomes k
		return errors.New("must be words separated by colons, such as orders:read")
	}
	*n = permissionName(permission)
	return nil
}

func permissionsOf(names []permissionName) []auth.Permission {
	permissions := make([]auth.Permission, len(names))
	for i, name := range names {
		permissions[i] = auth.Permission(name)
	}
	return permissions
}

// oneRole has the settings and the argument of every command for one role.
type oneRole struct {
	config.Database
	config.Log

	Name roleName `arg:"" help:"Name of the role, such as EDITOR."`
}

// run calls f and prints what was done.
func (c *oneRole) run(inv *invocation, done string, f func(o *app.Operator, name auth.Role) error) error {
	return inv.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		if err := f(o, auth.Role(c.Name)); err != nil {
			return explain(err)
		}
		_, err := fmt.Fprintf(inv.stdout, "%s role %s\n", done, c.Name)
		return err
	})
}

type roleCreateCommand struct {
	Description string           `help:"What the role is for." placeholder:"TEXT"`
	Permission  []permissionName `help:"Permission of the role, such as orders:read." placeholder:"NAME"`

	oneRole // last, so that --help lists the flags above first
}

// Run creates a role.
func (c *roleCreateCommand) Run(inv *invocation) error {
	return c.run(inv, "created", func(o *app.Operator, name auth.Role) error {
		return o.CreateRole(inv.ctx, name, optional(c.Description), permissionsOf(c.Permission))
	})
}

type roleListCommand struct {
	config.Database
	config.Log
}

// Run lists the roles.
func (c *roleListCommand) Run(inv *invocation) error {
	return inv.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		roles, err := o.Roles(inv.ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(inv.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ROLE\tPERMISSIONS\tDESCRIPTION")
		for _, r := range roles {
			permissions := "-"
			if len(r.Permissions) > 0 {
				permissions = joinNames(r.Permissions)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\n", r.Name, permissions, dash(r.Description))
		}
		return table.Flush()
	})
}

// grants has the settings and arguments of the commands that grant and revoke.
type grants struct {
	Permission []permissionName `help:"Permission to grant to the role or revoke from it, such as orders:read." placeholder:"NAME"`
	User       []string         `help:"User to whom the role is granted, or from whom it is revoked: a user name, e-mail address or id." placeholder:"NAME"`

	oneRole // last, as above
}

// Validate implements kong's interface.
func (c *grants) Validate() error {
	if len(c.Permission) == 0 && len(c.User) == 0 {
		return errors.New("give at least one --permission or --user")
	}
	return nil
}

type changeGrants func(
	o *app.Operator, ctx context.Context, name auth.Role, permissions []auth.Permission, users []uuid.UUID,
) error

// change calls f and prints what was done. granted is what f makes of the grants. Those that were so before are named,
// because a name may be mistyped.
func (c *grants) change(inv *invocation, granted bool, f changeGrants) error {
	return inv.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		name, permissions, asBefore := auth.Role(c.Name), permissionsOf(c.Permission), []string(nil)
		roles, err := o.Roles(inv.ctx)
		if err != nil {
			return err
		}
		for _, r := range roles {
			for _, p := range permissions {
				if r.Name == name && slices.Contains(r.Permissions, p) == granted {
					asBefore = append(asBefore, has(string(name), granted, "permission", string(p)))
				}
			}
		}
		var users []uuid.UUID
		for _, identifier := range c.User {
			user, err := findUser(inv, o, identifier)
			if err != nil {
				return err
			}
			users = append(users, user.ID)
			if slices.Contains(user.Roles, name) == granted {
				asBefore = append(asBefore, has(identifier, granted, "role", string(name)))
			}
		}
		if err := f(o, inv.ctx, name, permissions, users); err != nil {
			return explain(err)
		}
		for _, line := range asBefore {
			fmt.Fprintln(inv.stdout, line)
		}
		if len(asBefore) == len(permissions)+len(users) {
			return nil
		}
		_, err = fmt.Fprintf(inv.stdout, "changed role %s\n", name)
		return err
	})
}

// has says that somebody has a thing already, or does not have it.
func has(somebody string, granted bool, kind, name string) string {
	if granted {
		return fmt.Sprintf("%s already has the %s %s", somebody, kind, name)
	}
	return fmt.Sprintf("%s does not have the %s %s", somebody, kind, name)
}

type roleGrantCommand struct{ grants }

// Run grants permissions to the role, and the role to users.
func (c *roleGrantCommand) Run(inv *invocation) error {
	return c.change(inv, true, (*app.Operator).GrantRole)
}

type roleRevokeCommand struct{ grants }

// Run revokes permissions from the role, and the role from users.
func (c *roleRevokeCommand) Run(inv *invocation) error {
	return c.change(inv, false, (*app.Operator).RevokeRole)
}

type roleDeleteCommand struct{ oneRole }

// Run deletes a role.
func (c *roleDeleteCommand) Run(inv *invocation) error {
	return c.run(inv, "deleted", func(o *app.Operator, name auth.Role) error { return o.DeleteRole(inv.ctx, name) })
}
