package config

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDatabaseURLIsPrintedWithoutItsPassword(t *testing.T) {
	tests := []struct{ url, want string }{
		{"sqlite:data/usher.db", "sqlite:data/usher.db"},
		{"postgres://db/usher", "postgres://db/usher"},
		{"postgresql://usher:c4n4ry@db:5432/usher?sslmode=require", "postgresql://db:5432/usher"},
		{"postgres://db/usher?user=usher&password=c4n4ry", "postgres://db/usher"},
		{"postgres:///usher?host=/run/postgresql", "postgres:///usher"},
		{"postgres://usher:1/c4n4ry@db/usher", "[redacted]"},
		{"postgres://usher:1#c4n4ry@db/usher", "[redacted]"},
		{"postgres://usher:1@2/c4n4ry@db/usher", "[redacted]"},
		{"postgres:usher:c4n4ry@db/usher", "[redacted]"},
		{"postgres://usher:c4n4ry", "[redacted]"},
		{"mysql://usher:c4n4ry@db", "[redacted]"},
		{"host=db password=c4n4ry", "[redacted]"},
		{"", "[redacted]"},
	}
	for _, tt := range tests {
		u := DatabaseURL(tt.url)
		if got := u.String(); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.url, got, tt.want)
		}
		if text, err := u.MarshalText(); err != nil || string(text) != tt.want {
			t.Errorf("%s: marshals as %s, %v", tt.url, text, err)
		}
		if printed := fmt.Sprintf("%v %+v %#v %s %q", u, u, u, u, u); strings.Contains(printed, "c4n4ry") {
			t.Errorf("%s: prints as %s", tt.url, printed)
		}
	}
}

func FuzzDatabaseURLString(f *testing.F) {
	f.Add("usher", "", "db/usher")
	f.Add("u", "a/b@", "db:5432/usher?sslmode=disable")
	f.Add("u", "1#", "@db")
	f.Fuzz(func(t *testing.T, user, password, rest string) {
		u := DatabaseURL("postgres://" + user + ":" + password + "c4n4ry" + password + "@" + rest)
		if printed := u.String(); strings.Contains(printed, "c4n4ry") {
			t.Errorf("%s is printed as %s", string(u), printed)
		}
	})
}

func TestResources(t *testing.T) {
	long := strings.Repeat("a", maxResource)
	tests := []struct {
		text string
		want Resources // nil for an error
	}{
		{"https://api.example.com", Resources{"https://api.example.com"}},
		{"https://api.example.com/", Resources{"https://api.example.com/"}},
		{"HTTPS://API.example.com:443", Resources{"HTTPS://API.example.com:443"}}, // as it is written
		{"https://a.example , http://[::1]:8080/v1?x=%20", Resources{"https://a.example", "http://[::1]:8080/v1?x=%20"}},
		{"urn:usher:reports", Resources{"urn:usher:reports"}},
		{"api://reports", Resources{"api://reports"}},
		{"localhost:3000", Resources{"localhost:3000"}},
		{"my-api", Resources{"my-api"}},
		{"api.example.com/v1", Resources{"api.example.com/v1"}},
		{long, Resources{long}},
		{"", nil},
		{",", nil},
		{"my-api,", nil},
		{"My API", nil},
		{"my\napi", nil},
		{"my-äpi", nil},
		{"https://", nil},
		{"https:///path", nil},
		{"https://:443", nil},
		{"https://user@api.example.com", nil},
		{"https://user:secret@api.example.com", nil},
		{"https://api.example.com#", nil},
		{"https://api.example.com#part", nil},
		{"https://api.example.com/a b", nil},
		{"https://äpi.example.com", nil},
		{`https://api.example.com/"`, nil},
		{"https://api.example.com/%zz", nil},
		{"urn:", nil},
		{":reports", nil},
		{long + "a", nil},
	}
	for _, tt := range tests {
		var r Resources
		err := r.UnmarshalText([]byte(tt.text))
		if (err == nil) != (tt.want != nil) {
			t.Errorf("%q: got %v", tt.text, err)
			continue
		}
		if diff := cmp.Diff(tt.want, r); err == nil && diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.text, diff)
		}
	}
}

// FuzzResources parses any text. The result must be valid as the resource parameter and in a token.
func FuzzResources(f *testing.F) {
	for _, text := range []string{"https://api.example.com", "a,b", "urn:x:y", "my-api", "a:b@c", "x:#", " a , b ", "http:a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r Resources
		if r.UnmarshalText([]byte(text)) != nil {
			return
		}
		for _, s := range r {
			if s == "" || strings.ContainsAny(s, "#, \"\\\r\n\x00") || len(s) > maxResource {
				t.Errorf("%q is accepted as a resource", s)
			}
			if u, err := url.Parse(s); strings.Contains(s, ":") && (err != nil || !u.IsAbs() || u.User != nil) {
				t.Errorf("%q has a colon and is not an absolute URI", s)
			}
			var again Resources
			if err := again.UnmarshalText([]byte(s)); err != nil || len(again) != 1 || again[0] != s {
				t.Errorf("%q becomes %q, %v", s, again, err)
			}
		}
	})
}

func TestPrefixes(t *testing.T) {
	tests := []struct {
		text string
		want []string // nil for an error
	}{
		{"10.0.0.0/8", []string{"10.0.0.0/8"}},
		{"10.1.2.3/8", []string{"10.0.0.0/8"}},
		{"192.0.2.1", []string{"192.0.2.1/32"}},
		{"2001:db8::1 , fd00::/8", []string{"2001:db8::1/128", "fd00::/8"}},
		{"::ffff:10.0.0.0/104", []string{"10.0.0.0/8"}},
		{"::ffff:192.0.2.1", []string{"192.0.2.1/32"}},
		{"::/0", []string{"::/0"}},
		{"", nil},
		{"10.0.0.0/8,", nil},
		{"10.0.0.0/33", nil},
		{"fe80::1%eth0", nil},
		{"proxy.example.com", nil},
	}
	for _, tt := range tests {
		var p Prefixes
		err := p.UnmarshalText([]byte(tt.text))
		if (err == nil) != (tt.want != nil) {
			t.Errorf("%q: got %v", tt.text, err)
			continue
		}
		if err != nil {
			continue
		}
		var got []string
		for _, prefix := range p {
			got = append(got, prefix.String())
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestOrigins(t *testing.T) {
	for text, want := range map[string]Origins{ // nil for an error
		"https://app.example.com":                         {"https://app.example.com"},
		"https://app.example.com:8443, http://[::1]:5173": {"https://app.example.com:8443", "http://[::1]:5173"},
		"":                              nil,
		"*":                             nil,
		"null":                          nil,
		"https://*.example.com":         nil,
		"https://app.example.com/":      nil,
		"https://app.example.com/path":  nil,
		"https://app.example.com?q":     nil,
		"https://user@app.example.com":  nil,
		"https://App.example.com":       nil,
		"app.example.com":               nil,
		"ftp://app.example.com":         nil,
		"https://":                      nil,
		"https://a.example,":            nil,
		"https://a.example b.example":   nil,
		"https://app.example.com#there": nil,
	} {
		var got Origins
		err := got.UnmarshalText([]byte(text))
		if (err == nil) != (want != nil) {
			t.Errorf("%q: %v", text, err)
		} else if diff := cmp.Diff(want, got); err == nil && diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestHeaderNames(t *testing.T) {
	for text, want := range map[string]HeaderNames{ // nil for an error
		"x-tenant":            {"x-tenant"},
		"X-Tenant, x-build":   {"X-Tenant", "x-build"},
		"x_y.z~1":             {"x_y.z~1"},
		"":                    nil,
		"x-tenant,":           nil,
		",":                   nil,
		"*":                   nil,
		"x-tenant,*":          nil,
		"x-*":                 nil,
		"x tenant":            nil,
		"x-tenant: a":         nil,
		"x-tenant;x-build":    nil,
		"x-tenant\r\nx-build": nil,
		"x-ténant":            nil,
		"\"x-tenant\"":        nil,
	} {
		var got HeaderNames
		err := got.UnmarshalText([]byte(text))
		if (err == nil) != (want != nil) {
			t.Errorf("%q: %v", text, err)
		} else if diff := cmp.Diff(want, got); err == nil && diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// FuzzHeaderNames checks that each name that is parsed can stand in a header with a list of names, where it is
// one element that reads the same.
func FuzzHeaderNames(f *testing.F) {
	f.Add("x-tenant, X-Build")
	f.Add("*")
	f.Add("x-a\r\nset-cookie: a=b")
	f.Fuzz(func(t *testing.T, text string) {
		var names HeaderNames
		if names.UnmarshalText([]byte(text)) != nil {
			return
		}
		header := http.Header{}
		header.Set("Access-Control-Allow-Headers", strings.Join(names, ", "))
		var wire bytes.Buffer
		if err := header.Write(&wire); err != nil {
			t.Fatal(err)
		}
		if want := "Access-Control-Allow-Headers: " + strings.Join(names, ", ") + "\r\n"; wire.String() != want {
			t.Errorf("%q is sent as %q", text, wire.String())
		}
		var again HeaderNames
		if err := again.UnmarshalText([]byte(strings.Join(names, ", "))); err != nil || !cmp.Equal(again, names) {
			t.Errorf("%q: %q, then %q, %v", text, names, again, err)
		}
	})
}

// FuzzOrigins checks that the server accepts each origin that is parsed.
func FuzzOrigins(f *testing.F) {
	f.Add("https://app.example.com, http://localhost:5173")
	f.Add("https://[::1]:8443")
	f.Fuzz(func(t *testing.T, text string) {
		var origins Origins
		if origins.UnmarshalText([]byte(text)) != nil {
			return
		}
		for _, origin := range origins {
			if err := http.NewCrossOriginProtection().AddTrustedOrigin(origin); err != nil {
				t.Errorf("%q: %v", origin, err)
			}
		}
	})
}

func FuzzPrefixes(f *testing.F) {
	f.Add("10.0.0.0/8, fd00::1")
	f.Add("::ffff:10.0.0.0/90")
	f.Fuzz(func(t *testing.T, text string) {
		var p Prefixes
		if p.UnmarshalText([]byte(text)) != nil {
			return
		}
		for _, prefix := range p {
			if !prefix.IsValid() || prefix != prefix.Masked() || !prefix.Contains(prefix.Addr()) {
				t.Errorf("%q: %v contains nothing", text, prefix)
			}
			if again, err := netip.ParsePrefix(prefix.String()); err != nil || again != prefix {
				t.Errorf("%q: %v reads as %v, %v", text, prefix, again, err)
			}
		}
	})
}
