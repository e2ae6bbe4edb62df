package callback

import (
	"errors"
	"fmt"
	"net/url"
	"testing"

	"usher/internal/auth/identities"
	"usher/internal/provider"
)

func TestLocation(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		outcome identities.Outcome
		want    string
	}{
		"code":          {identities.Outcome{RedirectTo: "https://app.example.com/done", Code: "a-b_c"}, "https://app.example.com/done?code=a-b_c"},
		"with a query":  {identities.Outcome{RedirectTo: "https://app.example.com/done?a=1", Code: "c"}, "https://app.example.com/done?a=1&code=c"},
		"denied":        {identities.Outcome{RedirectTo: "https://app.example.com/", Err: identities.ErrDenied}, "https://app.example.com/?error=access_denied"},
		"other domain":  {identities.Outcome{RedirectTo: "https://app.example.com/", Err: provider.ErrDomain}, "https://app.example.com/?error=access_denied"},
		"not available": {identities.Outcome{RedirectTo: "https://app.example.com/", Err: fmt.Errorf("x: %w", provider.ErrUnavailable)}, "https://app.example.com/?error=temporarily_unavailable"},
		"refused":       {identities.Outcome{RedirectTo: "https://app.example.com/", Err: provider.ErrRefused}, "https://app.example.com/?error=server_error"},
		"unknown":       {identities.Outcome{RedirectTo: "https://app.example.com/", Err: errors.New("secret")}, "https://app.example.com/?error=server_error"},
	} {
		if got := location(&tt.outcome); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// FuzzRead reads answers: what is accepted has a state, a code or an error, and each parameter once.
func FuzzRead(f *testing.F) {
	for _, query := range []string{"state=s&code=c&iss=https://a", "state=s&error=access_denied", "state=s&state=t&code=c", "code=c", "state=&code=", "user={}&state=s&code=c"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		form, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		a, ok := read(form)
		if !ok {
			return
		}
		if a.State == "" || a.Response.Code == "" && a.Error == "" || len(form["state"]) != 1 || len(form["code"]) > 1 || len(form["iss"]) > 1 {
			t.Errorf("%q is accepted as %+v", query, a)
		}
		if has := a.Response.Issuer != nil; has != form.Has("iss") {
			t.Errorf("%q: an issuer: %t", query, has)
		}
	})
}
