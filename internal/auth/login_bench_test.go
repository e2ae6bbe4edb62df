package auth_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/password"
	"usher/internal/store"
	"usher/internal/storetest"
)

// BenchmarkLogin measures logins with the hash of production and with a cheap hash, which shows the rest of the work.
// There are more users than concurrent requests.
func BenchmarkLogin(b *testing.B) {
	const users, atOnce = 64, 16
	for name, passwords := range map[string]password.Options{
		"hashed": {Queue: atOnce * users},
		"cheap":  {Queue: atOnce * users, CheapForTests: true},
	} {
		for database, at := range storetest.URLs {
			b.Run(name+"/"+database, func(b *testing.B) {
				s, err := store.Open(b.Context(), at(b), store.Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				service := newFixture(b, s).newParts(b, domain.Options{Passwords: password.New(passwords)})
				for n := range users {
					in := accounts.Input{Username: new(fmt.Sprintf("user%d", n)), Password: authtest.Password}
					if _, err := service.CreateUser(b.Context(), in, auth.Roles); err != nil {
						b.Fatal(err)
					}
				}
				var turn atomic.Int64
				b.ReportAllocs()
				b.SetParallelism(atOnce)
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						in := signin.LoginInput{Identifier: fmt.Sprintf("user%d", turn.Add(1)%users), Password: authtest.Password}
						if _, err := service.Login(b.Context(), in); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}
