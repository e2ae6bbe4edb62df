package provider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"usher/internal/jsonobject"
)

const (
	appleIssuer = "https://appleid.apple.com"
	// appleSecretTTL is how long a client secret for Apple is valid. Apple allows six months; it is needed for one request.
	appleSecretTTL = time.Hour
	// maxAppleUser bounds the parameter user in bytes.
	maxAppleUser = 4 << 10
)

// asksForm reports whether Apple must answer with a form: it does if asked for the name or the address.
func (s Settings) asksForm() bool {
	return s.Type == TypeApple && (slices.Contains(s.Scopes, "name") || slices.Contains(s.Scopes, "email"))
}

// appleSecret returns the function that makes client secrets of a private key
// (https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret).
func appleSecret(s Settings, now func() time.Time, text []byte) (func() (string, error), error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("privateKeyFile is not PEM")
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("privateKeyFile is not a PKCS #8 private key")
	}
	key, ok := private.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("privateKeyFile is not a key for ES256")
	}
	return func() (string, error) {
		at := now()
		token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.RegisteredClaims{
			Issuer: s.TeamID, Subject: s.ClientID, Audience: jwt.ClaimStrings{s.Issuer},
			IssuedAt: jwt.NewNumericDate(at), ExpiresAt: jwt.NewNumericDate(at.Add(appleSecretTTL)),
		})
		token.Header["kid"] = s.KeyID
		return token.SignedString(key)
	}, nil
}

// appleName returns the name in the parameter user. It comes from the browser, so its address is not read: that of the ID token
// is proved.
func appleName(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if len(text) > maxAppleUser {
		return "", refused("the parameter user is too long")
	}
	user, err := jsonobject.Read([]byte(text))
	if err != nil {
		return "", refused("the parameter user is not a JSON object")
	}
	value, has := user["name"]
	name, ok := value.(map[string]any)
	if has && !ok {
		return "", refused("the parameter user has a name that is not an object")
	}
	first, last := members(name).text("firstName"), members(name).text("lastName")
	return cleanName(strings.TrimSpace(first + " " + last)), nil
}
