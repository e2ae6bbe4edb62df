package token

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"usher/internal/jsonobject"
)

// MaxCustomClaims is the maximum number of custom claims in a token. With Usher's own claims, a token stays below
// maxMembers.
const MaxCustomClaims = 16

// reserved are names that no custom claim may have, in addition to claimNames. Standards define them. A
// service could grant too much because of a token that uses one with another meaning.
var reserved = []string{
	"scope", "cnf", // RFC 9068 §2.2.3, RFC 7800 §3.1
	"act", "may_act", // RFC 8693 §4: somebody acts for the user
	"authorization_details",            // RFC 9396 §9.1
	"active", "username", "token_type", // RFC 7662 §2.2: introspection
	"azp", "nonce", "at_hash", "c_hash", "sub_jwk", // OpenID Connect Core §2, §3.3, §7.4
	"phone_number_verified", // OpenID Connect Core §5.1: Usher verifies no phone numbers
	"verified_claims",       // OpenID Connect for Identity Assurance §5
	"s_hash",                // Financial-grade API Part 2 §5.1
	"events", "toe", "txn",  // RFC 8417 §2.2
	"token_introspection",           // RFC 9701 §5
	"status",                        // revocation, Token Status List §6.1
	"vc", "vp", "vct", "vot", "vtm", // W3C Verifiable Credentials, RFC 8485
	"_sd", "_sd_alg", // RFC 9901: selective disclosure
	"nameid",                           // ASP.NET Core reads it like sub
	"scp", "typ", "alg", "kid", "crit", // spellings of scope, and names of the header
}

// emailVerified is a claim of OpenID Connect Core §5.1. No custom claim may have the name, because guards with
// `check: TOKEN` believe it. The domain adds it from what it knows of the user's address.
const emailVerified = "email_verified"

// Reserved reports whether no custom claim may have a name. Case does not matter, because some parsers ignore it.
func Reserved(name string) bool {
	is := func(other string) bool { return strings.EqualFold(name, other) }
	return slices.ContainsFunc(claimNames, is) || slices.ContainsFunc(reserved, is)
}

// addCustom adds custom claims to an encoded claims set.
func addCustom(doc []byte, custom map[string]json.RawMessage) ([]byte, error) {
	counted := len(custom)
	for name, value := range custom {
		if name == emailVerified && (string(value) == "true" || string(value) == "false") {
			counted--
			continue
		}
		if Reserved(name) {
			return nil, fmt.Errorf("the custom claim %q is reserved", name)
		}
	}
	if counted > MaxCustomClaims {
		return nil, fmt.Errorf("more than %d custom claims", MaxCustomClaims)
	}
	return jsonobject.Append(doc, custom)
}
