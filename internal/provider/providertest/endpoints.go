package providertest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// grant is what a code or an access token stands for.
type grant struct {
	redirectURI, challenge, nonce string
	scopes                        []string
	user                          User
	first                         bool // of this user
}

func (s *Server) discovery(w http.ResponseWriter, r *http.Request) {
	document := map[string]any{
		"issuer":                                         s.URL,
		"authorization_endpoint":                         s.URL + Authorize,
		"token_endpoint":                                 s.URL + Token,
		"jwks_uri":                                       s.URL + Keys,
		"userinfo_endpoint":                              s.URL + Userinfo,
		"response_types_supported":                       []string{"code"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256", "ES256", "EdDSA"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}
	if s.kind.metadata != nil {
		document = s.kind.metadata(s, r)
	}
	if b := s.current(); b.Metadata != nil {
		b.Metadata(document)
	}
	respond(w, http.StatusOK, document)
}

func (s *Server) jwks(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	respond(w, http.StatusOK, s.keys.set())
}

// accept checks an authorization request and returns what the browser brings back.
func (s *Server) accept(q url.Values) (map[string]string, error) {
	b := s.current()
	scopes := strings.Fields(q.Get("scope"))
	for _, check := range []struct {
		ok   bool
		what string
	}{
		{q.Get("response_type") == "code", "response_type"},
		{q.Get("client_id") == s.ClientID, "client_id"},
		{q.Get("redirect_uri") != "", "redirect_uri"},
		{q.Get("state") != "", "state"},
		{q.Get("code_challenge_method") == "S256", "code_challenge_method"},
		{len(q.Get("code_challenge")) == 43, "code_challenge"},
	} {
		if !check.ok {
			return nil, errors.New("bad parameter " + check.what)
		}
	}
	for name, values := range q {
		if len(values) != 1 {
			return nil, errors.New("repeated parameter " + name)
		}
	}
	code := rand.Text()
	s.mu.Lock()
	s.grants[code] = grant{q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("nonce"), scopes, b.User, len(s.access) == 0}
	s.mu.Unlock()
	answer := map[string]string{"code": code, "state": q.Get("state")}
	if !s.kind.namesNone {
		answer["iss"] = s.URL
	}
	if b.Answer != nil {
		b.Answer(answer)
	}
	return answer, nil
}

var formPost = template.Must(template.New("").Parse(`<!DOCTYPE html><title>Sign in</title>` +
	`<form method="post" action="{{.Target}}">{{range $name, $value := .Values}}<input type="hidden" name="{{$name}}" value="{{$value}}">{{end}}</form>` +
	`<script>document.forms[0].submit()</script>`))

func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	answer, err := s.accept(q)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	target, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		http.Error(w, "bad redirect_uri", http.StatusBadRequest)
		return
	}
	if q.Get("response_mode") == "form_post" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = formPost.Execute(w, struct {
			Target string
			Values map[string]string
		}{target.String(), answer})
		return
	}
	values := target.Query()
	for name, value := range answer {
		values.Set(name, value)
	}
	target.RawQuery = values.Encode()
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
}

// redeem checks a token request and takes its code. The text is an error of RFC 6749 §5.2.
func (s *Server) redeem(r *http.Request) (grant, string) {
	if r.Method != http.MethodPost || r.ParseForm() != nil || len(r.URL.RawQuery) > 0 {
		return grant{}, "invalid_request"
	}
	form := r.PostForm
	id, secret, basic := r.BasicAuth()
	if basic {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
		if form.Has("client_secret") {
			return grant{}, "invalid_request"
		}
	} else {
		id, secret = form.Get("client_id"), form.Get("client_secret")
	}
	if public := s.current().Public && secret == "" && !basic; id != s.ClientID || !public && !s.verify(r, secret) {
		return grant{}, "invalid_client"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	code := form.Get("code")
	g, ok := s.grants[code]
	delete(s.grants, code)
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	if form.Get("grant_type") != "authorization_code" || !ok || form.Get("redirect_uri") != g.redirectURI ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
		return grant{}, "invalid_grant"
	}
	return g, ""
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	g, problem := s.redeem(r)
	if problem != "" {
		status := http.StatusBadRequest
		if problem == "invalid_client" {
			status = http.StatusUnauthorized
		}
		respond(w, status, map[string]string{"error": problem, "error_description": Quoted})
		return
	}
	access := s.grantAccess(g)
	tokens := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 3600}
	if slices.Contains(g.scopes, "openid") {
		idToken, err := s.idToken(g, access)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		tokens["id_token"] = idToken
	}
	if b := s.current(); b.Tokens != nil {
		b.Tokens(tokens)
	}
	respond(w, http.StatusOK, tokens)
}

func (s *Server) grantAccess(g grant) string {
	access := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access[access] = g
	return access
}

// claims are those of a user that the scopes ask for.
func (u User) claims(scopes []string) map[string]any {
	claims := map[string]any{"sub": u.Subject}
	if slices.Contains(scopes, "email") && u.Email != "" {
		claims["email"], claims["email_verified"] = u.Email, u.EmailVerified
	}
	if slices.Contains(scopes, "profile") {
		set(claims, "name", nonEmpty(u.Name))
		set(claims, "locale", nonEmpty(u.Locale))
	}
	maps.Copy(claims, u.Claims)
	return claims
}

func nonEmpty(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (s *Server) idToken(g grant, access string) (string, error) {
	b := s.current()
	claims := g.user.claims(g.scopes)
	if b.EmailOnlyInUserinfo {
		delete(claims, "email")
		delete(claims, "email_verified")
	}
	now := b.Now()
	claims["iss"], claims["aud"] = s.URL, s.ClientID
	if s.kind.issuer != nil {
		claims["iss"] = s.kind.issuer(s, claims)
	}
	claims["iat"], claims["exp"] = now.Unix(), now.Add(time.Hour).Unix()
	set(claims, "nonce", nonEmpty(g.nonce))
	if access != "" {
		claims["at_hash"] = accessTokenHash(b.Algorithm, access)
	}
	if b.Claims != nil {
		b.Claims(claims)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys.sign(b.Algorithm, claims, b.Header)
}

// bearer returns the grant of a request's access token.
func (s *Server) bearer(r *http.Request) (grant, bool) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	g, known := s.access[token]
	return g, ok && known
}

func (s *Server) userinfo(w http.ResponseWriter, r *http.Request) {
	g, ok := s.bearer(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		http.Error(w, Quoted, http.StatusUnauthorized)
		return
	}
	claims := g.user.claims(g.scopes)
	if b := s.current(); b.UserinfoClaims != nil {
		b.UserinfoClaims(claims)
	}
	respond(w, http.StatusOK, claims)
}
