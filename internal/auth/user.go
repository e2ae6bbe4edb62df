package auth

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"
)

// User is an account as its owner and administrators may see it. It holds no credential.
type User struct {
	// ID names the account for good. It is the subject of its access tokens.
	ID uuid.UUID
	// Username and Email are as the user wrote them; at least one is set.
	Username *string
	Email    *string
	FullName *string
	Roles    []Role
	// DisabledAt is when an administrator shut the account; nil while it is open.
	DisabledAt *time.Time
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Account is a User with what it takes to find it and to sign in.
type Account struct {
	User
	// UsernameKey and EmailKey are the canonical forms that must be unique, FullNameKey is the one
	// that is searched; each is set when its User field is.
	UsernameKey *string
	EmailKey    *string
	FullNameKey *string
	// PasswordHash is a PHC string, or a bcrypt hash of another system.
	PasswordHash string
}

// Role is what a user may be: the schema's Role. A team that needs another one adds it here, in
// Roles, and in the schema.
type Role string

// The roles.
const (
	RoleUser  Role = "USER"
	RoleAdmin Role = "ADMIN"
)

// Roles lists every role there is, the most ordinary first.
var Roles = []Role{RoleUser, RoleAdmin}

// Valid reports whether r is one of Roles.
func (r Role) Valid() bool { return slices.Contains(Roles, r) }

// newID returns a UUID version 7 (RFC 9562 §5.7): 62 random bits, so that it is never given twice,
// behind the time in microseconds, so that an index grows at its end and ids are in the order of
// their times (§6.2, method 3).
func newID(now time.Time, random io.Reader) (uuid.UUID, error) {
	var id uuid.UUID
	if _, err := io.ReadFull(random, id[6:]); err != nil {
		return uuid.Nil, fmt.Errorf("new id: %w", err)
	}
	micros := uint64(now.UnixMicro())
	binary.BigEndian.PutUint64(id[:8], micros/1000<<16|0x7000|micros%1000*4096/1000)
	id[8] = id[8]&0x3f | 0x80
	return id, nil
}
