package auth

import (
	"slices"
	"time"
)

// Assurance says how well a user has authenticated, by the levels of NIST SP 800-63B-4 §2: the schema's Assurance.
type Assurance string

// The levels. The schema describes them.
const (
	AAL1 Assurance = "AAL1"
	AAL2 Assurance = "AAL2"
)

// RequiredAssurance is what a rule requires: the schema's RequiredAssurance. Empty means AAL1, and that the server's FactorPolicy
// applies.
type RequiredAssurance string

// The requirements. The schema describes them.
const (
	RequireAAL1    RequiredAssurance = "AAL1"
	RequireAAL2    RequiredAssurance = "AAL2"
	RequireHighest RequiredAssurance = "HIGHEST"
)

// AssuranceOf returns the level of methods that were used together. Two different factors make AAL2: something that the
// user knows, and something that they have. A passkey that has verified its user is both, and so is a provider that is trusted
// to have checked both. Otherwise a provider is one factor, whatever it has checked. A mail is neither, because whoever
// reads it may have got into the mail box with a password (NIST SP 800-63B-4 §3.1.3.1).
func AssuranceOf(methods []Method) Assurance {
	var knows, has bool
	for _, m := range methods {
		switch m {
		case MethodPassword:
			knows = true
		case MethodTOTP, MethodRecoveryCode, MethodPasskeyPresence:
			has = true
		case MethodPasskey, MethodProviderMultiFactor:
			return AAL2
		}
	}
	if has && (knows || slices.Contains(methods, MethodEmailCode) || slices.Contains(methods, MethodProvider)) {
		return AAL2
	}
	return AAL1
}

// AMR returns the names of methods in the claim amr (RFC 8176 §2, and the registry that it sets up): of the methods
// themselves, and mfa if they are more than one factor.
func AMR(methods []Method) (names []string) {
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, m := range methods {
		switch m {
		case MethodTOTP, MethodRecoveryCode, MethodEmailCode:
			add("otp")
		case MethodPasskey, MethodPasskeyPresence:
			add("pop")
			add("user")
		case MethodProvider, MethodProviderMultiFactor: // no name is registered for a provider
		default:
			add(string(m))
		}
	}
	if AssuranceOf(methods) == AAL2 {
		add("mfa")
	}
	return names
}

// Assurance returns the level of the sign-in.
func (s *Session) Assurance() Assurance { return AssuranceOf(s.Methods) }

// HighestAssurance returns the level that the user can reach.
func (u *User) HighestAssurance() Assurance {
	if u.HasSecondFactor() {
		return AAL2
	}
	return AAL1
}

// SecondFactors returns the methods that complete a sign-in of the user with a password.
func (u *User) SecondFactors() (methods []AuthMethod) {
	for _, m := range []struct {
		kind   CredentialKind
		method AuthMethod
	}{{CredentialTOTP, AuthMethodTOTP}, {CredentialPasskey, AuthMethodPasskey}, {CredentialRecoveryCode, AuthMethodRecoveryCode}} {
		if u.HasFactor(m.kind) {
			methods = append(methods, m.method)
		}
	}
	return methods
}

// AuthMethod is a method as users know it: the schema's AuthMethod.
type AuthMethod string

// The methods as users know them. The schema describes them.
const (
	AuthMethodPassword     AuthMethod = "PASSWORD"
	AuthMethodTOTP         AuthMethod = "TOTP"
	AuthMethodPasskey      AuthMethod = "PASSKEY"
	AuthMethodRecoveryCode AuthMethod = "RECOVERY_CODE"
	AuthMethodEmailCode    AuthMethod = "EMAIL_CODE"
	AuthMethodProvider     AuthMethod = "PROVIDER"
)

// AllAuthMethods lists all of them.
var AllAuthMethods = []AuthMethod{
	AuthMethodPassword, AuthMethodTOTP, AuthMethodPasskey, AuthMethodRecoveryCode, AuthMethodEmailCode,
	AuthMethodProvider,
}

var authMethods = map[Method]AuthMethod{
	MethodPassword: AuthMethodPassword, MethodTOTP: AuthMethodTOTP, MethodRecoveryCode: AuthMethodRecoveryCode,
	MethodPasskey: AuthMethodPasskey, MethodPasskeyPresence: AuthMethodPasskey, MethodEmailCode: AuthMethodEmailCode,
	MethodProvider: AuthMethodProvider, MethodProviderMultiFactor: AuthMethodProvider,
}

// AuthMethod returns the method as users know it; empty if this release does not know it.
func (m Method) AuthMethod() AuthMethod { return authMethods[m] }

// AuthMethods returns the methods of the sign-in, without those that this release does not know.
func (s *Session) AuthMethods() []AuthMethod {
	methods := []AuthMethod{}
	for _, m := range s.Methods {
		if method := m.AuthMethod(); method != "" && !slices.Contains(methods, method) {
			methods = append(methods, method)
		}
	}
	return methods
}

// Assurance returns the level that an access token of the session proves, whose claims have a level and the time of the
// authentication. Once a factor was removed, a token from before proves no more than the session.
func (v *Viewer) Assurance(claimed Assurance, at time.Time) Assurance {
	if v.FactorRemovedSince(at) {
		return v.Session.Assurance()
	}
	return claimed
}

// FactorRemovedSince reports whether a factor was removed since the authentication that a token names. The session has
// forgotten the factor, but the token has not. Tokens have whole seconds.
func (v *Viewer) FactorRemovedSince(at time.Time) bool {
	removed := v.User.FactorRemovedAt
	return removed != nil && !at.After(removed.Truncate(time.Second))
}
