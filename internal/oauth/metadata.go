package oauth

import (
	"encoding/json"
	"net/http"
	"strings"

	"usher/internal/auth"
)

// metadata is the authorization server metadata (RFC 8414 §2). It lacks members that OpenID Connect Discovery
// requires, because there is no authorization endpoint and there are no ID tokens. So nothing can ask for one of the acr
// values (RFC 9470 §7): the user reaches it with the GraphQL API.
type metadata struct {
	Issuer                            string   `json:"issuer"`
	TokenEndpoint                     string   `json:"token_endpoint"`
	RevocationEndpoint                string   `json:"revocation_endpoint"`
	IntrospectionEndpoint             string   `json:"introspection_endpoint"`
	UserinfoEndpoint                  string   `json:"userinfo_endpoint"`
	JWKSURI                           string   `json:"jwks_uri,omitempty"`
	GrantTypesSupported               []string `json:"grant_types_supported"`
	ResponseTypesSupported            []string `json:"response_types_supported"` // required, even when empty
	SubjectTypesSupported             []string `json:"subject_types_supported"`
	TokenAuthMethodsSupported         []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthMethodsSupported    []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectionAuthMethodsSupported []string `json:"introspection_endpoint_auth_methods_supported"`
	ACRValuesSupported                []string `json:"acr_values_supported"`
	ClaimsSupported                   []string `json:"claims_supported"`
}

// claims are those of userinfo, and what access tokens and introspection say of the authentication.
var claims = []string{
	"sub", "preferred_username", "name", "email", "email_verified", "updated_at", "auth_time", "acr", "amr",
}

func newMetadata(o Options) metadata {
	base := strings.TrimRight(o.Issuer, "/")
	secret := []string{"client_secret_basic", "client_secret_post"}
	secretOrNone := []string{"client_secret_basic", "client_secret_post", "none"}
	m := metadata{
		Issuer:                            o.Issuer,
		TokenEndpoint:                     base + TokenPath,
		RevocationEndpoint:                base + RevokePath,
		IntrospectionEndpoint:             base + IntrospectPath,
		UserinfoEndpoint:                  base + UserinfoPath,
		GrantTypesSupported:               []string{grantRefreshToken, grantClientCredentials},
		ResponseTypesSupported:            []string{},
		SubjectTypesSupported:             []string{"public"},
		TokenAuthMethodsSupported:         secretOrNone,
		RevocationAuthMethodsSupported:    secretOrNone,
		IntrospectionAuthMethodsSupported: secret,
		ACRValuesSupported:                []string{string(auth.AAL1), string(auth.AAL2)},
		ClaimsSupported:                   claims,
	}
	if o.PasswordGrant {
		m.GrantTypesSupported = append(m.GrantTypesSupported, grantPassword)
	}
	if o.PublishedKeys {
		m.JWKSURI = base + JWKSPath
	}
	return m
}

// metadataHandler serves the metadata, which changes only at a restart.
func metadataHandler(m metadata) http.Handler {
	body, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings always marshal
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			wrongMethod("GET, HEAD").write(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(body)
	})
}
