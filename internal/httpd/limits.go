package httpd

import (
	"math"
	"strconv"
	"time"

	"usher/internal/request"
)

// The headers that tell clients to slow down. RateLimit and RateLimit-Policy are lists of structured fields
// (draft-ietf-httpapi-ratelimit-headers §3 and §4, RFC 9651). Retry-After is of RFC 9110 §10.2.3.
const (
	headerRetryAfter      = "Retry-After"
	headerRateLimit       = "RateLimit"
	headerRateLimitPolicy = "RateLimit-Policy"
)

// limitHeaders sets the headers of the outcome's rate limits. Names of limits contain nothing that a string of a
// structured field would have to escape (graph/directive checks them).
func (x *exchange) limitHeaders() {
	h := x.Header()
	if x.Outcome.RetryAfter > 0 {
		h.Set(headerRetryAfter, wholeSeconds(x.Outcome.RetryAfter))
	}
	if len(x.Outcome.Limits) == 0 {
		return
	}
	var policies, states []byte
	for i, l := range x.Outcome.Limits {
		if i > 0 {
			policies, states = append(policies, ", "...), append(states, ", "...)
		}
		policies = append(policies, policy(l)...)
		states = append(states, state(l)...)
	}
	h.Set(headerRateLimitPolicy, string(policies))
	h.Set(headerRateLimit, string(states))
}

// policy returns a quota policy: the quota q in a window of w seconds.
func policy(l request.Limit) string {
	return `"` + l.Name + `";q=` + strconv.Itoa(l.Max) + `;w=` + wholeSeconds(l.Per)
}

// state returns a service limit: what remains (r), and the seconds until more does (t).
func state(l request.Limit) string {
	return `"` + l.Name + `";r=` + strconv.Itoa(max(l.Remaining, 0)) + `;t=` + wholeSeconds(l.Reset)
}

// wholeSeconds rounds up, so that a client that waits this long does not come too early.
func wholeSeconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(max(d, 0).Seconds()))) }
