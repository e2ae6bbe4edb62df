package check_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"usher/internal/check"
)

// TestRun runs checks that are slow, that hang with and without heeding their context, and that panic. The results have the
// order of the checks, and the whole takes no longer than the limit and the grace.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		after := func(d time.Duration) func(context.Context) []check.Result {
			return func(context.Context) []check.Result {
				<-time.After(d)
				return check.Good("after %v", d)
			}
		}
		checks := []check.Check{
			{Name: "slow", Run: after(4 * time.Second)},
			{Name: "fast", Run: after(0)},
			{Name: "heeding", Run: func(ctx context.Context) []check.Result {
				<-ctx.Done()
				return check.Fail("", "%v", ctx.Err())
			}},
			{Name: "hanging", Run: func(context.Context) []check.Result { <-release; return nil }},
			{Name: "also hanging", Run: func(context.Context) []check.Result { <-release; return nil }},
			{Name: "several", Run: func(context.Context) []check.Result {
				return append(check.Warn("Do this.", "one"), check.Good("two")...)
			}},
			{Name: "panicking", Run: func(context.Context) []check.Result { panic("c4n4ry") }},
			{Name: "last", Run: after(time.Second)},
		}
		var got []string
		start := time.Now()
		check.Run(t.Context(), checks, 5*time.Second, func(r check.Result) {
			got = append(got, r.Check+": "+string(r.Status)+" "+r.Detail)
		})
		if took := time.Since(start); took > 5500*time.Millisecond {
			t.Errorf("took %v", took)
		}
		want := []string{
			"slow: ok after 4s", "fast: ok after 0s", "heeding: failed context deadline exceeded", "hanging: failed no answer within 5s",
			"also hanging: failed no answer within 5s", "several: warning one", "several: ok two",
			"panicking: failed the check itself panicked: <nil>", "last: ok after 1s",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestPrint(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 30) + "/" + strings.Repeat("x", 100)
	for name, tt := range map[string]struct {
		result check.Result
		color  bool
		want   string
	}{
		"ok":       {check.Result{Check: "mail", Status: check.OK, Detail: "fine"}, false, "ok       mail          fine\n"},
		"advice":   {check.Result{Check: "mail", Status: check.Warning, Detail: "old", Advice: "Renew it."}, false, "warning  mail          old. Renew it.\n"},
		"failed":   {check.Result{Check: "signing keys", Status: check.Failed, Detail: "lost"}, false, "FAILED   signing keys  lost\n"},
		"color":    {check.Result{Check: "mail", Status: check.OK, Detail: "fine"}, true, "\x1b[32mok\x1b[0m       mail          fine\n"},
		"terminal": {check.Result{Check: "mail", Status: check.OK, Detail: "a\x1b[2Jb\r\u202ec\xff"}, false, "ok       mail          a [2Jb c\n"},
		"nothing":  {check.Result{Check: "mail", Status: check.OK}, false, "ok       mail          \n"},
	} {
		var out bytes.Buffer
		(&check.Printer{To: &out, Width: 80, Names: 12, Color: tt.color}).Print(tt.result)
		if out.String() != tt.want {
			t.Errorf("%s: got %q, want %q", name, &out, tt.want)
		}
	}
	var out bytes.Buffer
	(&check.Printer{To: &out, Width: 80, Names: 12}).Print(check.Result{Check: "mail", Status: check.OK, Detail: long})
	for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		if utf8.RuneCountInString(line) > 80 && !strings.Contains(line, "xxx") {
			t.Errorf("line %d is too long: %s", i, line)
		}
		if i > 0 && !strings.HasPrefix(line, strings.Repeat(" ", 23)) {
			t.Errorf("line %d is not aligned: %s", i, line)
		}
	}
}
