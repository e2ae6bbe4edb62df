package provider

import (
	"encoding/json"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of an account. An identifier that breaks one is refused. Of the rest, what breaks one is left out.
const (
	maxSubject = 255 // bytes (OpenID Connect Core 1.0 §2)
	maxEmail   = 254 // bytes (RFC 5321 §4.5.3.1.3)
	maxName    = 200 // code points
)

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,4}$`)

// isOIDC reports whether the provider has ID tokens.
func (p *Provider) isOIDC() bool {
	return p.settings.Type == TypeOIDC || p.settings.Type == TypeApple || p.settings.Type == TypeEntra
}

// identity returns the account of an ID token. The profile has the claims about the user: those of the token, with or without
// those of the userinfo endpoint.
func (p *Provider) identity(v *verified, profile members) (*Identity, error) {
	i := p.read(profile)
	i.Issuer, i.Subject, i.ExpiresAt = v.issuer, v.claims.text("sub"), v.expires
	for _, name := range []string{"auth_time", "iat"} {
		if at, ok := v.claims.time(name); ok {
			i.AuthenticatedAt = at
			break
		}
	}
	if p.settings.Type == TypeEntra {
		i.Subject, i.EmailVerified = entraAccount(v.claims)
		i.EmailVerified = i.EmailVerified && i.Email != ""
	}
	if !isSubject(i.Subject) {
		return nil, refused("the ID token has no valid subject")
	}
	i.MultiFactor = slices.Contains(p.settings.TrustedACR, v.claims.text("acr")) ||
		slices.ContainsFunc(v.claims.list("amr"), func(a string) bool { return slices.Contains(p.settings.TrustedAMR, a) })
	return p.allowed(i, v.claims)
}

// read reads what is known of a user except the account.
func (p *Provider) read(profile members) *Identity {
	names := p.settings.Claims
	i := &Identity{Email: cleanEmail(profile.text(names.Email)), Name: cleanName(profile.text(names.Name))}
	i.EmailVerified = i.Email != "" && profile.flag(names.EmailVerified)
	if locale := profile.text(names.Locale); languageTag.MatchString(locale) && len(locale) <= 35 {
		i.Locale = strings.ReplaceAll(locale, "_", "-")
	}
	return i
}

// allowed returns the account if HostedDomains allow it. Google says which organization an account belongs to; anybody
// can have a Google account with an address elsewhere. At others, only a verified address says something.
func (p *Provider) allowed(i *Identity, claims members) (*Identity, error) {
	if len(p.settings.HostedDomains) == 0 {
		return i, nil
	}
	domain := ""
	switch {
	case p.settings.Issuer == googleIssuer:
		domain = claims.text("hd")
	case i.EmailVerified:
		domain = i.Email[strings.LastIndex(i.Email, "@")+1:]
	}
	// Unicode has letters whose lower case is ASCII.
	isASCII := strings.IndexFunc(domain, func(r rune) bool { return r > unicode.MaxASCII }) < 0
	if !isASCII || !slices.Contains(p.settings.HostedDomains, strings.ToLower(domain)) {
		return nil, ErrDomain
	}
	return i, nil
}

// googleIssuer is Google, which has the claim hd.
const googleIssuer = "https://accounts.google.com"

// isSubject reports whether a text can identify an account: 1 to 255 printable ASCII characters.
func isSubject(subject string) bool {
	return subject != "" && len(subject) <= maxSubject && strings.IndexFunc(subject, func(r rune) bool { return r < ' ' || r > '~' }) < 0 &&
		strings.TrimSpace(subject) == subject
}

// subject returns the subject of a userinfo answer of plain OAuth 2.0. Many servers write it as a number.
func subject(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		if strings.Trim(v.String(), "0123456789") == "" {
			return v.String()
		}
	}
	return ""
}

// cleanEmail returns an address, or "" for what is none.
func cleanEmail(email string) string {
	address, err := mail.ParseAddress(email)
	if err != nil || len(email) > maxEmail || address.Name != "" || address.Address != email {
		return ""
	}
	return email
}

// cleanName returns a name, or "" for one that is too long or has control characters.
func cleanName(name string) string {
	name = strings.TrimSpace(name)
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxName || strings.IndexFunc(name, unicode.IsControl) >= 0 {
		return ""
	}
	return name
}
