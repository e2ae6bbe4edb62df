package auth_test

import (
	"testing"

	"usher/graph/signin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/password"
)

// TestHashingQueue fills the queue for password hashes with sign-ins of strangers. A place is left for an owner on a known
// device, and for one who confirms their identity in a session.
func TestHashingQueue(t *testing.T) {
	t.Parallel()
	const busy = "SERVICE_UNAVAILABLE after 1s"
	for name, try := range map[string]func(t *testing.T, p parts, f *fixture, ada *signin.AuthPayload) string{
		"on a known device": func(t *testing.T, p parts, _ *fixture, ada *signin.AuthPayload) string {
			_, err := p.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: authtest.Password, DeviceToken: ada.DeviceToken})
			return authtest.Code(err)
		},
		"in a session": func(t *testing.T, p parts, f *fixture, ada *signin.AuthPayload) string {
			_, err := p.Reauthenticate(f.As(t, ada.AccessToken), signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))})
			return authtest.Code(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				ada := f.signup(t, "ada")
				hasher := password.New(password.Options{CheapForTests: true, Parallel: 1, Queue: 1})
				p := partsOf(f.NewDomain(t, domain.Options{Passwords: hasher}))
				slot, err := hasher.Acquire(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				results := make(chan string, 5)
				// Of three strangers one waits, and of two attempts of the owner one has the reserved place.
				for range 3 {
					go func() {
						_, err := p.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: "wrong"})
						results <- authtest.Code(err)
					}()
				}
				for range 2 {
					if got := <-results; got != busy {
						t.Errorf("a stranger in the full queue: %q", got)
					}
				}
				for range 2 {
					go func() { results <- try(t, p, f, ada) }()
				}
				if got := <-results; got != busy {
					t.Errorf("the second attempt of the owner: %q", got)
				}
				slot.Release()
				got := map[string]bool{<-results: true, <-results: true}
				if !got[""] || !got[wrong] {
					t.Errorf("those that waited: %v", got)
				}
			})
		})
	}
}
