package httpd

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/cookie"
)

// origins decides which pages may call the server: its own pages and those of allowed origins.
type origins struct {
	allowed    []string
	loopback   bool                        // pages at localhost, 127.0.0.1 and [::1] are allowed too
	protection *http.CrossOriginProtection // recognizes requests of the server's own pages
}

// newOrigins panics if an origin is not of the form scheme://host or scheme://host:port.
func newOrigins(allowed []string, loopback bool) origins {
	o := origins{allowed: allowed, loopback: loopback, protection: http.NewCrossOriginProtection()}
	for _, origin := range allowed {
		if err := o.protection.AddTrustedOrigin(origin); err != nil {
			panic(fmt.Errorf("httpd: allowed origin: %w", err))
		}
	}
	return o
}

// allow reports whether an origin is allowed. It compares bytes, as browsers do (Fetch Standard, "CORS check").
func (o origins) allow(origin string) bool {
	return slices.Contains(o.allowed, origin) || o.loopback && isLoopbackOrigin(origin)
}

// accept reports whether r is from one of the server's own pages, a page of an allowed origin, or no page.
func (o origins) accept(r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
		r = r.WithContext(r.Context()) // a copy, because Check accepts these methods from every page
		r.Method = http.MethodPost
	}
	return o.protection.Check(r) == nil || o.allow(r.Header.Get("Origin"))
}

// isLoopbackOrigin reports whether a page with this origin is served by the machine of its browser, over http.
// The name must be localhost itself. Anybody can point another name at a loopback address, including one that
// begins with localhost.
func isLoopbackOrigin(origin string) bool {
	for _, host := range []string{"http://localhost", "http://127.0.0.1", "http://[::1]"} {
		if rest, ok := strings.CutPrefix(origin, host); ok {
			return rest == "" || isPortSuffix(rest)
		}
	}
	return false
}

// isPortSuffix reports whether s is ":" and a port without leading zeros.
func isPortSuffix(s string) bool {
	port, ok := strings.CutPrefix(s, ":")
	_, err := strconv.ParseUint(port, 10, 16)
	return ok && err == nil && port[0] != '0'
}

// The names of the cookies. Browsers accept the prefix __Host- only from https and only for this host (RFC 6265bis
// §4.1.3.2).
var (
	secureCookies = [...]string{
		cookie.Refresh: "__Host-usher_refresh", cookie.Device: "__Host-usher_device", cookie.Login: "__Host-usher_login",
		cookie.Provider: "__Host-usher_provider", cookie.CrossSite: "__Host-usher_provider_post",
	}
	insecureCookies = [...]string{
		cookie.Refresh: "usher_refresh", cookie.Device: "usher_device", cookie.Login: "usher_login",
		cookie.Provider: "usher_provider", cookie.CrossSite: "usher_provider_post",
	}
)

// readCookies reads the cookies of a request and lets the handler set them. It does neither for a
// request from a page of another origin, with which a browser may send the cookies too. Clients other than
// browsers send no origin. Cross-site attacks do not affect them. Only POST requests need the
// cookies. CrossOriginProtection allows every GET, even for a link on a page of another site.
func (x *exchange) readCookies(r *http.Request) {
	if r.Method != http.MethodPost || !x.server.origins.accept(r) {
		return
	}
	x.jar.Set = x.setCookie
	x.receive(r, cookie.Refresh, cookie.Device, cookie.Login, cookie.Provider, cookie.CrossSite)
}

// receive reads cookies of a request.
func (x *exchange) receive(r *http.Request, kinds ...cookie.Kind) {
	if r.Header["Cookie"] == nil {
		return
	}
	for _, kind := range kinds {
		switch cookies := r.CookiesNamed(x.server.cookieName(kind)); len(cookies) {
		case 0:
		case 1:
			x.jar.Receive(kind, cookies[0].Value)
		default:
			// The order of cookies is not significant (RFC 6265 §5.4), and an attacker may have set one of them. An
			// empty token is invalid, so a refresh fails and removes the cookie that this server has set.
			x.jar.Receive(kind, "")
		}
	}
}

// FromOtherSites returns a handler that sees the cookies of sign-ins at providers, whatever page the request is from, and no
// others.
func (s *Server) FromOtherSites(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if x, ok := w.(*exchange); ok {
			x.receive(r, cookie.Provider, cookie.CrossSite)
		}
		h.ServeHTTP(w, r)
	})
}

func (s *Server) cookieName(kind cookie.Kind) string {
	if s.insecureCookies {
		return insecureCookies[kind]
	}
	return secureCookies[kind]
}

// setCookie sets a cookie, or removes it if value is empty. The response must not have started. A later call for the same
// cookie replaces an earlier one.
func (x *exchange) setCookie(kind cookie.Kind, value string, maxAge time.Duration) {
	seconds := int(maxAge.Seconds())
	if value == "" {
		seconds = -1 // now
	}
	sameSite := http.SameSiteLaxMode
	if kind == cookie.CrossSite {
		sameSite = http.SameSiteNoneMode
	}
	c := &http.Cookie{ //nolint:gosec // Secure is omitted only for plain http on a loopback address.
		Name: x.server.cookieName(kind), Value: value, MaxAge: seconds,
		Path: "/", HttpOnly: true, Secure: !x.server.insecureCookies, SameSite: sameSite,
	}
	h := x.Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(set string) bool { return strings.HasPrefix(set, c.Name+"=") })
	http.SetCookie(x, c)
}
