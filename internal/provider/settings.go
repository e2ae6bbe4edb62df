package provider

import (
	"maps"
	"slices"
)

// The types of providers.
const (
	// TypeOIDC is an issuer of OpenID Connect with a discovery document. It is the default.
	TypeOIDC = "oidc"
	// TypeOAuth2 is a server of plain OAuth 2.0 whose userinfo endpoint answers with JSON.
	TypeOAuth2 = "oauth2"
	// TypeGitHub is GitHub or GitHub Enterprise, which has OAuth 2.0 and its own API.
	TypeGitHub = "github"
	// TypeApple is Sign in with Apple: OpenID Connect whose client secret is a JWT, and whose answer is a form.
	TypeApple = "apple"
	// TypeEntra is Microsoft Entra ID: OpenID Connect with an issuer for each tenant.
	TypeEntra = "entra"
)

// Settings are one provider, as USHER_PROVIDERS describes it. [Parse] reads and checks them.
type Settings struct {
	// ID is a part of the callback URL. No other provider has it.
	ID string
	// Name is what people see.
	Name string
	// Type is one of the types above.
	Type string
	// Issuer identifies the accounts, and is where the discovery document is found. The provider must write it exactly so.
	Issuer string
	// ClientID is what the provider calls Usher. ClientSecretFile is empty for a public client, which has only PKCE.
	ClientID, ClientSecretFile string
	// Scopes are asked for. The default depends on the type.
	Scopes []string
	// Claims are the names of the claims that are read.
	Claims ClaimMapping
	// HostedDomains are the organizations that may sign in: values of Google's claim hd; at others, domains of verified mail
	// addresses. Empty allows all.
	HostedDomains []string
	// TrustEmail says that an address which this provider has verified counts as verified here. LinkByEmail, which needs it,
	// says that a sign-in may be linked to the account with this address.
	TrustEmail, LinkByEmail bool
	// Signup says whether accounts are created. Nil means yes.
	Signup *bool
	// Audiences are further client ids, such as those of apps, whose ID tokens VerifyIDToken accepts.
	Audiences []string
	// TrustedACR and TrustedAMR are values of the claims acr and amr (OpenID Connect Core 1.0 §2). One of them in an ID token
	// says that two factors were checked.
	TrustedACR, TrustedAMR []string
	// AllowPrivateAddresses allows loopback and private addresses of the endpoints, and http to these.
	AllowPrivateAddresses bool
	// AuthorizationEndpoint, TokenEndpoint and UserinfoEndpoint are those of OAuth 2.0 and GitHub. Others have a discovery document.
	AuthorizationEndpoint, TokenEndpoint, UserinfoEndpoint string
	// EmailsEndpoint is where GitHub lists the addresses of a user.
	EmailsEndpoint string
	// Parameters are added to the authorization request.
	Parameters map[string]string
	// TeamID, KeyID and PrivateKeyFile (PKCS #8 in PEM) make the client secret for Apple.
	TeamID, KeyID, PrivateKeyFile string
	// Tenants are the ids of Entra's tenants that may sign in. Empty means that the issuer is that of one tenant.
	Tenants []string
}

// ClaimMapping has names of claims, or of members of the userinfo answer. Parse fills in the defaults.
type ClaimMapping struct {
	Subject, Email, EmailVerified, Name, Locale string
}

// clone returns settings that share nothing with s.
func (s Settings) clone() Settings {
	for _, list := range []*[]string{&s.Scopes, &s.HostedDomains, &s.Audiences, &s.TrustedACR, &s.TrustedAMR, &s.Tenants} {
		*list = slices.Clone(*list)
	}
	if s.Signup != nil {
		signup := *s.Signup
		s.Signup = &signup
	}
	s.Parameters = maps.Clone(s.Parameters)
	return s
}
