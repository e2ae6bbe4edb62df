package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRateLimits(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want RateLimits
		err  string
	}{
		"one":           {text: "login=50/1m", want: RateLimits{"login": {50, time.Minute}}},
		"several":       {text: "login=50/1m, login-failures=10/1h,signup=off", want: RateLimits{"login": {50, time.Minute}, "login-failures": {10, time.Hour}, "signup": {}}},
		"all off":       {text: "*=off", want: RateLimits{"*": {}}},
		"all but one":   {text: "*=off,login=1/24h", want: RateLimits{"*": {}, "login": {1, 24 * time.Hour}}},
		"empty element": {text: "login=50/1m,", err: `must be NAME=MAX/PERIOD`},
		"no value":      {text: "login", err: `not "login"`},
		"no name":       {text: "=50/1m", err: `must be NAME=MAX/PERIOD`},
		"twice":         {text: "login=50/1m,login=off", err: "has login twice"},
		"no period":     {text: "login=50", err: "login must be MAX/PERIOD with a period"},
		"no unit":       {text: "login=50/60", err: "login must be MAX/PERIOD with a period"},
		"parts":         {text: "login=50/1.5s", err: "whole seconds"},
		"too short":     {text: "login=50/1ms", err: "whole seconds"},
		"negative":      {text: "login=50/-1m", err: "whole seconds"},
		"zero":          {text: "login=0/1m", err: "a number from 1"},
		"minus":         {text: "login=-1/1m", err: "a number from 1"},
		"too many":      {text: "login=2147483648/1m", err: "a number from 1"},
		"OFF":           {text: "login=OFF", err: `not "OFF"`},
		"all, a number": {text: "*=5/1m", err: "can only be off"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := RateLimits{"old": {}}
			err := got.UnmarshalText([]byte(tt.text))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("error %v, (-want +got):\n%s", err, diff)
			}
		})
	}
}

// FuzzRateLimits checks that what is accepted is in range and reads the same when it is written again.
func FuzzRateLimits(f *testing.F) {
	for _, text := range []string{"login=50/1m", "*=off", "a=1/1h,b=off", "a=1/", "a==", "a=1/1m0s", "a=+1/1s", "a=1/+1s", "=,=", "a=2147483647/720h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got RateLimits
		if got.UnmarshalText([]byte(text)) != nil {
			return
		}
		var elements []string
		for name, l := range got {
			off := l == RateLimit{}
			if !off && (l.Max < 1 || l.Per < time.Second || name == AllRateLimits) || name == "" || strings.ContainsAny(name, ",=") {
				t.Errorf("%q is %q with %+v", text, name, l)
			}
			if off {
				elements = append(elements, name+"=off")
			} else {
				elements = append(elements, fmt.Sprintf("%s=%d/%s", name, l.Max, l.Per))
			}
		}
		slices.Sort(elements)
		var again RateLimits
		if err := again.UnmarshalText([]byte(strings.Join(elements, ","))); err != nil {
			t.Fatalf("%q: %v", elements, err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("%q (-first +again):\n%s", text, diff)
		}
	})
}
