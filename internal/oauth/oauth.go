// Package oauth owns the OAuth 2 endpoints, for clients that speak OAuth rather than GraphQL.
//
// They do nothing that the domain does not do for GraphQL too: the password grant is a login, the
// refresh token grant a refresh, and userinfo is `me`. What is added here is the form of requests,
// answers and errors. A request is read strictly, so that no two readers find different things in
// it: one form in the body, each parameter once, one way to authenticate.
package oauth

import (
	"log/slog"
	"net/http"

	"usher/internal/auth/access"
	"usher/internal/auth/clients"
	"usher/internal/auth/sessions"
)

// Options are what the endpoints need. Access, Sessions, Clients, Issuer and Log are required.
type Options struct {
	Access   *access.Service
	Sessions *sessions.Service
	Clients  *clients.Service
	// Issuer is the URL that access tokens have in iss. The metadata names the endpoints below it.
	Issuer string
	// PasswordGrant offers the grant type password. RFC 9700 §2.4 forbids it.
	PasswordGrant bool
	// PublishedKeys says that the keys of access tokens are published at JWKSPath.
	PublishedKeys bool
	// Log receives failures that are not the client's.
	Log *slog.Logger
}

type server struct {
	access        *access.Service
	sessions      *sessions.Service
	clients       *clients.Service
	passwordGrant bool
	log           *slog.Logger
}

// Endpoints are the handlers of all endpoints. Each answers every method.
type Endpoints struct {
	Token, Revoke, Introspect, Userinfo, Metadata http.Handler
}

// New returns the endpoints. It panics when a required option is missing.
func New(o Options) Endpoints {
	if o.Access == nil || o.Sessions == nil || o.Clients == nil || o.Issuer == "" || o.Log == nil {
		panic("oauth: Access, Sessions, Clients, Issuer and Log are required")
	}
	s := &server{access: o.Access, sessions: o.Sessions, clients: o.Clients, passwordGrant: o.PasswordGrant, log: o.Log}
	return Endpoints{
		Token:      s.post(s.token),
		Revoke:     s.post(s.revoke),
		Introspect: s.post(s.introspect),
		Userinfo:   http.HandlerFunc(s.userinfo),
		Metadata:   metadataHandler(newMetadata(o)),
	}
}

// The paths that the metadata announces, below the issuer.
const (
	TokenPath      = "/oauth/token"
	RevokePath     = "/oauth/revoke"
	IntrospectPath = "/oauth/introspect"
	UserinfoPath   = "/userinfo"
	JWKSPath       = "/.well-known/jwks.json"
)
