// Package graph owns the GraphQL edge: it turns operations into calls of the domain and the
// domain's errors into GraphQL's. generated.go and models_gen.go are made by `make generate` from
// schema.graphqls and gqlgen.yml.
package graph

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"usher/graph/limit"
	"usher/graph/transport"
	"usher/internal/auth"
)

// Options are the parts and switches of the handler. Auth and Log are required.
type Options struct {
	Auth *auth.Service
	Log  *slog.Logger
	// Introspection lets clients read the schema, and makes validation errors say all they know. It
	// is for development.
	Introspection bool
}

// gqlparser adds @defer to every schema, and gqlgen executes it, but an answer to POST is one piece:
// what is deferred would be lost. So the directive is not there.
func init() { delete(parsedSchema.Directives, "defer") }

// Check returns an error that names the field when the schema leaves anything unguarded.
func Check() error {
	if err := errors.Join(checkDirectives(directives(nil)), checkSchema(parsedSchema)); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	return nil
}

// New returns the handler of POST /graphql, unless Check has an error.
func New(o Options) (http.Handler, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	config := Config{
		Resolvers:  &Resolver{auth: o.Auth},
		Directives: directives(o.Auth),
	}
	config.Complexity.User.Sessions = func(child int, first *int, _ *string) int {
		return 1 + child*min(max(pageSize(first), 1), auth.MaxPage)
	}
	return newServer(NewExecutableSchema(config), o), nil
}

func newServer(executable graphql.ExecutableSchema, o Options) *handler.Server {
	p := &presenter{log: o.Log, verbose: o.Introspection}
	server := handler.New(executable)
	server.AddTransport(transport.POST{})
	server.SetErrorPresenter(p.present)
	server.SetRecoverFunc(p.recover)
	if !o.Introspection {
		server.SetDisableSuggestion(true)
		server.SetValidationRulesFn(rulesWithoutSuggestions)
	}
	limit.Default.Apply(server)
	if o.Introspection {
		server.Use(extension.Introspection{})
	}
	return server
}

// rulesWithoutSuggestions are the rules of validation with the texts of those replaced that name
// parts of the schema the client did not mention. gqlgen changes what it gets, so each call makes
// them anew; two more are SetDisableSuggestion's.
func rulesWithoutSuggestions() *rules.Rules {
	r := rules.NewDefaultRules()
	r.ReplaceRule(rules.KnownTypeNamesRule.Name, rules.KnownTypeNamesRuleWithoutSuggestions.RuleFunc)
	r.ReplaceRule(rules.KnownArgumentNamesRule.Name, rules.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
	r.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, rules.ValuesOfCorrectTypeRuleWithoutSuggestions.RuleFunc)
	return r
}
