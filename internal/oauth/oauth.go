// Package oauth owns the OAuth 2 endpoints, for clients that use OAuth instead of GraphQL.
//
// The endpoints call the same verbs of the domain as GraphQL: the password grant is a login, the refresh token
// grant is a refresh, and userinfo is `me`. This package adds the format of requests, responses and errors. It
// parses requests strictly, so that no other parser can understand them differently: one form in the body, each
// parameter once, one client authentication method.
package oauth

import (
	"log/slog"
	"net/http"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/clients"
	"usher/internal/auth/sessions"
	"usher/internal/auth/throttle"
)

// Options configure the endpoints. Access to Issuer and Log are required.
type Options struct {
	Access   *access.Service
	Throttle *throttle.Service
	Sessions *sessions.Service
	Clients  *clients.Service
	// Issuer is the issuer (iss) of access tokens. The metadata lists the endpoints as URLs below it.
	Issuer string
	// PasswordGrant enables the grant type password, which RFC 9700 §2.4 forbids.
	PasswordGrant bool
	// RequireVerifiedEmail makes userinfo require a verified e-mail address.
	RequireVerifiedEmail bool
	// PublishedKeys adds JWKSPath to the metadata.
	PublishedKeys bool
	// Log receives failures of the server.
	Log *slog.Logger
}

type server struct {
	access        *access.Service
	throttle      *throttle.Service
	sessions      *sessions.Service
	clients       *clients.Service
	passwordGrant bool
	forUsers      *auth.Rule
	log           *slog.Logger
}

// Endpoints are the handlers of the endpoints. They handle every method.
type Endpoints struct {
	Token, Revoke, Introspect, Userinfo, Metadata http.Handler
}

// New returns the endpoints. It panics if a required option is missing.
func New(o Options) Endpoints {
	if o.Access == nil || o.Throttle == nil || o.Sessions == nil || o.Clients == nil || o.Issuer == "" || o.Log == nil {
		panic("oauth: Access, Throttle, Sessions, Clients, Issuer and Log are required")
	}
	s := &server{
		access: o.Access, throttle: o.Throttle, sessions: o.Sessions, clients: o.Clients,
		passwordGrant: o.PasswordGrant, forUsers: forUsers(o.RequireVerifiedEmail), log: o.Log,
	}
	return Endpoints{
		Token:      s.post(s.token),
		Revoke:     s.post(s.revoke),
		Introspect: s.post(s.introspect),
		Userinfo:   http.HandlerFunc(s.userinfo),
		Metadata:   metadataHandler(newMetadata(o)),
	}
}

// The paths in the metadata, relative to the issuer.
const (
	TokenPath      = "/oauth/token"
	RevokePath     = "/oauth/revoke"
	IntrospectPath = "/oauth/introspect"
	UserinfoPath   = "/userinfo"
	JWKSPath       = "/.well-known/jwks.json"
)
