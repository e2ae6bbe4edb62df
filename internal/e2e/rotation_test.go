//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/storetest"
)

// TestRotation rotates the signing key every two seconds under load. Two replicas accept each other's tokens, and
// no request may be rejected. The lead is slightly longer than the poll interval of a replica.
func TestRotation(t *testing.T) {
	const every, lead, last = 2 * time.Second, 12 * time.Second, 26 * time.Second
	const perSecond = 500
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := url(t)
			issuer := "http://127.0.0.1:1"
			replicas := []*server{start(t, database, "--issuer", issuer), start(t, database, "--issuer", issuer)}
			var first struct{ Signup struct{ RefreshToken string } }
			if err := graphql(replicas[0].url, "", `mutation { signup(input: {username: "ada", password: "four small green turtles"}) { refreshToken } }`, nil, &first); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), last)
			defer cancel()

			// One client refreshes, alternating between the replicas, and shares its access token.
			var access atomic.Value
			var keys sync.Map
			refresh := first.Signup.RefreshToken
			renew := func(i int) {
				var data struct {
					Refresh struct{ AccessToken, RefreshToken string }
				}
				err := graphql(replicas[i%2].url, "", `mutation ($t: String!) { refresh(input: {refreshToken: $t}) { accessToken refreshToken } }`,
					map[string]any{"t": refresh}, &data)
				if err != nil {
					t.Errorf("refresh: %v", err)
					return
				}
				refresh = data.Refresh.RefreshToken
				access.Store(data.Refresh.AccessToken)
				keys.Store(kid(t, data.Refresh.AccessToken), true)
			}
			renew(0)

			var wg sync.WaitGroup
			wg.Go(func() {
				for i := range ticks(ctx, 200*time.Millisecond) {
					renew(i)
				}
			})
			wg.Go(func() {
				for range ticks(ctx, every) {
					cmd := exec.CommandContext(t.Context(), binary, "keys", "rotate", "--lead", lead.String())
					cmd.Dir = t.TempDir()
					cmd.Env = append(os.Environ(), "USHER_DATABASE_URL="+database, "USHER_SECRET_KEY="+secret)
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Errorf("usher keys rotate: %v\n%s", err, out)
					}
				}
			})
			var requests, refused atomic.Int64
			for i := range ticks(ctx, time.Second/perSecond) {
				wg.Go(func() {
					var data struct{ Me struct{ ID string } }
					requests.Add(1)
					if err := graphql(replicas[i%2].url, access.Load().(string), `{ me { id } }`, nil, &data); err != nil {
						refused.Add(1)
						t.Errorf("me: %v", err)
					}
				})
			}
			wg.Wait()
			n := 0
			keys.Range(func(_, _ any) bool { n++; return true })
			t.Logf("%d requests with tokens of %d keys in %v: %d rejected", requests.Load(), n, last, refused.Load())
			if n < 4 {
				t.Error("there were too few rotations")
			}
		})
	}
}

// ticks yields 0, 1, … at an interval until ctx ends.
func ticks(ctx context.Context, interval time.Duration) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if !yield(i) {
				return
			}
		}
	}
}

func kid(t *testing.T, bearer string) string {
	segment, _, _ := strings.Cut(bearer, ".")
	raw, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		t.Error(err)
	}
	var header struct{ Kid string }
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Error(err)
	}
	return header.Kid
}
