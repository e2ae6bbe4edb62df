package auth

import (
	"context"

	"usher/internal/request"
)

// NoteOf is what a rotation to a generation notes of the client of a request.
func NoteOf(ctx context.Context, generation int) string {
	return noteOf(clientDigest(request.From(ctx)), uint32(generation))
}
