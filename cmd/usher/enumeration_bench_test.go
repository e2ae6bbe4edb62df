package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/config"
	"usher/internal/logging"
	"usher/internal/storetest"
)

// BenchmarkEnumeration compares how long a server takes to answer about accounts that exist and about others. For each
// operation it sends 400 requests of either kind in random order and reports the ratio of the medians, and that of the
// requests that follow at once, which meet the outbox at work. The server listens at a loopback address, with the real
// hash. It delivers the mails meanwhile. A ratio far from 1 would tell accounts from others:
//
//	go test ./cmd/usher -run '^$' -bench Enumeration -benchtime 1x
func BenchmarkEnumeration(b *testing.B) {
	const calls = 400
	for database, at := range storetest.URLs {
		b.Run(database, func(b *testing.B) {
			url, server := listening(b, config.DatabaseURL(at(b)))
			known := func(i int) string { return fmt.Sprintf("ada%d@example.com", i) }
			for i := range calls {
				_, err := server.Domain.Operator.CreateUser(b.Context(), accounts.Input{
					Email: new(known(i)), Username: new(fmt.Sprintf("ada%d", i)), Password: "four small green turtles",
				}, []auth.Role{auth.RoleUser})
				noError(b, err)
			}
			for _, operation := range []struct{ name, document, want string }{
				{"login", `mutation ($name: String!) { login(input: {identifier: $name, password: "four small green tortoises"}) { expiresIn } }`, `"INVALID_CREDENTIALS"`},
				{"signup", `mutation ($name: EmailAddress!) { signup(input: {email: $name, password: "four small green tortoises"}) { expiresIn } }`, `"EMAIL_CONFIRMATION_REQUIRED"`},
				{"requestPasswordReset", `mutation ($name: String!) { requestPasswordReset(input: {identifier: $name}) { flow } }`, `{"flow":`},
				{"requestLoginCode", `mutation ($name: EmailAddress!) { requestLoginCode(input: {email: $name}) { flow } }`, `{"flow":`},
				{"requestSignup", `mutation ($name: EmailAddress!) { requestSignup(input: {email: $name}) { email } }`, `{"email":`},
			} {
				b.Run(operation.name, func(b *testing.B) {
					random := rand.New(rand.NewPCG(1, 2))
					var answers, next [2][]float64 // of unknown and of known names
					for range b.N {
						for i := range calls {
							for _, kind := range random.Perm(2) {
								name := known(i)
								if kind == 0 {
									name = fmt.Sprintf("bob%d@example.com", i)
								}
								answers[kind] = append(answers[kind], timed(b, url, operation.document, name, operation.want))
								next[kind] = append(next[kind], timed(b, url, `{ signupMode }`, "", `"VERIFIED"`))
							}
						}
					}
					b.ReportMetric(ratio(answers), "ratio")
					b.ReportMetric(ratio(next), "next-ratio")
					b.ReportMetric(median(answers[1]), "µs/known")
					b.ReportMetric(median(answers[0]), "µs/unknown")
				})
			}
		})
	}
}

// listening starts a server that wants confirmed addresses, and returns its URL.
func listening(b *testing.B, at config.DatabaseURL) (string, *app.App) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	noError(b, err)
	url := "http://" + listener.Addr().String()
	server, err := app.New(b.Context(), app.Settings{
		Server: config.Server{
			Issuer: url,
			Keys: config.Keys{
				SecretKey: config.NewSecret("7e2c3f0b9d1a48c6b5e4f3a2918d7c6b"),
				KeyMaxAge: time.Hour, AccessTokenTTL: time.Hour,
			},
			Signup: config.Signup{SignupMode: "verified"},
			Limits: config.Limits{RateLimits: config.RateLimits{config.AllRateLimits: {}}}, // they answer before what is timed
		},
		Database:  config.Database{URL: at},
		Passwords: config.Passwords{MinLength: 15},
	}, logging.New(io.Discard, logging.Options{Format: "json"}), app.Overrides{Mail: authtest.NewMailbox(b).Post()})
	noError(b, err)
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- server.Serve(ctx, listener) }()
	b.Cleanup(func() {
		stop()
		noError(b, <-ended)
		noError(b, server.Close())
	})
	return url, server
}

// timed sends an operation about a name and returns how many microseconds the answer took.
func timed(b *testing.B, url, document, name, want string) float64 {
	b.Helper()
	body, err := json.Marshal(map[string]any{"query": document, "variables": map[string]string{"name": name}})
	noError(b, err)
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url+"/graphql", bytes.NewReader(body))
	noError(b, err)
	r.Header.Set("Content-Type", "application/json")
	start := time.Now()
	w, err := http.DefaultClient.Do(r)
	noError(b, err)
	got, err := io.ReadAll(w.Body)
	took := time.Since(start)
	noError(b, err)
	noError(b, w.Body.Close())
	if !strings.Contains(string(got), want) {
		b.Fatalf("%s answered %s", name, got)
	}
	return float64(took) / float64(time.Microsecond)
}

// ratio returns the larger median divided by the smaller one.
func ratio(times [2][]float64) float64 {
	m, n := median(times[0]), median(times[1])
	return max(m, n) / min(m, n)
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
