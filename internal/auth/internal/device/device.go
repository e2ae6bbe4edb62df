// Package device owns device tokens. A device token says that an account has signed in on a device before. It signs
// nobody in. It only moves the failed attempts of the device to a counter of their own, so that strangers who guess
// cannot keep the owner out.
//
// There is no row for it in the database. It contains what it depends on, encrypted, because a client may be a browser
// that somebody else uses next.
package device

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/identity"
	"usher/internal/seal"
)

// Lifetime is how long after a sign-in its device is known.
const Lifetime = 90 * 24 * time.Hour

// prefix marks device tokens, so that scanners for leaked secrets and people recognize them. A new format gets a new
// version, which is a part of what is authenticated.
const (
	prefix  = "udt_"
	version = "1"
)

// The content of a token: the user, the version of the credentials, the time of issue in seconds, and a digest for each
// name of the account.
const (
	headSize   = 16 + 4 + 8
	digestSize = 16
	maxNames   = 2 // the user name and the address

	// maxText is the length of the longest token. It is far below the 4096 bytes that browsers keep of a cookie.
	maxText = 200
)

// Tokens issues and reads device tokens. The zero value cannot be used. It is safe for concurrent use.
type Tokens struct {
	box seal.Box
	now func() time.Time
}

// NewTokens returns Tokens with a key that is derived from the server's secret.
func NewTokens(secrets *seal.Secrets, now func() time.Time) (Tokens, error) {
	box, err := seal.NewBox(secrets, "usher device token")
	return Tokens{box: box, now: now}, err
}

// Device is a device on which a user has signed in.
type Device struct {
	user               uuid.UUID
	credentialsVersion uint32
	issuedAt           time.Time
	names              []byte // digests
}

// IsKnownTo reports whether an account may trust the device: the user has signed in there, and the credentials of the
// account have not changed since. The zero Device is known to nobody.
func (d Device) IsKnownTo(u *auth.User) bool {
	return d.user != uuid.Nil && d.user == u.ID && int64(d.credentialsVersion) == int64(u.CredentialsVersion)
}

// Issue returns a token for the device on which a user has just signed in.
func (t Tokens) Issue(u *auth.User) (string, error) {
	if int64(uint32(u.CredentialsVersion)) != int64(u.CredentialsVersion) { //nolint:gosec // This is the check.
		return "", fmt.Errorf("issue device token: credentials version %d", u.CredentialsVersion)
	}
	content := make([]byte, 0, headSize+maxNames*digestSize)
	content = append(content, u.ID[:]...)
	content = binary.BigEndian.AppendUint32(content, uint32(u.CredentialsVersion)) //nolint:gosec // checked above
	content = binary.BigEndian.AppendUint64(content, uint64(t.now().Unix()))       //nolint:gosec // after 1970
	for _, name := range []*string{u.Username, u.Email} {
		if name == nil {
			continue
		}
		if key, _, ok := identity.ParseIdentifier(*name); ok {
			content = append(content, digest(key.Key)...)
		}
	}
	return encode(t.box.Encrypt(content, []byte(version))), nil
}

func encode(sealed []byte) string { return prefix + base64.RawURLEncoding.EncodeToString(sealed) }

// Read returns the device of a token, and whether the token is valid. If it is not, the device is the zero Device.
func (t Tokens) Read(token string) (Device, bool) {
	text, ok := strings.CutPrefix(token, prefix)
	if !ok || len(token) > maxText {
		return Device{}, false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// The decoder ignores CR and LF, even when strict. The length reveals them.
	if err != nil || len(text) != base64.RawURLEncoding.EncodedLen(len(sealed)) {
		return Device{}, false
	}
	content, err := t.box.Decrypt(sealed, []byte(version))
	if err != nil || len(content) < headSize {
		return Device{}, false
	}
	d := Device{
		user:               uuid.UUID(content[:16]),
		credentialsVersion: binary.BigEndian.Uint32(content[16:]),
		issuedAt:           time.Unix(int64(binary.BigEndian.Uint64(content[20:])), 0), //nolint:gosec // from Issue
		names:              content[headSize:],
	}
	if !t.now().Before(d.issuedAt.Add(Lifetime)) {
		return Device{}, false
	}
	return d, true
}

// Known reports whether a token is valid and its account had a name when it was issued. The name is as a client wrote it.
// It needs no database, so it does not know whether the credentials have changed since.
func (t Tokens) Known(token, account string) bool {
	d, _ := t.Read(token)
	return d.Named(account)
}

// Named reports whether the account of the device had a name when the token was issued. The name is as a client wrote it.
// The zero Device has no names.
func (d Device) Named(account string) bool {
	name, _, ok := identity.ParseIdentifier(account)
	if !ok {
		return false
	}
	want := digest(name.Key)
	for names := d.names; len(names) >= digestSize; names = names[digestSize:] {
		if bytes.Equal(names[:digestSize], want) { // the names are no secret to the holder
			return true
		}
	}
	return false
}

// digest shortens a canonical name to a fixed size. Its collisions need an account of the attacker's own, and 2^64 names.
func digest(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:digestSize]
}
