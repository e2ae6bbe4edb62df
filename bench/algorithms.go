package main

import (
	"context"
	"strings"

	"usher/internal/token"
)

// algorithms are the algorithms of access tokens. The others are compared with the first one.
var algorithms = []token.Algorithm{token.HS256, token.EdDSA, token.ES256, token.RS256}

// measureAlgorithms compares `me` with tokens of each algorithm. Each algorithm has its own server and database.
func measureAlgorithms(ctx context.Context, b *bench) (err error) {
	var runs []func(context.Context) (sample, error)
	for _, algorithm := range algorithms {
		p, at, fillErr := b.filled(ctx, onPostgres, meUsers, 1, cheap)
		if fillErr != nil {
			return fillErr
		}
		t, startErr := b.usherOn(ctx, p, at, algorithm)
		if startErr != nil {
			return startErr
		}
		defer stopping(&err, t.process)
		if _, err := t.run(ctx, connections, b.warmUp); err != nil {
			return err
		}
		runs = append(runs, t.measured(connections, b.flood))
	}
	samples, err := interleave(ctx, b.rounds, runs...)
	if err != nil {
		return err
	}
	for i, algorithm := range algorithms[1:] {
		name := "me_" + strings.ToLower(string(algorithm))
		b.results.compare(against{name + "_rps", "me_hs256_rps", name + "_vs_hs256"}, [][]sample{samples[i+1], samples[0]}, rps)
	}
	return nil
}
