package config

import "testing"

func TestHealthBase(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		health Health
		want   string // "" for an error
	}{
		{Health{Listen: "127.0.0.1:8080"}, "http://127.0.0.1:8080"},
		{Health{Listen: ":8080"}, "http://127.0.0.1:8080"},
		{Health{Listen: "0.0.0.0:80"}, "http://127.0.0.1:80"},
		{Health{Listen: "[::]:8080"}, "http://[::1]:8080"},
		{Health{Listen: "[2001:db8::7]:8080"}, "http://[2001:db8::7]:8080"},
		{Health{Listen: "localhost:8080"}, "http://localhost:8080"},
		{Health{Listen: ":8080", At: "https://auth.example.com"}, "https://auth.example.com"},
		{Health{Listen: ":8080", At: "https://auth.example.com/auth/"}, "https://auth.example.com/auth"},
		{Health{Listen: "8080"}, ""},
		{Health{At: "auth.example.com"}, ""},
		{Health{At: "ftp://auth.example.com"}, ""},
		{Health{At: "https://"}, ""},
		{Health{At: "https://ada:secret@auth.example.com"}, ""},
		{Health{At: "https://auth.example.com?a=b"}, ""},
		{Health{At: "https://auth.example.com#a"}, ""},
	} {
		got, err := test.health.Base()
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%+v: %q, %v, want %q", test.health, got, err, test.want)
		}
	}
}
