package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"usher/internal/request"
)

// RefreshInput is the input of Refresh.
type RefreshInput struct {
	// RefreshToken is the token; nil means the one in the request's cookie.
	RefreshToken *string
	// Session says where the new one goes. One from a cookie goes into a cookie again, whatever this
	// says, or a script that is not meant to have it could ask for it.
	Session SessionTransport
	// Resource is the API that the access token is for; nil means Usher's own.
	Resource *string
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
}

// Refresh gives a new access token, and a new refresh token for the one presented.
//
// The presented token is used up by that, and so is every older one (RFC 9700 §4.14.2). Only the
// one that was used last may come again, shortly after and as long as its successor was not used:
// it gets the same successor again, for it comes from requests in parallel, or from a client that
// never saw the answer. Any other that comes again was copied, and ends the session.
func (s *Service) Refresh(ctx context.Context, in RefreshInput) (*AuthPayload, error) {
	audience, err := s.audienceFor(in.Resource)
	if err != nil {
		return nil, err
	}
	if cookie := request.From(ctx).RefreshToken; in.RefreshToken == nil && cookie != "" {
		p, err := s.rotate(ctx, cookie, TransportCookie, audience)
		if e := new(Error); errors.As(err, &e) && e.Code == CodeUnauthenticated {
			forgetCookie(ctx)
		}
		return p, err
	}
	if err := in.Session.check(ctx); err != nil {
		return nil, err
	}
	if in.RefreshToken == nil && in.Session == TransportCookie { // a page asks whether somebody is signed in
		return nil, unauthenticated(ReasonNoToken)
	}
	if in.RefreshToken == nil || *in.RefreshToken == "" {
		return nil, BadInput(FieldError{Path: []string{"input", "refreshToken"}, Code: InputRequired, Message: "Give the refresh token."})
	}
	return s.rotate(ctx, *in.RefreshToken, in.Session, audience)
}

// rotate uses a refresh token up for its successor, and an access token for an audience.
func (s *Service) rotate(ctx context.Context, sealed string, by SessionTransport, audience string) (*AuthPayload, error) {
	presented, ok := s.openRefreshToken(sealed)
	if !ok {
		return nil, unauthenticated(ReasonTokenInvalid)
	}
	// Each turn of the loop is one decision on one state of the session. It turns again only when
	// another request has changed that state in between, which each of them does once.
	for range refreshTurns {
		state, err := s.refreshState(ctx, presented)
		if err != nil {
			return nil, err
		}
		now := s.now()
		current := presented.generation == state.Generation
		again := presented.generation+1 == state.Generation && now.Before(state.RotatedAt.Add(s.sessions.RefreshGrace))
		switch {
		case presented.generation > state.Generation:
			// The seal is ours, so the database has gone back in time.
			return nil, unauthenticated(ReasonTokenInvalid)
		case !current && !again:
			return nil, s.endReused(ctx, &state.Viewer, now)
		}
		if err := s.checkLive(&state.Viewer); err != nil {
			return nil, err
		}
		if again {
			return s.payload(ctx, &state.Viewer, presented.successor(), by, audience)
		}
		rotated, err := s.store.RotateRefreshToken(ctx, presented.session, presented.generation, now)
		if err != nil {
			return nil, fmt.Errorf("rotate refresh token: %w", err)
		}
		if rotated {
			state.Session.LastUsedAt = now
			return s.payload(ctx, &state.Viewer, presented.successor(), by, audience)
		}
	}
	return nil, fmt.Errorf("refresh: %w", ErrUnavailable)
}

const (
	refreshTurns     = 10
	endReusedTimeout = 10 * time.Second
)

// refreshState reads the state of the token's session, when the token belongs to it.
func (s *Service) refreshState(ctx context.Context, t refreshToken) (*RefreshState, error) {
	state, err := s.store.RefreshState(ctx, t.session)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, unauthenticated(ReasonSessionEnded)
	case err != nil:
		return nil, fmt.Errorf("read refresh state: %w", err)
	case subtle.ConstantTimeCompare(state.SecretDigest, t.digest()) != 1:
		return nil, unauthenticated(ReasonTokenInvalid)
	}
	return state, nil
}

// endReused ends a session of which a used refresh token was presented again. It finishes though
// the client may go away: otherwise a thief could try tokens without being noticed.
func (s *Service) endReused(ctx context.Context, v *Viewer, now time.Time) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endReusedTimeout)
	defer cancel()
	err := s.inTx(ctx, nobody, func(ctx context.Context, tx *act) error {
		ended, err := tx.EndSession(ctx, v.Session.ID, now)
		if err != nil || !ended {
			return err
		}
		return tx.record(ctx, eventIn(v, EventRefreshReuse))
	})
	if err != nil {
		return fmt.Errorf("end session after reuse: %w", err)
	}
	return unauthenticated(ReasonSessionEnded)
}
