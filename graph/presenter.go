package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"usher/graph/coerce"
	"usher/graph/limit"
	"usher/graph/transport"
	"usher/graph/trusted"
	"usher/internal/auth"
	"usher/internal/request"
)

// presenter turns errors into what clients may know of them. Every error passes through it, from resolvers,
// directives, gqlgen and the transport. An unknown error becomes INTERNAL_SERVER_ERROR.
type presenter struct {
	log *slog.Logger
	// verbose shows validation messages that may contain values of the document. It is for development.
	verbose bool
}

// messages has the default message of each code. They never contain text from outside.
var messages = map[ErrorCode]string{
	ErrorCodeForbidden:           "You are not allowed to do this.",
	ErrorCodeEmailNotVerified:    "Verify your e-mail address to continue.",
	ErrorCodeStepUpRequired:      "Confirm your identity to continue.",
	ErrorCodeInvalidCredentials:  "The user name, e-mail address or password is wrong.",
	ErrorCodeBadUserInput:        "Some of the input is invalid.",
	ErrorCodeRateLimited:         "Too many attempts.",
	ErrorCodeServiceUnavailable:  "The server is temporarily unavailable.",
	ErrorCodeInternalServerError: "The server failed to process the request.",
	ErrorCodeGraphqlParseFailed:  "The document has a syntax error. See locations.",

	ErrorCodeSecondFactorRequired:      "Complete the sign-in with a second factor.",
	ErrorCodeSecondFactorSetupRequired: "Set up a second factor to continue.",
	ErrorCodeChallengeRequired:         "Solve the challenge first.",
	ErrorCodeMailDisabled:              "This server sends no mail.",
	ErrorCodeEmailConfirmationRequired: "Sign-up here begins with a mail. Request it with requestSignup.",
	ErrorCodeInvitationRequired:        "Sign-up requires an invitation from an administrator.",
	ErrorCodeSignupClosed:              "Sign-up is closed on this server.",
	ErrorCodeIdentityNotLinked:         "An account here has the same e-mail address. Sign in to it first, then link the provider.",

	ErrorCodeGraphqlValidationFailed: "The document or its variables do not match the schema.",
}

var reasons = map[auth.Reason]string{
	auth.ReasonNoToken:         "Sign in to do this.",
	auth.ReasonTokenExpired:    "The access token has expired.",
	auth.ReasonTokenInvalid:    "The access token is invalid.",
	auth.ReasonSessionEnded:    "The session has ended. Sign in again.",
	auth.ReasonAccountDisabled: "The account is disabled.",
}

// wrongCredentials has the messages of INVALID_CREDENTIALS where it is known whose credential it should be. They are the same
// for every account.
var wrongCredentials = map[auth.AuthMethod]string{
	auth.AuthMethodPassword:     "The password is wrong.",
	auth.AuthMethodTOTP:         "The code is wrong or was used. Enter the one that the app shows now.",
	auth.AuthMethodRecoveryCode: "The recovery code is wrong or was used. Enter another one.",
	auth.AuthMethodPasskey:      "The passkey was not accepted. Try again, or use another one.",
	auth.AuthMethodEmailCode:    "The code is wrong or no longer valid. Check it, or request a new one.",
	auth.AuthMethodProvider:     "The account at the provider is no longer linked to this account.",
}

// present is gqlgen's error presenter. gqlgen calls it in deferred functions of its own goroutines, where a
// panic would end the process, so present contains every panic.
func (p *presenter) present(ctx context.Context, err error) (out *gqlerror.Error) {
	if contained(func() { out = p.translate(ctx, err) }, func(cause any) { p.logPanic(ctx, cause) }) {
		return out
	}
	var id string
	contained(func() { id = request.From(ctx).ID }, nil)
	return &gqlerror.Error{
		Message:    messages[ErrorCodeInternalServerError],
		Extensions: map[string]any{"requestId": id, "code": ErrorCodeInternalServerError.String()},
	}
}

func (p *presenter) translate(ctx context.Context, err error) *gqlerror.Error {
	out := &gqlerror.Error{Path: graphql.GetPath(ctx)}
	var located *gqlerror.Error
	if errors.As(err, &located) && located != nil {
		out.Locations = located.Locations
		if located.Path != nil {
			out.Path = located.Path
		}
	}
	info := request.From(ctx)
	extensions := map[string]any{"requestId": info.ID}
	out.Extensions = extensions

	var domain *auth.Error
	code := ErrorCodeInternalServerError
	switch {
	case errors.As(err, &domain) && domain != nil:
		code = ErrorCode(domain.Code)
		out.Err = domain // for the rateLimiter; clients do not get it
		presentDomain(ctx, domain, out)
	case errors.Is(err, auth.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		code = ErrorCodeServiceUnavailable
		extensions["retryAfter"] = seconds(auth.UnavailableRetry)
		p.log.ErrorContext(ctx, "service unavailable", "id", info.ID, "cause", auth.Unavailability(err), "err", err)
	case errors.Is(err, context.Canceled):
		code = ErrorCodeServiceUnavailable // the client has gone and reads no answer
		extensions["retryAfter"] = seconds(auth.UnavailableRetry)
	case located != nil && located.Unwrap() == nil:
		code = p.protocolCode(located, out)
	case errors.Is(err, errOperationKind):
		code = ErrorCodeGraphqlValidationFailed
		out.Message = "This server executes queries and mutations only."
	case isIntrospection(ctx):
		code = ErrorCodeGraphqlValidationFailed
		out.Message = "Introspection is disabled on this server."
	}
	if !code.IsValid() {
		code = ErrorCodeInternalServerError
	}
	if code == ErrorCodeInternalServerError {
		p.log.ErrorContext(ctx, "internal error", "id", info.ID, "path", out.Path.String(), "err", err)
	}
	extensions["code"] = code.String()
	if out.Message == "" {
		out.Message = messages[code]
	}
	return out
}

func presentDomain(ctx context.Context, e *auth.Error, out *gqlerror.Error) {
	depth := max(1, len(graphql.GetPath(ctx)))
	switch e.Code {
	case auth.CodeUnauthenticated, auth.CodeForbidden, auth.CodeEmailNotVerified, auth.CodeStepUpRequired,
		auth.CodeSecondFactorSetupRequired:
		out.Path, _ = splitPath(out.Path, depth) // the path of a guarded argument continues into the argument
	}
	switch e.Code {
	case auth.CodeUnauthenticated:
		out.Extensions["reason"] = string(e.Reason)
		out.Message = reasons[e.Reason]
	case auth.CodeInvalidCredentials:
		out.Message = wrongCredentials[e.Wrong] // empty for the default
		if e.UnknownPasskey {
			out.Extensions["unknownPasskey"] = true
		}
	case auth.CodeStepUpRequired:
		if e.MaxAge > 0 {
			out.Extensions["maxAge"] = seconds(e.MaxAge)
		}
		out.Extensions["assurance"] = e.Assurance
		out.Extensions["methods"] = e.Methods
	case auth.CodeSecondFactorRequired:
		out.Extensions["challenge"] = e.Continue.Token
		out.Extensions["methods"] = e.Methods
		out.Extensions["expiresIn"] = seconds(e.Continue.ExpiresIn)
	case auth.CodeBadUserInput:
		fields := make([]map[string]any, len(e.Fields))
		for i, f := range e.Fields {
			path := argumentPath(ctx, f.Field)
			if path == nil { // gqlgen has located the value by itself
				out.Path, path = splitPath(out.Path, depth)
			}
			fields[i] = map[string]any{"path": path, "code": string(f.Code), "message": f.Message}
		}
		out.Extensions["fields"] = fields
	case auth.CodeChallengeRequired:
		out.Extensions["challenge"] = e.Challenge
	case auth.CodeRateLimited, auth.CodeServiceUnavailable:
		out.Extensions["retryAfter"] = seconds(e.RetryAfter)
	}
}

// argumentPath returns the path to a value of the input that the domain names, from the arguments of the field on:
// the argument of that name, or the field of that name in one of the arguments. It is nil for the empty name.
func argumentPath(ctx context.Context, name string) []string {
	if name == "" {
		return nil
	}
	field := graphql.GetFieldContext(ctx)
	if field == nil || field.Field.Field == nil || field.Field.Definition == nil {
		return []string{name}
	}
	for _, argument := range field.Field.Definition.Arguments {
		input := parsedSchema.Types[argument.Type.Name()]
		if argument.Name != name && input != nil && input.Kind == ast.InputObject && input.Fields.ForName(name) != nil {
			return []string{argument.Name, name}
		}
	}
	return []string{name}
}

// splitPath divides the path that gqlgen gives to a bad argument. It runs through the response to the
// field, which is as deep as the error's context, and on into the argument.
func splitPath(path ast.Path, depth int) (field ast.Path, value []string) {
	value = []string{} // of a field without arguments
	depth = min(depth, len(path))
	for _, element := range path[depth:] {
		value = append(value, fmt.Sprint(element))
	}
	return path[:depth], value
}

// isIntrospection reports whether the error is of an introspection field. gqlgen has one error for these:
// that introspection is disabled.
func isIntrospection(ctx context.Context) bool {
	f := graphql.GetFieldContext(ctx)
	if f == nil || f.Field.Field == nil { // an element of a list has no field of its own
		return false
	}
	return f.Field.Name == "__schema" || f.Field.Name == "__type"
}

// protocolCode returns the code of an error of gqlgen or the transport. It keeps the message if that
// contains nothing but names.
func (p *presenter) protocolCode(e *gqlerror.Error, out *gqlerror.Error) ErrorCode {
	code, _ := e.Extensions["code"].(string)
	switch code {
	case errcode.ParseFailed:
		out.Path = nil
		return ErrorCodeGraphqlParseFailed
	case errcode.ValidationFailed:
		out.Path = nil
		if len(e.Path) > 1 { // "variable", and the names down to the value
			out.Message = p.variable(e)
		} else if p.verbose || slices.Contains(rulesAboutNames, e.Rule) {
			out.Message = cut(e.Message)
		}
		return ErrorCodeGraphqlValidationFailed
	case transport.CodeBadRequest, transport.CodePersistedQueryNotSupported, transport.CodePersistedQueryNotFound,
		limit.CodeTooComplex, trusted.CodeNotTrusted:
		out.Message, out.Path = e.Message, nil
		return ErrorCode(code)
	}
	return ErrorCodeInternalServerError
}

// variable returns the message of an error about the value of a variable. The path has names of the schema
// only, except for the last one if that is unknown.
func (p *presenter) variable(e *gqlerror.Error) string {
	path := e.Path[1:]
	if e.Message == "unknown field" && len(path) > 1 { // gqlparser's
		path = path[:len(path)-1]
	}
	message := "A variable does not match the schema: " + path.String()
	if p.verbose || e.Rule == coerce.RuleName {
		message += " " + e.Message
	}
	return cut(message + ".")
}

// rulesAboutNames are the validation rules whose messages contain names of fields, types, arguments,
// variables and directives, and never a value. The messages of other rules may contain values of the
// document, such as a password.
var rulesAboutNames = []string{
	"FieldsOnCorrectType", "FieldsOnCorrectTypeWithoutSuggestions", "FragmentsOnCompositeTypes",
	"KnownArgumentNames", "KnownArgumentNamesWithoutSuggestions", "KnownDirectives", "KnownFragmentNames",
	"KnownTypeNames", "KnownTypeNamesWithoutSuggestions", "LoneAnonymousOperation", "NoFragmentCycles",
	"NoUndefinedVariables", "NoUnusedFragments", "NoUnusedVariables", "PossibleFragmentSpreads",
	"ProvidedRequiredArguments", "ScalarLeafs", "ScalarLeafsWithoutSuggestions", "SingleFieldSubscriptions",
	"UniqueArgumentNames", "UniqueDirectivesPerLocation", "UniqueFragmentNames", "UniqueInputFieldNames",
	"UniqueOperationNames", "UniqueVariableNames", "VariablesAreInputTypes", "VariablesInAllowedPosition",
	coerce.RuleName,
}

// maxMessage is the maximum length of a message in bytes: names can be as long as the document.
const maxMessage = 300

func cut(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage], "") + "…"
}

// recover is gqlgen's recover function. It logs the panic with its stack, and returns an error that becomes
// INTERNAL_SERVER_ERROR. Like present, it contains every panic.
func (p *presenter) recover(ctx context.Context, cause any) error {
	contained(func() { p.logPanic(ctx, cause) }, nil)
	return errPanic
}

func (p *presenter) logPanic(ctx context.Context, cause any) {
	p.log.ErrorContext(ctx, "panic", "id", request.From(ctx).ID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
}

// contained runs f and reports whether it returned. If f panicked, failed gets the cause, and may
// panic as well.
func contained(f func(), failed func(cause any)) (returned bool) {
	defer func() {
		if cause := recover(); cause != nil && failed != nil {
			contained(func() { failed(cause) }, nil)
		}
	}()
	f()
	return true
}

var errPanic = errors.New("a resolver panicked")

// seconds rounds up, so that a client that waits as told is not early.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
