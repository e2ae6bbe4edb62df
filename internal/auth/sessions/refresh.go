package sessions

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/request"
)

// RefreshInput is the input of Refresh.
type RefreshInput struct {
	RefreshToken string
	// Resource is the API that the access token is for; nil means Usher's own.
	Resource *string
	// Replaces is another refresh token that the client drops for the new one; empty means none. Its session ends.
	Replaces string
}

// Refresh exchanges a refresh token for a new token pair. The presented token becomes invalid (RFC 9700 §4.14.2).
//
// Only the token that was used last may be presented again, see canReplay. It gets the same successor. Any other used
// token may have been copied, and ends the session.
//
// A token can be ahead of the database. Its seal shows that this server issued it, so the database has lost commits in
// a failover. The token gets its successor, and the session continues from there.
func (s *Service) Refresh(ctx context.Context, in RefreshInput) (*Tokens, error) {
	tokens, err := s.exchange(ctx, in)
	s.tx.Meter().CountSignIn(auth.SignInRefreshToken, auth.SignInOutcome(err))
	return tokens, err
}

func (s *Service) exchange(ctx context.Context, in RefreshInput) (*Tokens, error) {
	audience, err := s.audience(in.Resource)
	if err != nil {
		return nil, err
	}
	presented, ok := s.refresh.open(in.RefreshToken)
	if !ok {
		return nil, auth.Unauthenticated(auth.ReasonTokenInvalid)
	}
	state, err := s.rotate(ctx, presented, audience)
	if err != nil {
		return nil, err
	}
	s.startFactorTimeOfRefresh(ctx, &state.User)
	if err := s.endReplacedByRefresh(ctx, &state.Viewer, in.Replaces); err != nil {
		return nil, err
	}
	return s.tokensOf(ctx, &state.Viewer, presented.successor(), audience)
}

// rotate uses a refresh token up for its successor, and returns the state of its session. The access token is to be for
// an audience.
func (s *Service) rotate(ctx context.Context, presented refreshToken, audience string) (*auth.RefreshState, error) {
	client := clientDigest(request.From(ctx))
	// Each pass decides on one state of the session. Another pass follows only when another request has changed the
	// state meanwhile, which each request does once.
	for range maxPasses {
		state, err := s.refreshState(ctx, presented)
		if err != nil {
			return nil, err
		}
		now := s.tx.Now()
		used := presented.generation < state.Generation
		if used && !canReplay(state, presented, client, s.limits.RefreshGrace, now) {
			return nil, s.endReused(ctx, &state.Viewer)
		}
		if err := s.tx.CheckLive(&state.Viewer); err != nil {
			return nil, err
		}
		if err := s.checkReady(&state.User, audience); err != nil {
			return nil, err
		}
		var done bool
		if used {
			done, err = s.replay(ctx, state)
		} else {
			done, err = s.use(ctx, state, presented, client, now)
		}
		if err != nil {
			return nil, err
		}
		if done {
			return state, nil
		}
	}
	return nil, fmt.Errorf("refresh: %w", auth.ErrUnavailable)
}

const (
	maxPasses        = 10
	endReusedTimeout = 10 * time.Second

	// maxReplays is how often a used refresh token may be presented again. When a browser restores its tabs, they all
	// refresh with one token at once. More than thirty replays come from a loop or from another client.
	maxReplays = 30

	// olderGrace is how long a used token may be presented again when a server of an older release rotated it. Such
	// a server notes no client and has this grace.
	olderGrace = 10 * time.Second
)

// canReplay reports whether a used token may be presented again: while its successor is unused, for a limited time, a
// limited number of times, and by the client that used it. Parallel requests, and a client that lost the answer, do so.
func canReplay(state *auth.RefreshState, presented refreshToken, client string, grace time.Duration, now time.Time) bool {
	noted := state.RotatedBy != nil && strings.HasPrefix(*state.RotatedBy, noteOf("", state.Generation))
	if !noted {
		grace = min(grace, olderGrace)
	}
	return presented.generation+1 == state.Generation &&
		now.Before(state.RotatedAt.Add(grace)) &&
		state.Replays < maxReplays &&
		(!noted || *state.RotatedBy == noteOf(client, state.Generation))
}

// noteOf is what a rotation to a generation notes about the client. The generation shows whether the last rotation
// wrote the note: servers of older releases, which may run beside this one, write none.
func noteOf(client string, generation uint32) string {
	return strconv.FormatUint(uint64(generation), 10) + " " + client
}

// clientDigest identifies the client of a request by network and User-Agent. A household or a device has an IPv4
// address or an IPv6 /64, within which devices change their addresses by themselves (RFC 8981).
func clientDigest(info request.Info) string {
	address := info.Client.Unmap().WithZone("")
	network := address.String()
	if address.Is6() {
		network = netip.PrefixFrom(address, 64).Masked().String()
	}
	sum := sha256.Sum256([]byte(network + "\n" + info.UserAgent))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// use marks an unused token as used. It reports false when the state has changed meanwhile.
func (s *Service) use(ctx context.Context, state *auth.RefreshState, presented refreshToken, client string, now time.Time) (done bool, err error) {
	id, ahead := state.Session.ID, presented.generation > state.Generation
	next := presented.successor().generation
	note := noteOf(client, next)
	if ahead {
		done, err = s.store.AdvanceRefreshToken(ctx, id, state.Generation, next, note, now)
	} else {
		done, err = s.store.RotateRefreshToken(ctx, id, presented.generation, note, now)
	}
	if err != nil {
		return false, fmt.Errorf("rotate refresh token: %w", err)
	}
	if done {
		state.Session.Use(now)
	}
	if done && ahead {
		s.log.WarnContext(ctx, "refresh token ahead of the database: the database has lost commits",
			"session", id, "presented", presented.generation, "stored", state.Generation)
	}
	return done, nil
}

// replay counts and records that the predecessor of the valid token was presented again. It reports false when the
// state has changed meanwhile.
func (s *Service) replay(ctx context.Context, state *auth.RefreshState) (counted bool, err error) {
	err = s.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) (err error) {
		counted, err = tx.ReplayRefreshToken(ctx, state.Session.ID, state.Generation, maxReplays, tx.Now)
		if err != nil || !counted {
			return err
		}
		return tx.RecordSession(ctx, auth.EventRefreshReplayed, &state.Viewer)
	})
	if err != nil {
		return false, fmt.Errorf("replay refresh token: %w", err)
	}
	return counted, nil
}

// refreshState reads the state of the token's session, if the token belongs to it.
func (s *Service) refreshState(ctx context.Context, t refreshToken) (*auth.RefreshState, error) {
	state, err := s.store.RefreshState(ctx, t.session)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return nil, auth.Unauthenticated(auth.ReasonSessionEnded)
	case err != nil:
		return nil, fmt.Errorf("read refresh state: %w", err)
	case !t.belongsTo(state):
		return nil, auth.Unauthenticated(auth.ReasonTokenInvalid)
	}
	return state, nil
}

// endReused ends a session whose used refresh token was presented again. It finishes even if the client disconnects:
// otherwise a thief could try tokens unnoticed.
func (s *Service) endReused(ctx context.Context, v *auth.Viewer) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endReusedTimeout)
	defer cancel()
	if err := s.end(ctx, transaction.Nobody, v, auth.EventRefreshReuse); err != nil {
		return err
	}
	return auth.Unauthenticated(auth.ReasonSessionEnded)
}
