package sessions

import (
	"errors"
	"testing"

	"usher/internal/auth/internal/proof"
)

// TestStartWantsProof starts a session with the one Proof that other packages can make.
func TestStartWantsProof(t *testing.T) {
	t.Parallel()
	if s, err := new(Service).Start(t.Context(), nil, proof.Proof{}, ""); s != nil || !errors.Is(err, errNoProof) {
		t.Errorf("Start: %v, %v, want %v", s, err, errNoProof)
	}
}
