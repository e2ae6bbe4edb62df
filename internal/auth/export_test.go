package auth

import (
	"context"

	"usher/internal/request"
)

// NoteOf is what a rotation to a generation notes of the client of a request.
func NoteOf(ctx context.Context, generation int) string {
	return noteOf(clientDigest(request.From(ctx)), uint32(generation))
}

// WithOtherSecret returns a refresh token of the same session with another secret. Only somebody who has the
// server's key can make one.
func (s *Service) WithOtherSecret(sealed string) string {
	t, _ := s.openRefreshToken(sealed)
	t.secret[0] ^= 1
	return s.sealRefreshToken(t)
}
