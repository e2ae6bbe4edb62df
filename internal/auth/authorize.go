package auth

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"usher/internal/token"
)

// Check says what a guard believes: the schema's AuthCheck.
type Check string

// The checks. The schema describes them.
const (
	CheckSession Check = "SESSION"
	CheckToken   Check = "TOKEN"
)

// Rule is what `@auth` demands. It must not be changed once it is in use: decisions on it are
// remembered by its address.
type Rule struct {
	// Requires lists the roles of which the caller needs at least one. Empty admits nobody but the
	// owner.
	Requires []Role
	// Permissions lists what the caller's roles must allow, all of it.
	Permissions []Permission
	// OrOwner admits whoever owns the object as well, whatever their roles.
	OrOwner bool
	Check   Check
	// MaxAge is how long ago the caller may have proved who they are, at most. Zero asks for nothing.
	MaxAge time.Duration
}

// Admits reports whether the rule is satisfied by somebody with the given roles, as far as it is
// about roles and permissions.
func (r *Rule) Admits(roles []Role) bool {
	return slices.ContainsFunc(roles, func(role Role) bool { return slices.Contains(r.Requires, role) }) &&
		!slices.ContainsFunc(r.Permissions, func(p Permission) bool { return !holds(roles, p) })
}

// Owned is an object that belongs to a user. `@auth(orOwner: true)` asks it.
type Owned interface {
	// OwnerID returns the id of that user; the zero id when it belongs to nobody.
	OwnerID() uuid.UUID
}

// OwnerID implements Owned: a user owns themself.
func (u *User) OwnerID() uuid.UUID { return u.ID }

// OwnerID implements Owned: a session belongs to the user it signed in.
func (s *Session) OwnerID() uuid.UUID { return s.UserID }

// Authorize returns nil when the caller of ctx satisfies the rule for an object, and otherwise an
// error: an *Error with CodeUnauthenticated, CodeForbidden or CodeStepUpRequired, or the fault that
// kept it from deciding. Only nil admits. The object is the one whose field is guarded; it matters
// to OrOwner alone.
func (s *Service) Authorize(ctx context.Context, rule *Rule, object any) error {
	c := CallerFrom(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := s.decide(ctx, c, rule)
	if err != nil {
		return err
	}
	if !d.admitted && (!rule.OrOwner || !owns(d.subject, object)) {
		return errForbidden
	}
	if d.stale {
		return &Error{Code: CodeStepUpRequired, MaxAge: rule.MaxAge}
	}
	return nil
}

func owns(subject uuid.UUID, object any) bool {
	owned, ok := object.(Owned)
	return ok && subject != uuid.Nil && owned.OwnerID() == subject
}

// decision is what holds of a caller and a rule for the whole of a request, whatever the object.
type decision struct {
	rule     *Rule
	admitted bool // by roles and permissions
	stale    bool // the last proof of who they are is too old
	subject  uuid.UUID
}

// decide looks the caller's decision on a rule up, and makes it when it is the first time. The
// caller is locked.
func (s *Service) decide(ctx context.Context, c *Caller, rule *Rule) (decision, error) {
	for _, d := range c.decisions { // there are no more of them than the schema has different rules
		if d.rule == rule {
			return d, nil
		}
	}
	d := decision{rule: rule}
	var roles []Role
	if c.claims == nil {
		return d, unauthenticated(c.reason)
	}
	if rule.Check == CheckToken {
		d.subject, _ = uuid.Parse(c.claims.Subject) // the zero id owns nothing
		roles = rolesOf(c.claims)
	} else { // Everything else is checked live, so that an unknown value is strict.
		v, err := s.viewer(ctx, c)
		if err != nil {
			return d, err
		}
		d.subject, roles = v.User.ID, v.User.Roles
	}
	d.admitted = rule.Admits(roles)
	// The token's time counts, not that of the session, or a stolen token would become good when its
	// owner proves who they are. Tokens count whole seconds.
	d.stale = rule.MaxAge > 0 && s.now().Truncate(time.Second).Sub(c.claims.AuthTime) > rule.MaxAge
	c.decisions = append(c.decisions, d)
	return d, nil
}

func rolesOf(claims *token.Claims) []Role {
	roles := make([]Role, len(claims.Roles))
	for i, name := range claims.Roles {
		roles[i] = Role(name)
	}
	return roles
}

// Roles returns what the caller of ctx may be, as far as can be told now: nothing when they are not
// signed in.
func (s *Service) Roles(ctx context.Context) []Role {
	v, err := s.Viewer(ctx)
	if err != nil {
		return nil
	}
	return v.User.Roles
}

// Me returns the signed-in user.
func (s *Service) Me(ctx context.Context) (*User, error) {
	v, err := s.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	return &v.User, nil
}
