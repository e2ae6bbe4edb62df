package httpd

import (
	"cmp"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"usher/internal/cookie"
)

// TestCookieOrigin checks which requests may use the cookie: POST requests of clients other than browsers, of
// pages of the server and of pages of allowed origins.
func TestCookieOrigin(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method string // POST if empty
		header map[string]string
		cookie string
		want   string // the token in the handler, or "none" if the handler cannot set one either
		dev    bool
	}{
		"no browser":            {cookie: "__Host-usher_refresh=urt_1", want: "urt_1"},
		"same origin":           {header: map[string]string{"Sec-Fetch-Site": "same-origin"}, cookie: "__Host-usher_refresh=urt_1", want: "urt_1"},
		"typed by the user":     {header: map[string]string{"Sec-Fetch-Site": "none"}, cookie: "__Host-usher_refresh=urt_1", want: "urt_1"},
		"old browser":           {header: map[string]string{"Origin": "https://auth.example.com"}, cookie: "__Host-usher_refresh=urt_1", want: "urt_1"},
		"cross-site":            {header: map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"sister site":           {header: map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://blog.example.com"}, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"cross-site, no origin": {header: map[string]string{"Sec-Fetch-Site": "cross-site"}, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"old browser, foreign":  {header: map[string]string{"Origin": "https://evil.example"}, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"sandboxed":             {header: map[string]string{"Origin": "null"}, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"allowed":               {header: map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://app.example.com"}, cookie: "__Host-usher_refresh=urt_1", want: "urt_1"},
		"allowed, other port":   {header: map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://app.example.com:8443"}, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"allowed, other scheme": {header: map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://app.example.com"}, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"cross-site GET":        {header: map[string]string{"Sec-Fetch-Site": "cross-site"}, method: http.MethodGet, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"same-origin GET":       {header: map[string]string{"Sec-Fetch-Site": "same-origin"}, method: http.MethodGet, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"GET, no browser":       {method: http.MethodGet, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"allowed GET":           {header: map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://app.example.com"}, method: http.MethodGet, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"localhost":             {header: map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:5173"}, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"localhost, dev":        {header: map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:5173"}, dev: true, cookie: "__Host-usher_refresh=urt_1", want: "urt_1"},
		"rebound, dev":          {header: map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost.evil.example:5173"}, dev: true, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"foreign, dev":          {header: map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, dev: true, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"no cookie":             {header: map[string]string{"Sec-Fetch-Site": "same-origin"}, want: ""},
		"another cookie":        {cookie: "theme=dark; usher_refresh=urt_1", want: ""},
		"two":                   {cookie: "__Host-usher_refresh=urt_1; __Host-usher_refresh=urt_2", want: "invalid"},
		"two of the same":       {cookie: "__Host-usher_refresh=urt_1; __Host-usher_refresh=urt_1", want: "invalid"},
		"two, one empty":        {cookie: "__Host-usher_refresh=; __Host-usher_refresh=urt_1", want: "invalid"},
		"among others":          {cookie: "theme=dark; __Host-usher_refresh=urt_1; a=b", want: "urt_1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got, device string
			o := testOptions(t, func(_ http.ResponseWriter, r *http.Request) {
				jar := cookie.From(r.Context())
				token, ok := jar.RefreshToken()
				got, device = token, jar.DeviceToken()
				if ok && token == "" {
					got = "invalid"
				}
				if jar.Set == nil {
					got += "none"
				}
			})
			o.AllowedOrigins, o.LoopbackOrigins = []string{"https://app.example.com"}, tt.dev
			r := httptest.NewRequest(cmp.Or(tt.method, http.MethodPost), "https://auth.example.com/graphql", nil)
			for name, value := range tt.header {
				r.Header.Set(name, value)
			}
			if tt.cookie != "" {
				// The other cookie is sent alike.
				r.Header.Set("Cookie", tt.cookie+"; "+strings.NewReplacer("_refresh", "_device", "urt_", "udt_").Replace(tt.cookie))
			}
			New(o).ServeHTTP(httptest.NewRecorder(), r)
			if got != tt.want {
				t.Errorf("the handler sees %q, want %q", got, tt.want)
			}
			wantDevice := ""
			if n, ok := strings.CutPrefix(tt.want, "urt_"); ok {
				wantDevice = "udt_" + n
			}
			if device != wantDevice {
				t.Errorf("the handler sees the device token %q, want %q", device, wantDevice)
			}
		})
	}
}

func TestSetCookie(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		insecure bool
		set      func(jar *cookie.Jar)
		want     []string
	}{
		"secure": {
			set:  func(jar *cookie.Jar) { jar.Keep(cookie.Refresh, "urt_1", time.Hour) },
			want: []string{"__Host-usher_refresh=urt_1; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		},
		"on plain http": {
			insecure: true,
			set:      func(jar *cookie.Jar) { jar.Keep(cookie.Refresh, "urt_1", time.Hour) },
			want:     []string{"usher_refresh=urt_1; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		},
		"removed": {
			set: func(jar *cookie.Jar) {
				jar.Receive(cookie.Refresh, "urt_0")
				jar.ForgetRefreshToken()
			},
			want: []string{"__Host-usher_refresh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"},
		},
		"twice": {
			set: func(jar *cookie.Jar) {
				jar.Keep(cookie.Refresh, "urt_1", time.Hour)
				jar.ForgetRefreshToken()
			},
			want: []string{"__Host-usher_refresh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"},
		},
		"device": {
			set:  func(jar *cookie.Jar) { jar.Keep(cookie.Device, "udt_1", 90*24*time.Hour) },
			want: []string{"__Host-usher_device=udt_1; Path=/; Max-Age=7776000; HttpOnly; Secure; SameSite=Lax"},
		},
		"device on plain http": {
			insecure: true,
			set:      func(jar *cookie.Jar) { jar.Keep(cookie.Device, "udt_1", 90*24*time.Hour) },
			want:     []string{"usher_device=udt_1; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax"},
		},
		"both, the first replaced": {
			set: func(jar *cookie.Jar) {
				jar.Keep(cookie.Refresh, "urt_1", time.Hour)
				jar.Keep(cookie.Device, "udt_1", time.Hour)
				jar.Keep(cookie.Refresh, "urt_2", time.Hour)
			},
			want: []string{
				"__Host-usher_device=udt_1; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax",
				"__Host-usher_refresh=urt_2; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax",
			},
		},
		"the device stays": {
			set: func(jar *cookie.Jar) {
				jar.Receive(cookie.Refresh, "urt_1")
				jar.Receive(cookie.Device, "udt_1")
				jar.ForgetRefreshToken()
			},
			want: []string{"__Host-usher_refresh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := testOptions(t, func(_ http.ResponseWriter, r *http.Request) { tt.set(cookie.From(r.Context())) })
			o.InsecureCookies = tt.insecure
			w := httptest.NewRecorder()
			New(o).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/graphql", nil))
			if diff := gocmp.Diff(tt.want, w.Header()["Set-Cookie"]); diff != "" {
				t.Errorf("Set-Cookie (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPanicForOrigin checks that a page of an allowed origin can read the response to a panic, and that the
// response has no other header of the handler.
func TestPanicForOrigin(t *testing.T) {
	t.Parallel()
	o := testOptions(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "a=b")
		panic("boom")
	})
	o.AllowedOrigins = []string{"https://app.example.com"}
	r := httptest.NewRequest(http.MethodPost, "https://auth.example.com/graphql", nil)
	r.Header.Set("Origin", "https://app.example.com")
	w := httptest.NewRecorder()
	New(o).ServeHTTP(w, r)
	h := w.Result().Header
	if w.Code != http.StatusInternalServerError || h.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
		h.Get("Access-Control-Allow-Credentials") != "true" || h.Get("Vary") == "" || h.Get("Set-Cookie") != "" {
		t.Errorf("%d %v", w.Code, h)
	}
}

// TestInFlight checks that a request is in flight until its handler ends, also by a panic.
func TestInFlight(t *testing.T) {
	t.Parallel()
	var during int64
	var o Options
	o = testOptions(t, func(http.ResponseWriter, *http.Request) {
		during = o.Observer.InFlight()
		panic("boom")
	})
	New(o).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/graphql", nil))
	if after := o.Observer.InFlight(); during != 1 || after != 0 {
		t.Errorf("%d requests in flight during one, and %d after", during, after)
	}
}

// TestLoopbackOrigin checks which origins are allowed in development only.
func TestLoopbackOrigin(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]bool{
		"http://localhost":                     true,
		"http://localhost:1":                   true,
		"http://localhost:5173":                true,
		"http://localhost:65535":               true,
		"http://127.0.0.1:3000":                true,
		"http://[::1]:4321":                    true,
		"http://[::1]":                         true,
		"":                                     false,
		"null":                                 false,
		"localhost:5173":                       false,
		"//localhost:5173":                     false,
		"https://localhost:5173":               false, // a page on https is of another site, so the cookie would not work
		"capacitor://localhost":                false,
		"http://localhost.evil.example":        false,
		"http://localhost.evil.example:5173":   false,
		"http://localhost.":                    false,
		"http://localhostevil.example":         false,
		"http://localhost-evil.example:80":     false,
		"http://localhost@evil.example":        false,
		"http://localhost:5173@evil.example":   false,
		"http://localhost:x@evil.example":      false,
		"http://localhost:5173/":               false,
		"http://localhost/evil":                false,
		"http://localhost?x":                   false,
		"http://localhost#x":                   false,
		"http://localhost:":                    false,
		"http://localhost:0":                   false,
		"http://localhost:080":                 false,
		"http://localhost:65536":               false,
		"http://localhost:+80":                 false,
		"http://localhost:-80":                 false,
		"http://localhost:8_0":                 false,
		"http://localhost:80 ":                 false,
		"http://localhost:80,http://evil":      false,
		"http://app.localhost:5173":            false,
		"http://LOCALHOST:5173":                false,
		"HTTP://localhost:5173":                false,
		"http://127.0.0.1.evil.example":        false,
		"http://127.0.0.2:3000":                false,
		"http://127.1:3000":                    false,
		"http://0.0.0.0:3000":                  false,
		"http://[::1].evil.example":            false,
		"http://[::1%25lo]:3000":               false,
		"http://[0:0:0:0:0:0:0:1]:3000":        false,
		"http://::1:3000":                      false,
		"http://192.168.1.5:3000":              false,
		"http://localhost:5173\x00":            false,
		"http://localhost:5173\nEvil: example": false,
	} {
		if got := newOrigins(nil, true).allow(origin); got != want {
			t.Errorf("with --dev, %q: %v", origin, got)
		}
		if newOrigins(nil, false).allow(origin) {
			t.Errorf("without --dev, %q is allowed", origin)
		}
	}
}

// FuzzLoopbackOrigin compares the check with a parser of URLs: what is allowed has a loopback host and no other
// part than a port, and is written in the one way that browsers use.
func FuzzLoopbackOrigin(f *testing.F) {
	for _, origin := range []string{
		"http://localhost", "http://localhost:5173", "http://127.0.0.1:80", "http://[::1]:65535", "http://localhost.evil.example:1",
		"http://localhost:1@evil.example", "https://localhost:1", "null", "http://localhost:01", "http://127.0.0.1.evil.example",
	} {
		f.Add(origin)
	}
	f.Fuzz(func(t *testing.T, origin string) {
		want := false
		if u, err := url.Parse(origin); err == nil {
			port, err := strconv.Atoi(u.Port())
			want = slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()) &&
				(origin == "http://"+u.Hostname() || origin == "http://["+u.Hostname()+"]" && u.Hostname() == "::1" ||
					err == nil && 0 < port && port < 65536 && origin == "http://"+net.JoinHostPort(u.Hostname(), strconv.Itoa(port)))
		}
		if got := isLoopbackOrigin(origin); got != want {
			t.Errorf("%q: %v", origin, got)
		}
	})
}
