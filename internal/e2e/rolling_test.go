//go:build e2e

package e2e

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"usher/internal/storetest"
)

// For a longer run with the default delay:
// go test -tags e2e ./internal/e2e -run TestRollingRestart -args -stops 50 -shutdown-delay 5s
var (
	stops         = flag.Int("stops", 4, "number of times that TestRollingRestart stops a replica")
	shutdownDelay = flag.Duration("shutdown-delay", time.Second, "--shutdown-delay of these replicas")
)

// TestRollingRestart alternately stops and starts two replicas behind a load balancer. No request of 200 per
// second may fail.
func TestRollingRestart(t *testing.T) {
	const perSecond = 200
	for name, database := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // but not beside other tests, which could delay the balancer's probes
			database := database(t)
			issuer := []string{"--issuer", "http://127.0.0.1:1", "--shutdown-delay", shutdownDelay.String()}
			addresses := []string{freeAddress(t), freeAddress(t)}
			var replicas []*server
			for _, address := range addresses {
				replicas = append(replicas, startAt(t, address, database, issuer...))
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			b := newBalancer(ctx, t, addresses)
			front := httptest.NewServer(b)
			defer front.Close()
			var data struct{ Signup struct{ AccessToken string } }
			err := graphql(front.URL, "", `mutation { signup(input: {username: "ada", password: "four small green turtles"}) { accessToken } }`, nil, &data)
			if err != nil {
				t.Fatal(err)
			}

			var requests, failed atomic.Int64
			var clients sync.WaitGroup
			clients.Go(func() {
				begin := time.Now()
				for range ticks(ctx, time.Second/perSecond) {
					// A busy machine skips ticks.
					for due := int64(time.Since(begin).Seconds() * perSecond); requests.Load() < due; requests.Add(1) {
						clients.Go(func() {
							var answer struct{ Me struct{ ID string } }
							if err := graphql(front.URL, data.Signup.AccessToken, `{ me { id } }`, nil, &answer); err != nil {
								failed.Add(1)
								t.Errorf("me: %v", err)
							}
						})
					}
				}
			})
			for i := range *stops {
				turn := i % len(replicas)
				replicas[turn].stop(t)
				replicas[turn] = startAt(t, addresses[turn], database, issuer...)
				b.await(t, turn)
			}
			cancel()
			clients.Wait()
			t.Logf("%d stops with a delay of %v, %d requests, %d failed", *stops, *shutdownDelay, requests.Load(), failed.Load())
			if least := int64(*stops) * int64(shutdownDelay.Seconds()*perSecond/2); requests.Load() < least {
				t.Errorf("only %d requests were sent, want %d", requests.Load(), least)
			}
		})
	}
}

// TestDrain stops a server with a shutdown delay of an hour. A second signal must end it at once.
func TestDrain(t *testing.T) {
	s := start(t, storetest.URLs["sqlite"](t), "--shutdown-delay", "1h")
	status := func(path string) int {
		response, err := http.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range ticks(ctx, time.Millisecond) {
		if status("/readyz") == http.StatusServiceUnavailable {
			break
		}
	}
	for path, want := range map[string]int{"/readyz": 503, "/healthz": 200, "/.well-known/jwks.json": 200} {
		if got := status(path); got != want {
			t.Errorf("%s while draining: %d, want %d", path, got, want)
		}
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.drained
	var exit *exec.ExitError
	if err := s.cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("after a second signal: %v, want the signal to end the process", err)
	}
}

// balancer sends each request to the next ready replica. It polls the replicas every 150 ms, keeps connections
// alive and retries no request.
type balancer struct {
	replicas []*replica
	next     atomic.Uint64
}

type replica struct {
	url   *url.URL
	proxy *httputil.ReverseProxy
	ready atomic.Bool
}

func newBalancer(ctx context.Context, t *testing.T, addresses []string) *balancer {
	t.Helper()
	b := &balancer{}
	for i, address := range addresses {
		r := &replica{url: &url.URL{Scheme: "http", Host: address}}
		transport := &http.Transport{MaxIdleConnsPerHost: 100}
		t.Cleanup(transport.CloseIdleConnections)
		r.proxy = &httputil.ReverseProxy{
			Transport: transport,
			Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(r.url) },
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
				if ctx.Err() == nil {
					t.Errorf("replica %d: %v", i, err)
				}
				w.WriteHeader(http.StatusBadGateway)
			},
		}
		b.replicas = append(b.replicas, r)
		go r.probe(ctx)
		b.await(t, i)
	}
	return b
}

// ServeHTTP implements http.Handler.
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	first, n := b.next.Add(1), uint64(len(b.replicas))
	for i := range n {
		if to := b.replicas[(first+i)%n]; to.ready.Load() {
			to.proxy.ServeHTTP(w, r)
			return
		}
	}
	http.Error(w, `{"errors":[{"extensions":{"code":"no replica is ready"}}]}`, http.StatusServiceUnavailable)
}

// await waits until the balancer sends requests to a replica.
func (b *balancer) await(t *testing.T, replica int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range ticks(ctx, 10*time.Millisecond) {
		if b.replicas[replica].ready.Load() {
			return
		}
	}
	t.Fatalf("replica %d did not become ready", replica)
}

func (r *replica) probe(ctx context.Context) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for range ticks(ctx, 150*time.Millisecond) {
		response, err := client.Get(r.url.String() + "/readyz")
		if err == nil {
			response.Body.Close()
		}
		r.ready.Store(err == nil && response.StatusCode == http.StatusOK)
	}
}
