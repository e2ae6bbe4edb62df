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
	// AuthTime is when the user last proved who they are.
	AuthTime   time.Time
	CreatedAt  time.Time
	LastUsedAt time.Time
	// ExpiresAt is the age limit. Nothing moves it.
	ExpiresAt time.Time
	// EndedAt is when the session was ended before its time; nil while it lives.
	EndedAt *time.Time
	// IPAddress and UserAgent describe the device at sign-in, when it came over HTTP.
	IPAddress *string
	UserAgent *string
}

// firstParty is the client_id (RFC 9068 §2.2) of tokens that the schema's own mutations give out.
const firstParty = "usher"

// AuthPayload answers a sign-in. ExpiresIn is in seconds.
type AuthPayload struct {
	AccessToken string
	TokenType   string
	ExpiresIn   int
	User        *User
}

// proof says that a user has just shown who they are. Only the code that checked a credential
// makes one, and no session starts without one.
type proof struct {
	user *User
}

// startSession writes a new session for the user that p proves.
func (s *Service) startSession(ctx context.Context, tx Store, p proof, now time.Time) (*Session, error) {
	id, err := newID(now, s.rand)
	if err != nil {
		return nil, err
	}
	session := &Session{
		ID:         id,
		UserID:     p.user.ID,
		AuthTime:   now,
		CreatedAt:  now,
		LastUsedAt: now,
		ExpiresAt:  now.Add(s.sessionMaxAge),
	}
	info := request.From(ctx)
	if info.Client.IsValid() {
		ip := info.Client.String()
		session.IPAddress = &ip
	}
	if info.UserAgent != "" {
		session.UserAgent = &info.UserAgent
	}
	if err := tx.CreateSession(ctx, session); err != nil {
		return nil, fmt.Errorf("start session: %w", err)
	}
	return session, nil
}

// payload signs an access token for the session and answers with it.
func (s *Service) payload(session *Session, user *User) (*AuthPayload, error) {
	if s.tokens == nil {
		return nil, errNoTokens
	}
	id, err := newID(s.now(), s.rand)
	if err != nil {
		return nil, err
	}
	roles := make([]string, len(user.Roles))
	for i, r := range user.Roles {
		roles[i] = string(r)
	}
	access, err := s.tokens.Sign(token.Claims{
		ID:        id.String(),
		Subject:   user.ID.String(),
		SessionID: session.ID.String(),
		ClientID:  firstParty,
		AuthTime:  session.AuthTime,
		Roles:     roles,
	})
	if err != nil {
		return nil, fmt.Errorf("sign access token: %w", err)
	}
	return &AuthPayload{
		AccessToken: access,
		TokenType:   "Bearer",
		ExpiresIn:   int(s.tokens.TTL() / time.Second),
		User:        user,
	}, nil
}
