package ratelimit

import (
	"math"
	"time"
)

// counter is what this process knows of one counter. The limiter's mutex protects it.
type counter struct {
	per time.Duration
	// negligible is how much the process may forget when the counter makes room for others.
	negligible int64
	// period is the current period, and count and previous are the sums of the database in this period and the one before,
	// as of readAt.
	period          int64
	count, previous int64
	readAt          time.Time
	// unsettled are uses in the current period that the database does not have yet. It is negative for uses that it has
	// and that do not count after all. before is what was unsettled when the last period ended.
	unsettled, before int64
	// busy is closed when the statement in flight has returned; nil without one.
	busy chan struct{}
	// refused says that a use was refused in the current period.
	refused bool
}

// periodAt returns the number of the period at a time. All processes count periods from the same time.
func periodAt(now time.Time, per time.Duration) int64 {
	return now.UnixMilli() / max(per.Milliseconds(), 1)
}

// startOf returns when a period begins.
func startOf(period int64, per time.Duration) time.Time {
	return time.UnixMilli(period * max(per.Milliseconds(), 1))
}

// advance continues the counter at a time. Another process's clock may be ahead, so a counter may be a period ahead of
// this one's. If it is more, a clock was wrong: the counter keeps its sums.
func (c *counter) advance(now time.Time) {
	period := periodAt(now, c.per)
	switch {
	case c.busy != nil, period == c.period, period == c.period-1:
		return
	case period < c.period:
		c.period = period
		return
	case period == c.period+1:
		c.previous, c.before = c.count, c.unsettled
	default:
		c.previous, c.before = 0, 0
	}
	c.period, c.count, c.unsettled, c.refused = period, 0, 0, false
}

// settled notes what the database says after it has added uses.
func (c *counter) settled(added int64, sums Sums, now time.Time) {
	if sums.Period != c.period {
		c.before, c.refused = 0, false
	}
	c.period, c.count, c.previous, c.readAt = sums.Period, sums.Count, sums.Previous, now
	c.unsettled -= added
}

// giveBack uncounts uses of a period.
func (c *counter) giveBack(period, cost int64) {
	switch period {
	case c.period:
		c.unsettled -= cost
	case c.period - 1:
		c.before -= cost
	}
}

// used returns how much of the limit is used: the uses of the current period, and the share of those of the period
// before that are less than a period ago, if they were evenly spread.
func (c *counter) used(now time.Time) int64 {
	left := min(max(c.left(now), 0), c.per)
	return c.current() + int64(math.Ceil(float64(c.earlier())*float64(left)/float64(c.per)))
}

func (c *counter) current() int64 { return max(c.count+c.unsettled, 0) }
func (c *counter) earlier() int64 { return max(c.previous+c.before, 0) }

// left returns when the current period ends.
func (c *counter) left(now time.Time) time.Duration { return startOf(c.period+1, c.per).Sub(now) }

// over reports whether a use that is not counted yet is over its limit.
func (c *counter) over(u *Use, now time.Time) bool { return !u.Force && c.used(now)+u.Cost > u.Max }

// stale reports whether another process may have given uses back since the database was asked.
func (c *counter) stale(now time.Time) bool { return now.Sub(c.readAt) >= c.per/60 }

// retry returns how long after now a use is within the limit, if nothing else is counted. A use that costs more than the
// limit never is.
func (c *counter) retry(now time.Time, u *Use) time.Duration {
	room := func(used int64) int64 { return u.Max - u.Cost - used }
	wait := c.left(now) + time.Millisecond
	switch {
	case room(0) < 0:
		return wait + c.per
	case room(c.current()) >= 0: // The earlier uses have to lose weight.
		return wait - share(c.per, room(c.current()), c.earlier())
	default: // In the next period the current uses are the earlier ones.
		return wait + c.per - share(c.per, room(0), c.current())
	}
}

// share returns the part/whole of a period, rounded down.
func share(per time.Duration, part, whole int64) time.Duration {
	return min(time.Duration(float64(per)*float64(part)/float64(max(whole, 1))), per)
}
