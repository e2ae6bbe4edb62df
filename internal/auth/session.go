package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Session is one sign-in of one user, from one device. Access tokens name it, and `@auth` refuses
// them from the moment it ends.
type Session struct {
	ID     uuid.UUID
	UserID uuid.UUID
	// AuthTime is when the user authenticated to sign in, and Methods are the ways they did.
	AuthTime  time.Time
	Methods   []Method
	CreatedAt time.Time
	// LastUsedAt is the minute of the last refresh, or the time of the sign-in.
	LastUsedAt time.Time
	// ExpiresAt is the age limit. Nothing moves it.
	ExpiresAt time.Time
	// EndedAt is when the session was ended before its time; nil while it lives.
	EndedAt *time.Time
	// IPAddress and UserAgent describe the device at sign-in, when it came over HTTP.
	IPAddress *string
	UserAgent *string
}

// Method is a way to authenticate, under its name in the claim amr (RFC 8176 §2).
type Method string

// MethodPassword is the password.
const MethodPassword Method = "pwd"

// UsePrecision is how exactly LastUsedAt is kept. A thief with a copied access token can ask for it all the
// time, and must not see when the owner refreshes.
const UsePrecision = time.Minute

// Use notes a refresh in s, as the Store does.
func (s *Session) Use(now time.Time) {
	if minute := now.Truncate(UsePrecision); minute.After(s.LastUsedAt) {
		s.LastUsedAt = minute
	}
}

// AuthenticatedAt is when the user authenticated, as far as the session knows. A server of an older release
// that runs beside this one raises AuthTime in reauthenticate, which must not reach the tokens of others.
func (s *Session) AuthenticatedAt() time.Time {
	if s.AuthTime.After(s.CreatedAt) {
		return s.CreatedAt
	}
	return s.AuthTime
}

// Viewer is the signed-in user of a request and the session that signed them in, as the database
// has them now.
type Viewer struct {
	User    User
	Session Session
}

// CheckLive returns why a session is no longer valid at a time, nil while it is.
func (v *Viewer) CheckLive(now time.Time, idleLimit time.Duration) error {
	switch {
	case v.User.DisabledAt != nil:
		return Unauthenticated(ReasonAccountDisabled)
	case v.Session.EndedAt != nil,
		!now.Before(v.Session.ExpiresAt),
		!now.Before(v.Session.LastUsedAt.Add(idleLimit)):
		return Unauthenticated(ReasonSessionEnded)
	}
	return nil
}

// SessionStore keeps sessions.
type SessionStore interface {
	// CreateSession writes a new session, with the digest of its secret and refresh token number 0.
	CreateSession(ctx context.Context, session *Session, secretDigest []byte) error
	// Viewer finds a session and its user together, in one query, whatever their state.
	Viewer(ctx context.Context, sessionID uuid.UUID) (*Viewer, error)
	// LockSession makes other transactions that write to a session or to its user wait until this one ends.
	// It locks the user first, as whatever ends many sessions of a user does, so that transactions do not
	// wait for one another in a ring. It reports whether the session was neither ended nor expired.
	LockSession(ctx context.Context, userID, sessionID uuid.UUID, now time.Time) (bool, error)
	// EndSession ends a session that lives, and reports whether it did.
	EndSession(ctx context.Context, sessionID uuid.UUID, now time.Time) (bool, error)
	// EndOtherSessions ends the sessions of a user that were neither ended nor expired, but one; the
	// zero id spares none. Those that are idle too long end as well, or a longer limit could bring
	// them back. It returns how many.
	EndOtherSessions(ctx context.Context, userID, except uuid.UUID, now time.Time) (int, error)
	// EndOldestSessions ends the sessions of a user that live, but the newest few.
	EndOldestSessions(ctx context.Context, userID uuid.UUID, keep int, now, idleSince time.Time) error
	// Sessions lists up to limit sessions of a user that were neither ended nor expired at now nor
	// last used before idleSince, the newest first, after a position when that is not nil.
	Sessions(ctx context.Context, userID uuid.UUID, now, idleSince time.Time, after *SessionPosition, limit int) ([]Session, error)
}

// SessionPosition is a position in a list of sessions.
type SessionPosition struct {
	CreatedAt time.Time
	ID        uuid.UUID
}

// RefreshState is what decides over a refresh token.
type RefreshState struct {
	Viewer
	// SecretDigest is the digest of the session's secret; empty for a session that has none.
	SecretDigest []byte
	// Generation numbers the one refresh token of the session that is not used yet.
	Generation uint32
	// RotatedAt is when its predecessor was used.
	RotatedAt time.Time
	// RotatedBy says which client used it. A server of an older release does not change it, so it may be
	// that of an earlier rotation, or nil.
	RotatedBy *string
	// Replays is how often the predecessor was presented again since then.
	Replays int
}

// RefreshStore keeps what decides over refresh tokens.
type RefreshStore interface {
	// RefreshState reads what decides over a refresh token of a session, in one query.
	RefreshState(ctx context.Context, sessionID uuid.UUID) (*RefreshState, error)
	// RotateRefreshToken makes the next refresh token of a living session the valid one, unless
	// generation is not that of the valid one any more. It notes the client, and the minute of the use. It
	// reports whether it did.
	RotateRefreshToken(ctx context.Context, sessionID uuid.UUID, generation uint32, by string, now time.Time) (bool, error)
	// AdvanceRefreshToken is RotateRefreshToken from one generation to any later one.
	AdvanceRefreshToken(ctx context.Context, sessionID uuid.UUID, from, to uint32, by string, now time.Time) (bool, error)
	// ReplayRefreshToken counts that the predecessor of a generation was presented again, unless the
	// generation is not that of the valid token any more, limit is reached, or the session has ended. It
	// reports whether it did.
	ReplayRefreshToken(ctx context.Context, sessionID uuid.UUID, generation uint32, limit int, now time.Time) (bool, error)
}
