// Package claims owns custom claims: the mapping that says which values of an account are claims of its access tokens.
package claims

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"usher/internal/jsonobject"
	"usher/internal/token"
)

// MaxSize is the maximum size of all custom claims of a token, in bytes of JSON. Proxies limit headers, and a token is
// in one.
const MaxSize = 2 << 10

// Account has the values that claims are made from. Nil values leave their claim out.
type Account struct {
	Username, Email, FullName *string
	// EmailVerified says that Email is verified.
	EmailVerified         bool
	Roles, Permissions    []string
	Metadata, AppMetadata jsonobject.Object
}

// source is where the value of a claim comes from.
type source struct {
	// byUser says that users choose the value themselves.
	byUser bool
	value  func(a *Account, path []string) (any, bool)
	// hasPath says that the source is an object, and names a value in it.
	hasPath bool
}

var sources = map[string]source{
	"roles":       {value: func(a *Account, _ []string) (any, bool) { return list(a.Roles), true }},
	"permissions": {value: func(a *Account, _ []string) (any, bool) { return list(a.Permissions), true }},
	"username":    {value: func(a *Account, _ []string) (any, bool) { return a.Username, a.Username != nil }, byUser: true},
	"email":       {value: func(a *Account, _ []string) (any, bool) { return a.Email, a.Email != nil }, byUser: true},
	"fullName":    {value: func(a *Account, _ []string) (any, bool) { return a.FullName, a.FullName != nil }, byUser: true},
	"metadata":    {value: func(a *Account, path []string) (any, bool) { return a.Metadata.At(path) }, byUser: true, hasPath: true},
	"appMetadata": {value: func(a *Account, path []string) (any, bool) { return a.AppMetadata.At(path) }, hasPath: true},
}

// list is an array even if it is empty.
func list(texts []string) []string { return append([]string{}, texts...) }

// standard are claims that have one possible source, because OpenID Connect Core §5.1 says what they mean. MicroProfile
// JWT identifies the user by upn, and ASP.NET Core reads unique_name as the user's name.
var standard = map[string]string{
	"preferred_username": "username", "upn": "username", "unique_name": "username", "email": "email", "name": "fullName",
}

// With the claim email, tokens also have this claim. Anybody can sign up with the address of somebody else, so a service
// must not rely on an address without it (OpenID Connect Core §5.7).
const emailVerified = "email_verified"

// authorizing are claims by which services authorize: those of RFC 9068 §2.2.3.1, and role, which ASP.NET Core reads like
// roles. A user must not choose them.
var authorizing = []string{"groups", "entitlements", "permissions", "role"}

// Claim is one claim of a Mapping.
type Claim struct {
	Name string
	// Source is the name of a source. Path leads to a value in it if it is an object.
	Source string
	Path   []string
}

// Mapping says which custom claims access tokens have. UnmarshalText makes one.
type Mapping []Claim

var (
	// isName matches the names of claims: short names, and URIs (RFC 7519 §4.2).
	isName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._~:/?#@!$&'()*+;%-]{0,199}$`)
	isPath = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}(\.[A-Za-z0-9_-]{1,100})*$`)
)

// UnmarshalText parses a comma-separated list of NAME=SOURCE.
func (m *Mapping) UnmarshalText(text []byte) error {
	*m = nil
	for element := range strings.SplitSeq(string(text), ",") {
		c, err := parse(strings.TrimSpace(element))
		if err != nil {
			return err
		}
		if slices.ContainsFunc(*m, func(other Claim) bool { return strings.EqualFold(other.Name, c.Name) }) {
			return fmt.Errorf("has the claim %q twice", c.Name)
		}
		*m = append(*m, c)
	}
	if len(*m) > token.MaxCustomClaims {
		return fmt.Errorf("must be at most %d claims, not %d", token.MaxCustomClaims, len(*m))
	}
	return nil
}

// Has reports whether a claim has a source.
func (m Mapping) Has(source string) bool {
	return slices.ContainsFunc(m, func(c Claim) bool { return c.Source == source })
}

func parse(element string) (Claim, error) {
	name, from, ok := strings.Cut(element, "=")
	root, path, hasPath := strings.Cut(from, ".")
	kind, known := sources[root]
	c := Claim{Name: name, Source: root}
	if hasPath {
		c.Path = strings.Split(path, ".")
	}
	switch {
	case !ok || !isName.MatchString(name):
		return c, fmt.Errorf("must be claims such as plan=appMetadata.plan, not %q", element)
	case !known || kind.hasPath != hasPath:
		return c, fmt.Errorf("must have one of the sources roles, permissions, username, email, fullName, metadata.PATH and appMetadata.PATH, not %q", from)
	case hasPath && (!isPath.MatchString(path) || len(c.Path) > jsonobject.MaxDepth):
		return c, fmt.Errorf("must have a PATH of up to %d names of letters, digits, - and _, not %q", jsonobject.MaxDepth, path)
	case token.Reserved(name):
		return c, fmt.Errorf("must not have the claim %q: Usher or a standard defines it", name)
	}
	for other, source := range standard {
		if strings.EqualFold(name, other) && (name != other || from != source) {
			return c, fmt.Errorf("must not have the claim %q except as %s=%s", name, other, source)
		}
	}
	if kind.byUser && slices.ContainsFunc(authorizing, func(other string) bool { return strings.EqualFold(name, other) }) {
		return c, fmt.Errorf("must not have the claim %q from %s: services authorize by it, and users choose the value", name, from)
	}
	return c, nil
}

// Of returns the claims of an account as JSON, and the names of the claims that are left out because all claims together
// exceed MaxSize. With the claim email, the result also has emailVerified. Claims without a value are left out.
//
// What users write must not displace what administrators assign. So all claims whose values users choose are left out
// first. If the rest is still too large, there are no claims.
func (m Mapping) Of(a *Account) (values map[string]json.RawMessage, omitted []string, err error) {
	if len(m) == 0 {
		return nil, nil, nil
	}
	values = make(map[string]json.RawMessage, len(m))
	assigned, chosen := 0, 0
	for _, c := range m {
		value, ok := sources[c.Source].value(a, c.Path)
		if !ok || value == nil {
			continue
		}
		text, err := jsonobject.Encode(value)
		if err != nil {
			return nil, nil, fmt.Errorf("claim %s: %w", c.Name, err)
		}
		values[c.Name] = text
		size := len(c.Name) + len(text) + len(`"":,`)
		if c.Name == "email" {
			values[emailVerified] = json.RawMessage(strconv.FormatBool(a.EmailVerified))
			size += len(emailVerified) + len(`"":false,`)
		}
		if sources[c.Source].byUser {
			chosen += size
		} else {
			assigned += size
		}
	}
	if assigned+chosen <= MaxSize {
		return values, nil, nil
	}
	for _, c := range m {
		if _, has := values[c.Name]; has && (assigned > MaxSize || sources[c.Source].byUser) {
			delete(values, c.Name)
			omitted = append(omitted, c.Name)
			if c.Name == "email" {
				delete(values, emailVerified)
			}
		}
	}
	return values, omitted, nil
}
