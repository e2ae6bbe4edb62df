package providertest

import (
	"net/http"
	"testing"

	"usher/internal/provider"
)

// Tenant is the tenant of Entra's user, and Object its object id.
const (
	Tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	Object = "0f9a1c1e-7d5b-4d0f-9a57-1d4b7c1f6e10"
)

// Entra is Microsoft Entra ID. Its discovery documents are at /organizations/v2.0 and, of one tenant, at /TENANT/v2.0.
type Entra struct{ *Server }

// NewEntra starts an Entra, which ends with the test. To move the user to another tenant, change the claim tid.
func NewEntra(t testing.TB, changes ...func(*Behavior)) *Entra {
	t.Helper()
	e := &Entra{start(t, kind{namesNone: true, metadata: entraMetadata, issuer: entraIssuer}, nil)}
	e.Change(func(b *Behavior) {
		b.User.Subject = "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ"
		b.User.Claims = map[string]any{"tid": Tenant, "oid": Object, "ver": "2.0"}
		b.Claims = func(claims map[string]any) { delete(claims, "email_verified") }
	})
	e.Change(changes...)
	e.handle("/{tenant}/v2.0"+Discovery, e.discovery)
	e.handle("/{tenant}/oauth2/v2.0"+Authorize, e.authorize)
	e.handle("/{tenant}/oauth2/v2.0"+Token, e.token)
	e.handle("/{tenant}/discovery/v2.0"+Keys, e.jwks)
	e.handle(Userinfo, e.userinfo)
	return e
}

// TenantIssuer returns the issuer of a tenant.
func (e *Entra) TenantIssuer(tenant string) string { return e.URL + "/" + tenant + "/v2.0" }

// Settings returns settings for organizations, with this id, that allow Tenant.
func (e *Entra) Settings(id string) provider.Settings {
	settings := e.Server.Settings(id)
	settings.Type, settings.Issuer, settings.Tenants = provider.TypeEntra, e.TenantIssuer("organizations"), []string{Tenant}
	return settings
}

func entraIssuer(s *Server, claims map[string]any) string {
	tenant, _ := claims["tid"].(string)
	return s.URL + "/" + tenant + "/v2.0"
}

func entraMetadata(s *Server, r *http.Request) map[string]any {
	tenant := r.PathValue("tenant")
	issuer := tenant
	if tenant == "organizations" || tenant == "common" {
		issuer = "{tenantid}"
	}
	return map[string]any{
		"issuer":                                s.URL + "/" + issuer + "/v2.0",
		"authorization_endpoint":                s.URL + "/" + tenant + "/oauth2/v2.0" + Authorize,
		"token_endpoint":                        s.URL + "/" + tenant + "/oauth2/v2.0" + Token,
		"jwks_uri":                              s.URL + "/" + tenant + "/discovery/v2.0" + Keys,
		"userinfo_endpoint":                     s.URL + Userinfo,
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
	}
}
