package password

import (
	"sync"
	"testing"

	"github.com/trustelem/zxcvbn"
)

// TestDictionaries shows that zxcvbn estimates with its dictionaries whether they were unloaded
// or not, and that they are really gone in between.
func TestDictionaries(t *testing.T) { // not parallel: it unloads what others use
	// What the library says by itself.
	want := map[string]float64{"password": 3, "Shakespeare": 5997, "Elizabeth1999": 15000, "drowssap": 5, "p4ssw0rd": 9}
	for range 2 {
		for text, guesses := range want {
			if got := estimator.guesses(text, nil); got != guesses {
				t.Errorf("%s: %v guesses, want %v", text, got, guesses)
			}
		}
		estimator.unload()
		if got := zxcvbn.PasswordStrength("Shakespeare", nil).Guesses; got < 1e9 {
			t.Errorf("%v guesses without dictionaries: they are not where they were", got)
		}
	}
}

// TestDictionariesTogether loads and unloads them while others read.
func TestDictionariesTogether(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 3 {
				if got := estimator.guesses("shakespeare", nil); got > 1e6 {
					t.Errorf("%v guesses", got)
				}
				estimator.unload()
			}
		})
	}
	all.Wait()
}
