package connection

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/seal"
	"usher/internal/seal/sealtest"
)

// FuzzCursor opens forged cursors, and signed ones with any content, of every list.
func FuzzCursor(f *testing.F) {
	cursors, err := seal.NewKey(sealtest.Secrets(strings.Repeat("\a", 32)), "test")
	if err != nil {
		f.Fatal(err)
	}
	users := list[auth.PlacedUser, auth.UserPosition]{scope: "users", position: positionOfUser, parse: parseUserPosition}
	sessions := list[auth.Session, auth.SessionPosition]{scope: "sessions", position: positionOfSession, parse: parseSessionPosition}
	events := list[auth.AuditEvent, uuid.UUID]{scope: "events", position: positionOfEvent, parse: uuid.FromBytes}

	id := uuid.UUID{1, 15: 2}
	for _, content := range [][]byte{nil, id[:], append(id[:], "ada@example.com"...), append(make([]byte, 8), id[:]...), id[1:]} {
		f.Add(cursors.Sign("another list", content), content)
		f.Add(string(content), content)
	}
	f.Fuzz(func(t *testing.T, text string, content []byte) {
		if _, err := openCursor(cursors, users, "after", text); err == nil {
			t.Errorf("a forged cursor was accepted: %q", text)
		}
		if p, err := openCursor(cursors, users, "after", cursors.Sign("users", content)); err == nil {
			wantPosition(t, content, users.position(&auth.PlacedUser{Position: p}))
		}
		if p, err := openCursor(cursors, sessions, "after", cursors.Sign("sessions", content)); err == nil {
			wantPosition(t, content, sessions.position(&auth.Session{ID: p.ID, CreatedAt: p.CreatedAt}))
		}
		if p, err := openCursor(cursors, events, "after", cursors.Sign("events", content)); err == nil {
			wantPosition(t, content, events.position(&auth.AuditEvent{ID: p}))
		}
	})
}

func wantPosition(t *testing.T, want, got []byte) {
	t.Helper()
	if !bytes.Equal(want, got) {
		t.Errorf("the position %x became %x", want, got)
	}
}
