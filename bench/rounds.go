package main

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// sample is the result of one run in one round.
type sample struct {
	requests      float64
	rps           float64 // requests per second
	p50, p99, max time.Duration
	cpu           time.Duration // the server's processor time per request; 0 if unknown
}

func (t tally) sample() sample {
	n := float64(len(t.served))
	return sample{
		requests: n, rps: n / t.elapsed.Seconds(),
		p50: percentile(t.served, 50), p99: percentile(t.served, 99), max: percentile(t.served, 100),
	}
}

// interleave executes the runs in several rounds. Each round starts with another run. It returns the samples of
// each run.
func interleave(ctx context.Context, rounds int, runs ...func(context.Context) (sample, error)) ([][]sample, error) {
	samples := make([][]sample, len(runs))
	for round := range rounds {
		for i := range runs {
			n := (round + i) % len(runs)
			s, err := runs[n](ctx)
			if err != nil {
				return nil, err
			}
			samples[n] = append(samples[n], s)
		}
	}
	return samples, nil
}

// The figures of a sample.
func rps(s sample) float64   { return s.rps }
func p50us(s sample) float64 { return float64(s.p50) / float64(time.Microsecond) }
func p99ms(s sample) float64 { return float64(s.p99) / float64(time.Millisecond) }
func cpuUs(s sample) float64 { return float64(s.cpu) / float64(time.Microsecond) }

// medianOf returns the median of one figure.
func medianOf(samples []sample, figure func(sample) float64) float64 {
	return median(figures(samples, figure))
}

// ratioOf returns the median of the ratios of one figure in each round.
func ratioOf(a, b []sample, figure func(sample) float64) float64 {
	ratios := make([]float64, len(a))
	for i := range ratios {
		ratios[i] = figure(a[i]) / figure(b[i])
	}
	return median(ratios)
}

// noiseOf returns the spread of one figure over the rounds, in percent of the median.
func noiseOf(samples []sample, figure func(sample) float64) float64 {
	all := figures(samples, figure)
	return (slices.Max(all) - slices.Min(all)) / median(all) * 100
}

func figures(samples []sample, figure func(sample) float64) []float64 {
	all := make([]float64, len(samples))
	for i, s := range samples {
		all[i] = figure(s)
	}
	return all
}

func median[T cmp.Ordered](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
