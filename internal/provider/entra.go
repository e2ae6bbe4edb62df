package provider

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// tenantID stands for the tenant in the issuer of Entra's discovery documents for several tenants.
const tenantID = "{tenantid}"

var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// tenantOf returns the tenant in an issuer of Entra, and the issuer with tenantID instead.
func tenantOf(issuer string) (tenant, template string) {
	base, version := strings.CutSuffix(issuer, "/v2.0")
	slash := strings.LastIndex(base, "/")
	if !version || slash < 0 {
		return "", ""
	}
	return base[slash+1:], base[:slash+1] + tenantID + "/v2.0"
}

// isSeveral reports whether the tenant in an issuer's URL means several.
func isSeveral(tenant string) bool { return tenant == "common" || tenant == "organizations" }

// checkTenant checks that a token is of a tenant that may sign in, with the issuer and a key of this tenant. It sets the issuer.
func (p *Provider) checkTenant(v *verified, issuer string, signer key) error {
	tenant := v.claims.text("tid")
	if !guid.MatchString(tenant) {
		return refused("the ID token has no tenant")
	}
	_, template := tenantOf(p.settings.Issuer)
	if issuer != strings.ReplaceAll(template, tenantID, tenant) {
		return refused("the ID token is of another issuer than its tenant's")
	}
	// Keys of one tenant must not sign for others
	// (https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer).
	if signer.issuer != "" && strings.ReplaceAll(signer.issuer, tenantID, tenant) != issuer {
		return refused("the ID token is signed with a key of another tenant")
	}
	if len(p.settings.Tenants) > 0 && !slices.Contains(p.settings.Tenants, tenant) {
		return ErrDomain
	}
	v.issuer = issuer
	return nil
}

// isTenantIssuer reports whether an issuer is that of a tenant that may sign in.
func (p *Provider) isTenantIssuer(issuer string) bool {
	return p.template != "" && slices.ContainsFunc(p.settings.Tenants, func(tenant string) bool {
		return issuer == strings.ReplaceAll(p.template, tenantID, tenant)
	})
}

// entraAccount returns the subject and whether the address is verified. The claim sub differs between clients, oid does not.
// Administrators of any tenant can write any address into an account, so the claim email proves nothing, unless xms_edov says
// that its domain's owner was verified.
func entraAccount(claims members) (subject string, emailVerified bool) {
	subject = claims.text("oid")
	if !guid.MatchString(subject) {
		subject = ""
	}
	owned := claims["xms_edov"]
	return subject, owned == true || owned == "1" || owned == json.Number("1")
}
