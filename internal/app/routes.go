package app

import (
	"net/http"
	"net/url"
	"strings"

	"usher/internal/httpd"
	"usher/internal/keyring"
	"usher/internal/oauth"
)

// routes is everything that a server answers: handlers by their pattern, nil for what is switched off. The
// table in docs/operations.md is for operators.
func routes(s Settings, server *httpd.Server, graphQL http.Handler, o oauth.Endpoints, keys *keyring.Keyring, c pages) map[string]http.Handler {
	all := map[string]http.Handler{
		"/graphql": server.Share(graphQL),

		oauth.TokenPath:      o.Token,
		"/token":             only(passwordGrant(s), o.Token),
		oauth.RevokePath:     o.Revoke,
		oauth.IntrospectPath: o.Introspect,
		oauth.UserinfoPath:   o.Userinfo,
		oauth.JWKSPath:       httpd.JSON(keys.JWKS, keyring.JWKSMaxAge),

		"/.well-known/openid-configuration":       o.Metadata,
		"/.well-known/oauth-authorization-server": o.Metadata,

		httpd.HealthPath: server.Healthz(),
		httpd.ReadyPath:  server.Readyz(),

		"/{$}":             c.index,
		"/assets/":         c.assets,
		"/schema.graphqls": c.schema,
		"/access.json":     c.access,
	}
	if path := issuerPath(s.Issuer); path != "" { // RFC 8414 §3.1: it comes after the well-known one
		all["/.well-known/oauth-authorization-server"+path] = o.Metadata
	}
	return all
}

// passwordGrant reports whether the grant type password is offered, and with it /token, another name of
// the token endpoint.
func passwordGrant(s Settings) bool { return s.OAuthPasswordGrant || s.Dev }

// only returns h, or nil for a route that is switched off.
func only(on bool, h http.Handler) http.Handler {
	if !on {
		return nil
	}
	return h
}

// issuerPath is the path of an issuer's URL, "" for most.
func issuerPath(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}
