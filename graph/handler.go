// Package graph owns the GraphQL edge: it turns operations into calls of the domain, and the domain's
// errors into GraphQL errors. `make generate` makes generated.go and models_gen.go from schema.graphqls
// and gqlgen.yml.
package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"usher/graph/coerce"
	"usher/graph/connection"
	"usher/graph/directive"
	"usher/graph/limit"
	"usher/graph/transport"
	"usher/graph/trusted"
	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/factors"
	"usher/internal/auth/identities"
	"usher/internal/auth/recovery"
	"usher/internal/auth/sessions"
	"usher/internal/auth/throttle"
	"usher/internal/observe"
	"usher/internal/seal"
)

// Options are the parts and switches of the handler. Access to Identities, Secrets and Observer are required.
type Options struct {
	Access     *access.Service
	Throttle   *throttle.Service
	Sessions   *sessions.Service
	Accounts   *accounts.Service
	Admin      *admin.Service
	Factors    *factors.Service
	Recovery   *recovery.Service
	Identities *identities.Service
	// RateLimits replace the numbers of rate limits by name, as in those of Throttle.
	RateLimits map[string]directive.Override
	// Secrets is the server's secret, from which the key of cursors derives.
	Secrets *seal.Secrets
	// Observer logs internal errors, and times operations.
	Observer *observe.Observer
	// Documents are the trusted documents, which requests can name by their ids. Nil disables them.
	Documents *trusted.Documents
	// OnlyDocuments refuses all other documents, except those of administrators. Without it they are logged.
	OnlyDocuments bool
	// RequireVerifiedEmail makes each rule of the schema that does not say otherwise require a verified e-mail address.
	RequireVerifiedEmail bool
	// Introspection lets clients read the schema, and makes validation errors say all they know. It
	// is for development.
	Introspection bool

	// admit replaces Throttle in tests.
	admit admit
}

// gqlparser adds @defer to every schema, and gqlgen executes it. But the transport sends one response, so
// the deferred part would be lost. This removes the directive.
func init() { delete(parsedSchema.Directives, "defer") }

// Check returns an error that names every part of the schema with a missing or wrong access rule.
func Check() error {
	if _, err := accessSchema(false); err != nil {
		return err
	}
	_, err := newChecker()
	return err
}

// CheckDocuments returns an error that names the first trusted document that the server could not execute.
func CheckDocuments(ctx context.Context, documents *trusted.Documents) error {
	schema, err := accessSchema(false)
	if err != nil {
		return err
	}
	checker, err := newChecker()
	if err != nil {
		return err
	}
	server := handler.New(newOperationExecutor(newConfig(&Resolver{}, schema), nil, schema))
	server.Use(checker)
	return prepare(ctx, limit.Default.Apply(server), checker, documents)
}

// prepare prepares the trusted documents. The error names the first one that is invalid or too large.
func prepare(ctx context.Context, limiter *limit.Limiter, checker *coerce.Checker, documents *trusted.Documents) error {
	for id, text := range documents.All() {
		// The messages are complete, because they are for the operator and the manifest is not secret.
		if err := limiter.Prepare(ctx, text, validationRules(checker, true)); err != nil {
			return fmt.Errorf("document %.80q: %s", id, located(err))
		}
	}
	return nil
}

// accessSchema returns the schema with its access rules. With requireVerified, those that do not say otherwise require
// a verified e-mail address.
func accessSchema(requireVerified bool) (*directive.Schema, error) {
	schema, err := directive.New(parsedSchema, guardedTypes, requireVerified)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	for typeName, field := range nodeFields {
		if nodeRule(schema, typeName) == nil {
			return nil, fmt.Errorf("schema: nodeFields names Query.%s, which has no @auth", field)
		}
	}
	if err := checkLimits(schema); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return schema, nil
}

// located returns the message of an error with its place.
func located(err error) string {
	if e, ok := errors.AsType[*gqlerror.Error](err); ok && len(e.Locations) > 0 {
		return fmt.Sprintf("line %d, column %d: %s", e.Locations[0].Line, e.Locations[0].Column, e.Message)
	} else if ok {
		return e.Message
	}
	return err.Error()
}

// Requirements returns the roles and permissions that the schema requires, unless Check returns an error.
func Requirements() (auth.Requirements, error) {
	schema, err := accessSchema(false)
	if err != nil {
		return nil, err
	}
	return schema.Requirements(), nil
}

// NeedsVerifiedClaim reports whether access tokens must say if the user's e-mail address is verified, because a guard
// with `check: TOKEN` requires that.
func NeedsVerifiedClaim(requireVerifiedEmail bool) (bool, error) {
	schema, err := accessSchema(requireVerifiedEmail)
	if err != nil {
		return false, err
	}
	return schema.NeedsVerifiedClaim(), nil
}

func newChecker() (*coerce.Checker, error) {
	checker, err := coerce.New(parsedSchema, scalars)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return checker, nil
}

// New returns the handler of /graphql, unless Check returns an error.
func New(o Options) (http.Handler, error) {
	schema, err := effectiveSchema(o.RequireVerifiedEmail, o.RateLimits)
	if err != nil {
		return nil, err
	}
	resolver, err := newResolver(o, schema)
	if err != nil {
		return nil, err
	}
	return newServer(newConfig(resolver, schema), schema, resolver, o)
}

func newConfig(resolver *Resolver, schema *directive.Schema) Config {
	config := Config{
		Resolvers:  resolver,
		Directives: directives(resolver.access, schema),
	}
	perElement := func(child int, first, last *int) int {
		return 1 + child*connection.PageArguments{First: first, Last: last}.Size()
	}
	config.Complexity.User.Sessions = func(child int, first *int, _ *string, last *int, _ *string) int {
		return perElement(child, first, last)
	}
	config.Complexity.Query.Users = func(child int, first *int, _ *string, last *int, _ *string, _ *admin.UserFilter, _ *admin.UserOrder) int {
		return perElement(child, first, last)
	}
	config.Complexity.Query.AuditEvents = func(child int, first *int, _ *string, last *int, _ *string, _ *admin.AuditEventFilter) int {
		return perElement(child, first, last)
	}
	config.Complexity.Query.MailMessages = func(child int, first *int, _ *string, last *int, _ *string, _ *admin.MailMessageFilter) int {
		return perElement(child, first, last)
	}
	config.Complexity.Query.Node = func(child int, _ uuid.UUID) int { return nodeStatements + child }
	config.Complexity.Query.OauthClients = func(child int, first *int, _ *string, last *int, _ *string) int {
		return perElement(child, first, last)
	}
	config.Complexity.Query.DailyActivity = func(child, days int) int { return (child + costOfDay) * min(max(days, 1), admin.MaxDays) }
	config.Complexity.Query.SigningKeys = func(child int) int { return child * usualKeys }
	config.Complexity.Query.Roles = func(child int) int { return 1 + child*auth.MaxRoles }
	config.Complexity.Query.UserCount = func(int) int { return costOfCount }
	large := func(int) int { return costOfLarge }
	config.Complexity.User.Metadata, config.Complexity.User.AppMetadata = large, large
	config.Complexity.RoleDefinition.Permissions = large
	config.Complexity.RequestDataExportPayload.Data = large
	config.Complexity.PasskeyRequest.Options = large
	config.Complexity.Mutation.RequestDataExport = func(child int) int { return costOfExport + child }
	config.Complexity.User.Factors = func(child int) int { return costOfFactors + child*usualFactors }
	config.Complexity.User.Identities = func(child int) int { return costOfFactors + child*usualFactors }
	config.Complexity.AuditEvent.Permissions = func(int) int { return costOfPermissions }
	return config
}

const (
	// costOfExport lets an operation have one export, which can have some megabytes.
	costOfExport = 2000
	// costOfDay and costOfCount are for the rows that the database counts: an operation can count at most two
	// times 90 days. docs/performance.md has the times.
	costOfDay, costOfCount = 10, 300
	// usualKeys is more signing keys than a server has, unless an operator rotates them by hand.
	usualKeys = 10
	// costOfLarge is for values of up to 10 KB, so that the response to a short operation does not get too large.
	// costOfPermissions is for those of an audit event. With all other fields, a page of 100 events has no room for more.
	costOfLarge, costOfPermissions = 5, 2
	// costOfFactors is for the statement that reads the factors or the identities of one user, and usualFactors is how many
	// they may have.
	costOfFactors, usualFactors = 20, 5
)

// nodeStatements is the number of statements with which `node` finds an object, at most.
const nodeStatements = 6

func newServer(config Config, schema *directive.Schema, resolver *Resolver, o Options) (*handler.Server, error) {
	checker, err := newChecker()
	if err != nil {
		return nil, err
	}
	p := &presenter{log: o.Observer.Log(), verbose: o.Introspection}
	server := handler.New(newOperationExecutor(config, o.Access, schema))
	http := transport.HTTP{Observer: o.Observer}
	if o.Documents != nil {
		http.Documents = o.Documents
		server.Use(&trusted.Gate{Documents: o.Documents, Only: o.OnlyDocuments, Exempt: isAdministrator(o.Access), Observer: o.Observer})
	}
	server.AddTransport(http)
	server.SetErrorPresenter(p.present)
	server.SetRecoverFunc(p.recover)
	server.SetDisableSuggestion(!o.Introspection)
	server.SetValidationRulesFn(func() *rules.Rules { return validationRules(checker, o.Introspection) })
	server.Use(checker) // before limit.Default, which reads the values
	limiter := limit.Default.Apply(server)
	if o.Documents != nil {
		if err := prepare(context.Background(), limiter, checker, o.Documents); err != nil {
			return nil, err
		}
	}
	server.Use(coerce.Surrogates{})
	limits := &rateLimiter{schema: schema, presenter: p, admit: o.admit}
	if limits.admit == nil {
		limits.admit = admitWith(o.Throttle)
	}
	server.Use(limits)
	server.Use(&mutationAuthorizer{service: o.Access, signin: resolver.signin, schema: schema, presenter: p})
	if o.Introspection {
		server.Use(extension.Introspection{})
	}
	return server, nil
}

// isAdministrator returns a function that reports whether the caller is an administrator. Administrators explore the
// schema and use the console's editor.
func isAdministrator(service *access.Service) func(context.Context) bool {
	return func(ctx context.Context) bool {
		_, err := service.Administrator(ctx)
		return err == nil
	}
}

// validationRules returns the rules of validation. Without suggestions, it replaces two rules whose
// messages name parts of the schema that the client did not mention; SetDisableSuggestion replaces the
// other two. gqlgen changes the rules that it gets, so each call makes new ones.
func validationRules(checker *coerce.Checker, suggestions bool) *rules.Rules {
	r := rules.NewDefaultRules()
	if !suggestions {
		r.ReplaceRule(rules.KnownTypeNamesRule.Name, rules.KnownTypeNamesRuleWithoutSuggestions.RuleFunc)
		r.ReplaceRule(rules.KnownArgumentNamesRule.Name, rules.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
	}
	checker.Apply(r)
	return r
}
