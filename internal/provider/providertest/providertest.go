// Package providertest is providers for tests: an OpenID Connect issuer, Entra ID, Apple and GitHub on loopback HTTP. They are as
// strict as the real ones: they check PKCE, the redirect URI and the client's secret, and take a code once. A test changes what
// they answer with [Server.Change], for a user or for malice.
package providertest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"usher/internal/provider"
)

// The paths of a Server.
const (
	Discovery = "/.well-known/openid-configuration"
	Authorize = "/authorize"
	Token     = "/token"
	Keys      = "/keys"
	Userinfo  = "/userinfo"
)

// User is who signs in.
type User struct {
	Subject       string
	Email         string // empty for none
	EmailVerified bool
	Name, Locale  string         // empty for none
	Claims        map[string]any // further claims, or others for those above
}

// Behavior is what a server does. Its functions change what it would answer; nil ones change nothing.
type Behavior struct {
	// User signs in at the authorization endpoint, and is who IDToken is about.
	User User
	// Now is the clock of the ID tokens.
	Now func() time.Time
	// Algorithm signs ID tokens: RS256, ES256 or EdDSA. For malice: none, and HS256 with the public key of RS256 as the secret.
	Algorithm string
	// Public lets the client in without a secret.
	Public bool
	// EmailOnlyInUserinfo leaves the address out of the ID token.
	EmailOnlyInUserinfo bool

	// Claims changes the claims of an ID token, Header its header.
	Claims, Header func(map[string]any)
	// UserinfoClaims changes the answer of the userinfo endpoint.
	UserinfoClaims func(map[string]any)
	// Metadata changes the discovery document.
	Metadata func(map[string]any)
	// Tokens changes the answer of the token endpoint.
	Tokens func(map[string]any)
	// Answer changes the parameters that the browser brings back.
	Answer func(map[string]string)
	// Handlers answer instead of the server, by path. See Hang, Giant, Status and RedirectTo.
	Handlers map[string]http.HandlerFunc
}

// Server is an OpenID provider. It is safe for concurrent use.
type Server struct {
	// URL is where the server is.
	URL string
	// ClientID and ClientSecret are those of its only client.
	ClientID, ClientSecret string

	kind       kind
	secretFile string
	server     *httptest.Server
	mux        *http.ServeMux
	done       chan struct{} // closed at the end of the test

	mu       sync.Mutex
	behavior Behavior
	keys     *keys
	grants   map[string]grant // by code
	access   map[string]grant // by access token
	requests map[string]int   // by path
	verify   func(r *http.Request, secret string) bool
}

// kind is what differs between issuers.
type kind struct {
	issuer    func(s *Server, claims map[string]any) string // of an ID token
	metadata  func(s *Server, r *http.Request) map[string]any
	namesNone bool // the answer of the browser has no iss
}

// New starts a server, which ends with the test. The user is Ada Lovelace, whose address is verified.
func New(t testing.TB, changes ...func(*Behavior)) *Server {
	t.Helper()
	s := start(t, kind{}, changes)
	s.handle(Discovery, s.discovery)
	s.handle(Authorize, s.authorize)
	s.handle(Token, s.token)
	s.handle(Keys, s.jwks)
	s.handle(Userinfo, s.userinfo)
	return s
}

// start starts a server without endpoints.
func start(t testing.TB, k kind, changes []func(*Behavior)) *Server {
	t.Helper()
	s := &Server{
		ClientID: "usher", ClientSecret: "a+secret /with=%signs", kind: k, mux: http.NewServeMux(), done: make(chan struct{}),
		grants: map[string]grant{}, access: map[string]grant{}, requests: map[string]int{}, keys: newKeys(t, 1),
		behavior: Behavior{
			User:      User{Subject: "248289761001", Email: "ada@example.com", EmailVerified: true, Name: "Ada Lovelace", Locale: "en-GB"},
			Algorithm: "RS256",
		},
	}
	s.behavior.Now = time.Now
	s.verify = func(_ *http.Request, secret string) bool { return secret == s.ClientSecret }
	s.secretFile = filepath.Join(t.TempDir(), "client_secret")
	if err := os.WriteFile(s.secretFile, []byte(s.ClientSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.server = httptest.NewServer(s)
	s.URL = s.server.URL
	t.Cleanup(func() {
		close(s.done)
		s.server.Close()
	})
	s.Change(changes...)
	return s
}

// Change changes the behavior from now on.
func (s *Server) Change(changes ...func(*Behavior)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, change := range changes {
		change(&s.behavior)
	}
}

// current returns the behavior.
func (s *Server) current() Behavior {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.behavior
}

// Issuer returns the issuer.
func (s *Server) Issuer() string { return s.URL }

// Settings returns settings for a provider with this id. They trust the address, but do not link by it.
func (s *Server) Settings(id string) provider.Settings {
	settings := provider.Settings{
		ID: id, Name: "Example " + id, Type: provider.TypeOIDC, Issuer: s.Issuer(), ClientID: s.ClientID, ClientSecretFile: s.secretFile,
		TrustEmail: true, AllowPrivateAddresses: true,
	}
	if s.current().Public {
		settings.ClientSecretFile = ""
	}
	return settings
}

// Requests returns how many requests a path has had.
func (s *Server) Requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[path]
}

// RotateKeys replaces the keys. Tokens of the old ones are no longer valid.
func (s *Server) RotateKeys(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = newKeys(t, s.keys.number+1)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests[r.URL.Path]++
	instead := s.behavior.Handlers[r.URL.Path]
	s.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

func (s *Server) handle(path string, h http.HandlerFunc) { s.mux.HandleFunc(path, h) }

func respond(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
