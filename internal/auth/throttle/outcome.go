package throttle

import (
	"cmp"
	"context"
	"log/slog"
	"slices"

	"usher/internal/request"
)

// limits returns the limits for the headers of the response, the nearest to its limit first: those that refuse and count
// all calls, and those that have refused. A client learns nothing of the others until they refuse.
func (a *Admission) limits() (limits []request.Limit) {
	for n, c := range a.counted {
		state := &a.states[n]
		if a.service.action(c.limit) != Refuse || c.limit.Counts != CountCalls && !state.Over {
			continue
		}
		limit := request.Limit{
			Name: c.limit.Name, Max: int(a.takes[n].Max), Per: c.limit.Per,
			Remaining: int(max(a.takes[n].Max-state.Used, 0)), Reset: state.Reset,
		}
		if state.Over {
			limit.Remaining, limit.Reset = 0, state.Retry
		}
		i := slices.IndexFunc(limits, func(l request.Limit) bool { return l.Name == limit.Name })
		switch {
		case i < 0:
			limits = append(limits, limit)
		case nearer(limit, limits[i]) < 0:
			limits[i] = limit
		}
	}
	slices.SortStableFunc(limits, nearer)
	return limits
}

// nearer compares how much of two limits is left.
func nearer(a, b request.Limit) int {
	return cmp.Compare(float64(a.Remaining)*float64(b.Max), float64(b.Remaining)*float64(a.Max))
}

// warn logs which counters begin to refuse: once a period for each, and not for each use. The line has no names. Of the
// address it has the network, as one client may have all of that. A limit for all has none: the client that happens to
// exceed it is no more to blame than the others.
func (a *Admission) warn(ctx context.Context) {
	for n, c := range a.counted {
		if !a.states[n].First {
			continue
		}
		attributes := []slog.Attr{
			slog.String("limit", c.limit.Name),
			slog.String("action", string(a.service.action(c.limit))),
		}
		if !slices.Equal(c.limit.By, []Key{KeyGlobal}) {
			attributes = append(attributes, slog.String("network", clientOf(ctx).network()))
		}
		a.service.options.Log.LogAttrs(ctx, slog.LevelWarn, "rate limit exceeded", attributes...)
	}
}
