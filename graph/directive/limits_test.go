package directive

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/auth/throttle"
)

const limitLanguage = `
directive @rateLimit(
  name: String, by: [RateLimitKey!]! = [CLIENT], max: Int!, per: Duration!, cost: Int! = 1,
  counts: RateLimitCount! = CALLS, exceeded: RateLimitAction! = REFUSE
) repeatable on FIELD_DEFINITION
enum RateLimitKey { CLIENT USER SESSION ACCOUNT RECIPIENT GLOBAL }
enum RateLimitCount { CALLS FAILURES }
enum RateLimitAction { REFUSE CHALLENGE }
scalar Duration
scalar ChallengeSolution
scalar EmailAddress
scalar Username
scalar Password
type Note { text: String @public }
` + language

func TestLimits(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sdl  string
		want string // part of the error; empty for no error
	}{
		"defaults":     {`type Query { a: Int @public @rateLimit(max: 1, per: "1s") }`, ""},
		"all":          {`type Query { a(identifier: String, s: ChallengeSolution): Int @public @rateLimit(name: "x-1_y", by: [ACCOUNT, CLIENT], max: 10, per: "720h", cost: 10, counts: FAILURES, exceeded: CHALLENGE) }`, ""},
		"max 0":        {`type Query { a: Int @public @rateLimit(max: 0, per: "1s") }`, "Query.a has a @rateLimit whose max"},
		"max negative": {`type Query { a: Int @public @rateLimit(max: -1, per: "1s") }`, "whose max"},
		"max huge":     {`type Query { a: Int @public @rateLimit(max: 2000000000, per: "1s") }`, "whose max"},
		"per a number": {`type Query { a: Int @public @rateLimit(max: 1, per: 60) }`, `with per`},
		"per no unit":  {`type Query { a: Int @public @rateLimit(max: 1, per: "60") }`, `with per "60"`},
		"per short":    {`type Query { a: Int @public @rateLimit(max: 1, per: "999ms") }`, "whose per"},
		"per parts":    {`type Query { a: Int @public @rateLimit(max: 1, per: "1.5s") }`, "whose per"},
		"per long":     {`type Query { a: Int @public @rateLimit(max: 1, per: "721h") }`, "whose per"},
		"per negative": {`type Query { a: Int @public @rateLimit(max: 1, per: "-1h") }`, "whose per"},
		"cost 0":       {`type Query { a: Int @public @rateLimit(max: 1, per: "1s", cost: 0) }`, "whose cost"},
		"cost > max":   {`type Query { a: Int @public @rateLimit(max: 1, per: "1s", cost: 2) }`, "whose cost"},
		"by nothing":   {`type Query { a: Int @public @rateLimit(max: 1, per: "1s", by: []) }`, "with by: []"},
		"by twice":     {`type Query { a: Int @public @rateLimit(max: 1, per: "1s", by: [USER, CLIENT, USER]) }`, "with USER in by twice"},
		"by unknown":   {`type Query { a: Int @public @rateLimit(max: 1, per: "1s", by: TENANT) }`, "TENANT"},
		"counts":       {`type Query { a: Int @public @rateLimit(max: 1, per: "1s", counts: "ERRORS") }`, "ERRORS"},
		"exceeded":     {`type Query { a: Int @public @rateLimit(max: 1, per: "1s", exceeded: "WAIT") }`, "WAIT"},
		"name":         {`type Query { a: Int @public @rateLimit(max: 1, per: "1s", name: "a\"b") }`, "with name"},
		"empty name":   {`type Query { a: Int @public @rateLimit(max: 1, per: "1s", name: "") }`, "with name"},
		"star":         {`type Query { a: Int @public @rateLimit(max: 1, per: "1s", name: "*") }`, "with name"},

		"same name, same field": {`type Query { a: Int @public @rateLimit(max: 1, per: "1s") @rateLimit(max: 1, per: "1s") }`, `Query.a has two limits called "a"`},
		"shared":                {`type Query { a: Int @public @rateLimit(name: "n", by: [USER, CLIENT], max: 9, per: "60s") b: Int @public @rateLimit(name: "n", by: [CLIENT, USER], max: 9, per: "1m", cost: 3) }`, ""},
		"shared, other max":     {`type Query { a: Int @public @rateLimit(name: "n", max: 9, per: "1m") b: Int @public @rateLimit(name: "n", max: 8, per: "1m") }`, `Query.b has a limit "n" with other values`},
		"shared, other by":      {`type Query { a: Int @public @rateLimit(name: "n", max: 9, per: "1m") b: Int @public @rateLimit(name: "n", max: 9, per: "1m", by: USER) }`, "other values"},
		"shared, other action":  {`type Query { a: Int @public @rateLimit(name: "n", max: 9, per: "1m") b(s: ChallengeSolution): Int @public @rateLimit(name: "n", max: 9, per: "1m", exceeded: CHALLENGE) }`, "other values"},
		"shared by default": {`type Query { a: Int @public @rateLimit(max: 9, per: "1m") }
			type Mutation { a: Int @public @rateLimit(max: 8, per: "1m") }`, "other values"},

		"account, identifier":   {`type Query { a(identifier: String): Int @public @rateLimit(max: 1, per: "1s", by: ACCOUNT) }`, ""},
		"account, address":      {`type Query { a(in: In): Int @public @rateLimit(max: 1, per: "1s", by: ACCOUNT) } input In { to: EmailAddress! }`, ""},
		"account, user name":    {`type Query { a(in: In!): Int @public @rateLimit(max: 1, per: "1s", by: ACCOUNT) } input In { name: Username }`, ""},
		"account, nothing":      {`type Query { a(id: ID): Int @public @rateLimit(max: 1, per: "1s", by: [CLIENT, ACCOUNT]) }`, "no argument names an account"},
		"account, list":         {`type Query { a(to: [EmailAddress!]): Int @public @rateLimit(max: 1, per: "1s", by: ACCOUNT) }`, "no argument names an account"},
		"account, list of them": {`type Query { a(in: [In]): Int @public @rateLimit(max: 1, per: "1s", by: ACCOUNT) } input In { to: EmailAddress! }`, "no argument names an account"},
		"recipient, address":    {`type Query { a(to: EmailAddress): Int @public @rateLimit(max: 1, per: "1s", by: RECIPIENT) }`, ""},
		"recipient, user name":  {`type Query { a(to: Username): Int @public @rateLimit(max: 1, per: "1s", by: RECIPIENT) }`, "no argument names one"},
		"challenge, nothing":    {`type Query { a(s: String): Int @public @rateLimit(max: 1, per: "1s", exceeded: CHALLENGE) }`, "no argument has the type ChallengeSolution"},

		"nested": {`type Query { a: T @public } type T { x: Int @rateLimit(max: 1, per: "1s") }`, ""},
		"on an interface": {
			`type Query { a: I @public } interface I { x: Int @rateLimit(max: 1, per: "1s") } type T implements I { x: Int }`,
			"I.x has @rateLimit, which has no effect there",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(load(t, limitLanguage+tt.sdl), guardedTypes, false)
			if tt.want == "" && err != nil {
				t.Fatalf("New: %v, want no error", err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("New: %v, want it to say %q", err, tt.want)
			}
		})
	}
	t.Run("where it has no effect", func(t *testing.T) {
		t.Parallel()
		const everywhere = "repeatable on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | ENUM_VALUE"
		_, err := New(load(t, strings.Replace(limitLanguage, "repeatable on FIELD_DEFINITION", everywhere, 1)+`
			type Query @rateLimit(max: 1, per: "1s") { a(x: Int @rateLimit(max: 1, per: "1s"), in: In, e: E): Int @public }
			input In { y: Int @rateLimit(max: 1, per: "1s") } enum E { V @rateLimit(max: 1, per: "1s") }`), guardedTypes, false)
		for _, want := range []string{"directive @rateLimit is declared on", "Query has @rateLimit", "Query.a(x:) has", "In.y has", "E.V has"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("New: %v, want it to say %q", err, want)
			}
		}
	})
}

const overridable = limitLanguage + `
type Query { a: Int @public @rateLimit(max: 10, per: "1m", cost: 5) b: Int @public @rateLimit(max: 20, per: "1m") @rateLimit(name: "shared", max: 30, per: "1h") }
type Mutation { c(password: Password): Int @public @rateLimit(name: "shared", max: 30, per: "1h") d: Int @public }
`

func TestOverride(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		overrides map[string]Override
		want      string // coordinate, name, max and period of each rule; or an error
	}{
		"nothing":        {nil, "Mutation.c shared 30/1h0m0s, Query.a a 10/1m0s, Query.b b 20/1m0s, Query.b shared 30/1h0m0s"},
		"one":            {map[string]Override{"a": {5, time.Second}}, "Mutation.c shared 30/1h0m0s, Query.a a 5/1s, Query.b b 20/1m0s, Query.b shared 30/1h0m0s"},
		"shared":         {map[string]Override{"shared": {1, time.Hour}}, "Mutation.c shared 1/1h0m0s, Query.a a 10/1m0s, Query.b b 20/1m0s, Query.b shared 1/1h0m0s"},
		"off":            {map[string]Override{"shared": {}}, "Query.a a 10/1m0s, Query.b b 20/1m0s"},
		"all off":        {map[string]Override{"*": {}}, ""},
		"all off but":    {map[string]Override{"*": {}, "b": {7, time.Minute}}, "Query.b b 7/1m0s"},
		"unknown":        {map[string]Override{"x": {}}, `error: there is no rate limit called "x", only these: a, b, shared`},
		"all, a number":  {map[string]Override{"*": {1, time.Minute}}, "error: * stands for all rate limits, which can only be turned off together"},
		"less than cost": {map[string]Override{"a": {4, time.Minute}}, `error: the rate limit "a" must allow at least 5, which is what Query.a counts`},
		"too long":       {map[string]Override{"a": {5, 721 * time.Hour}}, `error: the rate limit "a" must allow 1 to 1000000000 uses in 1s to 720h`},
		"too many":       {map[string]Override{"a": {2_000_000_000, time.Hour}}, `error: the rate limit "a" must allow 1 to 1000000000 uses in 1s to 720h`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := New(load(t, overridable), guardedTypes, false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, rulesOf(s, s.Override(tt.overrides))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func rulesOf(s *Schema, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	var lines []string
	for coordinate, rules := range s.RateLimits() {
		for _, r := range rules {
			lines = append(lines, coordinate+" "+r.Name+" "+strconv.Itoa(r.Max)+"/"+r.Per.String())
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}

func TestDescribeLimit(t *testing.T) {
	t.Parallel()
	limit := func(most int, per time.Duration, counts throttle.Count, exceeded throttle.Action, by ...throttle.Key) *throttle.Limit {
		return &throttle.Limit{Name: "n", By: by, Max: most, Per: per, Counts: counts, Exceeded: exceeded}
	}
	for want, r := range map[string]throttle.Rule{
		"n: 100 per minute for each client address":                             {Limit: limit(100, time.Minute, throttle.CountCalls, throttle.Refuse, throttle.KeyClient), Cost: 1},
		"n: 5 failures per 2 hours for each account and user":                   {Limit: limit(5, 2*time.Hour, throttle.CountFailures, throttle.Refuse, throttle.KeyAccount, throttle.KeyUser), Cost: 1},
		"n: 300 per 10 minutes in total, then a challenge":                      {Limit: limit(300, 10*time.Minute, throttle.CountCalls, throttle.Challenge, throttle.KeyGlobal), Cost: 1},
		"n: 300 per 90 seconds for each session, each use counts 3":             {Limit: limit(300, 90*time.Second, throttle.CountCalls, throttle.Refuse, throttle.KeyGlobal, throttle.KeySession), Cost: 3},
		"n: 9 per hour for each recipient, each use counts 2, then a challenge": {Limit: limit(9, time.Hour, throttle.CountCalls, throttle.Challenge, throttle.KeyRecipient), Cost: 2},
	} {
		if got := describeLimit(r); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
