package auth

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Check says what a guard checks: the schema's AuthCheck.
type Check string

// The checks. The schema describes them.
const (
	CheckSession Check = "SESSION"
	CheckToken   Check = "TOKEN"
)

// Rule is what `@auth` requires. It must not change once it is in use: a request remembers decisions by its address.
type Rule struct {
	// Requires lists roles. The caller needs at least one. An empty list admits only the owner.
	Requires []Role
	// Permissions lists permissions. The caller's roles must have all of them.
	Permissions []Permission
	// OrOwner also admits the owner of the object, whatever their roles.
	OrOwner bool
	Check   Check
	// MaxAge limits how long ago the caller authenticated. Zero means no limit.
	MaxAge time.Duration
	// Assurance is how well the caller must have authenticated; empty for what the server requires of all
	// users, see FactorPolicy.
	Assurance RequiredAssurance
	// Verified requires that the caller's e-mail address is verified.
	Verified bool
}

// String returns the rule as the schema writes it: @auth(requires: [ADMIN], maxAge: 300).
func (r *Rule) String() string {
	text := "@auth(requires: " + list(r.Requires)
	if len(r.Permissions) > 0 {
		text += ", permissions: " + list(r.Permissions)
	}
	if r.OrOwner {
		text += ", orOwner: true"
	}
	if r.Check == CheckToken {
		text += ", check: TOKEN"
	}
	if r.MaxAge > 0 {
		text += ", maxAge: " + strconv.Itoa(int(r.MaxAge.Seconds()))
	}
	if r.Assurance != "" {
		text += ", assurance: " + string(r.Assurance)
	}
	if r.Verified {
		text += ", verified: true"
	}
	return text + ")"
}

func list[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// HasRole reports whether one of the roles satisfies the rule.
func (r *Rule) HasRole(roles []Role) bool {
	return slices.ContainsFunc(roles, func(role Role) bool { return slices.Contains(r.Requires, role) })
}

// Permits reports whether the permissions of a caller's roles satisfy the rule.
func (r *Rule) Permits(granted []Permission) bool {
	return !slices.ContainsFunc(r.Permissions, func(p Permission) bool { return !slices.Contains(granted, p) })
}

// Owned is an object that belongs to a user. `@auth(orOwner: true)` calls it.
type Owned interface {
	// OwnerID returns the id of that user; the zero id when there is none.
	OwnerID() uuid.UUID
}

// OwnerID implements Owned: a user owns their own account.
func (u *User) OwnerID() uuid.UUID { return u.ID }

// OwnerID implements Owned: a session belongs to the user that it signed in.
func (s *Session) OwnerID() uuid.UUID { return s.UserID }
