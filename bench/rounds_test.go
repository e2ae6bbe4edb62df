package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPercentile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	tests := []struct {
		of   []time.Duration
		p    int
		want time.Duration
	}{
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 100, 100},
		{hundred[:1], 50, 1},
		{hundred[:1], 99, 1},
		{hundred[:3], 50, 2},
		{hundred[:4], 99, 4},
		{nil, 99, 0},
	}
	for _, tt := range tests {
		if got := percentile(tt.of, tt.p); got != tt.want {
			t.Errorf("%d of %d: got %d, want %d", tt.p, len(tt.of), got, tt.want)
		}
	}
}

func TestComparisons(t *testing.T) {
	of := []sample{{rps: 30}, {rps: 10}, {rps: 20}}
	with := []sample{{rps: 10}, {rps: 20}, {rps: 10}}
	if got := medianOf(of, rps); got != 20 {
		t.Errorf("median: got %v", got)
	}
	// The ratios of the rounds are 3, 0.5 and 2.
	if got := ratioOf(of, with, rps); got != 2 {
		t.Errorf("ratio: got %v", got)
	}
	if got := noiseOf(with, rps); got != 100 {
		t.Errorf("noise: got %v", got)
	}
	if diff := cmp.Diff([]sample{{rps: 30}, {rps: 10}, {rps: 20}}, of, cmp.AllowUnexported(sample{})); diff != "" {
		t.Errorf("the samples were changed: %s", diff)
	}
}

func TestInterleave(t *testing.T) {
	var order []string
	run := func(name string) func(context.Context) (sample, error) {
		return func(context.Context) (sample, error) {
			order = append(order, name)
			return sample{rps: float64(len(order))}, nil
		}
	}
	samples, err := interleave(t.Context(), 3, run("a"), run("b"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "b", "a", "a", "b"}, order); diff != "" {
		t.Error(diff)
	}
	want := [][]sample{{{rps: 1}, {rps: 4}, {rps: 5}}, {{rps: 2}, {rps: 3}, {rps: 6}}}
	if diff := cmp.Diff(want, samples, cmp.AllowUnexported(sample{})); diff != "" {
		t.Error(diff)
	}
	wrong := errors.New("wrong answer")
	_, err = interleave(t.Context(), 1, func(context.Context) (sample, error) { return sample{}, wrong })
	if !errors.Is(err, wrong) {
		t.Errorf("got %v", err)
	}
}
