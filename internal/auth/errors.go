package auth

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code says what kind of failure an Error is. Its values are those of the schema's ErrorCode that
// the domain can cause; the edges add their own.
type Code string

// The codes of the domain. The schema describes what each means to a client.
const (
	CodeUnauthenticated    Code = "UNAUTHENTICATED"
	CodeForbidden          Code = "FORBIDDEN"
	CodeStepUpRequired     Code = "STEP_UP_REQUIRED"
	CodeInvalidCredentials Code = "INVALID_CREDENTIALS"
	CodeBadUserInput       Code = "BAD_USER_INPUT"
	CodeRateLimited        Code = "RATE_LIMITED"
	CodeServiceUnavailable Code = "SERVICE_UNAVAILABLE"
)

// Reason says why a request is anonymous: the schema's UnauthenticatedReason.
type Reason string

// The reasons, from the least to the most that the server knows of the sender.
const (
	ReasonNoToken         Reason = "NO_TOKEN"
	ReasonTokenExpired    Reason = "TOKEN_EXPIRED"
	ReasonTokenInvalid    Reason = "TOKEN_INVALID"
	ReasonSessionEnded    Reason = "SESSION_ENDED"
	ReasonAccountDisabled Reason = "ACCOUNT_DISABLED"
)

// Error is a failure the client may see. Everything else that a Service returns is internal, and
// the edges show no more of it than that it happened.
type Error struct {
	Code Code
	// Reason is set with CodeUnauthenticated.
	Reason Reason
	// MaxAge is set with CodeStepUpRequired: how long ago the proof may have been.
	MaxAge time.Duration
	// Fields is set with CodeBadUserInput and has at least one element.
	Fields []FieldError
	// RetryAfter is set with CodeRateLimited and CodeServiceUnavailable.
	RetryAfter time.Duration
	// Err is the cause, for the log only.
	Err error
}

// Error describes e for the log. It holds no outside text.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Reason != "" {
		b.WriteString(": " + string(e.Reason))
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
	InputNotFound      InputCode = "NOT_FOUND"
	InputLastAdmin     InputCode = "LAST_ADMIN"
)

// FieldError is what is wrong with one input value.
type FieldError struct {
	// Field names the value, such as "email"; empty when the edge knows which value it is.
	Field string
	Code  InputCode
	// Message tells a person what to do. It never repeats the value.
	Message string
}

// BadInput returns an Error for input values that cannot be accepted.
func BadInput(fields ...FieldError) *Error {
	return &Error{Code: CodeBadUserInput, Fields: fields}
}

// The failures of a Store that the domain acts on. A Store returns them wrapped or as they are.
var (
	// ErrNotFound says that no row has the wanted key.
	ErrNotFound = errors.New("not found")
	// ErrUsernameTaken says that another account holds the user name's key.
	ErrUsernameTaken = errors.New("user name taken")
	// ErrEmailTaken says that another account holds the e-mail address's key.
	ErrEmailTaken = errors.New("e-mail address taken")
	// ErrUnavailable says that the database cannot be reached or is too busy; trying again may help.
	ErrUnavailable = errors.New("database unavailable")
)

// Unauthenticated returns the Error of an anonymous request.
func Unauthenticated(r Reason) *Error { return &Error{Code: CodeUnauthenticated, Reason: r} }

// UnavailableRetry is how long a client waits before it repeats a request that failed with ErrUnavailable.
const UnavailableRetry = 2 * time.Second

// The Errors that say no more than their code.
var (
	ErrForbidden          = &Error{Code: CodeForbidden}
	ErrInvalidCredentials = &Error{Code: CodeInvalidCredentials}
)

// ErrNoTokens says that this process was started without the keys of access tokens, and signs nobody in.
var ErrNoTokens = errors.New("auth: no token authority")
