package providertest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"usher/internal/provider"
)

// The paths of GitHub.
const (
	GitHubAuthorize = "/login/oauth/authorize"
	GitHubToken     = "/login/oauth/access_token"
	GitHubUser      = "/api/v3/user"
	GitHubEmails    = "/api/v3/user/emails"
)

// GitHubEmail is an address in GitHub's list.
type GitHubEmail struct {
	Email      string `json:"email"`
	Primary    bool   `json:"primary"`
	Verified   bool   `json:"verified"`
	Visibility any    `json:"visibility"` // a text or nil
}

// GitHub is GitHub Enterprise, which answers as GitHub does. The subject of its user is a number.
type GitHub struct {
	*Server

	// Emails are those of the user.
	Emails []GitHubEmail
	// Login is the name of the user, which can change.
	Login string
}

// NewGitHub starts a GitHub, which ends with the test. Change Emails and Login before the first request only.
func NewGitHub(t testing.TB, changes ...func(*Behavior)) *GitHub {
	t.Helper()
	g := &GitHub{Server: start(t, kind{namesNone: true}, nil), Login: "ada"}
	g.Change(func(b *Behavior) { b.User.Subject, b.User.Email = "583231", "" })
	g.Change(changes...)
	g.Emails = []GitHubEmail{
		{"old@example.com", false, true, nil},
		{"ada@example.com", true, true, "private"},
		{"583231+ada@users.noreply.github.com", false, true, nil},
	}
	g.handle(GitHubAuthorize, g.authorize)
	g.handle(GitHubToken, g.gitHubToken)
	g.handle(GitHubUser, g.gitHubUser)
	g.handle(GitHubEmails, g.gitHubEmails)
	return g
}

// Settings returns settings for GitHub with this id.
func (g *GitHub) Settings(id string) provider.Settings {
	settings := g.Server.Settings(id)
	settings.Type, settings.Issuer = provider.TypeGitHub, ""
	settings.AuthorizationEndpoint, settings.TokenEndpoint = g.URL+GitHubAuthorize, g.URL+GitHubToken
	settings.UserinfoEndpoint, settings.EmailsEndpoint = g.URL+GitHubUser, g.URL+GitHubEmails
	return settings
}

// gitHubToken answers errors with status 200, and in JSON only if it is asked to.
func (g *GitHub) gitHubToken(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.Header.Get("Accept"), "application/json") {
		http.Error(w, "this fake answers in JSON only", http.StatusNotAcceptable)
		return
	}
	if _, _, basic := r.BasicAuth(); basic {
		http.Error(w, "this fake takes the secret in the form only, as it is documented", http.StatusNotFound)
		return
	}
	grant, problem := g.redeem(r)
	switch problem {
	case "":
	case "invalid_client":
		problem = "incorrect_client_credentials"
	default:
		problem = "bad_verification_code"
	}
	if problem != "" {
		respond(w, http.StatusOK, map[string]string{"error": problem, "error_description": Quoted, "error_uri": "https://docs.github.com/"})
		return
	}
	tokens := map[string]any{"access_token": g.grantAccess(grant), "token_type": "bearer", "scope": strings.Join(grant.scopes, ",")}
	if b := g.current(); b.Tokens != nil {
		b.Tokens(tokens)
	}
	respond(w, http.StatusOK, tokens)
}

// api checks a request to the API.
func (g *GitHub) api(w http.ResponseWriter, r *http.Request) (grant, bool) {
	grant, ok := g.bearer(r)
	switch {
	case !ok:
		respond(w, http.StatusUnauthorized, map[string]string{"message": "Bad credentials"})
	case r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("User-Agent") == "":
		respond(w, http.StatusForbidden, map[string]string{"message": "Request forbidden by administrative rules."})
		ok = false
	}
	return grant, ok
}

func (g *GitHub) gitHubUser(w http.ResponseWriter, r *http.Request) {
	grant, ok := g.api(w, r)
	if !ok {
		return
	}
	user := map[string]any{"login": g.Login, "id": number(grant.user.Subject), "node_id": "MDQ6VXNlcjU4MzIzMQ==", "type": "User", "name": nonEmpty(grant.user.Name), "email": nonEmpty(grant.user.Email)}
	maps.Copy(user, grant.user.Claims)
	respond(w, http.StatusOK, user)
}

func (g *GitHub) gitHubEmails(w http.ResponseWriter, r *http.Request) {
	grant, ok := g.api(w, r)
	if !ok {
		return
	}
	if !slices.Contains(grant.scopes, "user:email") {
		respond(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
		return
	}
	size, err := strconv.Atoi(r.URL.Query().Get("per_page"))
	if err != nil {
		size = 30
	}
	respond(w, http.StatusOK, g.Emails[:min(len(g.Emails), size)])
}

// number is the number of a subject, or the subject where it is none, for malice.
func number(subject string) any {
	if n := json.Number(subject); json.Valid([]byte(n)) {
		return n
	}
	return subject
}
