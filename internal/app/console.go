package app

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/99designs/gqlgen/graphql/playground"

	"usher/graph"
	"usher/internal/console"
	"usher/internal/httpd"
)

// pages are the handlers of the console. A handler is nil if it is disabled.
type pages struct {
	index, assets, schema, access http.Handler
}

// newConsole returns the handlers of the console that the settings enable. A program that was built without
// the console serves GraphiQL instead, in development only, because that page runs scripts from another host.
func newConsole(ctx context.Context, s Settings, log *slog.Logger) (pages, error) {
	if !s.Dev && !s.Console {
		return pages{}, nil
	}
	access, err := graph.AccessJSON(s.RequireVerifiedEmail)
	if err != nil {
		return pages{}, err
	}
	c := pages{schema: httpd.Text(graph.SDL()), access: httpd.JSON(func() []byte { return access }, 0)}
	index, assets, built := console.Page(console.Config{PasswordMinLength: s.MinLength, OnlyTrusted: onlyTrusted(s)})
	switch {
	case built:
		c.index, c.assets = httpd.Get(index), assets
	case s.Dev:
		log.WarnContext(ctx, "built without the console: the page at / loads GraphiQL from the Internet; install Node.js and run `make build` to include the console")
		c.index = httpd.Get(console.Fallback(playground.Handler("Usher", "/graphql")))
	default:
		log.WarnContext(ctx, "built without the console: there is no page at /; install Node.js and run `make build` to include the console")
	}
	return c, nil
}
