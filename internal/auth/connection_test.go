package auth

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
)

// FuzzCursor opens cursors that nobody made, and those that hold anything at all, of every list.
func FuzzCursor(f *testing.F) {
	cursors, err := newSealer(bytes.Repeat([]byte{7}, 32), "test")
	if err != nil {
		f.Fatal(err)
	}
	users := list[PlacedUser, UserPosition]{scope: "users", place: placeOfUser, parse: parseUserPosition}
	sessions := list[Session, SessionPosition]{scope: "sessions", place: placeOfSession, parse: parseSessionPosition}
	events := list[AuditEvent, uuid.UUID]{scope: "events", place: placeOfEvent, parse: uuid.FromBytes}

	id := uuid.UUID{1, 15: 2}
	for _, content := range [][]byte{nil, id[:], append(id[:], "ada@example.com"...), append(make([]byte, 8), id[:]...), id[1:]} {
		f.Add(cursors.seal("another list", content), content)
		f.Add(string(content), content)
	}
	f.Fuzz(func(t *testing.T, text string, content []byte) {
		if _, err := openCursor(cursors, users, text); err == nil {
			t.Errorf("a cursor nobody made was taken: %q", text)
		}
		if p, err := openCursor(cursors, users, cursors.seal("users", content)); err == nil {
			wantPlace(t, content, users.place(&PlacedUser{Position: p}))
		}
		if p, err := openCursor(cursors, sessions, cursors.seal("sessions", content)); err == nil {
			wantPlace(t, content, sessions.place(&Session{ID: p.ID, CreatedAt: p.CreatedAt}))
		}
		if p, err := openCursor(cursors, events, cursors.seal("events", content)); err == nil {
			wantPlace(t, content, events.place(&AuditEvent{ID: p}))
		}
	})
}

func wantPlace(t *testing.T, want, got []byte) {
	t.Helper()
	if !bytes.Equal(want, got) {
		t.Errorf("the place %x became %x", want, got)
	}
}
