package app_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"usher/internal/app"
	"usher/internal/config"
	"usher/internal/provider"
	"usher/internal/provider/providertest"
)

// window is a browser with a page, which keeps cookies.
type window struct {
	app     http.Handler
	origin  string
	cookies map[string]*http.Cookie
}

// send sends a request with the cookies that a browser would send, and keeps those of the answer. A request from another site
// has no cookie with SameSite=Lax, unless it opens a page.
func (p *window) send(r *http.Request, crossSite bool) *httptest.ResponseRecorder {
	for _, c := range p.cookies {
		if !crossSite || r.Method == http.MethodGet || c.SameSite == http.SameSiteNoneMode {
			r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if crossSite {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	w := httptest.NewRecorder()
	p.app.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		p.cookies[c.Name] = c
	}
	return w
}

// ask sends an operation and returns its answer.
func (p *window) ask(t *testing.T, query string, input map[string]any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"input": input}})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "https://auth.example.com/graphql", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", p.origin)
	return p.send(r, p.origin != "https://auth.example.com").Body.String()
}

// settingsOf writes settings of a provider as USHER_PROVIDERS.
func settingsOf(t *testing.T, s provider.Settings) map[string]any {
	t.Helper()
	m := map[string]any{
		"id": s.ID, "name": s.Name, "type": s.Type, "clientId": s.ClientID, "trustEmail": s.TrustEmail, "allowPrivateAddresses": true,
	}
	for name, value := range map[string]string{
		"issuer": s.Issuer, "clientSecretFile": s.ClientSecretFile, "teamId": s.TeamID, "keyId": s.KeyID, "privateKeyFile": s.PrivateKeyFile,
	} {
		if value != "" {
			m[name] = value
		}
	}
	return m
}

const (
	beginLogin    = `mutation ($input: BeginProviderLoginInput!) { beginProviderLogin(input: $input) { url expiresIn } }`
	completeLogin = `mutation ($input: CompleteProviderLoginInput!) { completeProviderLogin(input: $input) { accessToken refreshToken user { email } } }`
)

// beginAt begins a sign-in and returns the URL of the provider.
func (p *window) beginAt(t *testing.T, input map[string]any) string {
	t.Helper()
	answer := p.ask(t, beginLogin, input)
	var begun struct {
		Data struct{ BeginProviderLogin struct{ URL string } }
	}
	if err := json.Unmarshal([]byte(answer), &begun); err != nil || begun.Data.BeginProviderLogin.URL == "" {
		t.Fatalf("beginProviderLogin: %s", answer)
	}
	return begun.Data.BeginProviderLogin.URL
}

// TestProviders signs in at providers as a browser does, over HTTP.
func TestProviders(t *testing.T) {
	each(t, func(t *testing.T, s app.Settings) {
		op, apple := providertest.New(t), providertest.NewApple(t)
		list, err := json.Marshal([]any{settingsOf(t, op.Settings("example")), settingsOf(t, apple.Settings("apple"))})
		if err != nil {
			t.Fatal(err)
		}
		s.Issuer = "https://auth.example.com"
		s.Providers = config.Providers{
			Providers: string(list), ProviderRedirects: config.Redirects{"https://app.example.com/done?from=usher"},
		}
		log := &bytes.Buffer{}
		a := newApp(t, s, log)
		newPage := func() *window { return &window{app: a, origin: s.Issuer, cookies: map[string]*http.Cookie{}} }

		p := newPage()
		target := p.beginAt(t, map[string]any{"provider": "example", "redirectTo": "https://auth.example.com/provider-login", "session": "COOKIE"})
		c := p.cookies["__Host-usher_provider"]
		if c == nil || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 3600 {
			t.Fatalf("the cookie is %+v", c)
		}
		callback := op.Authorize(t, target)
		if !strings.HasPrefix(callback, "https://auth.example.com/auth/callback/example?") {
			t.Fatalf("the provider sends the browser to %s", callback)
		}
		if w := newPage().send(httptest.NewRequest(http.MethodGet, callback, http.NoBody), true); w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" {
			t.Errorf("in another browser: %d, %s", w.Code, w.Header().Get("Location"))
		}
		for name, other := range map[string]string{
			"a parameter twice": callback + "&code=x", "no state": strings.Replace(callback, "state=", "x=", 1), "a bad escape": callback + "&x=%zz",
			"another provider": strings.Replace(callback, "/example?", "/apple?", 1), "no provider": strings.Replace(callback, "/example?", "/none?", 1),
		} {
			if w := p.send(httptest.NewRequest(http.MethodGet, other, http.NoBody), true); w.Code != http.StatusBadRequest {
				t.Errorf("%s: %d, %s", name, w.Code, w.Header().Get("Location"))
			}
		}
		w := p.send(httptest.NewRequest(http.MethodGet, callback, http.NoBody), true)
		code, found := strings.CutPrefix(w.Header().Get("Location"), "https://auth.example.com/provider-login?code=")
		if w.Code != http.StatusSeeOther || !found || w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("the callback: %d, %v", w.Code, w.Header())
		}
		if w := p.send(httptest.NewRequest(http.MethodGet, callback, http.NoBody), true); w.Code != http.StatusBadRequest {
			t.Errorf("the callback again: %d", w.Code)
		}
		if got := newPage().ask(t, completeLogin, map[string]any{"code": code}); !strings.Contains(got, `"INCORRECT"`) {
			t.Errorf("the code in another browser: %s", got)
		}
		got := p.ask(t, completeLogin, map[string]any{"code": code, "session": "COOKIE"})
		if !strings.Contains(got, `"email":"ada@example.com"`) || !strings.Contains(got, `"refreshToken":null`) || p.cookies["__Host-usher_refresh"] == nil {
			t.Errorf("completeProviderLogin: %s", got)
		}

		// A second sign-in in the same browser keeps the cookie, so that both can finish.
		again := p.beginAt(t, map[string]any{"provider": "example", "redirectTo": "https://app.example.com/done?from=usher"})
		if p.cookies["__Host-usher_provider"].Value != c.Value {
			t.Error("the second sign-in has replaced the cookie of the first")
		}
		denied := p.send(httptest.NewRequest(http.MethodGet, op.Deny(t, again), http.NoBody), true)
		if got := denied.Header().Get("Location"); got != "https://app.example.com/done?from=usher&error=access_denied" {
			t.Errorf("a refused sign-in leads to %q", got)
		}
		wrong := op.Authorize(t, p.beginAt(t, map[string]any{"provider": "example", "redirectTo": "https://app.example.com/done?from=usher"}))
		op.Change(providertest.Claim("nonce", "wrong"))
		failed := p.send(httptest.NewRequest(http.MethodGet, wrong, http.NoBody), true)
		if got := failed.Header().Get("Location"); got != "https://app.example.com/done?from=usher&error=server_error" {
			t.Errorf("a sign-in without proof leads to %q", got)
		}

		// Apple posts its answer from its own site.
		target = p.beginAt(t, map[string]any{"provider": "apple", "redirectTo": "https://auth.example.com/provider-login"})
		if c := p.cookies["__Host-usher_provider_post"]; c == nil || !c.Secure || c.SameSite != http.SameSiteNoneMode {
			t.Fatalf("the cookie for a form is %+v", c)
		}
		action, form := apple.AuthorizeForm(t, target)
		post := func(p *window, form url.Values) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, action, strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", apple.URL)
			return p.send(r, true)
		}
		large := url.Values{"state": form["state"], "code": form["code"], "user": {strings.Repeat("x", 65<<10)}}
		if w := post(p, large); w.Code != http.StatusBadRequest {
			t.Errorf("a large form: %d", w.Code)
		}
		if w := post(newPage(), form); w.Code != http.StatusBadRequest {
			t.Errorf("a form in another browser: %d", w.Code)
		}
		if w := post(p, form); w.Code != http.StatusSeeOther || !strings.Contains(w.Header().Get("Location"), "?code=") {
			t.Errorf("a form: %d, %s", w.Code, w.Header().Get("Location"))
		}

		// A page that cannot have the cookie needs a code challenge.
		foreign := newPage()
		foreign.origin = "https://app.example.com"
		in := map[string]any{"provider": "example", "redirectTo": "https://app.example.com/done?from=usher"}
		if got := foreign.ask(t, beginLogin, in); !strings.Contains(got, `"codeChallenge"`) || len(foreign.cookies) != 0 {
			t.Errorf("a page of another origin: %s", got)
		}
		for _, secret := range []string{code, parameterOf(t, callback, "code"), parameterOf(t, callback, "state"), c.Value, "ada@example.com"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log has %q", secret)
			}
		}
	})
}

func parameterOf(t *testing.T, raw, name string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get(name)
}
