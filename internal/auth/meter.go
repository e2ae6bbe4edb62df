package auth

import (
	"context"
	"errors"
)

// Meter counts what happens, for metrics. Its texts are constants of the program, never a text from outside: no name, no
// address and no id. Its methods are safe for concurrent use.
type Meter interface {
	// CountSignIn counts an attempt to sign in by a method, with one of the outcomes of SignInOutcome.
	CountSignIn(method, outcome string)
	// CountSessionStarted counts a session that began.
	CountSessionStarted()
	// CountSessionsEnded counts sessions that a transaction ended. The cause is the kind of its first event.
	CountSessionsEnded(cause string, n int)
	// CountEvent counts an event that was written to the audit log.
	CountEvent(kind string)
	// CountLimit counts a decision of a rate limit.
	CountLimit(limit, decision string)
	// CountMail counts an attempt to send a mail.
	CountMail(outcome string)
}

// Uncounted is a Meter that counts nothing.
type Uncounted struct{}

var _ Meter = Uncounted{}

// CountSignIn implements Meter.
func (Uncounted) CountSignIn(string, string) {}

// CountSessionStarted implements Meter.
func (Uncounted) CountSessionStarted() {}

// CountSessionsEnded implements Meter.
func (Uncounted) CountSessionsEnded(string, int) {}

// CountEvent implements Meter.
func (Uncounted) CountEvent(string) {}

// CountLimit implements Meter.
func (Uncounted) CountLimit(string, string) {}

// CountMail implements Meter.
func (Uncounted) CountMail(string) {}

// The methods of sign-ins for Meter.CountSignIn.
const (
	SignInPassword         = "password"
	SignInRefreshToken     = "refresh_token"
	SignInReauthentication = "reauthentication"
	SignInSecondFactor     = "second_factor"
	SignInEmailCode        = "email_code"
	SignInPasskey          = "passkey"
	SignInProvider         = "provider"
)

// SignInOutcome returns the outcome of a sign-in for Meter.CountSignIn. It is the same for a wrong password and for an
// account that does not exist.
func SignInOutcome(err error) string {
	var e *Error
	switch {
	case err == nil:
		return "success"
	case !errors.As(err, &e):
		if errors.Is(err, ErrUnavailable) {
			return "unavailable"
		}
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return "cancelled"
		}
		return "error"
	}
	switch e.Code {
	case CodeInvalidCredentials:
		return "wrong_credentials"
	case CodeRateLimited:
		return "locked"
	case CodeEmailNotVerified:
		return "unverified"
	case CodeSecondFactorRequired, CodeSecondFactorSetupRequired, CodeStepUpRequired:
		return "second_factor"
	case CodeIdentityNotLinked:
		return "not_linked"
	case CodeEmailConfirmationRequired, CodeInvitationRequired, CodeSignupClosed:
		return "no_signup"
	case CodeServiceUnavailable:
		return "busy"
	case CodeBadUserInput:
		if e.Guess() {
			return "wrong_credentials"
		}
		return "invalid_input"
	case CodeUnauthenticated:
		if e.Reason == ReasonAccountDisabled {
			return "disabled"
		}
		return "invalid_token"
	}
	return "error"
}
