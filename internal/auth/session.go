package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Session is one sign-in of a user on one device. Access tokens contain its id, and `@auth` refuses them as soon as it
// ends.
type Session struct {
	ID     uuid.UUID
	UserID uuid.UUID
	// AuthTime is when the user authenticated to sign in, and Methods are the methods they used.
	AuthTime time.Time
	Methods  []Method
	// PasskeyID is the passkey among the methods; nil without one.
	PasskeyID *uuid.UUID
	CreatedAt time.Time
	// LastUsedAt is the minute of the last refresh, or the time of the sign-in.
	LastUsedAt time.Time
	// ExpiresAt is the age limit. It never changes.
	ExpiresAt time.Time
	// EndedAt is when the session was ended; nil if it was not.
	EndedAt *time.Time
	// IPAddress and UserAgent describe the device at sign-in; nil outside of HTTP.
	IPAddress *string
	UserAgent *string
}

// Method is a method of authentication, as sessions store it. AMR returns its name in access tokens.
type Method string

// The methods.
const (
	MethodPassword Method = "pwd"
	MethodTOTP     Method = "otp"
	// MethodPasskey is a passkey whose authenticator has verified the user. MethodPasskeyPresence is one that has only seen
	// that somebody is there.
	MethodPasskey         Method = "passkey"
	MethodPasskeyPresence Method = "passkey_presence"
	MethodRecoveryCode    Method = "recovery_code"
	// MethodEmailCode is a code or a link that was mailed.
	MethodEmailCode Method = "email_code"
	// MethodProvider is a sign-in at a provider. MethodProviderMultiFactor is one for which the provider has checked two
	// factors, where the settings trust it in that.
	MethodProvider            Method = "provider"
	MethodProviderMultiFactor Method = "provider_mfa"
)

// UsePrecision is the precision of LastUsedAt. A thief with a copied access token can poll it, and must not see when the
// owner refreshes.
const UsePrecision = time.Minute

// Use records a refresh in s, as the Store does.
func (s *Session) Use(now time.Time) {
	if minute := now.Truncate(UsePrecision); minute.After(s.LastUsedAt) {
		s.LastUsedAt = minute
	}
}

// AuthenticatedAt is when the user authenticated to sign in. A server of an older release that runs beside this one
// changes AuthTime in reauthenticate, which must not reach the tokens of later refreshes.
func (s *Session) AuthenticatedAt() time.Time {
	if s.AuthTime.After(s.CreatedAt) {
		return s.CreatedAt
	}
	return s.AuthTime
}

// Viewer is the signed-in user of a request and their session, as the database has them now.
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
	// CreateSession writes a new session with the digest of its secret. Its valid refresh token is number 0.
	CreateSession(ctx context.Context, session *Session, secretDigest []byte) error
	// Viewer finds a session and its user together, in one query, whatever their state.
	Viewer(ctx context.Context, sessionID uuid.UUID) (*Viewer, error)
	// LockSession makes other transactions that write to a session or to its user wait until this one ends. It locks
	// the user first, as everything does that ends many sessions of a user, so that transactions do not deadlock. It
	// reports whether the session was neither ended nor expired.
	LockSession(ctx context.Context, userID, sessionID uuid.UUID, now time.Time) (bool, error)
	// EndSession ends a session that has not ended, and reports whether it did.
	EndSession(ctx context.Context, sessionID uuid.UUID, now time.Time) (bool, error)
	// EndOtherSessions ends all sessions of a user that were neither ended nor expired, except one; the zero id
	// excepts none. It returns how many. Sessions that are idle too long end too: otherwise a longer limit could make
	// them valid again.
	EndOtherSessions(ctx context.Context, userID, except uuid.UUID, now time.Time) (int, error)
	// EndOldestSessions ends the valid sessions of a user, except the newest ones, and returns how many.
	EndOldestSessions(ctx context.Context, userID uuid.UUID, keep int, now, idleSince time.Time) (int, error)
	// Sessions lists a page of the sessions of a user, the newest first. It leaves out sessions that ended, that are
	// expired at now, or that were last used before idleSince.
	Sessions(ctx context.Context, userID uuid.UUID, now, idleSince time.Time, page Page[SessionPosition]) ([]Session, error)
}

// SessionPosition is a position in a list of sessions.
type SessionPosition struct {
	CreatedAt time.Time
	ID        uuid.UUID
}

// RefreshState is what decides whether a refresh token is valid.
type RefreshState struct {
	Viewer
	// SecretDigest is the digest of the session's secret; empty if it has none.
	SecretDigest []byte
	// Generation is the number of the valid refresh token, the only unused one of the session.
	Generation uint32
	// RotatedAt is when its predecessor was used.
	RotatedAt time.Time
	// RotatedBy identifies the client that used the predecessor. A server of an older release does not write it, so
	// it may be that of an earlier rotation, or nil.
	RotatedBy *string
	// Replays is how often the predecessor was presented again.
	Replays int
}

// RefreshStore keeps the state of refresh tokens.
type RefreshStore interface {
	// RefreshState reads the state of a session's refresh tokens, in one query.
	RefreshState(ctx context.Context, sessionID uuid.UUID) (*RefreshState, error)
	// RotateRefreshToken makes the successor of a refresh token the valid one, if generation is that of the valid
	// one and the session has not ended. It notes the client and the minute, and reports whether it did.
	RotateRefreshToken(ctx context.Context, sessionID uuid.UUID, generation uint32, by string, now time.Time) (bool, error)
	// AdvanceRefreshToken is RotateRefreshToken to any later generation.
	AdvanceRefreshToken(ctx context.Context, sessionID uuid.UUID, from, to uint32, by string, now time.Time) (bool, error)
	// ReplayRefreshToken counts that the predecessor of a generation was presented again, if the generation is that
	// of the valid token, the limit is not reached and the session has not ended. It reports whether it did.
	ReplayRefreshToken(ctx context.Context, sessionID uuid.UUID, generation uint32, limit int, now time.Time) (bool, error)
}
