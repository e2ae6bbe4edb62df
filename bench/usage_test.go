package main

import (
	"errors"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	tests := []struct {
		stat string
		want time.Duration
		err  error
	}{
		{"42 (usher) S 1 42 42 0 -1 4194560 500 0 0 0 123 45 0 0 20 0 9 0 100", 1680 * time.Millisecond, nil},
		{"42 (a) b) S 1 42 42 0 -1 4194560 500 0 0 0 1 0 0 0 20", 10 * time.Millisecond, nil},
		{"42 (usher) S 1 42 42 0 -1 4194560 500 0 0 0 x 45 0", 0, errNoUsage},
		{"42 (usher) S 1", 0, errNoUsage},
		{"", 0, errNoUsage},
	}
	for _, tt := range tests {
		if got, err := parseStat([]byte(tt.stat)); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %v, %v", tt.stat, got, err)
		}
	}
}

func TestParseStatus(t *testing.T) {
	const status = "Name:\tusher\nVmHWM:\t   50000 kB\nVmRSS:\t   40000 kB\nThreads:\t9\n"
	for field, want := range map[string]float64{residentMemory: 40.96, peakResidentMemory: 51.2} {
		if got, err := parseStatus([]byte(status), field); got != want || err != nil {
			t.Errorf("%s: got %v, %v", field, got, err)
		}
	}
	if _, err := parseStatus([]byte("Threads:\t9\n"), residentMemory); !errors.Is(err, errNoUsage) {
		t.Errorf("got %v", err)
	}
}
