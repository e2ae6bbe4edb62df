package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"usher/graph/directive"
	"usher/graph/limit"
	"usher/internal/auth/throttle"
	"usher/internal/cookie"
)

// sendsMail are the fields that send a mail, or send it again. The server does not start if one of them has no
// @rateLimit that refuses. Add yours here: TestGolden fails for a case that sends mail with a field that is missing.
var sendsMail = map[string]bool{
	"Mutation.cancelEmailChange":        true,
	"Mutation.changePassword":           true,
	"Mutation.completeLogin":            true,
	"Mutation.completeProviderLogin":    true,
	"Mutation.confirmPasskeySetup":      true,
	"Mutation.confirmTotpSetup":         true,
	"Mutation.createUser":               true,
	"Mutation.deleteMe":                 true,
	"Mutation.deleteUser":               true,
	"Mutation.inviteUser":               true,
	"Mutation.linkIdentity":             true,
	"Mutation.loginWithCode":            true,
	"Mutation.loginWithIdToken":         true,
	"Mutation.reauthenticate":           true,
	"Mutation.regenerateRecoveryCodes":  true,
	"Mutation.removePasskey":            true,
	"Mutation.removeTotp":               true,
	"Mutation.requestEmailChange":       true,
	"Mutation.requestEmailVerification": true,
	"Mutation.requestLoginCode":         true,
	"Mutation.requestPasswordReset":     true,
	"Mutation.requestSignup":            true,
	"Mutation.resetFactors":             true,
	"Mutation.unlinkIdentity":           true,
	"Mutation.resetPassword":            true,
	"Mutation.retryMail":                true,
	"Mutation.sendPasswordReset":        true,
	"Mutation.verifyEmail":              true,
}

// checkLimits returns an error that names the fields that check a credential or send mail and have no limit that
// refuses.
func checkLimits(schema *directive.Schema) error {
	credentials := limit.CredentialFields(schema.Schema)
	for coordinate := range sendsMail {
		typeName, name, _ := strings.Cut(coordinate, ".")
		if def := schema.Types[typeName]; def == nil || def.Fields.ForName(name) == nil {
			return fmt.Errorf("sendsMail names %s, which is not in the schema", coordinate)
		}
	}
	var problems []error
	for _, coordinate := range schema.Unlimited(func(f *ast.FieldDefinition, coordinate string) bool {
		return credentials[f] || sendsMail[coordinate]
	}) {
		problems = append(problems, fmt.Errorf("field %s checks a credential or sends mail, and has no @rateLimit with exceeded: REFUSE", coordinate))
	}
	return errors.Join(problems...)
}

// RateLimits returns the rate limits of the schema by the coordinate of the field, unless Check returns an error. The
// overrides replace numbers by the name of the limit.
func RateLimits(overrides map[string]directive.Override) (map[string][]throttle.Rule, error) {
	schema, err := effectiveSchema(false, overrides)
	if err != nil {
		return nil, err
	}
	return schema.RateLimits(), nil
}

// effectiveSchema is accessSchema with the overrides of an operator.
func effectiveSchema(requireVerified bool, overrides map[string]directive.Override) (*directive.Schema, error) {
	schema, err := accessSchema(requireVerified)
	if err != nil {
		return nil, err
	}
	return schema, schema.Override(overrides)
}

// rateLimiter is the extension of gqlgen that applies the rate limits to an operation as a whole, before anything of it
// runs and before its guards.
type rateLimiter struct {
	schema    *directive.Schema
	presenter *presenter
	admit     admit
}

// admit is throttle.Service.Admit, which admits all uses or none. settle notes the result of the use with an index.
type admit func(context.Context, []throttle.Use) (settle func(context.Context, int, throttle.Result), err error)

func admitWith(service *throttle.Service) admit {
	return func(ctx context.Context, uses []throttle.Use) (func(context.Context, int, throttle.Result), error) {
		admission, err := service.Admit(ctx, uses)
		if err != nil {
			return nil, err
		}
		return admission.Settle, nil
	}
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationInterceptor
} = (*rateLimiter)(nil)

// ExtensionName is for gqlgen's statistics.
func (*rateLimiter) ExtensionName() string { return "RateLimiter" }

// Validate has nothing to check.
func (*rateLimiter) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation refuses an operation over a limit with one error.
func (l *rateLimiter) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	uses := l.schema.Uses(graphql.GetOperationContext(ctx))
	if len(uses) == 0 {
		return next(ctx)
	}
	asked := make([]throttle.Use, len(uses))
	for i, u := range uses {
		asked[i] = u.Use
		// An account that does not exist yet knows no device. Otherwise a client whose device was known to a name could
		// sign up by this name again and again, and would never be asked for proof of work.
		if u.DeviceToken == "" && u.Existing {
			asked[i].DeviceToken = cookie.From(ctx).DeviceToken()
		}
	}
	settle, err := l.admit(ctx, asked)
	if err != nil {
		over := 0
		if r, ok := errors.AsType[*throttle.Refusal](err); ok {
			over = r.Use
		}
		return graphql.OneShot(l.refusal(ctx, uses[over], err))
	}
	respond := next(ctx)
	if respond == nil { // gqlgen sends nothing then
		respond = func(context.Context) *graphql.Response { return nil }
	}
	settled := false
	return func(ctx context.Context) *graphql.Response {
		response := respond(ctx)
		if !settled {
			settled = true
			for i, u := range uses {
				settle(ctx, i, resultOf(response, u))
			}
		}
		return response
	}
}

// refusal is the response to an operation that does not run.
func (l *rateLimiter) refusal(ctx context.Context, u directive.Use, err error) *graphql.Response {
	path := make(ast.Path, len(u.Path))
	for i, name := range u.Path {
		path[i] = ast.PathName(name)
	}
	located := gqlerror.WrapPath(path, err)
	located.Locations = []gqlerror.Location{{Line: u.Field.Position.Line, Column: u.Field.Position.Column}}
	return &graphql.Response{Data: json.RawMessage("null"), Errors: gqlerror.List{l.presenter.present(ctx, located)}}
}

// resultOf returns the result of a use. The presenter keeps the domain's error in what it returns.
func resultOf(response *graphql.Response, u directive.Use) throttle.Result {
	result := throttle.Done
	if response != nil {
		for _, e := range response.Errors {
			if u.At(e.Path) {
				result = max(result, throttle.ResultOf(e.Err))
			}
		}
	}
	return result
}
