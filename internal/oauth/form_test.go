package oauth

import (
	"net/url"
	"testing"
)

// FuzzParseForm checks that each parameter of a form occurs in the body exactly once.
func FuzzParseForm(f *testing.F) {
	for _, body := range []string{
		"", "a=b", "a=b&a=c", "a=&a=", "resource=a&resource=a", "grant_type=password&username=ada&password=%20+%2B", "a=%zz", "a;b=c", "%00=%ff", "&&=&", "=x",
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := parseForm(body)
		if err != nil {
			if got != nil {
				t.Error("both a form and an error")
			}
			return
		}
		values, err := url.ParseQuery(body)
		if err != nil {
			t.Fatal(err)
		}
		for name, all := range values {
			if len(all) != 1 || got[name] != all[0] {
				t.Errorf("%q is %q, want one of %q", name, got[name], all)
			}
		}
		for name, value := range got {
			if value == "" || len(values[name]) != 1 {
				t.Errorf("%q is %q", name, value)
			}
		}
	})
}
