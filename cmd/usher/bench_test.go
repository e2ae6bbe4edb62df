package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/app"
	"usher/internal/auth/accounts"
	"usher/internal/config"
	"usher/internal/logging"
	"usher/internal/storetest"
)

// BenchmarkMe measures the handler of a `me` with an access token, including its log line, in parallel on all
// CPUs. With traces, it includes their export to a collector in this process, which discards them. Only the cost of the
// connection is left out.
func BenchmarkMe(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	for database, at := range storetest.URLs {
		for name, tracing := range map[string]config.Tracing{
			"off":  {},
			"0.01": {OTELEndpoint: collector.URL, OTELSampler: "parentbased_traceidratio", OTELSamplerArg: "0.01"},
			"1":    {OTELEndpoint: collector.URL},
		} {
			b.Run(database+"/traces="+name, func(b *testing.B) { benchmarkMe(b, config.DatabaseURL(at(b)), tracing) })
		}
	}
}

func benchmarkMe(b *testing.B, at config.DatabaseURL, tracing config.Tracing) {
	const document = `{"query":"query Me { me { id username email fullName roles createdAt } }"}`
	handler, bearer := serverWith(b, at, config.Server{Tracing: tracing}, app.Overrides{})
	b.ReportAllocs()
	b.SetParallelism(16) // connections for each CPU
	b.RunParallel(func(pb *testing.PB) {
		w := &answer{header: http.Header{}}
		body := bytes.NewReader(nil)
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/graphql", io.NopCloser(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+bearer)
		for pb.Next() {
			body.Reset([]byte(document))
			clear(w.header)
			handler.ServeHTTP(w, r)
			if !bytes.HasPrefix(w.body, []byte(`{"data":{"me":{"id":`)) {
				b.Errorf("answered %s", w.body)
				return
			}
		}
	})
}

// BenchmarkMetrics measures by how much metrics slow a `me` down. A server without and one with metrics answer in turn, so that
// other programs disturb both in the same way. It reports the medians and their ratio, and the allocations of one request.
func BenchmarkMetrics(b *testing.B) {
	const document = `{"query":"query Me { me { id username email fullName roles createdAt } }"}`
	for name, at := range storetest.URLs {
		b.Run(name, func(b *testing.B) {
			database := config.DatabaseURL(at(b))
			off, bearer := serverWith(b, database, config.Server{}, app.Overrides{})
			on := newServer(b, database, config.Server{Admin: config.Admin{AdminListen: "127.0.0.1:0"}}, app.Overrides{})
			w := &answer{header: http.Header{}}
			body := bytes.NewReader(nil)
			r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/graphql", io.NopCloser(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+bearer)
			me := func(server http.Handler) {
				body.Reset([]byte(document))
				clear(w.header)
				server.ServeHTTP(w, r)
				if !bytes.HasPrefix(w.body, []byte(`{"data":{"me":{"id":`)) {
					b.Fatalf("answered %s", w.body)
				}
			}
			servers := []http.Handler{off, on}
			var took [2][]time.Duration
			for n := 0; b.Loop(); n++ {
				for i := range servers {
					i = (i + n) % 2
					start := time.Now()
					me(servers[i])
					took[i] = append(took[i], time.Since(start))
				}
			}
			median := func(d []time.Duration) float64 {
				slices.Sort(d)
				return float64(d[len(d)/2].Nanoseconds())
			}
			b.ReportMetric(median(took[0]), "ns/off")
			b.ReportMetric(median(took[1]), "ns/on")
			b.ReportMetric(median(took[1])/median(took[0]), "on/off")
			b.ReportMetric(testing.AllocsPerRun(1000, func() { me(off) }), "allocs/off")
			b.ReportMetric(testing.AllocsPerRun(1000, func() { me(on) }), "allocs/on")
		})
	}
}

// BenchmarkLogin signs in with cheap hashes, so that the rest of a sign-in can be compared, with and without the rate limits
// of the schema. Each address signs in as often as its limit allows.
func BenchmarkLogin(b *testing.B) {
	const document = `{"query":"mutation { login(input: {identifier: \"ada\", password: \"four small green turtles\"}) { accessToken } }"}`
	const each = 50 // sign-ins of an address, which may make 100 a minute
	for database, at := range storetest.URLs {
		for limits, setting := range map[string]config.RateLimits{"on": nil, "off": {config.AllRateLimits: {}}} {
			b.Run(database+"/limits="+limits, func(b *testing.B) {
				handler, _ := serverWith(b, config.DatabaseURL(at(b)), config.Server{Limits: config.Limits{RateLimits: setting}}, app.Overrides{CheapPasswords: true})
				b.ReportAllocs()
				for n := 0; b.Loop(); n++ {
					r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/graphql", strings.NewReader(document))
					r.RemoteAddr = fmt.Sprintf("10.%d.%d.1:1234", n/each/256%256, n/each%256)
					r.Header.Set("Content-Type", "application/json")
					w := httptest.NewRecorder()
					handler.ServeHTTP(w, r)
					if !strings.HasPrefix(w.Body.String(), `{"data":{"login":{"accessToken":`) {
						b.Fatalf("answered %s", w.Body)
					}
				}
			})
		}
	}
}

// serverWith returns the handler of a server with some settings, and the access token of its only user.
func serverWith(b *testing.B, at config.DatabaseURL, settings config.Server, overrides app.Overrides) (http.Handler, string) {
	b.Helper()
	server := newServer(b, at, settings, overrides)
	username, email, fullName := "ada", "ada@example.com", "Ada Lovelace"
	payload, err := server.Domain.Accounts.Signup(b.Context(), accounts.SignupInput{Input: accounts.Input{
		Username: &username, Email: &email, FullName: &fullName, Password: "four small green turtles",
	}})
	noError(b, err)
	return server, payload.AccessToken
}

func newServer(b *testing.B, at config.DatabaseURL, settings config.Server, overrides app.Overrides) *app.App {
	b.Helper()
	settings.Issuer = "https://auth.example.com"
	settings.Keys = config.Keys{
		SecretKey: config.NewSecret("7e2c3f0b9d1a48c6b5e4f3a2918d7c6b"), KeyMaxAge: time.Hour, AccessTokenTTL: time.Hour,
	}
	server, err := app.New(b.Context(), app.Settings{
		Server: settings, Database: config.Database{URL: at}, Passwords: config.Passwords{MinLength: 15},
	}, logging.New(io.Discard, logging.Options{Format: "json"}), overrides)
	noError(b, err)
	b.Cleanup(func() { noError(b, server.Close()) })
	return server
}

func noError(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// answer is an http.ResponseWriter that keeps the body of the last response.
type answer struct {
	header http.Header
	body   []byte
}

func (a *answer) Header() http.Header { return a.header }
func (a *answer) WriteHeader(int)     {}
func (a *answer) Write(p []byte) (int, error) {
	a.body = append(a.body[:0], p...)
	return len(p), nil
}
