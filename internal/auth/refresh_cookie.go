package auth

import (
	"context"

	"github.com/google/uuid"

	"usher/internal/request"
)

// SessionTransport says where a client keeps the refresh token of a session: the schema's
// SessionTransport. The empty one is TransportToken.
type SessionTransport string

// The transports. The schema describes them.
const (
	TransportToken  SessionTransport = "TOKEN"
	TransportCookie SessionTransport = "COOKIE"
)

// check refuses a cookie where none can be set, before anything is done.
func (t SessionTransport) check(ctx context.Context) error {
	if t == TransportCookie && request.From(ctx).Cookies == nil {
		return BadInput(FieldError{
			Path: []string{"input", "session"}, Code: InputInvalidFormat,
			Message: "A page of this origin cannot have the cookie. The operator can allow it.",
		})
	}
	return nil
}

// carry hands a refresh token over: in the payload, or to the browser.
func (s *Service) carry(ctx context.Context, p *AuthPayload, refresh refreshToken, by SessionTransport) {
	sealed := s.sealRefreshToken(refresh)
	if by == TransportCookie {
		request.From(ctx).Cookies.SetRefreshToken(sealed, p.Session.ExpiresAt.Sub(s.now()))
		return
	}
	p.RefreshToken = &sealed
}

// forgetCookie takes the refresh token away from a browser that has sent one.
func forgetCookie(ctx context.Context) {
	if info := request.From(ctx); info.RefreshToken != "" {
		info.Cookies.SetRefreshToken("", 0)
	}
}

// forgetCookieOf is forgetCookie for the session that has just ended. The refresh token of another
// one stays: somebody may have signed in in another tab.
func (s *Service) forgetCookieOf(ctx context.Context, ended uuid.UUID) {
	if t, ok := s.openRefreshToken(request.From(ctx).RefreshToken); !ok || t.session == ended {
		forgetCookie(ctx)
	}
}
