//go:build e2e

package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"usher/internal/storetest"
)

// exampleProvider is the example of an OpenID provider in zitadel/oidc. Usher uses none of its code.
const exampleProvider = "github.com/zitadel/oidc/v3/example/server@v3.52.0"

// buildProvider returns the path of the provider's program.
func buildProvider(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "install", exampleProvider)
	cmd.Env = append(os.Environ(), "GOBIN="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go install %s: %v\n%s", exampleProvider, err, out)
	}
	return filepath.Join(dir, "server")
}

// startZitadel runs the provider until the test ends, and returns its issuer. It sends browsers back to a callback URL.
func startZitadel(t *testing.T, program, callback string) (issuer string) {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = []string{"PORT=" + port, "REDIRECT_URI=" + callback}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	issuer = "http://localhost:" + port + "/"
	until(t, func() bool {
		response, err := http.Get(issuer + ".well-known/openid-configuration")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return issuer
}

// errPage ends the redirects of a browser.
var errPage = errors.New("the browser is at the page")

// newBrowser returns a client that keeps cookies, and follows redirects up to a page, which it does not open.
func newBrowser(t *testing.T, page string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		switch {
		case strings.HasPrefix(r.URL.String(), page+"?"):
			return errPage
		case len(via) > 10:
			return errors.New("too many redirects")
		}
		return nil
	}}
}

// signInAtProvider opens a URL of the provider and enters a password there. It returns the page to which the browser is led.
func signInAtProvider(t *testing.T, browser *http.Client, authorize, name string) *url.URL {
	t.Helper()
	form, err := browser.Get(authorize)
	if err != nil {
		t.Fatal(err)
	}
	form.Body.Close()
	id := form.Request.URL.Query().Get("authRequestID")
	if form.StatusCode != http.StatusOK || id == "" {
		t.Fatalf("the provider answers %s at %s", form.Status, form.Request.URL)
	}
	to := form.Request.URL.ResolveReference(&url.URL{Path: "/login/username"})
	filled := url.Values{"id": {id}, "username": {name}, "password": {"verysecure"}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to.String(), strings.NewReader(filled.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return follow(t, browser, r)
}

// follow sends a request, and returns the page at which the browser has ended its redirects.
func follow(t *testing.T, browser *http.Client, r *http.Request) *url.URL {
	t.Helper()
	response, err := browser.Do(r)
	if response == nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if !errors.Is(err, errPage) {
		t.Fatalf("%s is answered with %s, %v", r.URL, response.Status, err)
	}
	page, err := response.Location()
	if err != nil {
		t.Fatal(err)
	}
	return page
}

const (
	beginProviderLogin = `mutation ($page: String!) {
  beginProviderLogin(input: {provider: "example", redirectTo: $page, session: COOKIE}) { url }
}`
	completeProviderLogin = `mutation ($code: OneTimeSecret!) {
  completeProviderLogin(input: {code: $code, session: COOKIE}) { accessToken user { id } }
}`
	identitiesOfMe = `{ me { id email emailVerifiedAt fullName identities { subject email issuer provider { id name } } } }`
)

// providerLogin is what an application knows after a sign-in.
type providerLogin struct {
	AccessToken string
	User        struct{ ID string }
}

// begin returns where a page sends its browser.
func begin(t *testing.T, s *server, browser *http.Client, page string) (authorize string) {
	t.Helper()
	var begun struct {
		BeginProviderLogin struct{ URL string }
	}
	if err := graphqlWith(browser, s.url, "", beginProviderLogin, map[string]any{"page": page}, &begun); err != nil {
		t.Fatal("beginProviderLogin:", err)
	}
	return begun.BeginProviderLogin.URL
}

// signInWith does what a page of an application does, in its browser.
func signInWith(t *testing.T, s *server, browser *http.Client, page, name string) (providerLogin, error) {
	t.Helper()
	answer := signInAtProvider(t, browser, begin(t, s, browser, page), name).Query()
	if len(answer) != 1 || answer.Get("code") == "" {
		t.Fatalf("the page gets %v, want a code", answer)
	}
	code := map[string]any{"code": answer.Get("code")}
	if err := graphqlWith(newBrowser(t, page), s.url, "", completeProviderLogin, code, nil); err == nil || !strings.HasPrefix(err.Error(), "BAD_USER_INPUT") {
		t.Errorf("in another browser: %v", err)
	}
	var done struct{ CompleteProviderLogin providerLogin }
	err := graphqlWith(browser, s.url, "", completeProviderLogin, code, &done)
	return done.CompleteProviderLogin, err
}

// TestProvider signs in with accounts of an OpenID provider that others have written.
func TestProvider(t *testing.T) {
	const page = "http://127.0.0.1:1/signed-in"
	program := buildProvider(t)
	for name, database := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			address := freeAddress(t)
			issuer := startZitadel(t, program, "http://"+address+"/auth/callback/example")
			secretFile := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(secretFile, []byte("secret\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			list, err := json.Marshal([]map[string]any{{
				"id": "example", "name": "Example", "issuer": issuer, "clientId": "web", "clientSecretFile": secretFile,
				"trustEmail": true, "allowPrivateAddresses": true,
			}})
			if err != nil {
				t.Fatal(err)
			}
			s := startWith(t, []string{"USHER_PROVIDERS=" + string(list), "USHER_PROVIDER_REDIRECTS=" + page}, address, database(t))
			browser := newBrowser(t, page)
			first, err := signInWith(t, s, browser, page, "test-user@localhost")
			if err != nil {
				t.Fatal("completeProviderLogin:", err)
			}
			var mine struct {
				Me struct {
					ID, Email, FullName string
					EmailVerifiedAt     *time.Time
					Identities          []struct {
						Subject, Email, Issuer string
						Provider               struct{ ID, Name string }
					}
				}
			}
			if err := graphql(s.url, first.AccessToken, identitiesOfMe, nil, &mine); err != nil {
				t.Fatal(err)
			}
			me := mine.Me
			if me.ID != first.User.ID || me.Email != "test-user@zitadel.ch" || me.EmailVerifiedAt == nil || me.FullName != "Test User" || len(me.Identities) != 1 {
				t.Fatalf("the account is %+v", me)
			}
			if i := me.Identities[0]; i.Subject != "id1" || i.Issuer != issuer || i.Email != "test-user@zitadel.ch" || i.Provider.ID != "example" || i.Provider.Name != "Example" {
				t.Errorf("the identity is %+v", i)
			}
			if second, err := signInWith(t, s, newBrowser(t, page), page, "test-user@localhost"); err != nil || second.User.ID != first.User.ID {
				t.Errorf("a second sign-in: %+v, %v, want the same user", second, err)
			}
			if other, err := signInWith(t, s, browser, page, "test-user2"); err != nil || other.User.ID == first.User.ID {
				t.Errorf("another account of the provider: %+v, %v, want another user", other, err)
			}
			answerOnce(t, s, page)
		})
	}
}

// answerOnce brings the answer of a provider back in another browser, in the one that began, and again.
func answerOnce(t *testing.T, s *server, page string) {
	t.Helper()
	browser, other := newBrowser(t, s.url+"/auth/callback/example"), newBrowser(t, page)
	begin(t, s, other, page) // it has a cookie of its own
	callback := signInAtProvider(t, browser, begin(t, s, browser, page), "test-user@localhost").String()
	refused := func(name string, client *http.Client) {
		t.Helper()
		response, err := client.Get(callback)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "Sign-in not possible") {
			t.Errorf("%s: %s %q, %v", name, response.Status, text, err)
		}
	}
	refused("without a cookie", http.DefaultClient)
	refused("in another browser", other)
	browser.CheckRedirect = newBrowser(t, page).CheckRedirect
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, callback, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if at := follow(t, browser, r); at.Query().Get("code") == "" {
		t.Errorf("in the browser that began: %s", at)
	}
	refused("again", browser)
}

var jsonObject = regexp.MustCompile("(?ms)^```json\n(\\{.*?)^```$")

// TestProviderExamples starts a server with all examples of docs/providers.md.
func TestProviderExamples(t *testing.T) {
	text, err := os.ReadFile("../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	var examples []string
	for _, match := range jsonObject.FindAllSubmatch(text, -1) {
		examples = append(examples, string(match[1]))
	}
	if len(examples) != 6 {
		t.Errorf("%d examples, want 6", len(examples))
	}
	dir := t.TempDir()
	list := strings.ReplaceAll("["+strings.Join(examples, ",")+"]", "/etc/usher/", dir+"/")
	for _, match := range regexp.MustCompile(`File": "([^"]+)"`).FindAllStringSubmatch(list, -1) {
		content := []byte("a secret\n")
		if strings.HasSuffix(match[1], ".p8") {
			content = appleKey(t)
		}
		if err := os.WriteFile(match[1], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "providers.json")
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startWith(t, []string{"USHER_PROVIDERS=" + file}, freeAddress(t), storetest.URLs["sqlite"](t))
	var data struct{ Providers []struct{ ID string } }
	if err := graphql(s.url, "", `{ providers { id } }`, nil, &data); err != nil || len(data.Providers) != len(examples) {
		t.Errorf("%+v, %v, want %d providers", data, err, len(examples))
	}
}

// appleKey returns a private key in the form of Apple's files.
func appleKey(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
