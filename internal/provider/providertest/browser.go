package providertest

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"usher/internal/provider"
)

// Authorize plays the browser and its user, who signs in: it opens an authorization URL and returns the URL to which the server
// redirects, with the code.
func (s *Server) Authorize(t testing.TB, authorizationURL string) string {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, authorizationURL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusSeeOther {
		body, _ := io.ReadAll(response.Body)
		t.Fatalf("the authorization endpoint answers with status %d: %s", response.StatusCode, body)
	}
	return response.Header.Get("Location")
}

// AuthorizeForm is Authorize with an answer that the browser posts (response_mode=form_post). It returns where to, and the form.
func (s *Server) AuthorizeForm(t testing.TB, authorizationURL string) (target string, form url.Values) {
	t.Helper()
	u, err := url.Parse(authorizationURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if !strings.HasPrefix(authorizationURL, s.URL) || q.Get("response_mode") != "form_post" {
		t.Fatalf("no request for a form: %s", authorizationURL)
	}
	answer, err := s.accept(q)
	if err != nil {
		t.Fatal(err)
	}
	form = url.Values{}
	for name, value := range answer {
		form.Set(name, value)
	}
	return q.Get("redirect_uri"), form
}

// Deny is Authorize with a user who refuses.
func (s *Server) Deny(t testing.TB, authorizationURL string) string {
	t.Helper()
	u, err := url.Parse(authorizationURL)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(u.Query().Get("redirect_uri"))
	if err != nil {
		t.Fatal(err)
	}
	q := target.Query()
	q.Set("error", "access_denied")
	q.Set("state", u.Query().Get("state"))
	q.Set("iss", s.URL)
	target.RawQuery = q.Encode()
	return target.String()
}

// Response returns the state and the answer that a callback URL has.
func Response(t testing.TB, callbackURL string) (state string, answer provider.Response) {
	t.Helper()
	u, err := url.Parse(callbackURL)
	if err != nil {
		t.Fatal(err)
	}
	return FormResponse(u.Query())
}

// FormResponse returns the state and the answer that a form has.
func FormResponse(form url.Values) (state string, answer provider.Response) {
	answer = provider.Response{Code: form.Get("code"), User: form.Get("user")}
	if form.Has("iss") {
		issuer := form.Get("iss")
		answer.Issuer = &issuer
	}
	return form.Get("state"), answer
}

// IDToken returns an ID token of the user, as an app gets one from the server with a nonce; empty for none.
func (s *Server) IDToken(t testing.TB, nonce string) string {
	t.Helper()
	raw, err := s.idToken(grant{nonce: nonce, scopes: []string{"openid", "email", "profile"}, user: s.current().User}, "")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
