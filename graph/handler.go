// Package graph owns the GraphQL edge: it turns operations into calls of the domain and the
// domain's errors into GraphQL's. generated.go and models_gen.go are made by `make generate` from
// schema.graphqls and gqlgen.yml.
package graph

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"

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

// New returns the handler of POST /graphql. It returns an error that names the field when the
// schema leaves anything unguarded.
func New(o Options) (http.Handler, error) {
	config := Config{
		Resolvers:  &Resolver{auth: o.Auth},
		Directives: directives(o.Auth),
	}
	if err := checkDirectives(config.Directives); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	executable := NewExecutableSchema(config)
	if err := checkSchema(executable.Schema()); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return newServer(executable, o), nil
}

func newServer(executable graphql.ExecutableSchema, o Options) *handler.Server {
	p := &presenter{log: o.Log, verbose: o.Introspection}
	server := handler.New(executable)
	server.AddTransport(transport.POST{})
	server.SetErrorPresenter(p.present)
	server.SetRecoverFunc(p.recover)
	server.SetDisableSuggestion(!o.Introspection)
	limit.Default.Apply(server)
	if o.Introspection {
		server.Use(extension.Introspection{})
	}
	return server
}
