package access

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/observe"
	"usher/internal/token"
)

// Authorize returns nil when the caller of ctx satisfies the rule for an object. Otherwise it returns an *auth.Error with
// CodeUnauthenticated, CodeForbidden, CodeEmailNotVerified, CodeSecondFactorSetupRequired or CodeStepUpRequired, or the fault
// that prevented a decision. The object is the one whose field is guarded. Who owns it counts for OrOwner.
//
// A caller that may never do something learns only that: no verification and no password would help. The address comes
// before the password, because it is verified once and for all fields: a client that asked for the password first would
// have to ask again if the verification takes longer than MaxAge.
func (s *Service) Authorize(ctx context.Context, rule *auth.Rule, object any) error {
	state, unlock := caller.Lock(ctx)
	defer unlock()
	for _, d := range state.Decisions { // no more than the schema has different rules
		if d.Rule == rule {
			err := apply(d, object)
			if err != nil && observe.Traced(ctx) {
				observe.Refused(ctx, rule.String(), outcome(err))
			}
			return err
		}
	}
	ctx, end := s.observer.Step(ctx, observe.Guard, "")
	d, err := s.decide(ctx, state, rule)
	if err == nil {
		err = apply(d, object)
	}
	if observe.Traced(ctx) {
		observe.Decided(ctx, rule.String(), outcome(err))
	}
	end(err)
	return err
}

// outcome names what a guard has decided: ALLOW, the code of the refusal, or FAULT.
func outcome(err error) string {
	if err == nil {
		return "ALLOW"
	}
	if refusal, ok := errors.AsType[*auth.Error](err); ok {
		return string(refusal.Code)
	}
	return "FAULT"
}

// apply returns what a decision says for an object.
func apply(d caller.Decision, object any) error {
	rule := d.Rule
	own := rule.OrOwner && owns(d.Subject, object)
	if !d.Admitted && !own {
		return auth.ErrForbidden
	}
	if d.Unverified {
		return auth.ErrEmailNotVerified
	}
	if d.NoFactor || d.Overdue && !allowsSetup(rule, own) {
		return auth.ErrSecondFactorSetup
	}
	if d.Weak || d.Stale {
		return &auth.Error{Code: auth.CodeStepUpRequired, MaxAge: rule.MaxAge, Assurance: d.StepUp, Methods: d.Methods}
	}
	return nil
}

// allowsSetup reports whether a rule is for users who have to set up a second factor: it says so with an assurance, and it is
// about their own account. Rules with CheckToken are not: the tokens of such users have no roles.
func allowsSetup(rule *auth.Rule, own bool) bool {
	return rule.Assurance != "" && (own || rule.HasRole([]auth.Role{auth.RoleUser}))
}

func owns(subject uuid.UUID, object any) bool {
	owned, ok := object.(auth.Owned)
	return ok && subject != uuid.Nil && owned.OwnerID() == subject
}

// decide makes the decision on a rule and keeps it for the request. The caller is locked.
func (s *Service) decide(ctx context.Context, c *caller.State, rule *auth.Rule) (caller.Decision, error) {
	d := caller.Decision{Rule: rule}
	var roles []auth.Role
	var verified bool
	var viewer *auth.Viewer // nil for CheckToken
	if c.Claims == nil {
		return d, auth.Unauthenticated(c.Reason)
	}
	proved := auth.Assurance(c.Claims.Assurance)
	if rule.Check == auth.CheckToken {
		if roles = rolesOf(c.Claims); len(roles) > 0 { // otherwise the zero id, which owns nothing
			d.Subject, _ = uuid.Parse(c.Claims.Subject)
		}
		verified = c.Claims.EmailVerified
	} else { // An unknown value is as strict as CheckSession.
		var err error
		if viewer, err = s.viewer(ctx, c); err != nil {
			return d, err
		}
		d.Subject, roles, verified = viewer.User.ID, viewer.User.Roles, viewer.User.HasVerifiedEmail()
		proved = viewer.Assurance(proved, c.Claims.AuthTime)
	}
	if d.Admitted = rule.HasRole(roles); d.Admitted {
		var err error
		if d.Admitted, err = s.permits(ctx, c, rule, roles); err != nil {
			return d, err
		}
	}
	d.Unverified = rule.Verified && !verified
	// The token's time counts, not the session's. Otherwise a stolen token would satisfy the rule when its owner
	// re-authenticates. Tokens have whole seconds.
	d.Stale = rule.MaxAge > 0 && s.tx.Now().Truncate(time.Second).Sub(c.Claims.AuthTime) > rule.MaxAge
	d.Weak = proved != auth.AAL2 && requiresTwo(rule, viewer)
	d.NoFactor = d.Weak && viewer != nil && !viewer.User.HasSecondFactor()
	d.Overdue = viewer != nil && s.second.Overdue(&viewer.User, s.tx.Now())
	if d.Weak || d.Stale {
		d.StepUp, d.Methods = s.stepUp(d.Weak, proved, viewer)
	}
	c.Decisions = append(c.Decisions, d)
	return d, nil
}

// requiresTwo reports whether a rule requires two factors of a caller.
func requiresTwo(rule *auth.Rule, v *auth.Viewer) bool {
	return rule.Assurance == auth.RequireAAL2 ||
		rule.Assurance == auth.RequireHighest && v != nil && v.User.HighestAssurance() == auth.AAL2
}

// stepUp returns the level at which a caller must confirm their identity, and the methods that reach it. A session that began
// with two factors needs the second one, because a thief with a copy of it may know the password. Users may have no password,
// so a mailed code is a method too. A token does not say which factors the user has.
func (s *Service) stepUp(weak bool, proved auth.Assurance, v *auth.Viewer) (auth.Assurance, []auth.AuthMethod) {
	factors := []auth.AuthMethod{auth.AuthMethodTOTP, auth.AuthMethodPasskey, auth.AuthMethodRecoveryCode}
	if v != nil {
		proved, factors = v.Session.Assurance(), v.User.SecondFactors()
	}
	if weak || proved == auth.AAL2 {
		return auth.AAL2, factors
	}
	if v != nil && s.AsksMailedCode(&v.User) {
		return auth.AAL1, []auth.AuthMethod{auth.AuthMethodEmailCode}
	}
	methods := append([]auth.AuthMethod{auth.AuthMethodPassword}, factors...)
	if v != nil && s.canMail(&v.User) {
		methods = append(methods, auth.AuthMethodEmailCode)
	}
	return auth.AAL1, methods
}

// AsksMailedCode reports whether a user needs a mailed code beside the password, to sign in and to confirm their identity: they
// had to set up a second factor and did not in time. Otherwise whoever has found out the password could set up one of their
// own. The code is that of RequestLoginCode, which limits the mails.
func (s *Service) AsksMailedCode(u *auth.User) bool {
	return s.second.Overdue(u, s.tx.Now()) && s.canMail(u)
}

// canMail reports whether a user can get a code by mail.
func (s *Service) canMail(u *auth.User) bool { return s.sendsMail && u.HasVerifiedEmail() }

func rolesOf(claims *token.Claims) []auth.Role {
	roles := make([]auth.Role, len(claims.Roles))
	for i, name := range claims.Roles {
		roles[i] = auth.Role(name)
	}
	return roles
}
