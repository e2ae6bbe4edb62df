package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseWrk(t *testing.T) {
	tests := []struct {
		name, out string
		want      sample
		err       string
	}{
		{
			"good", "Running 2s test\n\nbench 30000 2000000 0 0 1500 4500 9000 \n",
			sample{requests: 30000, rps: 15000, p50: 1500 * time.Microsecond, p99: 4500 * time.Microsecond, max: 9 * time.Millisecond},
			"",
		},
		{"a wrong answer", "\nbench 100 2000000 1 0 1 1 1 401 {\"errors\": eyJhbGciOi.x-y_z}\n", sample{}, "1 of 100 answers were wrong, 0 requests failed: 401 {\"errors\": [redacted]}"},
		{"a lost connection", "\nbench 100 2000000 0 3 1 1 1 \n", sample{}, "3 requests failed"},
		{"no answer", "\nbench 0 2000000 0 0 0 0 0 \n", sample{}, "0 of 0"},
		{"a broken script", "wrk.lua:3: attempt to index nil\n", sample{}, "the output of wrk has no results"},
		{"a broken line", "\nbench 1 x\n", sample{}, "wrk: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseWrk([]byte(tt.out))
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(sample{})); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v", err)
			}
		})
	}
}
