package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Code is the kind of an Error. Its values are those of the schema's ErrorCode that the domain can cause. The edges have
// others.
type Code string

// The codes of the domain. The schema describes them.
const (
	CodeUnauthenticated           Code = "UNAUTHENTICATED"
	CodeForbidden                 Code = "FORBIDDEN"
	CodeEmailNotVerified          Code = "EMAIL_NOT_VERIFIED"
	CodeStepUpRequired            Code = "STEP_UP_REQUIRED"
	CodeSecondFactorRequired      Code = "SECOND_FACTOR_REQUIRED"
	CodeSecondFactorSetupRequired Code = "SECOND_FACTOR_SETUP_REQUIRED"
	CodeInvalidCredentials        Code = "INVALID_CREDENTIALS"
	CodeIdentityNotLinked         Code = "IDENTITY_NOT_LINKED"
	CodeBadUserInput              Code = "BAD_USER_INPUT"
	CodeRateLimited               Code = "RATE_LIMITED"
	CodeChallengeRequired         Code = "CHALLENGE_REQUIRED"
	CodeMailDisabled              Code = "MAIL_DISABLED"

	CodeEmailConfirmationRequired Code = "EMAIL_CONFIRMATION_REQUIRED"
	CodeInvitationRequired        Code = "INVITATION_REQUIRED"
	CodeSignupClosed              Code = "SIGNUP_CLOSED"

	CodeServiceUnavailable Code = "SERVICE_UNAVAILABLE"
)

// Reason is why a request is anonymous: the schema's UnauthenticatedReason.
type Reason string

// The reasons. The schema describes them.
const (
	ReasonNoToken         Reason = "NO_TOKEN"
	ReasonTokenExpired    Reason = "TOKEN_EXPIRED"
	ReasonTokenInvalid    Reason = "TOKEN_INVALID"
	ReasonSessionEnded    Reason = "SESSION_ENDED"
	ReasonAccountDisabled Reason = "ACCOUNT_DISABLED"
)

// Error is an error that clients may see. All other errors of the domain are internal: the edges say only that one
// happened.
type Error struct {
	Code Code
	// Reason is set with CodeUnauthenticated.
	Reason Reason
	// Wrong is set with CodeInvalidCredentials if it is known whose credential it should be: what was wrong. Empty, it is the
	// identifier or the password.
	Wrong AuthMethod
	// MaxAge is set with CodeStepUpRequired: how long ago the user may have authenticated; zero for any time.
	MaxAge time.Duration
	// Assurance is set with CodeStepUpRequired: the level at which the user must confirm their identity.
	Assurance Assurance
	// Methods is set with CodeStepUpRequired and CodeSecondFactorRequired: any one of them will do.
	Methods []AuthMethod
	// UnknownPasskey can be set with CodeInvalidCredentials: no account has the passkey. Credential ids are random, so that
	// only who has had the passkey can ask (WebAuthn Level 3 §14.6.3).
	UnknownPasskey bool
	// Continue is set with CodeSecondFactorRequired.
	Continue *Continuation
	// Fields is set with CodeBadUserInput and has at least one element.
	Fields []FieldError
	// RetryAfter is set with CodeRateLimited and CodeServiceUnavailable.
	RetryAfter time.Duration
	// Challenge is set with CodeChallengeRequired.
	Challenge *Challenge
	// Err is the cause, for the log only.
	Err error
}

// Continuation lets the client complete a sign-in.
type Continuation struct {
	// Token identifies the sign-in. It can be used once.
	Token string
	// Browser is what the browser must present too, if the sign-in is bound to it; otherwise empty. Only its cookie has it.
	Browser   string
	ExpiresIn time.Duration
}

// Challenge asks for proof of work, in the format of ALTCHA (https://altcha.org/docs). It is solved by the number from 0
// to MaxNumber whose digits, appended to Salt, have the SHA-256 digest Challenge.
type Challenge struct {
	Algorithm string `json:"algorithm"`
	Challenge string `json:"challenge"`
	Salt      string `json:"salt"`
	MaxNumber int64  `json:"maxnumber"`
	Signature string `json:"signature"`
}

// Guess reports whether a password, a code or a token was wrong, as in an attempt to guess it.
func (e *Error) Guess() bool {
	return e.Code == CodeInvalidCredentials ||
		slices.ContainsFunc(e.Fields, func(f FieldError) bool { return f.Code == InputIncorrect })
}

// Class names the error in a trace. Refusing a client is not a fault.
func (e *Error) Class() (name string, fault bool) { return string(e.Code), false }

// Error describes e for the log. It contains no text from clients.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Reason != "" {
		b.WriteString(": " + string(e.Reason))
	}
	if e.Wrong != "" {
		b.WriteString(": " + string(e.Wrong))
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, ": %s %s", f.Field, f.Code)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// InputCode says what is wrong with one input value: the schema's InputErrorCode.
type InputCode string

// The input codes. The schema describes them.
const (
	InputRequired      InputCode = "REQUIRED"
	InputTaken         InputCode = "TAKEN"
	InputTooShort      InputCode = "TOO_SHORT"
	InputTooLong       InputCode = "TOO_LONG"
	InputInvalidFormat InputCode = "INVALID_FORMAT"
	InputTooCommon     InputCode = "TOO_COMMON"
	InputCompromised   InputCode = "COMPROMISED"
	InputNotFound      InputCode = "NOT_FOUND"
	InputLastAdmin     InputCode = "LAST_ADMIN"
	InputTooMany       InputCode = "TOO_MANY"
	InputInUse         InputCode = "IN_USE"
	InputSameAsBefore  InputCode = "SAME_AS_BEFORE"
	InputExpired       InputCode = "EXPIRED"
	InputIncorrect     InputCode = "INCORRECT"

	InputLastCredential InputCode = "LAST_CREDENTIAL"
)

// FieldError is an error of one input value.
type FieldError struct {
	// Field names the value, such as "email"; empty when the edge knows which value it is.
	Field string
	Code  InputCode
	// Message tells the user what to do. It never repeats the value.
	Message string
}

// BadInput returns an Error for invalid input values.
func BadInput(fields ...FieldError) *Error {
	return &Error{Code: CodeBadUserInput, Fields: fields}
}

// The errors of a Store that the domain handles. A Store may wrap them.
var (
	// ErrNotFound says that no row has the key.
	ErrNotFound = errors.New("not found")
	// ErrUsernameTaken says that another account has the user name's key.
	ErrUsernameTaken = errors.New("user name taken")
	// ErrEmailTaken says that another account has the e-mail address's key.
	ErrEmailTaken = errors.New("e-mail address taken")
	// ErrFactorTaken says that the factor exists, for a passkey or an identity at any account.
	ErrFactorTaken = errors.New("factor taken")
	// ErrUnavailable says that the database cannot answer now. Trying again may help. ErrUnreachable and ErrBusy wrap
	// it.
	ErrUnavailable = errors.New("database unavailable")
	// ErrUnreachable says that the database is down, or that the network to it is.
	ErrUnreachable error = unavailable("database unreachable")
	// ErrBusy says that the database answers, but has too much to do or a lock that another transaction holds.
	ErrBusy error = unavailable("database busy")
)

// unavailable is a kind of ErrUnavailable.
type unavailable string

func (e unavailable) Error() string { return string(e) }

// Unwrap returns ErrUnavailable.
func (unavailable) Unwrap() error { return ErrUnavailable }

// Unavailability returns the cause that the log names for an error that becomes SERVICE_UNAVAILABLE.
func Unavailability(err error) string {
	for _, kind := range []error{ErrUnreachable, ErrBusy} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "request timed out"
	}
	return ErrUnavailable.Error()
}

// Unauthenticated returns the Error of a request without a valid session.
func Unauthenticated(r Reason) *Error { return &Error{Code: CodeUnauthenticated, Reason: r} }

// WrongCredential returns the Error of a credential that is not the user's, or not any more.
func WrongCredential(m AuthMethod) *Error { return &Error{Code: CodeInvalidCredentials, Wrong: m} }

// UnavailableRetry is how long a client waits before it repeats a request that failed with ErrUnavailable.
const UnavailableRetry = 2 * time.Second

// The Errors with nothing but a code.
var (
	ErrForbidden          = &Error{Code: CodeForbidden}
	ErrEmailNotVerified   = &Error{Code: CodeEmailNotVerified}
	ErrInvalidCredentials = &Error{Code: CodeInvalidCredentials}
	ErrSecondFactorSetup  = &Error{Code: CodeSecondFactorSetupRequired}
	ErrMailDisabled       = &Error{Code: CodeMailDisabled}
)

// ErrNoTokens says that this process has no keys to sign access tokens.
var ErrNoTokens = errors.New("auth: no token authority")
