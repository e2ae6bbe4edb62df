package graph_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/graph"
	"usher/internal/auth/throttle"
)

// documentedLimit is the beginning of a row of the table of rate limits: the name and the default.
var documentedLimit = regexp.MustCompile("(?m)^\\| (`[\\w-]+` \\| \\d+ [^|]*per [^|]*) \\|")

// TestDocumentedLimits compares the table of rate limits in docs/rate-limits.md with the schema. Each has its reason there.
func TestDocumentedLimits(t *testing.T) {
	t.Parallel()
	rules, err := graph.RateLimits(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../docs/rate-limits.md")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, ofField := range rules {
		for _, r := range ofField {
			want[documented(r.Limit)] = true
		}
	}
	var got []string
	for _, row := range documentedLimit.FindAllStringSubmatch(string(text), -1) {
		got = append(got, row[1])
	}
	slices.Sort(got)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), got); diff != "" {
		t.Errorf("docs/rate-limits.md (-schema +page):\n%s", diff)
	}
}

// documented returns the row of a limit.
func documented(l *throttle.Limit) string {
	periods := map[time.Duration]string{time.Minute: "minute", 10 * time.Minute: "10 minutes", time.Hour: "hour"}
	keys := map[throttle.Key]string{
		throttle.KeyClient: "and client", throttle.KeyUser: "and user", throttle.KeyRecipient: "and recipient", throttle.KeyGlobal: "in total",
	}
	failures, challenge := "", ""
	if l.Counts == throttle.CountFailures {
		failures = "failures "
	}
	if l.Exceeded == throttle.Challenge {
		challenge = ", then a challenge"
	}
	return fmt.Sprintf("`%s` | %d %sper %s %s%s", l.Name, l.Max, failures, periods[l.Per], keys[l.By[0]], challenge)
}
