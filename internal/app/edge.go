package app

import (
	"context"
	"log/slog"
	"net/http"

	"usher/graph"
	"usher/graph/trusted"
	"usher/internal/auth/throttle"
	"usher/internal/callback"
	"usher/internal/httpd"
	"usher/internal/oauth"
	"usher/internal/token"
)

// edge is what serves requests, by one version of the settings. It does not change. Reload replaces it as a whole, and
// each request keeps the one that it began with.
type edge struct {
	settings Settings
	server   *httpd.Server
	routes   map[string]http.Handler
}

// newEdge builds the handlers and the HTTP server. The first one gets the App's log. The documents may be nil.
func (a *App) newEdge(ctx context.Context, s Settings, documents *trusted.Documents, limits *throttle.Service, log *slog.Logger) (*edge, error) {
	p, d := a.parts, a.Domain
	newGraphQL := graph.New
	if p.overrides.GraphQL != nil {
		newGraphQL = p.overrides.GraphQL
	}
	graphQL, err := newGraphQL(graph.Options{
		Access: d.Access, Throttle: limits, RateLimits: RateLimits(s.RateLimits), Sessions: d.Sessions, Accounts: d.Accounts, Admin: d.Admin, Factors: d.Factors, Recovery: d.Recovery, Identities: d.Identities,
		Secrets: a.secrets, Observer: p.observer, RequireVerifiedEmail: s.RequireVerifiedEmail, Introspection: s.Dev,
		Documents: documents, OnlyDocuments: onlyTrusted(s),
	})
	if err != nil {
		return nil, err
	}
	endpoints := oauth.New(oauth.Options{
		Access: d.Access, Throttle: limits, Sessions: d.Sessions, Clients: d.Clients, Issuer: s.Issuer, PasswordGrant: passwordGrant(s),
		RequireVerifiedEmail: s.RequireVerifiedEmail,
		PublishedKeys:        s.Algorithm != string(token.HS256), Log: p.observer.Log(),
	})
	page, err := newConsole(ctx, s, p, log)
	if err != nil {
		return nil, err
	}
	timeouts := httpd.Timeouts{Shutdown: s.ShutdownTimeout}
	if s.ShutdownDelay != nil {
		timeouts.Drain = *s.ShutdownDelay
	}
	e := &edge{settings: s}
	var previous *httpd.Server
	if current := a.edge.Load(); current != nil {
		previous = current.server
	}
	e.server = httpd.New(httpd.Options{
		Routes: func(server *httpd.Server) map[string]http.Handler {
			e.routes = routes(s, server, graphQL, endpoints, callback.New(d.Identities, p.observer.Log()), a.keys, p.passkeys, page)
			return e.routes
		},
		Identify:        d.Access.Identify,
		Ready:           p.store.Ready,
		AllowedOrigins:  s.AllowedOrigins,
		LoopbackOrigins: s.Dev,
		AllowedHeaders:  s.AllowedHeaders,
		InsecureCookies: s.InsecureCookies(),
		TrustedProxies:  s.TrustedProxies,
		Timeouts:        timeouts,
		Observer:        p.observer,
		Now:             p.overrides.Now,
		Rand:            p.overrides.Rand,
		Handler:         a,
		Previous:        previous,
	})
	return e, nil
}
