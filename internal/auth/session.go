package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"usher/internal/request"
	"usher/internal/token"
)

// Session is one sign-in of one user, from one device. Access tokens name it, and `@auth` refuses
// them from the moment it ends.
type Session struct {
	ID     uuid.UUID
	UserID uuid.UUID
	// AuthTime is when the user proved who they are to sign in.
	AuthTime  time.Time
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

// UsePrecision is how exactly LastUsedAt is kept. A thief with a copied access token can ask for it all the
// time, and must not see when the owner refreshes.
const UsePrecision = time.Minute

// use notes a refresh in s, as the Store does.
func (s *Session) use(now time.Time) {
	if minute := now.Truncate(UsePrecision); minute.After(s.LastUsedAt) {
		s.LastUsedAt = minute
	}
}

// provedAt is when the user proved who they are, as far as the session knows. A server of an older release
// that runs beside this one raises AuthTime in reauthenticate, which must not reach the tokens of others.
func (s *Session) provedAt() time.Time {
	if s.AuthTime.After(s.CreatedAt) {
		return s.CreatedAt
	}
	return s.AuthTime
}

// Current reports whether this is the session of the request.
func (s *Session) Current(ctx context.Context) bool {
	claims := CallerFrom(ctx).Claims()
	return claims != nil && claims.SessionID == s.ID.String()
}

// firstParty is the client_id (RFC 9068 §2.2) of tokens that the schema's own mutations give out.
const firstParty = "usher"

// AuthPayload answers a sign-in, a refresh and a reauthentication, which gives no refresh token.
// ExpiresIn is in seconds.
type AuthPayload struct {
	AccessToken  string
	RefreshToken *string
	TokenType    string
	ExpiresIn    int
	Session      *Session
	User         *User
}

// proof says that a user has just shown who they are. Only the code that checked a credential
// makes one, and no session starts without one.
type proof struct {
	user *User
}

// startSession writes a new session for the user that p proves, and returns it with its first
// refresh token, which goes by the transport. The session of the cookie that this replaces ends first, so
// that it does not count. Then the oldest sessions end of a user who has too many.
func (s *Service) startSession(ctx context.Context, tx *act, p proof, by SessionTransport) (*Viewer, refreshToken, error) {
	now := tx.now
	fail := func(err error) (*Viewer, refreshToken, error) {
		return nil, refreshToken{}, fmt.Errorf("start session: %w", err)
	}
	id, err := newID(now, s.rand)
	if err != nil {
		return fail(err)
	}
	first, err := newRefreshToken(id, s.rand)
	if err != nil {
		return fail(err)
	}
	v := &Viewer{User: *p.user, Session: Session{
		ID:         id,
		UserID:     p.user.ID,
		AuthTime:   now,
		CreatedAt:  now,
		LastUsedAt: now,
		ExpiresAt:  now.Add(s.sessions.MaxAge),
	}}
	info := request.From(ctx)
	if info.Client.IsValid() {
		v.Session.IPAddress = new(info.Client.String())
	}
	if info.UserAgent != "" {
		v.Session.UserAgent = &info.UserAgent
	}
	// Sign-ins of one user take turns here, so that together they keep to the limit, and none
	// comes in after the user was disabled.
	open, err := tx.LockUser(ctx, p.user.ID, now)
	if err != nil {
		return fail(err)
	}
	if !open {
		return nil, refreshToken{}, unauthenticated(ReasonAccountDisabled)
	}
	if err := s.endReplaced(ctx, tx, by, id); err != nil {
		return fail(err)
	}
	if err := tx.CreateSession(ctx, &v.Session, first.digest()); err != nil {
		return fail(err)
	}
	if err := tx.EndOldestSessions(ctx, p.user.ID, s.sessions.PerUser, now, s.idleSince(now)); err != nil {
		return fail(err)
	}
	return v, first, nil
}

// payload is accessPayload with a refresh token, unless that goes by cookie.
func (s *Service) payload(ctx context.Context, v *Viewer, refresh refreshToken, by SessionTransport, audience string) (*AuthPayload, error) {
	p, err := s.accessPayload(ctx, v, v.Session.provedAt(), audience)
	if err != nil {
		return nil, err
	}
	s.carry(ctx, p, refresh, by)
	return p, nil
}

// accessPayload signs an access token for the session and an audience, answers with it, and makes the
// request that of the session's user. The token says that the user proved who they are at provedAt.
func (s *Service) accessPayload(ctx context.Context, v *Viewer, provedAt time.Time, audience string) (*AuthPayload, error) {
	if s.tokens == nil {
		return nil, errNoTokens
	}
	id, err := newID(s.now(), s.rand)
	if err != nil {
		return nil, err
	}
	claims := &token.Claims{
		ID:        id.String(),
		Audience:  audience,
		Subject:   v.User.ID.String(),
		SessionID: v.Session.ID.String(),
		ClientID:  firstParty,
		AuthTime:  provedAt,
		ExpiresAt: v.Session.ExpiresAt,
		Roles:     roleNames(v.User.Roles),
	}
	access, err := s.tokens.Sign(*claims)
	if err != nil {
		return nil, fmt.Errorf("sign access token: %w", err)
	}
	CallerFrom(ctx).become(v, claims)
	return &AuthPayload{
		AccessToken: access,
		TokenType:   tokenType,
		ExpiresIn:   int(min(s.tokens.TTL(), v.Session.ExpiresAt.Sub(s.now())) / time.Second),
		Session:     &v.Session,
		User:        &v.User,
	}, nil
}

// idleSince is when a session that is idle too long at now was last used, at the latest.
func (s *Service) idleSince(now time.Time) time.Time { return now.Add(-s.sessions.IdleLimit) }

func roleNames(roles []Role) []string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return names
}
