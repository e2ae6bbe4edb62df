package provider

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	validID     = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	validScope  = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]{1,200}$`) // RFC 6749 §3.3
	validWord   = regexp.MustCompile(`^[\x21-\x7e]{1,255}$`)
	validDomain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)
)

// reserved are the parameters of an authorization request that Usher sets itself, and those that would replace them (RFC 9101 §5).
var reserved = []string{
	"client_id", "client_secret", "code_challenge", "code_challenge_method", "nonce", "redirect_uri", "request", "request_uri",
	"response_mode", "response_type", "scope", "state",
}

// complete returns settings with the defaults, and their problems.
func complete(list []Settings) ([]Settings, []error) {
	var problems []error
	completed := make([]Settings, len(list))
	if len(list) > maxProviders {
		return nil, []error{fmt.Errorf("providers: more than %d", maxProviders)}
	}
	for i, s := range list {
		s = s.withDefaults()
		c := &checker{Settings: s}
		c.check()
		for _, other := range completed[:i] {
			c.require(other.ID != s.ID, "id occurs twice")
			// Accounts are told apart by issuer and subject. Providers with one issuer must mean the same by a subject.
			c.require(other.Issuer != s.Issuer || other.Type == s.Type && other.Claims.Subject == s.Claims.Subject,
				"issuer is that of another provider, which has another type or subject")
		}
		for _, problem := range c.problems {
			problems = append(problems, fmt.Errorf("%s: %s", label(s.ID, i), problem))
		}
		completed[i] = s
	}
	return completed, problems
}

func (s Settings) withDefaults() Settings {
	s = s.clone()
	s.Type = cmp.Or(s.Type, TypeOIDC)
	scopes := []string{"openid", "email", "profile"}
	switch s.Type {
	case TypeApple:
		scopes = []string{"openid", "email", "name"}
		s.Issuer = cmp.Or(s.Issuer, appleIssuer)
	case TypeGitHub:
		scopes = []string{"read:user", "user:email"}
		if s.AuthorizationEndpoint == "" && s.TokenEndpoint == "" && s.UserinfoEndpoint == "" && s.EmailsEndpoint == "" {
			s.AuthorizationEndpoint, s.TokenEndpoint, s.UserinfoEndpoint, s.EmailsEndpoint = gitHubAuthorization, gitHubToken, gitHubUser, gitHubEmails
		}
		s.Issuer = cmp.Or(s.Issuer, strings.TrimSuffix(s.AuthorizationEndpoint, "/authorize")) // which GitHub sends as iss
	case TypeOAuth2:
		scopes = nil // there are no common ones
		s.Issuer = cmp.Or(s.Issuer, origin(s.AuthorizationEndpoint))
	}
	if s.Scopes == nil {
		s.Scopes = scopes
	}
	c := &s.Claims
	c.Subject, c.Email, c.EmailVerified = cmp.Or(c.Subject, "sub"), cmp.Or(c.Email, "email"), cmp.Or(c.EmailVerified, "email_verified")
	c.Name, c.Locale = cmp.Or(c.Name, "name"), cmp.Or(c.Locale, "locale")
	return s
}

// origin returns scheme and host of a URL.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// checker collects the problems of settings.
type checker struct {
	Settings
	problems []string
}

func (c *checker) require(ok bool, problem string) {
	if !ok {
		c.problems = append(c.problems, problem)
	}
}

func (c *checker) check() {
	c.require(validID.MatchString(c.ID), "id must be 1 to 32 of a-z, 0-9 and -, and not begin with -")
	c.require(c.Name != "" && utf8.ValidString(c.Name) && utf8.RuneCountInString(c.Name) <= 100 && strings.TrimSpace(c.Name) == c.Name &&
		strings.IndexFunc(c.Name, unicode.IsControl) < 0, "name must be one line of 1 to 100 characters")
	c.require(slices.Contains([]string{TypeOIDC, TypeOAuth2, TypeGitHub, TypeApple, TypeEntra}, c.Type),
		"type must be oidc, oauth2, github, apple or entra")
	c.require(validWord.MatchString(c.ClientID), "clientId must be 1 to 255 characters of ASCII")
	c.requireAll("scopes", c.Scopes, validScope.MatchString)
	c.requireAll("audiences", c.Audiences, validWord.MatchString)
	c.requireAll("trustedAcr", c.TrustedACR, validWord.MatchString)
	c.requireAll("trustedAmr", c.TrustedAMR, validWord.MatchString)
	c.requireAll("hostedDomains", c.HostedDomains, validDomain.MatchString)
	c.requireAll("tenants", c.Tenants, guid.MatchString)
	c.require(c.TrustEmail || !c.LinkByEmail, "linkByEmail needs trustEmail: otherwise everybody with this address there would get the account")
	for name, value := range c.Parameters {
		c.require(validWord.MatchString(name) && !slices.Contains(reserved, name), "parameters must not contain the ones that Usher sets itself")
		c.require(len(value) <= 1000 && strings.IndexFunc(value, unicode.IsControl) < 0, "parameters must be one line of at most 1000 bytes")
	}
	if problem := checkURL(c.Issuer, c.AllowPrivateAddresses, false); problem != "" {
		c.require(false, "issuer "+problem)
	}
	c.checkType()
	c.checkEndpoints()
	c.checkClaims()
	slices.Sort(c.problems)
	c.problems = slices.Compact(c.problems)
}

func (c *checker) requireAll(name string, values []string, valid func(string) bool) {
	for _, value := range values {
		c.require(valid(value), name+" has a value that is not valid")
	}
}

// checkType checks what belongs to one type.
func (c *checker) checkType() {
	switch c.Type {
	case TypeOIDC, TypeApple, TypeEntra:
		c.require(slices.Contains(c.Scopes, "openid"), "scopes must contain openid")
	default:
		c.require(len(c.Audiences)+len(c.TrustedACR)+len(c.TrustedAMR) == 0, "audiences, trustedAcr and trustedAmr need ID tokens, which this type does not have")
	}
	if c.Type == TypeApple {
		c.require(c.ClientSecretFile == "", "clientSecretFile must be empty: the private key makes the secrets")
		c.require(validWord.MatchString(c.TeamID) && validWord.MatchString(c.KeyID) && c.PrivateKeyFile != "", "teamId, keyId and privateKeyFile are required")
	} else {
		c.require(c.TeamID == "" && c.KeyID == "" && c.PrivateKeyFile == "", "teamId, keyId and privateKeyFile are for type apple")
	}
	c.require(c.Type != TypeGitHub || c.ClientSecretFile != "", "clientSecretFile is required")
	if c.Type != TypeEntra {
		c.require(len(c.Tenants) == 0, "tenants are for type entra")
		return
	}
	c.require(len(c.HostedDomains) == 0, "hostedDomains are not for type entra; use tenants")
	switch tenant, _ := tenantOf(c.Issuer); {
	case isSeveral(tenant):
		c.require(len(c.Tenants) > 0, "tenants are required with an issuer of several tenants")
	case guid.MatchString(tenant):
		c.require(len(c.Tenants) == 0 || slices.Equal(c.Tenants, []string{tenant}), "tenants must be the one of the issuer")
	default:
		c.require(false, "issuer must end in /v2.0, after the id of a tenant, common or organizations")
	}
}

// checkEndpoints checks the endpoints of the types that have no discovery document.
func (c *checker) checkEndpoints() {
	list := []string{c.AuthorizationEndpoint, c.TokenEndpoint, c.UserinfoEndpoint}
	if c.Type == TypeGitHub {
		list = append(list, c.EmailsEndpoint)
	} else {
		c.require(c.EmailsEndpoint == "", "emailsEndpoint is for type github")
	}
	if c.Type != TypeOAuth2 && c.Type != TypeGitHub {
		c.require(strings.Join(list, "") == "", "endpoints are for the types oauth2 and github; the discovery document has them")
		return
	}
	for _, endpoint := range list {
		if problem := checkURL(endpoint, c.AllowPrivateAddresses, true); problem != "" {
			c.require(false, "each endpoint "+problem)
		}
	}
}

// checkClaims checks the names of claims.
func (c *checker) checkClaims() {
	claims, defaults := c.Claims, Settings{}.withDefaults().Claims
	for _, name := range []string{claims.Subject, claims.Email, claims.EmailVerified, claims.Name, claims.Locale} {
		c.require(validWord.MatchString(name), "claims has a name that is not valid")
	}
	c.require(c.Type == TypeOAuth2 || claims.Subject == defaults.Subject, "claims.subject is for type oauth2; the others have their own key")
	c.require(c.Type != TypeEntra || claims.EmailVerified == defaults.EmailVerified, "claims.emailVerified is not for type entra")
	c.require(c.Type != TypeApple && c.Type != TypeGitHub || claims == defaults, "claims are not for this type")
}

// checkURL returns what is wrong with a URL that Usher asks, or ""; query says whether it may have a query.
func checkURL(text string, private, query bool) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.Opaque != "" || strings.Contains(text, "#") || len(text) > 2000 ||
		strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0:
		return "must be a URL"
	case u.Scheme != "https" && (u.Scheme != "http" || !private):
		return "must be an https URL; http needs allowPrivateAddresses"
	case !query && strings.Contains(text, "?"):
		return "must be a URL without a query"
	}
	for name := range u.Query() {
		if slices.Contains(reserved, name) {
			return "must not have a parameter that Usher sets itself"
		}
	}
	return ""
}
