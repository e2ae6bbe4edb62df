package auth

// SignupMode says how people get an account: the schema's SignupMode. The empty one is SignupOpen.
type SignupMode string

// The modes. The schema describes them.
const (
	SignupOpen     SignupMode = "OPEN"
	SignupVerified SignupMode = "VERIFIED"
	SignupInvite   SignupMode = "INVITE"
	SignupClosed   SignupMode = "CLOSED"
)

// SignupModes lists all modes.
var SignupModes = []SignupMode{SignupOpen, SignupVerified, SignupInvite, SignupClosed}

// OrDefault returns the mode that m means.
func (m SignupMode) OrDefault() SignupMode {
	if m == "" {
		return SignupOpen
	}
	return m
}

// CheckSignup returns why nobody can sign up without a confirmed address.
func (m SignupMode) CheckSignup() error {
	if m.OrDefault() == SignupVerified {
		return &Error{Code: CodeEmailConfirmationRequired}
	}
	return m.CheckRequest()
}

// CheckRequest returns why nobody can request a sign-up.
func (m SignupMode) CheckRequest() error {
	if m == SignupInvite {
		return &Error{Code: CodeInvitationRequired}
	}
	return m.CheckOpen()
}

// CheckOpen returns an error if nobody gets an account by themselves, not even with an invitation.
func (m SignupMode) CheckOpen() error {
	if m == SignupClosed {
		return &Error{Code: CodeSignupClosed}
	}
	return nil
}
