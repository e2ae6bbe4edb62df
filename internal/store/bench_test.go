package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// BenchmarkViewer measures the one query of an authenticated request.
func BenchmarkViewer(b *testing.B) {
	for name, at := range storetest.URLs {
		b.Run(name, func(b *testing.B) {
			s := open(b, at(b))
			session := signIn(b, s)
			b.ReportAllocs()
			b.SetParallelism(16)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := s.Viewer(b.Context(), session); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// signIn creates an account with a session and returns the session's ID.
func signIn(t testing.TB, s *store.Store) uuid.UUID {
	t.Helper()
	now := time.Date(2030, 1, 31, 23, 59, 59, 123_456_000, time.UTC)
	a := &auth.Account{
		User: auth.User{
			ID: uuid.MustParse("01940000-0000-7000-8000-000000000001"), Roles: []auth.Role{auth.RoleUser},
			Username: new("Ada"), Email: new("ada@example.com"), FullName: new("Ada Lovelace"),
			CreatedAt: now, UpdatedAt: now,
		},
		UsernameKey: new("ada"), EmailKey: new("ada@example.com"),
	}
	session := &auth.Session{
		ID: uuid.MustParse("01940000-0000-7000-8000-000000000002"), UserID: a.ID,
		AuthTime: now, CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(time.Hour),
		IPAddress: new("192.0.2.1"), UserAgent: new("Mozilla/5.0"),
	}
	if err := s.CreateAccount(t.Context(), a, newPassword(a)); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateSession(t.Context(), session, make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	return session.ID
}
