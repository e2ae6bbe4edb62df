// Package oauth owns the OAuth 2 endpoints, for clients that speak OAuth rather than GraphQL.
//
// They do nothing that the domain does not do for GraphQL too: the password grant is a login, the
// refresh token grant a refresh, and userinfo is `me`. What is added here is the form of requests,
// answers and errors. A request is read strictly, so that no two readers find different things in
// it: one form in the body, each parameter once, one way to authenticate.
package oauth

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"usher/internal/auth"
)

// Options are what the endpoints stand on. Auth and Issuer are required.
type Options struct {
	Auth *auth.Service
	// Issuer is the URL that access tokens have in iss. The endpoints are below it.
	Issuer string
	// PasswordGrant offers the grant type password, and /token as another name of the token
	// endpoint. RFC 9700 §2.4 forbids it.
	PasswordGrant bool
	// PublishedKeys says that the keys of access tokens are published at /.well-known/jwks.json.
	PublishedKeys bool
	// Log receives failures that are not the client's. Nil means slog.Default.
	Log *slog.Logger
}

type server struct {
	auth          *auth.Service
	passwordGrant bool
	log           *slog.Logger
}

// Routes returns the handlers of all endpoints, by their pattern for http.ServeMux. Each answers
// every method. It panics when a required option is missing, or the issuer is no URL.
func Routes(o Options) map[string]http.Handler {
	issuer, err := url.Parse(o.Issuer)
	if o.Auth == nil || o.Issuer == "" || err != nil {
		panic("oauth: Auth and Issuer are required")
	}
	s := &server{auth: o.Auth, passwordGrant: o.PasswordGrant, log: cmp.Or(o.Log, slog.Default())}
	metadata := metadataHandler(newMetadata(o))
	routes := map[string]http.Handler{
		tokenPath:      s.post(s.token),
		revokePath:     s.post(s.revoke),
		introspectPath: s.post(s.introspect),
		userinfoPath:   http.HandlerFunc(s.userinfo),

		"/.well-known/openid-configuration": metadata,
		authorizationServerPath:             metadata,
	}
	if o.PasswordGrant {
		routes["/token"] = routes[tokenPath]
	}
	// RFC 8414 §3.1: the path of the issuer comes after the well-known one.
	if path := strings.TrimRight(issuer.Path, "/"); path != "" {
		routes[authorizationServerPath+path] = metadata
	}
	return routes
}

const (
	tokenPath      = "/oauth/token"
	revokePath     = "/oauth/revoke"
	introspectPath = "/oauth/introspect"
	userinfoPath   = "/userinfo"

	authorizationServerPath = "/.well-known/oauth-authorization-server"
)
