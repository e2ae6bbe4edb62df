package providertest

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"usher/internal/provider"
)

// The paths of Apple.
const (
	AppleAuthorize = "/auth/authorize"
	AppleToken     = "/auth/token"
	AppleKeys      = "/auth/keys"
)

// Apple is Sign in with Apple. It has no userinfo endpoint, its tokens say "true" for true, and it tells the name of a user in
// the form of the first sign-in only.
type Apple struct {
	*Server

	teamID, keyID, keyFile string
	key                    *ecdsa.PrivateKey
}

// NewApple starts an Apple, which ends with the test.
func NewApple(t testing.TB, changes ...func(*Behavior)) *Apple {
	t.Helper()
	a := &Apple{teamID: "DEF123GHIJ", keyID: "ABC123DEFG", key: newECKey(t)}
	a.keyFile = filepath.Join(t.TempDir(), "AuthKey.p8")
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	a.Server = start(t, kind{namesNone: true, metadata: appleMetadata}, nil)
	a.ClientID = "com.example.usher"
	a.verify = a.verifySecret
	a.Change(func(b *Behavior) {
		b.User.Subject = "000123.6e1e1b9d2bde4ac1b3ab5a4b8f9c0d1e.0456"
		b.User.Claims = map[string]any{"email_verified": "true", "name": nil, "locale": nil}
		b.Claims = func(claims map[string]any) {
			for _, name := range []string{"name", "locale"} {
				delete(claims, name)
			}
		}
		b.Answer = a.tellName
	})
	a.Change(changes...)
	a.handle(Discovery, a.discovery)
	a.handle(AppleAuthorize, a.appleAuthorize)
	a.handle(AppleToken, a.token)
	a.handle(AppleKeys, a.jwks)
	return a
}

// Settings returns settings for Apple with this id.
func (a *Apple) Settings(id string) provider.Settings {
	settings := a.Server.Settings(id)
	settings.Type, settings.ClientSecretFile = provider.TypeApple, ""
	settings.TeamID, settings.KeyID, settings.PrivateKeyFile = a.teamID, a.keyID, a.keyFile
	return settings
}

func appleMetadata(s *Server, _ *http.Request) map[string]any {
	return map[string]any{
		"issuer":                                s.URL,
		"authorization_endpoint":                s.URL + AppleAuthorize,
		"token_endpoint":                        s.URL + AppleToken,
		"jwks_uri":                              s.URL + AppleKeys,
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "email", "name"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post"},
	}
}

// appleAuthorize refuses scopes without a form.
func (a *Apple) appleAuthorize(w http.ResponseWriter, r *http.Request) {
	scopes := strings.Fields(r.URL.Query().Get("scope"))
	if (slices.Contains(scopes, "name") || slices.Contains(scopes, "email")) && r.URL.Query().Get("response_mode") != "form_post" {
		http.Error(w, "response_mode must be form_post when name or email scope is requested", http.StatusBadRequest)
		return
	}
	a.authorize(w, r)
}

// tellName adds the parameter user to the first answer.
func (a *Apple) tellName(answer map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.grants[answer["code"]]
	first, last, _ := strings.Cut(g.user.Name, " ")
	if !g.first || !slices.Contains(g.scopes, "name") {
		return
	}
	user, _ := json.Marshal(map[string]any{"name": map[string]string{"firstName": first, "lastName": last}, "email": g.user.Email})
	answer["user"] = string(user)
}

// verifySecret checks a client secret as Apple's "Creating a client secret" describes it.
func (a *Apple) verifySecret(r *http.Request, secret string) bool {
	now := a.current().Now()
	var claims jwt.RegisteredClaims
	token, err := jwt.ParseWithClaims(secret, &claims, func(token *jwt.Token) (any, error) { return a.key.Public(), nil },
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(a.teamID), jwt.WithSubject(a.ClientID), jwt.WithAudience(a.URL),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(func() time.Time { return now }))
	_, _, basic := r.BasicAuth()
	return err == nil && !basic && token.Header["kid"] == a.keyID && claims.ExpiresAt.Sub(now) <= 15777000*time.Second
}
