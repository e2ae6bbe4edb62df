package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

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

// replacedCookie returns the refresh token in the request's cookie, if a refresh token of the session is about
// to replace it there and it is one of another session.
func (s *Service) replacedCookie(ctx context.Context, by SessionTransport, session uuid.UUID) (cookie refreshToken, ok bool) {
	if by != TransportCookie {
		return refreshToken{}, false
	}
	cookie, ok = s.openRefreshToken(request.From(ctx).RefreshToken)
	return cookie, ok && cookie.session != session
}

// endReplaced ends the session of the cookie that a refresh token of another session replaces, whichever
// user it belongs to: the browser has no other trace of it, so nobody could end it later. A cookie that is
// not valid, or of a session that has ended, is ignored.
func (s *Service) endReplaced(ctx context.Context, tx *act, by SessionTransport, session uuid.UUID) error {
	cookie, ok := s.replacedCookie(ctx, by, session)
	if !ok {
		return nil
	}
	state, err := tx.RefreshState(ctx, cookie.session)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read the session of the cookie: %w", err)
	}
	good := subtle.ConstantTimeCompare(state.SecretDigest, cookie.digest()) == 1
	if over := s.checkLive(&state.Viewer); !good || over != nil {
		return nil //nolint:nilerr // There is nothing to end.
	}
	ended, err := tx.EndSession(ctx, cookie.session, tx.now)
	if err != nil {
		return fmt.Errorf("end the session of the cookie: %w", err)
	}
	if !ended {
		return nil
	}
	return tx.record(ctx, eventIn(&state.Viewer, EventTokenRevoked))
}

// endReplacedByRefresh is endReplaced for a refresh of the session of v. If it fails, the client can present
// the same refresh token again.
func (s *Service) endReplacedByRefresh(ctx context.Context, v *Viewer, by SessionTransport) error {
	if _, ok := s.replacedCookie(ctx, by, v.Session.ID); !ok {
		return nil
	}
	return s.inTx(ctx, inSession(v), func(ctx context.Context, tx *act) error {
		return s.endReplaced(ctx, tx, by, v.Session.ID)
	})
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
