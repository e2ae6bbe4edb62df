package httpd

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
		"no cookie":             {header: map[string]string{"Sec-Fetch-Site": "same-origin"}, want: ""},
		"another cookie":        {cookie: "theme=dark; usher_refresh=urt_1", want: ""},
		"two":                   {cookie: "__Host-usher_refresh=urt_1; __Host-usher_refresh=urt_2", want: "invalid"},
		"two of the same":       {cookie: "__Host-usher_refresh=urt_1; __Host-usher_refresh=urt_1", want: "invalid"},
		"two, one empty":        {cookie: "__Host-usher_refresh=; __Host-usher_refresh=urt_1", want: "invalid"},
		"GET":                   {method: http.MethodGet, header: map[string]string{"Sec-Fetch-Site": "same-origin"}, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"cross-site GET":        {method: http.MethodGet, header: map[string]string{"Sec-Fetch-Site": "cross-site"}, cookie: "__Host-usher_refresh=urt_1", want: "none"},
		"among others":          {cookie: "theme=dark; __Host-usher_refresh=urt_1; a=b", want: "urt_1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got string
			o := testOptions(t, func(_ http.ResponseWriter, r *http.Request) {
				jar := cookie.From(r.Context())
				token, ok := jar.RefreshToken()
				got = token
				if ok && token == "" {
					got = "invalid"
				}
				if jar.Set == nil {
					got += "none"
				}
			})
			o.AllowedOrigins = []string{"https://app.example.com"}
			method := http.MethodPost
			if tt.method != "" {
				method = tt.method
			}
			r := httptest.NewRequest(method, "https://auth.example.com/graphql", nil)
			for name, value := range tt.header {
				r.Header.Set(name, value)
			}
			if tt.cookie != "" {
				r.Header.Set("Cookie", tt.cookie)
			}
			New(o).ServeHTTP(httptest.NewRecorder(), r)
			if got != tt.want {
				t.Errorf("the handler sees %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSetRefreshToken(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		insecure bool
		set      func(jar *cookie.Jar)
		want     string
	}{
		"secure": {
			set:  func(jar *cookie.Jar) { jar.Keep("urt_1", time.Hour) },
			want: "__Host-usher_refresh=urt_1; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax",
		},
		"on plain http": {
			insecure: true,
			set:      func(jar *cookie.Jar) { jar.Keep("urt_1", time.Hour) },
			want:     "usher_refresh=urt_1; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax",
		},
		"removed": {
			set: func(jar *cookie.Jar) {
				jar.Receive("urt_0")
				jar.Forget()
			},
			want: "__Host-usher_refresh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
		},
		"twice": {
			set: func(jar *cookie.Jar) {
				jar.Keep("urt_1", time.Hour)
				jar.Forget()
			},
			want: "__Host-usher_refresh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := testOptions(t, func(_ http.ResponseWriter, r *http.Request) { tt.set(cookie.From(r.Context())) })
			o.InsecureCookies = tt.insecure
			w := httptest.NewRecorder()
			New(o).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/graphql", nil))
			if diff := cmp.Diff([]string{tt.want}, w.Header()["Set-Cookie"]); diff != "" {
				t.Errorf("Set-Cookie (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCORS checks which pages may read responses.
func TestCORS(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		allowed []string
		method  string
		origin  string
		shared  bool
	}{
		"allowed":               {[]string{"https://app.example.com"}, http.MethodPost, "https://app.example.com", true},
		"one of two":            {[]string{"https://a.example", "http://localhost:5173"}, http.MethodPost, "http://localhost:5173", true},
		"GET":                   {[]string{"https://app.example.com"}, http.MethodGet, "https://app.example.com", true},
		"foreign GET":           {[]string{"https://app.example.com"}, http.MethodGet, "https://evil.example", false},
		"preflight":             {[]string{"https://app.example.com"}, http.MethodOptions, "https://app.example.com", true},
		"foreign":               {[]string{"https://app.example.com"}, http.MethodPost, "https://evil.example", false},
		"foreign preflight":     {[]string{"https://app.example.com"}, http.MethodOptions, "https://evil.example", false},
		"longer":                {[]string{"https://app.example.com"}, http.MethodPost, "https://app.example.com.evil.example", false},
		"null":                  {[]string{"https://app.example.com"}, http.MethodPost, "null", false},
		"nobody allowed":        {nil, http.MethodPost, "https://app.example.com", false},
		"nobody allowed, asked": {nil, http.MethodOptions, "https://app.example.com", false},
		"no browser":            {[]string{"https://app.example.com"}, http.MethodPost, "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := testOptions(t, ok)
			o.AllowedOrigins = tt.allowed
			r := httptest.NewRequest(tt.method, "/graphql", nil)
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			if tt.method == http.MethodOptions {
				r.Header.Set("Access-Control-Request-Method", "POST")
				r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
			}
			w := httptest.NewRecorder()
			New(o).ServeHTTP(w, r)
			origin, credentials := w.Header().Get("Access-Control-Allow-Origin"), w.Header().Get("Access-Control-Allow-Credentials")
			want := [2]string{}
			if tt.shared {
				want = [2]string{tt.origin, "true"}
			}
			if got := [2]string{origin, credentials}; got != want {
				t.Errorf("allowed origin %q, credentials %q, want %q", origin, credentials, want)
			}
			if vary := strings.Join(w.Header()["Vary"], ","); !strings.Contains(vary, "Origin") {
				t.Errorf("Vary is %q, want it to contain Origin", vary)
			}
			if tt.method != http.MethodOptions && w.Body.String() != "ok" {
				t.Errorf("body %q", w.Body)
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
