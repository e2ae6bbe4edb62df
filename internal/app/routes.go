package app

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"usher/internal/callback"
	"usher/internal/httpd"
	"usher/internal/keyring"
	"usher/internal/mail"
	"usher/internal/mailbox"
	"usher/internal/oauth"
	"usher/internal/passkey"
)

// routes returns all routes of a server: handlers by pattern, nil for a disabled route. docs/server.md
// documents them for operators.
func routes(s Settings, server *httpd.Server, graphQL http.Handler, o oauth.Endpoints, fromProvider http.Handler, keys *keyring.Keyring, passkeys *passkey.Party, c pages) map[string]http.Handler {
	all := map[string]http.Handler{
		httpd.GraphQLPath: server.CORS(graphQL),

		oauth.TokenPath:      server.OwnPages(o.Token),
		"/token":             enabledIf(passwordGrant(s), server.OwnPages(o.Token)),
		oauth.RevokePath:     server.OwnPages(o.Revoke),
		oauth.IntrospectPath: server.OwnPages(o.Introspect),
		oauth.UserinfoPath:   o.Userinfo,
		oauth.JWKSPath:       httpd.JSON(keys.JWKS, keyring.JWKSMaxAge),

		"/.well-known/openid-configuration":       o.Metadata,
		"/.well-known/oauth-authorization-server": o.Metadata,
		"/.well-known/webauthn":                   relatedOrigins(passkeys),

		callback.Pattern: enabledIf(s.Providers.Providers != "", server.FromOtherSites(fromProvider)),

		httpd.HealthPath: server.Healthz(),
		httpd.ReadyPath:  server.Readyz(),

		"/{$}":             c.index,
		"/assets/":         c.assets,
		"/schema.graphqls": c.schema,
		"/access.json":     c.access,

		mailbox.JSONPath: c.mailbox,
		mailbox.HTMLPath: c.mailHTML,
	}
	all[providerPage] = c.links
	for _, page := range mail.Pages() {
		all["/"+page] = c.links
	}
	if path := issuerPath(s.Issuer); path != "" { // RFC 8414 §3.1: it follows the well-known path
		all["/.well-known/oauth-authorization-server"+path] = o.Metadata
	}
	return all
}

// providerPage is the page of the console to which a sign-in at a provider returns.
const providerPage = "/provider-login"

// relatedOriginsMaxAge is how long a browser may keep the list of origins.
const relatedOriginsMaxAge = 5 * time.Minute

// relatedOrigins serves the origins outside the domain of the passkeys that may use them (WebAuthn Level 3 §5.11.1). It is nil
// if there are none.
func relatedOrigins(passkeys *passkey.Party) http.Handler {
	if passkeys == nil || passkeys.RelatedOrigins() == nil {
		return nil
	}
	return httpd.JSON(passkeys.RelatedOrigins, relatedOriginsMaxAge)
}

// passwordGrant reports whether the grant type password is enabled. /token, an alias of the token endpoint,
// is enabled with it.
func passwordGrant(s Settings) bool { return s.OAuthPasswordGrant || s.Dev }

// enabledIf returns h, or nil if the route is disabled.
func enabledIf(enabled bool, h http.Handler) http.Handler {
	if !enabled {
		return nil
	}
	return h
}

// issuerPath returns the path of an issuer's URL, usually "".
func issuerPath(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}
