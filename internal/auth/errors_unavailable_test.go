package auth_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"usher/internal/auth"
)

func TestUnavailability(t *testing.T) {
	t.Parallel()
	for want, causes := range map[string][]error{
		"database unreachable": {auth.ErrUnreachable, errors.Join(auth.ErrUnreachable, context.DeadlineExceeded)},
		"database busy":        {auth.ErrBusy},
		"request timed out":    {context.DeadlineExceeded, errors.Join(auth.ErrUnavailable, context.DeadlineExceeded)},
		"database unavailable": {auth.ErrUnavailable},
	} {
		for _, cause := range causes {
			if got := auth.Unavailability(fmt.Errorf("look up users: %w", cause)); got != want {
				t.Errorf("%v: got %q, want %q", cause, got, want)
			}
		}
	}
	for _, kind := range []error{auth.ErrUnreachable, auth.ErrBusy} {
		if !errors.Is(kind, auth.ErrUnavailable) {
			t.Errorf("%v is not an ErrUnavailable", kind)
		}
	}
}
