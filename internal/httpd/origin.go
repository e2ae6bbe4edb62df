package httpd

import (
	"fmt"
	"net/http"
	"time"

	"github.com/rs/cors"
)

// origins decides which pages may call the server. The server's own pages and pages of allowed origins may.
type origins struct {
	allowed    []string
	protection *http.CrossOriginProtection // rejects pages of other origins
}

// newOrigins panics if an origin is not of the form scheme://host or scheme://host:port.
func newOrigins(allowed []string) origins {
	o := origins{allowed: allowed, protection: http.NewCrossOriginProtection()}
	for _, origin := range allowed {
		if err := o.protection.AddTrustedOrigin(origin); err != nil {
			panic(fmt.Errorf("httpd: allowed origin: %w", err))
		}
	}
	return o
}

// CORS lets pages of allowed origins call next and read its responses (Fetch Standard, "CORS protocol"). Pages
// of other origins cannot read the responses to their requests.
func (s *Server) CORS(next http.Handler) http.Handler { return s.origins.cors(next) }

func (o origins) cors(next http.Handler) http.Handler {
	if len(o.allowed) > 0 { // an empty list would allow all origins
		next = cors.New(cors.Options{
			AllowedOrigins:   o.allowed,
			AllowCredentials: true,
			AllowedMethods:   []string{http.MethodGet, http.MethodPost},
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

// The names of the cookie with the refresh token. Browsers accept the prefix __Host- only from https and only
// for this host (RFC 6265bis §4.1.3.2).
const (
	secureCookie   = "__Host-usher_refresh"
	insecureCookie = "usher_refresh"
)

// readCookie reads the refresh token of a request and lets the handler set the cookie. It does neither for a
// request from a page of another origin, with which a browser may send the cookie too. Clients other than
// browsers send no origin. Cross-site attacks do not affect them. Only POST requests need the
// cookie. CrossOriginProtection allows every GET, even for a link on a page of another site.
func (x *exchange) readCookie(r *http.Request) {
	if r.Method != http.MethodPost || x.server.origins.protection.Check(r) != nil {
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
		// The order of cookies is not significant (RFC 6265 §5.4), and an attacker may have set one of them. An
		// empty token is invalid, so a refresh fails and removes the cookie that this server has set.
		x.jar.Receive("")
	}
}

func (s *Server) cookieName() string {
	if s.insecureCookies {
		return insecureCookie
	}
	return secureCookie
}

// setRefreshToken sets the cookie, or removes it if token is empty. The response must not have started. A later
// call replaces an earlier one.
func (x *exchange) setRefreshToken(token string, maxAge time.Duration) {
	cookie := &http.Cookie{ //nolint:gosec // Secure is omitted only for plain http on a loopback address.
		Name: x.server.cookieName(), Value: token, MaxAge: int(maxAge.Seconds()),
		Path: "/", HttpOnly: true, Secure: !x.server.insecureCookies, SameSite: http.SameSiteLaxMode,
	}
	if token == "" {
		cookie.MaxAge = -1 // now
	}
	x.Header().Del("Set-Cookie")
	http.SetCookie(x, cookie)
}
