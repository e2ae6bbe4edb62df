package httpd

import (
	"regexp"
	"strings"
	"testing"
)

func TestBearer(t *testing.T) {
	longest := strings.Repeat("a", maxBearer)
	tests := []struct {
		name          string
		authorization []string
		token         string
		found         bool
	}{
		{"no header", nil, "", false},
		{"empty header", []string{""}, "", false},
		{"other scheme", []string{"Basic YTpi"}, "", false},
		{"scheme that begins alike", []string{"Bearerx abc"}, "", false},
		{"token without a scheme", []string{"abc.def.ghi"}, "", false},
		{"token", []string{"Bearer abc.DEF-1_2~3+4/5=="}, "abc.DEF-1_2~3+4/5==", true},
		{"scheme in another case", []string{"bEARER abc"}, "abc", true},
		{"more than one space", []string{"Bearer   abc"}, "abc", true},
		{"longest", []string{"Bearer " + longest}, longest, true},
		{"too long", []string{"Bearer a" + longest}, "", true},
		{"no token", []string{"Bearer"}, "", true},
		{"empty token", []string{"Bearer "}, "", true},
		{"padding only", []string{"Bearer =="}, "", true},
		{"padding within", []string{"Bearer a=b"}, "", true},
		{"two tokens", []string{"Bearer abc def"}, "", true},
		{"list", []string{"Bearer abc, Bearer def"}, "", true},
		{"control character", []string{"Bearer a\tb"}, "", true},
		{"two headers", []string{"Bearer abc", "Bearer abc"}, "", true},
		{"two schemes", []string{"Basic YTpi", "Bearer abc"}, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, found := bearer(tt.authorization)
			if token != tt.token || found != tt.found {
				t.Errorf("got %.20q, %t; want %.20q, %t", token, found, tt.token, tt.found)
			}
		})
	}
}

func FuzzBearer(f *testing.F) {
	for _, seed := range []string{"", "Bearer", "bearer abc", "Bearer  a.b.c==", "Basic YTpi", "Bearer a, b", "Bearer\ta"} {
		f.Add(seed)
	}
	form := regexp.MustCompile(`^(?i:bearer) +([A-Za-z0-9._~+/-]+=*)$`)
	f.Fuzz(func(t *testing.T, authorization string) {
		want := ""
		if match := form.FindStringSubmatch(authorization); match != nil && len(match[1]) <= maxBearer {
			want = match[1]
		}
		token, found := bearer([]string{authorization})
		if token != want || token != "" && !found {
			t.Errorf("%q: got %q, %t; want %q", authorization, token, found, want)
		}
	})
}
