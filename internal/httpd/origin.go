package httpd

import (
	"fmt"
	"net/http"
	"time"

	"github.com/rs/cors"
)

// origins are what the server thinks of pages: its own, those of the origins that the operator
// allows, and all others.
type origins struct {
	allowed []string
	foreign *http.CrossOriginProtection
}

// newOrigins panics when an origin is not of the form scheme://host or scheme://host:port.
func newOrigins(allowed []string) origins {
	o := origins{allowed: allowed, foreign: http.NewCrossOriginProtection()}
	for _, origin := range allowed {
		if err := o.foreign.AddTrustedOrigin(origin); err != nil {
			panic(fmt.Errorf("httpd: allowed origin: %w", err))
		}
	}
	return o
}

// Share lets pages of the allowed origins call next and read its answers.
func (s *Server) Share(next http.Handler) http.Handler { return s.origins.share(next) }

// share lets pages of the allowed origins call next, and read its answers (Fetch Standard, "CORS
// protocol"). What others send is answered as ever, but their pages never see the answer.
func (o origins) share(next http.Handler) http.Handler {
	if len(o.allowed) > 0 { // cors takes none for all
		next = cors.New(cors.Options{
			AllowedOrigins:   o.allowed,
			AllowCredentials: true,
			AllowedMethods:   []string{http.MethodPost},
			AllowedHeaders:   []string{"Accept", "Authorization", "Content-Type"},
			ExposedHeaders:   []string{"X-Request-Id"},
			MaxAge:           int((10 * time.Minute).Seconds()),
		}).Handler(next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(o.allowed) == 0 {
			w.Header()["Vary"] = varyOrigin
		}
		next.ServeHTTP(w, r)
	})
}

var varyOrigin = []string{"Origin"}

// The names of the cookie with the refresh token. Browsers accept the first only from https, for
// this host alone (RFC 6265bis §4.1.3.2).
const (
	secureCookie   = "__Host-usher_refresh"
	insecureCookie = "usher_refresh"
)

// readCookie finds the refresh token of a request, unless a page of a foreign origin makes it: a
// browser may send the cookie along all the same, and such a page may neither use it nor set one.
// Callers without a browser send no origin, and are nobody's victims.
func (x *exchange) readCookie(r *http.Request) {
	if x.server.origins.foreign.Check(r) != nil {
		return
	}
	x.jar.Set = x.setRefreshToken
	if r.Header["Cookie"] == nil {
		return
	}
	switch cookies := r.CookiesNamed(x.server.cookieName()); len(cookies) {
	case 0:
	case 1:
		x.jar.Receive(cookies[0].Value)
	default:
		// Their order says nothing about which is meant (RFC 6265 §5.4), and one of them may be somebody
		// else's. An empty token is not valid, so a refresh fails and removes the cookie that this server sets.
		x.jar.Receive("")
	}
}

func (s *Server) cookieName() string {
	if s.insecureCookies {
		return insecureCookie
	}
	return secureCookie
}

// setRefreshToken sets the cookie in an answer that has not begun. The last call of an exchange counts.
func (x *exchange) setRefreshToken(token string, maxAge time.Duration) {
	cookie := &http.Cookie{ //nolint:gosec // Secure is left out for plain http on this machine only.
		Name: x.server.cookieName(), Value: token, MaxAge: int(maxAge.Seconds()),
		Path: "/", HttpOnly: true, Secure: !x.server.insecureCookies, SameSite: http.SameSiteLaxMode,
	}
	if token == "" {
		cookie.MaxAge = -1 // now
	}
	x.Header().Del("Set-Cookie")
	http.SetCookie(x, cookie)
}
