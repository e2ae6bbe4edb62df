package usher

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/Khan/genqlient/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// ErrSignedOut says that the user has to sign in. Every [*Error] with the code [Unauthenticated] is one.
var ErrSignedOut = errors.New("nobody is signed in")

// Error is an error that the server answered with.
type Error struct {
	Message    string       `json:"-"`
	Code       ErrorCode    `json:"code"`
	Reason     Reason       `json:"reason"`     // with Unauthenticated
	Fields     []FieldError `json:"fields"`     // with BadUserInput
	RetryAfter int          `json:"retryAfter"` // seconds, with RateLimited and ServiceUnavailable
	RequestID  string       `json:"requestId"`  // names the request in the server's log

	// The extension "challenge" has another type with each of these codes.
	Challenge    *Challenge    `json:"-"` // with ChallengeRequired
	SecondFactor *SecondFactor `json:"-"` // with SecondFactorRequired
}

// SecondFactor is a sign-in that [CompleteLogin] completes.
type SecondFactor struct {
	Challenge string   `json:"challenge"`
	Methods   []string `json:"methods"`   // AuthMethods of the schema; any one of them will do
	ExpiresIn int      `json:"expiresIn"` // seconds
}

// FieldError says what is wrong with one input value.
type FieldError struct {
	Path    []any  `json:"path"` // names and, in lists, indexes
	Code    string `json:"code"` // an InputErrorCode of the schema
	Message string `json:"message"`
}

// Error implements error.
func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s (%s, request %s)", e.Message, e.Code, e.RequestID)
	for _, f := range e.Fields {
		fmt.Fprintf(&text, "\n  %s: %s", strings.Trim(fmt.Sprint(f.Path), "[]"), f.Message)
	}
	return text.String()
}

// Is makes [errors.Is] find [ErrSignedOut].
func (e *Error) Is(target error) bool { return target == ErrSignedOut && e.Code == Unauthenticated }

// asError finds the server's first error in what genqlient returns. Other errors stay as they are.
func asError(err error) error {
	var list gqlerror.List
	if refused := new(graphql.HTTPError); errors.As(err, &refused) {
		list = refused.Response.Errors
	} else if !errors.As(err, &list) {
		return err
	}
	if len(list) == 0 {
		return err
	}
	raw, marshalErr := json.Marshal(list[0].Extensions)
	e := &Error{Message: list[0].Message}
	if marshalErr != nil || json.Unmarshal(raw, e) != nil || e.Code == "" || e.readChallenge(raw) != nil {
		return err
	}
	return e
}

func (e *Error) readChallenge(extensions []byte) error {
	switch e.Code {
	case ChallengeRequired:
		var with struct{ Challenge *Challenge }
		err := json.Unmarshal(extensions, &with)
		e.Challenge = with.Challenge
		return err
	case SecondFactorRequired:
		e.SecondFactor = new(SecondFactor)
		return json.Unmarshal(extensions, e.SecondFactor)
	}
	return nil
}

// Reason is an UnauthenticatedReason of the schema.
type Reason string

// The reasons to refresh. With any other one only a new sign-in helps.
const (
	TokenExpired Reason = "TOKEN_EXPIRED"
	TokenInvalid Reason = "TOKEN_INVALID"
)

// refreshable reports whether a new access token may help.
func (r Reason) refreshable() bool { return r == TokenExpired || r == TokenInvalid }

// ErrorCode is a value of the enum of that name in the schema. genqlient makes types for what
// operations mention, and errors are in none; a test compares the list with the schema.
type ErrorCode string

// All codes there are.
const (
	Unauthenticated         ErrorCode = "UNAUTHENTICATED"
	Forbidden               ErrorCode = "FORBIDDEN"
	EmailNotVerified        ErrorCode = "EMAIL_NOT_VERIFIED"
	StepUpRequired          ErrorCode = "STEP_UP_REQUIRED"
	InvalidCredentials      ErrorCode = "INVALID_CREDENTIALS"
	BadUserInput            ErrorCode = "BAD_USER_INPUT"
	RateLimited             ErrorCode = "RATE_LIMITED"
	ChallengeRequired       ErrorCode = "CHALLENGE_REQUIRED"
	MailDisabled            ErrorCode = "MAIL_DISABLED"
	InvitationRequired      ErrorCode = "INVITATION_REQUIRED"
	SignupClosed            ErrorCode = "SIGNUP_CLOSED"
	OperationTooComplex     ErrorCode = "OPERATION_TOO_COMPLEX"
	ServiceUnavailable      ErrorCode = "SERVICE_UNAVAILABLE"
	InternalServerError     ErrorCode = "INTERNAL_SERVER_ERROR"
	GraphQLParseFailed      ErrorCode = "GRAPHQL_PARSE_FAILED"
	GraphQLValidationFailed ErrorCode = "GRAPHQL_VALIDATION_FAILED"
	BadRequest              ErrorCode = "BAD_REQUEST"

	SecondFactorRequired      ErrorCode = "SECOND_FACTOR_REQUIRED"
	SecondFactorSetupRequired ErrorCode = "SECOND_FACTOR_SETUP_REQUIRED"
	EmailConfirmationRequired ErrorCode = "EMAIL_CONFIRMATION_REQUIRED"
	IdentityNotLinked         ErrorCode = "IDENTITY_NOT_LINKED"

	PersistedQueryNotSupported ErrorCode = "PERSISTED_QUERY_NOT_SUPPORTED"
	PersistedQueryNotFound     ErrorCode = "PERSISTED_QUERY_NOT_FOUND"
	DocumentNotTrusted         ErrorCode = "DOCUMENT_NOT_TRUSTED"
)

// Advice says what the user can do. It is empty for a code that this client does not know.
func (e *Error) Advice() string {
	switch e.Code {
	case Unauthenticated:
		return "Sign in again: login NAME"
	case Forbidden:
		return "Your account may not do this."
	case EmailNotVerified:
		return "Verify your e-mail address, then sign in again: login NAME"
	case StepUpRequired:
		return "Prove who you are by signing in again: login NAME"
	case SecondFactorRequired:
		return "This program cannot use your second factor. Sign in in the browser."
	case SecondFactorSetupRequired:
		return "Set up a second factor in the browser, then sign in again: login NAME"
	case InvalidCredentials:
		return "Check the name, the password and the code."
	case BadUserInput:
		return "Correct what is listed, and try again."
	case RateLimited, ServiceUnavailable:
		return fmt.Sprintf("Try again in %d seconds.", e.RetryAfter)
	case ChallengeRequired:
		return "The server is getting too many attempts. Try again later."
	case MailDisabled:
		return "The server cannot send mail. Ask its operator for help."
	case EmailConfirmationRequired:
		return "Sign up in the browser: the server sends a mail first."
	case InvitationRequired, SignupClosed:
		return "Ask an administrator for an account."
	case IdentityNotLinked:
		return "Your address has an account here. Sign in to it, and link the provider in the browser."
	case InternalServerError:
		return "The server failed. Report it with the id of the request."
	case OperationTooComplex, GraphQLParseFailed, GraphQLValidationFailed, BadRequest,
		PersistedQueryNotSupported, PersistedQueryNotFound, DocumentNotTrusted:
		return "This program does not fit the server. Is it up to date?"
	}
	return ""
}
