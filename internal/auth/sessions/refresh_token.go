package sessions

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/seal"
)

// refreshToken is the content of a refresh token: the session, the number of the token in the session, and the
// session's secret.
//
// The secret is random. The database has only its digest, so a dump of the database is not enough to make tokens, even
// with the server's key. The successor of a token can be made from the token alone, so a client that lost the answer
// to a refresh can get it again.
type refreshToken struct {
	session    uuid.UUID
	generation uint32
	secret     [secretSize]byte
}

const secretSize = 16 // 128 bits

// refreshPrefix identifies refresh tokens to people and to scanners for leaked secrets.
const refreshPrefix = "urt_"

func newRefreshToken(session uuid.UUID, random io.Reader) (refreshToken, error) {
	t := refreshToken{session: session}
	if _, err := io.ReadFull(random, t.secret[:]); err != nil {
		return refreshToken{}, fmt.Errorf("new refresh token: %w", err)
	}
	return t, nil
}

// digest is what the database keeps of the secret.
func (t refreshToken) digest() []byte {
	sum := sha256.Sum256(t.secret[:])
	return sum[:]
}

// belongsTo reports whether the secret of t is that of a session.
func (t refreshToken) belongsTo(state *auth.RefreshState) bool {
	return subtle.ConstantTimeCompare(state.SecretDigest, t.digest()) == 1
}

// successor is the token that replaces t.
func (t refreshToken) successor() refreshToken {
	t.generation++
	return t
}

// refreshTokens seals and opens refresh tokens.
type refreshTokens struct{ key seal.Key }

func (r refreshTokens) seal(t refreshToken) string {
	content := make([]byte, 0, len(t.session)+4+secretSize)
	content = append(content, t.session[:]...)
	content = binary.BigEndian.AppendUint32(content, t.generation)
	content = append(content, t.secret[:]...)
	return refreshPrefix + r.key.Sign("", content)
}

func (r refreshTokens) open(text string) (t refreshToken, ok bool) {
	if len(text) < len(refreshPrefix) || text[:len(refreshPrefix)] != refreshPrefix {
		return t, false
	}
	content, ok := r.key.Open("", text[len(refreshPrefix):])
	if !ok || len(content) != len(t.session)+4+secretSize {
		return t, false
	}
	copy(t.session[:], content)
	t.generation = binary.BigEndian.Uint32(content[len(t.session):])
	copy(t.secret[:], content[len(t.session)+4:])
	return t, true
}
