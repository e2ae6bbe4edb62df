package provider_test

import (
	"testing"

	"usher/internal/provider"
)

func TestRedirects(t *testing.T) {
	t.Parallel()
	allowed := provider.Redirects{URLs: []string{
		"https://app.example.com/signed-in", "https://app.example.com/query?a=1", "http://127.0.0.1/done", "http://[::1]/done",
		"http://127.0.0.1:3000/fixed", "http://localhost/named", "http://localhost:5173/",
	}}
	for raw, want := range map[string]bool{
		"https://app.example.com/signed-in":                true,
		"https://app.example.com/query?a=1":                true,
		"http://127.0.0.1/done":                            true,
		"http://127.0.0.1:49152/done":                      true,
		"http://[::1]:49152/done":                          true,
		"http://127.0.0.1:3000/fixed":                      true,
		"http://localhost:5173/":                           true,
		"http://127.0.0.1:3001/fixed":                      false,
		"http://127.0.0.1:49152/other":                     false,
		"http://localhost:49152/named":                     false, // the name can be that of another host
		"http://127.0.0.2:49152/done":                      false,
		"https://127.0.0.1:49152/done":                     false,
		"https://app.example.com/signed-in/":               false,
		"https://app.example.com/signed-in?next=1":         false,
		"https://app.example.com/signed-in#x":              false,
		"https://app.example.com:443/signed-in":            false,
		"https://APP.example.com/signed-in":                false,
		"https://app.example.com@evil.example/signed-in":   false,
		"https://evil.example/https://app.example.com/":    false,
		"http://app.example.com/signed-in":                 false,
		"https://app.example.com\\@evil.example/signed-in": false,
		"https://app.example.com/signed-in\n":              false,
		"javascript:alert(1)":                              false,
		"//app.example.com/signed-in":                      false,
		"http://127.0.0.1:3000@evil.example/done":          false,
		"http://127.0.0.1:80@evil.example:80/done":         false,
		"http://evil.example:80/http://127.0.0.1/done":     false,
		"http://127.0.0.1.evil.example:80/done":            false,
		"":                                                 false,
	} {
		if got := allowed.Allow(raw); got != want {
			t.Errorf("%q: %t, want %t", raw, got, want)
		}
	}
	development := provider.Redirects{Loopback: true}
	for raw, want := range map[string]bool{
		"http://localhost:5173/signed-in": true, "http://127.0.0.1/": true, "https://localhost/": true, "http://localhost.evil.example/": false,
		"https://app.example.com/": false, "http://localhost:5173/#x": false,
	} {
		if got := development.Allow(raw); got != want {
			t.Errorf("in development, %q: %t, want %t", raw, got, want)
		}
	}
}

func FuzzRedirects(f *testing.F) {
	for _, raw := range []string{"http://127.0.0.1:1/a", "https://a.example/", "http://[::1%25x]:2/a", "http://127.0.0.1:1:1/a"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if (provider.Redirects{}).Allow(raw) {
			t.Error("allowed by an empty list")
		}
		if provider.CheckRedirect(raw) == nil && !(provider.Redirects{URLs: []string{raw}}).Allow(raw) {
			t.Error("refused although it is in the list")
		}
	})
}
