package token

// Algorithm is a signature algorithm, named as in the alg header of a token.
type Algorithm string

// The algorithms of access tokens.
const (
	HS256 Algorithm = "HS256" // HMAC with SHA-256, RFC 7518 §3.2
	EdDSA Algorithm = "EdDSA" // Ed25519, RFC 8037 §3.1
	ES256 Algorithm = "ES256" // ECDSA with P-256 and SHA-256, RFC 7518 §3.4
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256, RFC 7518 §3.3
)
