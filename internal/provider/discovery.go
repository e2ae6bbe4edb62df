package provider

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"usher/internal/jsonobject"
)

// metadata is what is used of a discovery document (OpenID Connect Discovery 1.0 §3).
type metadata struct {
	endpoint oauth2.Endpoint
	keys     string // jwks_uri
	userinfo string // empty for none
	// algorithms are those of ID tokens that both sides allow.
	algorithms []string
	// namesIssuer says that each answer of a browser has the parameter iss (RFC 9207 §3).
	namesIssuer bool
}

// algorithms are those that an ID token may be signed with. All have a public key. With HS256 everybody who knows the client
// secret could sign, and "none" would not be signed at all.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

func (p *Provider) discover(ctx context.Context) (*metadata, error) {
	ctx = oidc.ClientContext(ctx, p.client)
	if p.template != "" { // the document of several tenants names none; its issuer is compared below
		ctx = oidc.InsecureIssuerURLContext(ctx, p.Issuer())
	}
	discovered, err := oidc.NewProvider(ctx, p.settings.Issuer)
	if e := new(oidc.IssuerMismatchError); errors.As(err, &e) {
		return nil, errOtherIssuer
	}
	invalid := refused("the discovery document is not valid")
	if err != nil {
		return nil, classify(err, invalid)
	}
	var text json.RawMessage
	if err := discovered.Claims(&text); err != nil {
		return nil, invalid
	}
	// go-oidc finds members in any case and takes the last of equal ones, so it could have read others.
	document, err := jsonobject.Read(text)
	if err != nil {
		return nil, invalid
	}
	return p.readMetadata(document)
}

var errOtherIssuer = refused("the discovery document has another issuer than the settings")

func (p *Provider) readMetadata(document members) (*metadata, error) {
	if document.text("issuer") != p.Issuer() {
		return nil, errOtherIssuer
	}
	m := &metadata{
		endpoint: oauth2.Endpoint{
			AuthURL: document.text("authorization_endpoint"), TokenURL: document.text("token_endpoint"),
			AuthStyle: p.authStyle(document.list("token_endpoint_auth_methods_supported")),
		},
		keys: document.text("jwks_uri"), userinfo: document.text("userinfo_endpoint"),
		namesIssuer: document["authorization_response_iss_parameter_supported"] == true,
	}
	endpoints := []string{m.endpoint.AuthURL, m.endpoint.TokenURL, m.keys}
	if m.userinfo != "" {
		endpoints = append(endpoints, m.userinfo)
	}
	for _, endpoint := range endpoints {
		if checkURL(endpoint, p.settings.AllowPrivateAddresses, true) != "" {
			return nil, refused("the discovery document has an endpoint without a valid https URL")
		}
	}
	m.algorithms = []string{oidc.RS256} // every issuer has it
	if supported := document.list("id_token_signing_alg_values_supported"); len(supported) > 0 {
		m.algorithms = slices.DeleteFunc(supported, func(a string) bool { return !slices.Contains(algorithms, a) })
	}
	if len(m.algorithms) == 0 {
		return nil, refused("the provider signs ID tokens with no algorithm that has a public key")
	}
	return m, nil
}

// authStyle returns how the client proves who it is. The default of providers is HTTP Basic (OpenID Connect Discovery 1.0 §3).
func (p *Provider) authStyle(methods []string) oauth2.AuthStyle {
	switch {
	case p.secret == nil, len(methods) > 0 && !slices.Contains(methods, "client_secret_basic"):
		return oauth2.AuthStyleInParams
	default:
		return oauth2.AuthStyleInHeader
	}
}
